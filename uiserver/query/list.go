// Package query parses the addresses of pages into queries, and formats queries as
// addresses: the list of workflows with its filter bar, columns, order, pages and
// views, the tables of groups, and the failing jobs. A link on a page is the
// formatted copy of the page's query with one change. Parts of an address that
// can't be used are named in a note with suggestions, never silently ignored. The
// package sends no requests and renders nothing.
package query

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// ColsParam is the only parameter of a list page that the API does not have.
const ColsParam = "cols"

const sortParam = "sort"

// pageParam is the number of a page, from 1, as the form of the pager has it.
const pageParam = "page"

// Sizes of a page of a list, in records.
const (
	DefaultSize = 50
	MostSize    = 200
)

// List is the query of a list page: a query of the API, and the columns to show.
type List struct {
	wire.Query          // Limit is always set
	Cols       []string // names of columns, or of one built-in set; nil: the default set
}

// standardOrder is the order of a list whose address has none: workflows that hold
// back most first. The API's own order is that of names, which sort=Workflow asks
// for on a page.
func standardOrder() []wire.SortKey {
	return []wire.SortKey{{Field: "Score", Desc: true}, {Field: "Priority", Desc: true}}
}

// inStandardOrder reports whether the list has the order that needs no sort=.
func (q List) inStandardOrder() bool { return slices.Equal(q.Sort, standardOrder()) }

// Params returns the parameters of the page. Its default size and order differ from
// those of the API.
func (q List) Params() url.Values {
	v := q.Values()
	v.Del("limit")
	switch {
	case q.inStandardOrder():
		v.Del(sortParam)
	case len(q.Sort) == 0 && q.After == "":
		v.Set(sortParam, "Workflow")
	}
	if q.Limit != DefaultSize {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if len(q.Cols) > 0 {
		v.Set(ColsParam, strings.Join(q.Cols, ","))
	}
	return v
}

// Address returns the address of a page with this query.
func (q List) Address(path string) string { return At(path, q.Params()) }

// Here returns a relative address of the current page with this query. It starts
// with a question mark, so that the path is not repeated in every link.
func (q List) Here() string { return "?" + q.Params().Encode() }

// Selection returns the address of the page Selected workflows with all matches of
// the query.
func (q List) Selection() string {
	q = q.Top()
	q.Limit, q.Cols = DefaultSize, nil
	return q.Address(web.SelectionPath)
}

// Top returns the query at its first record on the newest generation, as a new
// filter or order needs it.
func (q List) Top() List {
	q.Gen, q.Idx, q.After, q.Last = "", 0, "", ""
	return q
}

// Newest returns the query on the newest generation, at the same position.
func (q List) Newest() List {
	q.Gen = ""
	return q
}

// Of returns the address of the list of workflows under a query of the API.
// Without an order it is the standard one.
func Of(q wire.Query) string {
	q.Limit = DefaultSize
	if len(q.Sort) == 0 {
		q.Sort = standardOrder()
	}
	return List{Query: q}.Address(web.WorkflowsPath)
}

// At returns a path with parameters.
func At(path string, values url.Values) string {
	if query := values.Encode(); query != "" {
		return path + "?" + query
	}
	return path
}

// Expired is the note that a page shows the newest generation because its own is no
// longer kept.
func Expired(q List) web.Note {
	return web.Note{Text: "Generation " + q.Gen + " is no longer kept. This is the newest one."}
}

// PinNote is the note that the pages stay on a generation older than newest, which
// is "" if unknown.
func (q List) PinNote(newest string) []web.Note {
	if q.Gen == "" || newest == "" || q.Gen == newest {
		return nil
	}
	return []web.Note{{
		Text:  "These pages stay on generation " + q.Gen + ", so that records do not move while you read.",
		Links: []web.Link{{Text: "Go to the newest generation", Href: q.Top().Here()}},
	}}
}
