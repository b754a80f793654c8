// Package query turns the addresses of pages into what they ask for, and back:
// the list of workflows with its filter bar, columns, order, pages and views,
// the tables of groups, and the failing jobs. A link on a page is made by
// changing a copy of the page's own query and writing it. What an address says
// that can't be used is named in a note with suggestions, never ignored
// silently. The package asks the cache server nothing and renders nothing.
package query

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// ColsParam is the one parameter of a list page that the API does not have.
const ColsParam = "cols"

// Sizes of a page of a list, in records.
const (
	DefaultSize = 50
	MostSize    = 200
)

// List is what the address of a list asks for: a query of the API, and the
// columns to show.
type List struct {
	wire.Query          // Limit is always set
	Cols       []string // names of columns, or of one built-in set; nil: the default set
}

// Params are the parameters of the page. The API's default size is not ours.
func (q List) Params() url.Values {
	v := q.Values()
	v.Del("limit")
	if q.Limit != DefaultSize {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if len(q.Cols) > 0 {
		v.Set(ColsParam, strings.Join(q.Cols, ","))
	}
	return v
}

// Address is a page with this query.
func (q List) Address(path string) string { return at(path, q.Params()) }

// Here is the same page with this query, shorter: a reference that starts with
// a question mark keeps the path of the page that it stands in.
func (q List) Here() string { return "?" + q.Params().Encode() }

// Selection is the address of the page with the names of all that the query
// finds.
func (q List) Selection() string {
	q = q.Top()
	q.Limit, q.Cols = DefaultSize, nil
	return q.Address(web.SelectionPath)
}

// Top is the query from its first record on the newest generation: what a new
// filter or order starts with.
func (q List) Top() List {
	q.Gen, q.Idx, q.After, q.Last = "", 0, "", ""
	return q
}

// Newest is the query on the newest generation, at the same place.
func (q List) Newest() List {
	q.Gen = ""
	return q
}

// Of is the list of workflows under a query of the API.
func Of(q wire.Query) string {
	q.Limit = DefaultSize
	return List{Query: q}.Address(web.WorkflowsPath)
}

// at is a path with parameters.
func at(path string, values url.Values) string {
	if query := values.Encode(); query != "" {
		return path + "?" + query
	}
	return path
}

// Expired says that a page is of the newest generation, since its own is no
// longer kept.
func Expired(q List) web.Note {
	return web.Note{Text: "Generation " + q.Gen + " is no longer kept; this is the newest."}
}

// PinNote says that the pages stay on a generation that is older than the newest,
// which is "" when it is not known.
func (q List) PinNote(newest string) []web.Note {
	if q.Gen == "" || newest == "" || q.Gen == newest {
		return nil
	}
	return []web.Note{{
		Text:  "These pages stay on generation " + q.Gen + ", so that nothing shifts while you read.",
		Links: []web.Link{{Text: "Go to the newest", Href: q.Top().Here()}},
	}}
}
