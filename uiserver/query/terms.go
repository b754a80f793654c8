package query

import (
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query/filterbar"
	"github.com/dmwm/wmstats/web"
)

// only returns a term with one value.
func only(field, value string) []wire.Term {
	return []wire.Term{{Field: field, Op: wire.In, Values: []string{value}}}
}

// none stands for the campaign or release of workflows without one.
const none = "(none)"

// Exactly returns terms for one value, or for its absence if it is empty.
func Exactly(field, value string) []wire.Term {
	if value == "" || value == none && (field == "Campaign" || field == "Release") {
		return []wire.Term{{Field: field, Op: wire.HasNot}}
	}
	return only(field, value)
}

// WorkflowsOf returns the address of the list of workflows with one value, in the
// given order if any.
func WorkflowsOf(field, value string, order ...wire.SortKey) string {
	return Of(wire.Query{Terms: Exactly(field, value), Sort: order})
}

// Text formats text as the value of a filter, with special characters escaped.
func Text(text string) string {
	return wire.Query{Terms: only("Campaign", text)}.Values().Get("campaign")
}

// Bare returns the query without conditions.
func (q List) Bare() List {
	return q.asking(wire.Query{})
}

// asking returns the query with the conditions of another.
func (q List) asking(other wire.Query) List {
	q = q.Top()
	q.Terms, q.Text, q.Names = other.Terms, other.Text, other.Names
	return q
}

// Conditions returns a query with the conditions only, without order and page.
func Conditions(q wire.Query) wire.Query {
	return wire.Query{Terms: q.Terms, Text: q.Text, Names: q.Names}
}

// withTerms returns the query with other terms.
func (q List) withTerms(terms []wire.Term) List {
	q = q.Top()
	q.Terms = terms
	return q
}

// toggle adds a value to the condition of a field, or removes it. Other conditions
// stay; an added value is no longer excluded, and vice versa.
func (q List) toggle(field string, op wire.Op, value string) List {
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

// without returns a copy of terms without one value; a term with no other value is
// removed.
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

// textLabel is the label of a word of the text, whose parameter is q.
const textLabel = "text"

// Condition is one condition of a query, with the query without it.
type Condition struct {
	Label, Value string
	Rest         List
	note         string
}

// Split returns the conditions of a query. Each value of a list is its own
// condition; package wire defines how it is written.
func (q List) Split() []Condition {
	var out []Condition
	add := func(one wire.Query, rest List) {
		for label, values := range one.Values() {
			out = append(out, Condition{label, values[0], rest, noteOn(one)})
		}
	}
	for i, t := range q.Terms {
		if t.Op != wire.In && t.Op != wire.NotIn {
			label, value, _ := strings.Cut(filterbar.Term(t), ":") // bounds as in the filter bar
			out = append(out, Condition{label, value, q.withTerms(slices.Delete(slices.Clone(q.Terms), i, i+1)), ""})
			continue
		}
		for _, value := range t.Values {
			one := wire.Term{Field: t.Field, Op: t.Op, Values: []string{value}}
			add(wire.Query{Terms: []wire.Term{one}}, q.withTerms(without(q.Terms, t.Field, t.Op, value)))
		}
	}
	words := wire.Words(q.Text)
	for i, word := range words {
		rest := q.Top()
		rest.Text = wire.TextOf(slices.Delete(slices.Clone(words), i, i+1))
		out = append(out, Condition{textLabel, word, rest, ""})
	}
	if len(q.Names) > 0 {
		rest := q.Top()
		rest.Names = nil
		add(wire.Query{Names: q.Names}, rest)
	}
	if q.After != "" {
		rest := q
		rest.After = ""
		add(wire.Query{After: q.After}, rest)
	}
	return out
}

// excluded returns the excluded values of a field as a filter.
func excluded(terms []wire.Term, field string) wire.Texts {
	for _, t := range terms {
		if t.Field == field && t.Op == wire.NotIn {
			return wire.Texts{In: t.Values}
		}
	}
	return wire.Texts{}
}

// excludes explains an exclusion from a list, such as that of sites, which leaves
// out more than some expect; "" without one on the field.
func excludes(terms []wire.Term, field string) string {
	for _, t := range terms {
		f, err := wire.FieldNamed(t.Field, t.Field)
		if err == nil && t.Field == field && t.Op == wire.NotIn && (f.Type == schema.List || f.All != "") {
			return "A workflow with an excluded " + f.Param + " is left out even if it has others."
		}
	}
	return ""
}

// noteOn explains a condition that leaves out more than some expect.
func noteOn(alone wire.Query) string {
	if len(alone.Terms) == 1 {
		return excludes(alone.Terms, alone.Terms[0].Field)
	}
	return ""
}

// Chip returns the condition with the link that removes it.
func (c Condition) Chip() web.ActiveFilter {
	return web.ActiveFilter{Label: c.Label, Value: wire.Shorten(c.Value), Href: c.Rest.Here(), Note: c.note}
}

// Entered returns the query for workflows that entered their status between two
// times, in Unix s, newest first.
func Entered(since, until int64) wire.Query {
	return wire.Query{
		Terms: []wire.Term{{Field: "StatusTime", Op: wire.Min, Number: float64(since)}, {Field: "StatusTime", Op: wire.Max, Number: float64(until)}},
		Sort:  []wire.SortKey{{Field: "StatusTime", Desc: true}},
	}
}

// Ahead returns the query for workflows that entered their status after a time: a
// clock was ahead.
func Ahead(until int64) wire.Query {
	return wire.Query{Terms: []wire.Term{{Field: "StatusTime", Op: wire.Min, Number: float64(until + 1)}}}
}

// StatusCounts returns the counts of a query by status, with links to the lists.
func StatusCounts(s wire.Stats, q wire.Query) []web.StatusCount {
	var out []web.StatusCount
	for _, g := range s.Groups {
		one := q
		one.Terms = append(slices.Clone(q.Terms), Exactly("Status", g.Keys[0])...)
		out = append(out, web.StatusCount{Status: g.Keys[0], Count: int64(g.Count), Href: Of(one)})
	}
	return out
}
