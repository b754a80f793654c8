package pages

import (
	"slices"
	"strconv"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// list is a page of workflows as a table, with the links that sort and page.
func (p *Pages) list(q listQuery, caption, generation string, idx, total int, items []schema.Workflow) web.List {
	return web.List{
		Caption: caption, Now: p.Now().Unix(), Rows: items,
		Heads: p.heads(q), Selection: q.top().selectionAddress(),
		Pager: pager(q, generation, idx, len(items), total),
	}
}

// heads are the chosen columns; the name always comes first, because it is the
// header of its row.
func (p *Pages) heads(q listQuery) []web.Head {
	keys := q.Cols
	if len(keys) == 0 {
		keys = []string{web.DefaultSet}
	}
	if set, ok := web.SetKeys(keys[0]); ok {
		keys = set
	}
	first, _ := p.columns.Named("Workflow")
	heads := []web.Head{p.head(q, first)}
	for _, key := range keys {
		if column, ok := p.columns.Named(key); ok && column.Key != first.Key {
			heads = append(heads, p.head(q, column))
		}
	}
	return heads
}

// fields are what the rows of a list need of their records: the columns, and
// what their cells are drawn from.
func (p *Pages) fields(q listQuery, more ...string) []string {
	var out []string
	add := func(keys ...string) {
		for _, key := range keys {
			if !slices.Contains(out, key) {
				out = append(out, key)
			}
		}
	}
	for _, h := range p.heads(q) {
		add(h.Key)
		switch h.Key {
		case "TotalJobs":
			add(jobSums...)
		case "FailureRate":
			add("Failure")
		}
	}
	add(more...)
	return out
}

// head gives a column the link that sorts by it. The first click shows what is
// most asked for: big numbers, long ages, names from A.
func (p *Pages) head(q listQuery, column web.Column) web.Head {
	h := web.Head{Column: column}
	order := wire.SortKey{Field: column.Key, Desc: column.Numeric && !column.Time()}
	if current := firstKey(q); current.Field == column.Key {
		order.Desc = !current.Desc
		h.Sort = "ascending"
		if current.Desc != column.Time() { // an early time is a great age
			h.Sort = "descending"
		}
	}
	next := q.top()
	next.Sort = []wire.SortKey{order}
	if column.Key == "Workflow" && !order.Desc {
		next.Sort = nil // the order without a sort
	}
	h.Href = next.here()
	return h
}

// firstKey is what the list is sorted by.
func firstKey(q listQuery) wire.SortKey {
	if len(q.Sort) == 0 {
		return wire.SortKey{Field: "Workflow"}
	}
	return q.Sort[0]
}

// pager leads through a list. Its links pin the generation, so that no record
// is missed or seen twice while pages are turned.
func pager(q listQuery, generation string, idx, shown, total int) web.Pager {
	at := func(idx int) string {
		next := q
		next.Idx, next.Gen = idx, generation
		return next.here()
	}
	pg := web.Pager{Total: int64(total), Noun: "workflows", Sizes: sizeChoices(q)}
	if shown == 0 {
		return pg
	}
	pg.From, pg.To = int64(idx+1), int64(idx+shown)
	if idx > 0 {
		pg.First, pg.Prev = at(0), at(max(idx-q.Limit, 0))
	}
	if idx+shown < total {
		pg.Next, pg.Last = at(idx+shown), at(idx+(total-1-idx)/q.Limit*q.Limit)
	}
	return pg
}

func sizeChoices(q listQuery) []web.Choice {
	var out []web.Choice
	for _, size := range sizes {
		choice := web.Choice{Label: strconv.Itoa(size)}
		if size != q.Limit {
			next := q.top()
			next.Limit = size
			choice.Href = next.here()
		}
		out = append(out, choice)
	}
	return out
}

func setChoices(q listQuery) []web.Choice {
	var out []web.Choice
	for _, name := range web.SetNames() {
		choice := web.Choice{Label: name}
		current := len(q.Cols) == 1 && q.Cols[0] == name || len(q.Cols) == 0 && name == web.DefaultSet
		if !current {
			next := q
			next.Cols = []string{name}
			if name == web.DefaultSet {
				next.Cols = nil
			}
			choice.Href = next.here()
		}
		out = append(out, choice)
	}
	return out
}
