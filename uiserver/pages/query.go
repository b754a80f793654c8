package pages

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// colsParam is the one parameter of a list page that the API does not have.
const colsParam = "cols"

// Sizes of a page of a list.
const (
	defaultSize = 50
	mostSize    = 200
)

var sizes = []int{25, 50, 100, 200}

// listQuery is what the address of a list page asks for: a query of the API,
// and the columns to show. Links are made by changing a copy and writing it.
type listQuery struct {
	wire.Query          // Limit is always set
	Cols       []string // names of columns, or of one built-in set; nil: the default set
}

// parseList reads an address. What can't be used is left out and named in a
// note with suggestions, so that the page shows the rest; it is never ignored
// silently.
func (p *Pages) parseList(r *http.Request) (q listQuery, notes []web.Note) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		notes = append(notes, web.Note{Bad: true, Text: "A part of the address is not well encoded and was left out."})
	}
	values = dropEmpty(values)
	_, sized := values["limit"]
	for {
		parsed, err := wire.ParseQueryExcept(values, colsParam)
		if err == nil {
			q.Query = parsed
			break
		}
		problem := cacheclient.ProblemIn(err)
		note := web.Note{Bad: true, Text: err.Error()}
		if problem != nil {
			note = p.noteOf(problem, r.URL.Path, values)
		}
		notes = append(notes, note)
		if problem == nil || !dropParam(values, problem.Param) {
			values = url.Values{}
		}
	}
	notes = append(notes, q.settle(sized)...)
	notes = append(notes, p.parseCols(&q, values[colsParam], r.URL.Path)...)
	return q, notes
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

// settle puts what only the API has to what a page can show.
func (q *listQuery) settle(sized bool) (notes []web.Note) {
	say := func(text string) { notes = append(notes, web.Note{Bad: true, Text: text}) }
	switch {
	case q.All:
		say(fmt.Sprintf("A page shows at most %d workflows; the export links give all.", mostSize))
		q.Limit = mostSize
	case !sized:
		q.Limit = defaultSize
	case q.PageLimit() > mostSize:
		say(fmt.Sprintf("A page shows at most %d workflows, not %d; the export links give all.", mostSize, q.PageLimit()))
		q.Limit = mostSize
	default:
		q.Limit = q.PageLimit()
	}
	if q.Format != "" && q.Format != wire.JSON || q.Download {
		say("This is the page for people; the export links have the other formats.")
	}
	if len(q.Fields) > 0 && len(q.Cols) == 0 {
		q.Cols = q.Fields
	}
	q.All, q.Format, q.Download, q.Envelope = false, "", false, false
	q.Facets, q.Fields = nil, nil
	return notes
}

