package query

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// GroupSize is the number of rows on a page of a table of groups.
const GroupSize = 50

// GroupColumn is a column of a table of campaigns, releases, sites or agents. Key
// is the schema key that it sorts by; a column without one does not sort.
type GroupColumn struct {
	Key, Label, Doc string
	Numeric, Time   bool
}

// Groups is the query of such a table.
type Groups struct {
	Text string // words of the name
	Sort string // key
	Desc bool
	Idx  int        // first row, from 0
	Own  url.Values // other parameters of the page, which its links keep
}

// ReadGroups parses q, sort and idx; what can't be used is named in a note. Without
// sort, the order is that of standard. own are parameters that the page reads
// itself.
func ReadGroups(u *url.URL, columns []GroupColumn, standard Groups, own ...string) (q Groups, notes []web.Note) {
	q = standard
	values := u.Query()
	q.Text = wire.TextOf(wire.Words(values.Get("q")))
	notes = OnlyParams(u, append([]string{"q", "sort", "idx", pageParam}, own...)...)
	if key, desc := strings.CutPrefix(values.Get("sort"), "-"); key != "" {
		i := slices.IndexFunc(columns, func(c GroupColumn) bool { return strings.EqualFold(c.Key, key) })
		if i < 0 {
			notes = append(notes, bad("This table can't be sorted by '"+wire.Shorten(key)+"'."))
		} else {
			q.Sort, q.Desc = columns[i].Key, desc
		}
	}
	first, note := cutPage(values, GroupSize)
	notes = append(notes, note...)
	q.Idx = first
	if text := values.Get("idx"); text != "" {
		idx, err := strconv.Atoi(text)
		if err != nil || idx < 0 {
			notes = append(notes, bad("idx must be a whole number, 0 or higher."))
		} else {
			q.Idx = idx
		}
	}
	return q, notes
}

// Query returns the query of one page of the table for the API.
func (q Groups) Query() wire.Query {
	return wire.Query{Text: q.Text, Sort: []wire.SortKey{{Field: q.Sort, Desc: q.Desc}}, Idx: q.Idx, Limit: GroupSize}
}

// Params returns the parameters of the page.
func (q Groups) Params() url.Values {
	v := url.Values{}
	maps.Copy(v, q.Own)
	if q.Text != "" {
		v.Set("q", q.Text)
	}
	if q.Sort != "" {
		v.Set("sort", map[bool]string{true: "-"}[q.Desc]+q.Sort)
	}
	if q.Idx > 0 {
		v.Set("idx", strconv.Itoa(q.Idx))
	}
	return v
}

// Here returns a relative address of the current page with this query.
func (q Groups) Here() string { return "?" + q.Params().Encode() }

// Heads returns the headings of the columns with their sort links.
func (q Groups) Heads(columns []GroupColumn) []web.GroupHead {
	var heads []web.GroupHead
	for i, column := range columns {
		h := web.GroupHead{Key: column.Key, Label: column.Label, Doc: column.Doc, Numeric: column.Numeric}
		if column.Key != "" {
			next := q
			next.Idx, next.Sort, next.Desc = 0, column.Key, i > 0 && !column.Time && column.Label != "state"
			if q.Sort == column.Key {
				next.Desc = !q.Desc
				h.Sort = ariaSort(q.Desc, column.Time)
			}
			h.Href = next.Here()
		}
		heads = append(heads, h)
	}
	return heads
}

// Pager returns the links to the pages of the table, with shown of total rows.
func (q Groups) Pager(noun string, shown, total int) web.Pager {
	pg := pager(noun, q.Idx, shown, total, GroupSize, func(idx int) string {
		next := q
		next.Idx = idx
		return next.Here()
	})
	pg.Fields = Hidden(q.Params(), "idx")
	return pg
}
