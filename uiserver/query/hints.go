package query

import (
	"net/url"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query/filterbar"
	"github.com/dmwm/wmstats/web"
)

// mostHints is the maximum number of conditions that an empty list explains.
const mostHints = 8

// Hints explains a list without matches: values that no workflow has, with links to
// what may have been meant, and the conditions without which there are workflows.
func (q List) Hints(s wire.Suggestions) (hints web.Hints) {
	for _, c := range s.Conditions[:min(len(s.Conditions), mostHints)] {
		alone, ok := parsed(c.Condition)
		if !ok {
			continue
		}
		for _, u := range c.Unknown {
			hints.Unknown = append(hints.Unknown, q.unknown(alone, u))
		}
		if rest, ok := parsed(c.Rest); ok && c.Without > 0 {
			label, value := named(alone)
			hints.Without = append(hints.Without, web.Hint{
				Filter: web.ActiveFilter{Label: label, Value: wire.Shorten(value), Href: q.asking(rest).Here()},
				Count:  int64(c.Without), Note: noteOn(alone),
			})
		}
	}
	return hints
}

// parsed reads conditions that the cache server wrote; one of another version may
// know others.
func parsed(params string) (wire.Query, bool) {
	values, err := url.ParseQuery(params)
	if err != nil {
		return wire.Query{}, false
	}
	q, err := wire.ParseQuery(values)
	return q, err == nil
}

// unknown returns a value that no workflow has, with links to replacements.
func (q List) unknown(alone wire.Query, u wire.UnknownValue) web.UnknownValue {
	out := web.UnknownValue{Value: wire.Shorten(u.Value)}
	switch {
	case alone.Text != "":
		out.Lead = "No name, PrepID or dataset holds"
	case len(alone.Names) > 0:
		out.Lead = "No workflow is called"
	default:
		label, _ := named(alone)
		out.Lead = "No workflow has " + label
	}
	for _, r := range u.DidYouMean {
		one, ok := parsed(r.Condition)
		whole, valid := parsed(r.Query)
		if !ok || !valid {
			continue
		}
		text := filterbar.Format(one)
		if sameField(alone, one) {
			text = one.Terms[0].Values[0]
		} else if one.Text != "" || len(one.Names) > 0 {
			_, text = named(one)
		}
		out.Meant = append(out.Meant, web.Meant{Text: wire.Shorten(text), Href: q.asking(whole).Here(), Count: int64(r.Count)})
	}
	return out
}

func sameField(a, b wire.Query) bool {
	return len(a.Terms) == 1 && len(b.Terms) == 1 && a.Terms[0].Field == b.Terms[0].Field && b.Terms[0].Op == wire.In
}

// named returns the label and the value of a single condition as its chip has them.
func named(alone wire.Query) (label, value string) {
	if alone.Text != "" {
		return textLabel, strings.Join(wire.Words(alone.Text), " ")
	}
	if len(alone.Terms) == 1 && alone.Terms[0].Op != wire.In && alone.Terms[0].Op != wire.NotIn {
		label, value, _ = strings.Cut(filterbar.Term(alone.Terms[0]), ":") // bounds as in the filter bar
		return label, value
	}
	for name, values := range alone.Values() {
		return name, values[0]
	}
	return "", ""
}

// NameHints explains a table of groups in which no name matches: what names hold
// that is near the text.
func (q Groups) NameHints(s wire.Suggestions) (out []web.UnknownValue) {
	for _, c := range s.Conditions {
		for _, u := range c.Unknown {
			unknown := web.UnknownValue{Lead: "No name holds", Value: wire.Shorten(u.Value)}
			for _, r := range u.DidYouMean {
				values, err := url.ParseQuery(r.Query)
				one, oneErr := url.ParseQuery(r.Condition)
				if text := values.Get("q"); err == nil && oneErr == nil && text != "" && one.Get("q") != "" {
					next := q
					next.Text, next.Idx = text, 0
					unknown.Meant = append(unknown.Meant, web.Meant{Text: wire.Shorten(strings.Join(wire.Words(one.Get("q")), " ")), Href: next.Here(), Count: int64(r.Count)})
				}
			}
			if len(unknown.Meant) > 0 {
				out = append(out, unknown)
			}
		}
	}
	return out
}

// Meant returns what a text that nothing has may have meant, as lists of workflows.
func Meant(s wire.Suggestions) (out []web.Meant) {
	q := List{Query: wire.Query{Limit: DefaultSize, Sort: standardOrder()}}
	hints := q.Hints(s)
	for _, u := range hints.Unknown {
		for _, m := range u.Meant {
			m.Href = web.WorkflowsPath + m.Href
			if !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	return out
}
