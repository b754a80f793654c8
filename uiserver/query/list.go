// Package query turns the addresses of pages into what they ask for, and back:
// the list of workflows with its filter bar, columns, order, pages and views,
// the tables of groups, and the failing jobs. A link on a page is made by
// changing a copy of the page's own query and writing it. What an address says
// that can't be used is named in a note with suggestions, never ignored
// silently. The package asks the cache server nothing and renders nothing.
package query

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// colsParam is the one parameter of a list page that the API does not have.
const colsParam = "cols"

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

// Lists reads addresses of lists. It knows the columns and the views that there
// are, and is never changed.
type Lists struct {
	columns web.Columns
	views   []namedView
}

// NewLists checks the views.
func NewLists(views []View) (*Lists, error) {
	l := &Lists{columns: web.NewColumns()}
	var err error
	l.views, err = readViews(views, l.columns)
	return l, err
}

// Read reads an address. own are parameters that the page reads itself; what
// can't be used is left out, so that the page shows the rest.
func (l *Lists) Read(u *url.URL, own ...string) (q List, notes []web.Note) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		notes = append(notes, bad("A part of the address is not well encoded and was left out."))
	}
	values = dropEmpty(values)
	_, sized := values["limit"]
	own = append(slices.Clone(own), colsParam)
	for {
		parsed, err := wire.ParseQueryExcept(values, own...)
		if err == nil {
			q.Query = parsed
			break
		}
		problem := problemOf(err)
		notes = append(notes, noteOf(problem, u.Path, values))
		if !dropParam(values, problem.Param) {
			values = url.Values{}
		}
	}
	notes = append(notes, q.settle(sized)...)
	return q, append(notes, l.readCols(&q, values[colsParam], u.Path)...)
}

// dropEmpty leaves out the empty values that browsers send for the empty inputs
// of a form. A name that is not known stays, so that it is complained about.
func dropEmpty(values url.Values) url.Values {
	known := append(wire.Params(), colsParam)
	kept := wire.DropEmpty(values)
	for name, all := range values {
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
			kept[name] = all
		}
	}
	return kept
}

// Tidy is an address without empty parameters, and with the columns of a form in
// one parameter. changed reports whether it differs.
func Tidy(u *url.URL) (tidy string, changed bool) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", false // the page says so
	}
	kept := dropEmpty(values)
	for name, all := range values {
		changed = changed || len(kept[name]) != len(all)
	}
	if cols := kept[colsParam]; len(cols) > 1 {
		kept.Set(colsParam, strings.Join(cols, ","))
		changed = true
	}
	return at(u.EscapedPath(), kept), changed
}

// settle puts what only the API has to what a page can show.
func (q *List) settle(sized bool) (notes []web.Note) {
	switch {
	case q.All:
		notes = append(notes, bad(fmt.Sprintf("A page shows at most %d workflows; the export links give all.", MostSize)))
		q.Limit = MostSize
	case !sized:
		q.Limit = DefaultSize
	case q.PageLimit() > MostSize:
		notes = append(notes, bad(fmt.Sprintf("A page shows at most %d workflows, not %d; the export links give all.", MostSize, q.PageLimit())))
		q.Limit = MostSize
	default:
		q.Limit = q.PageLimit()
	}
	if q.Format != "" && q.Format != wire.JSON || q.Download {
		notes = append(notes, bad("This is the page for people; the export links have the other formats."))
	}
	if len(q.Fields) > 0 && len(q.Cols) == 0 {
		q.Cols = q.Fields
	}
	q.All, q.Format, q.Download, q.Envelope = false, "", false, false
	q.Facets, q.Fields = nil, nil
	return notes
}

// Params are the parameters of the page. The API's default size is not ours.
func (q List) Params() url.Values {
	v := q.Values()
	v.Del("limit")
	if q.Limit != DefaultSize {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if len(q.Cols) > 0 {
		v.Set(colsParam, strings.Join(q.Cols, ","))
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
