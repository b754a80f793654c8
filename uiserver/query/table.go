package query

import (
	"strconv"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

var sizes = []int{25, 50, 100, 200}

// Table is a page of workflows as a table, with the links that sort and page.
// now is in Unix s.
func (l *Lists) Table(q List, caption string, now int64, page wire.Envelope[schema.Workflow]) web.List {
	out := web.List{Caption: caption, Now: now, Rows: page.Items, Selection: q.Selection(), Pager: q.pager(page)}
	for _, column := range l.keys(q) {
		out.Heads = append(out.Heads, q.head(column))
	}
	return out
}

// Still is a table of all columns of q that is neither sorted nor paged: the
// page is about other things.
func (l *Lists) Still(q List, caption string, now int64, page wire.Envelope[schema.Workflow]) web.List {
	out := web.List{Caption: caption, Now: now, Rows: page.Items, Pager: web.Pager{Total: int64(page.Total)}}
	for _, column := range l.keys(q) {
		out.Heads = append(out.Heads, web.Head{Column: column})
	}
	return out
}

// head gives a column the link that sorts by it. The first click shows what is
// most asked for: big numbers, long ages, names from A.
func (q List) head(column web.Column) web.Head {
	h := web.Head{Column: column}
	order := wire.SortKey{Field: column.Key, Desc: column.Numeric && !column.Time()}
	current := wire.SortKey{Field: "Workflow"}
	if len(q.Sort) > 0 {
		current = q.Sort[0]
	}
	if current.Field == column.Key {
		order.Desc = !current.Desc
		h.Sort = ariaSort(current.Desc, column.Time())
	}
	next := q.Top()
	next.Sort = []wire.SortKey{order}
	if column.Key == "Workflow" && !order.Desc {
		next.Sort = nil // the order without a sort
	}
	h.Href = next.Here()
	return h
}

// ariaSort is the order as the reader sees it: an early time is a great age.
func ariaSort(desc, time bool) string {
	if desc != time {
		return "descending"
	}
	return "ascending"
}

// pager leads through a list. Its links pin the generation, so that no record
// is missed or seen twice while pages are turned.
func (q List) pager(page wire.Envelope[schema.Workflow]) web.Pager {
	pg := pager("workflows", page.Idx, len(page.Items), page.Total, q.Limit, func(idx int) string {
		next := q
		next.Idx, next.Gen = idx, page.Generation
		return next.Here()
	})
	for _, size := range sizes {
		choice := web.Choice{Label: strconv.Itoa(size)}
		if size != q.Limit {
			next := q.Top()
			next.Limit = size
			choice.Href = next.Here()
		}
		pg.Sizes = append(pg.Sizes, choice)
	}
	return pg
}

// pager leads through pages of limit records; here is the page from a 0-based
// record on.
func pager(noun string, idx, shown, total, limit int, here func(idx int) string) web.Pager {
	pg := web.Pager{Total: int64(total), Noun: noun}
	if shown == 0 {
		return pg
	}
	pg.From, pg.To = int64(idx+1), int64(idx+shown)
	if idx > 0 {
		pg.First, pg.Prev = here(0), here(max(idx-limit, 0))
	}
	if idx+shown < total {
		pg.Next, pg.Last = here(idx+shown), here(idx+(total-1-idx)/limit*limit)
	}
	return pg
}