// parseCols reads cols=: names of columns or of one set.
func (p *Pages) parseCols(q *listQuery, values []string, path string) (notes []web.Note) {
	for _, name := range strings.Split(strings.Join(values, ","), ",") {
		if name == "" {
			continue
		}
		if _, isSet := web.SetKeys(name); isSet {
			q.Cols = []string{name}
			break
		}
		column, ok := p.columns.Named(name)
		if !ok {
			notes = append(notes, p.badColumn(*q, name, path))
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

func (p *Pages) badColumn(q listQuery, name, path string) web.Note {
	note := web.Note{Bad: true, Text: fmt.Sprintf("There is no column '%s'.", shorten(name))}
	for _, near := range wire.Near(name, append(p.columns.Keys(), web.SetNames()...), 3) {
		q.Cols = []string{near}
		note.Links = append(note.Links, web.Link{Text: near, Href: q.address(path)})
	}
	if len(note.Links) > 0 {
		note.Text += " Did you mean"
	}
	return note
}

// noteOf says what is wrong with a parameter; suggestions lead to the same
// page with the parameter under the suggested name.
func (p *Pages) noteOf(problem *wire.Problem, path string, values url.Values) web.Note {
	note := web.Note{Bad: true, Text: problem.Detail}
	for _, near := range problem.DidYouMean {
		fixed := maps.Clone(values)
		key := paramKey(fixed, problem.Param)
		if problem.Slug() == wire.SlugUnknownParameter {
			fixed[near] = fixed[key]
			delete(fixed, key)
		} else {
			fixed[key] = []string{near}
		}
		note.Links = append(note.Links, web.Link{Text: near, Href: path + "?" + fixed.Encode()})
	}
	if len(note.Links) > 0 {
		note.Text += " It was left out. Did you mean"
	} else {
		note.Text += " It was left out."
	}
	return note
}

// paramKey finds a parameter as it was written: problems name it in one case,
// and shorten it.
func paramKey(values url.Values, param string) string {
	for key := range values {
		if strings.EqualFold(key, param) || strings.HasPrefix(key, strings.TrimSuffix(param, "…")) && strings.HasSuffix(param, "…") {
			return key
		}
	}
	return ""
}

func dropParam(values url.Values, param string) bool {
	dropped := false
	for {
		key := paramKey(values, param)
		if _, ok := values[key]; !ok {
			return dropped
		}
		delete(values, key)
		dropped = true
	}
}

// values are the parameters of the page. The API's default size is not ours.
func (q listQuery) values() url.Values {
	v := q.Values()
	v.Del("limit")
	if q.Limit != defaultSize {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if len(q.Cols) > 0 {
		v.Set(colsParam, strings.Join(q.Cols, ","))
	}
	return v
}

// address is a page with this query.
func (q listQuery) address(path string) string {
	if query := q.values().Encode(); query != "" {
		return path + "?" + query
	}
	return path
}

// here is the same page with this query, shorter: a reference that starts with
// a question mark keeps the path of the page that it stands in.
func (q listQuery) here() string { return "?" + q.values().Encode() }

// selectionAddress is the page with the names of all that the query finds.
func (q listQuery) selectionAddress() string {
	q.Limit, q.Cols = defaultSize, nil
	return q.address(selectionPath)
}

// top is the query from its first record on the newest generation: what a new
// filter or order starts with.
func (q listQuery) top() listQuery {
	q.Gen, q.Idx, q.After, q.Last = "", 0, "", ""
	return q
}

// bare is the query without any condition.
func (q listQuery) bare() listQuery {
	q = q.top()
	q.Terms, q.Text, q.Names = nil, "", nil
	return q
}

// withTerms is the query with other terms.
func (q listQuery) withTerms(terms []wire.Term) listQuery {
	q = q.top()
	q.Terms = terms
	return q
}

// toggle puts a value into the condition of a field, or takes it out. The
// other conditions stay; a value that comes in is no longer excluded, and the
// other way round.
func (q listQuery) toggle(field string, op wire.Op, value string) listQuery {
	if has(q.Terms, field, op, value) {
		return q.withTerms(without(q.Terms, field, op, value))
	}
	opposite := wire.NotIn
	if op == wire.NotIn {
		opposite = wire.In
	}
	terms := without(q.Terms, field, opposite, value)
	for i, t := range terms {
		if t.Field == field && t.Op == op {
			t.Values = append(slices.Clone(t.Values), value)
			slices.Sort(t.Values)
			terms[i] = t
			return q.withTerms(terms)
		}
	}
	return q.withTerms(append(terms, wire.Term{Field: field, Op: op, Values: []string{value}}))
}

func has(terms []wire.Term, field string, op wire.Op, value string) bool {
	return slices.ContainsFunc(terms, func(t wire.Term) bool {
		return t.Field == field && t.Op == op && slices.Contains(t.Values, value)
	})
}

// without is a copy of terms without one value; a term that has no other value
// goes altogether.
func without(terms []wire.Term, field string, op wire.Op, value string) []wire.Term {
	var out []wire.Term
	for _, t := range terms {
		if t.Field == field && t.Op == op && slices.Contains(t.Values, value) {
			if len(t.Values) == 1 {
				continue
			}
			t.Values = slices.DeleteFunc(slices.Clone(t.Values), func(v string) bool { return v == value })
		}
		out = append(out, t)
	}
	return out
}

// shorten bounds what the address said before it is quoted.
func shorten(s string) string {
	const most = 80
	if r := []rune(strings.ToValidUTF8(s, "\uFFFD")); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// hidden are parameters as fields of a form, but for those it has inputs for.
func hidden(v url.Values, except ...string) []web.Field {
	var fields []web.Field
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if slices.Contains(except, name) {
			continue
		}
		for _, value := range v[name] {
			fields = append(fields, web.Field{Name: name, Value: value})
		}
	}
	return fields
}
