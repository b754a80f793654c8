package query

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query/filterbar"
	"github.com/dmwm/wmstats/web"
)

// Lists parses the addresses of lists. It has the columns and the views, and is
// immutable.
type Lists struct {
	columns web.Columns
	views   []namedView
}

// NewLists returns Lists with the given views, or an error if one is invalid.
func NewLists(views []View) (*Lists, error) {
	l := &Lists{columns: web.NewColumns()}
	var err error
	l.views, err = readViews(views, l.columns)
	return l, err
}

// Read parses an address. own are parameters that the page reads itself. What can't
// be used is ignored, so that the page shows the rest, and named in a note.
func (l *Lists) Read(u *url.URL, own ...string) (q List, notes []web.Note) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		notes = append(notes, bad("A part of the address is not valid URL encoding. It was ignored."))
	}
	values = dropEmpty(values)
	_, sized := values["limit"]
	size, err := strconv.Atoi(values.Get("limit"))
	if err != nil || size < 1 || size > MostSize {
		size = DefaultSize
	}
	first, note := cutPage(values, size)
	notes = append(notes, note...)
	if first > 0 {
		values.Set("idx", strconv.Itoa(first))
	}
	own = append(slices.Clone(own), ColsParam)
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
	if q.After == "" && !hasParam(values, sortParam) {
		q.Sort = standardOrder()
	}
	notes = append(notes, q.fitToPage(sized)...)
	return q, append(notes, l.readCols(&q, values[ColsParam], u.Path)...)
}

// cutPage removes page= from an address, which the form of the pager sends, and
// returns the first record of that page; 0 without one. The links have idx=.
func cutPage(values url.Values, size int) (first int, notes []web.Note) {
	text := values.Get(pageParam)
	delete(values, pageParam)
	if text == "" {
		return 0, nil
	}
	const most = 1_000_000
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, []web.Note{bad("page must be a whole number, 1 or higher." + leftOut)}
	}
	return (n - 1) * size, nil
}

// hasParam reports whether a parameter is given, in any case of letters.
func hasParam(values url.Values, name string) bool {
	for given := range values {
		if strings.EqualFold(given, name) {
			return true
		}
	}
	return false
}

// dropEmpty removes the empty values that browsers send for empty inputs of a form.
// Unknown names stay, so that they are reported.
func dropEmpty(values url.Values) url.Values {
	known := append(wire.Params(), ColsParam)
	kept := wire.DropEmpty(values)
	for name, all := range values {
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
			kept[name] = all
		}
	}
	return kept
}

// Tidy returns an address without empty parameters and with the columns of a form
// in one parameter. changed reports whether it differs.
func Tidy(u *url.URL) (tidy string, changed bool) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", false // the page reports it
	}
	kept := dropEmpty(values)
	for name, all := range values {
		changed = changed || len(kept[name]) != len(all)
	}
	if cols := kept[ColsParam]; len(cols) > 1 {
		kept.Set(ColsParam, strings.Join(cols, ","))
		changed = true
	}
	return At(u.EscapedPath(), kept), changed
}

// fitToPage replaces settings that only the API supports by those of a page.
func (q *List) fitToPage(sized bool) (notes []web.Note) {
	switch {
	case q.All:
		notes = append(notes, bad(fmt.Sprintf("A page shows at most %d workflows; the export links have all of them.", MostSize)))
		q.Limit = MostSize
	case !sized:
		q.Limit = DefaultSize
	case q.PageLimit() > MostSize:
		notes = append(notes, bad(fmt.Sprintf("A page shows at most %d workflows, not %d; the export links have all of them.", MostSize, q.PageLimit())))
		q.Limit = MostSize
	default:
		q.Limit = q.PageLimit()
	}
	if q.Format != "" && q.Format != wire.JSON || q.Download {
		notes = append(notes, bad("This page is HTML only; the export links have the other formats."))
	}
	if len(q.Fields) > 0 && len(q.Cols) == 0 {
		q.Cols = q.Fields
	}
	q.All, q.Format, q.Download, q.Envelope = false, "", false, false
	q.Facets, q.Fields = nil, nil
	return notes
}

// readCols parses cols=: names of columns, or of one column set.
func (l *Lists) readCols(q *List, values []string, path string) (notes []web.Note) {
	for _, name := range strings.Split(strings.Join(values, ","), ",") {
		if name == "" {
			continue
		}
		if _, isSet := web.SetKeys(name); isSet {
			q.Cols = []string{name}
			break
		}
		column, ok := l.columns.Named(name)
		if !ok {
			notes = append(notes, l.badColumn(*q, name, path))
			continue
		}
		if !slices.Contains(q.Cols, column.Key) {
			q.Cols = append(q.Cols, column.Key)
		}
	}
	if len(q.Cols) == 1 && q.Cols[0] == web.DefaultSet {
		q.Cols = nil
	}
	return notes
}

func (l *Lists) badColumn(q List, name, path string) web.Note {
	note := bad(fmt.Sprintf("There is no column '%s'.", wire.Shorten(name)))
	for _, near := range nearColumns(l.columns, name) {
		q.Cols = []string{near}
		note.Links = append(note.Links, web.Link{Text: near, Href: q.Address(path)})
	}
	if len(note.Links) > 0 {
		note.Text += " Did you mean"
	}
	return note
}

// Views returns links to the views. A view without an order or columns keeps the
// current ones.
func (l *Lists) Views(q List) []web.Choice {
	now := filterbar.Format(q.Query)
	var out []web.Choice
	for _, view := range l.views {
		next := q.asking(view.query.Query)
		if len(view.query.Sort) > 0 {
			next.Sort = view.query.Sort
		}
		if len(view.query.Cols) > 0 {
			next.Cols = view.query.Cols
		}
		choice := web.Choice{Label: view.name}
		current := filterbar.Format(next.Query) == now && slices.Equal(next.Sort, q.Sort) && slices.Equal(next.Cols, q.Cols)
		if !current {
			choice.Href = next.Here()
		}
		out = append(out, choice)
	}
	return out
}

// FindViews returns the views whose name holds the words.
func (l *Lists) FindViews(words []string) []web.Link {
	var out []web.Link
	for _, v := range l.views {
		if web.Holds(v.name, words) {
			q := v.query
			if len(q.Sort) == 0 {
				q.Sort = standardOrder()
			}
			out = append(out, web.Link{Text: v.name, Href: q.Address(web.WorkflowsPath)})
		}
	}
	return out
}
