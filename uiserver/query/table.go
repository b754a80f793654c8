package query

import (
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

var sizes = []int{25, 50, 100, 200}

// Table returns a page of workflows as a table with links that sort and page. now
// is in Unix s.
func (l *Lists) Table(q List, caption string, now int64, page wire.Envelope[schema.Workflow]) web.List {
	out := web.List{Caption: caption, Now: now, Rows: page.Items, Words: wire.Words(q.Text), Selection: q.Selection(), Pager: q.pager(page)}
	for _, column := range l.shown(q) {
		out.Heads = append(out.Heads, q.head(column))
	}
	return out
}

// Still returns a table with all columns of q, without links that sort or page, for
// pages where the table is only a part.
func (l *Lists) Still(q List, caption string, now int64, page wire.Envelope[schema.Workflow]) web.List {
	out := web.List{Caption: caption, Now: now, Rows: page.Items, Pager: web.Pager{Total: int64(page.Total)}}
	for _, column := range l.shown(q) {
		out.Heads = append(out.Heads, web.Head{Column: column})
	}
	return out
}

// head returns the heading of a column with its sort link. The first click sorts in
// the more useful order: high numbers, long ages, or names from A first.
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
		next.Sort = nil // the order of names
	}
	h.Href = next.Here()
	return h
}

// ariaSort is the order as shown: an earlier time is a larger age.
func ariaSort(desc, time bool) string {
	if desc != time {
		return "descending"
	}
	return "ascending"
}

// OrderChip returns the order of a list, with the link that undoes it: to the
// standard order, and from that to the order of names.
func (l *Lists) OrderChip(q List) web.ActiveFilter {
	next := q.Top()
	next.Sort = standardOrder()
	if q.inStandardOrder() {
		next.Sort = nil
	}
	keys := q.Sort
	if len(keys) == 0 {
		keys = []wire.SortKey{{Field: "Workflow"}}
	}
	var parts []string
	for _, key := range keys {
		column, _ := l.columns.Named(key.Field)
		parts = append(parts, column.Label+web.Head{Sort: ariaSort(key.Desc, column.Time())}.Arrow())
	}
	return web.ActiveFilter{Label: "sorted by", Value: strings.Join(parts, ", "), Href: next.Here()}
}

// pager returns the links to the pages of a list. They pin the generation, so that
// no record is missed or seen twice.
func (q List) pager(page wire.Envelope[schema.Workflow]) web.Pager {
	pg := pager("workflows", page.Idx, len(page.Items), page.Total, q.Limit, func(idx int) string {
		next := q
		next.Idx, next.Gen = idx, page.Generation
		return next.Here()
	})
	pinned := q
	pinned.Gen = page.Generation
	pg.Fields = Hidden(pinned.Params(), "idx")
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

// pager returns the links to pages of limit records; here returns the address of
// the page that starts at a record, counted from 0.
func pager(noun string, idx, shown, total, limit int, here func(idx int) string) web.Pager {
	pg := web.Pager{Total: int64(total), Noun: noun}
	if shown == 0 {
		return pg
	}
	pg.From, pg.To = int64(idx+1), int64(idx+shown)
	pg.Page, pg.Pages = int64(idx/limit+1), int64((total+limit-1)/limit)
	if idx > 0 {
		pg.First, pg.Prev = here(0), here(max(idx-limit, 0))
	}
	if idx+shown < total {
		pg.Next, pg.Last = here(idx+shown), here(idx+(total-1-idx)/limit*limit)
	}
	return pg
}
