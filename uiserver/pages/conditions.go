package pages

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query/filterbar"
	"github.com/dmwm/wmstats/web"
)

// condition is one thing that a query asks for, with the query without it.
type condition struct {
	label, value string
	rest         listQuery
}

// conditions takes a query apart. Each value of a list is a condition of its
// own; how it is written is wire's business.
func conditions(q listQuery) []condition {
	var out []condition
	add := func(one wire.Query, rest listQuery) {
		for label, values := range one.Values() {
			out = append(out, condition{label, values[0], rest})
		}
	}
	for i, t := range q.Terms {
		if t.Op != wire.In && t.Op != wire.NotIn {
			rest := append(append([]wire.Term(nil), q.Terms[:i]...), q.Terms[i+1:]...)
			label, value, _ := strings.Cut(filterbar.Term(t), ":") // bounds as the filter bar has them
			out = append(out, condition{label, value, q.withTerms(rest)})
			continue
		}
		for _, value := range t.Values {
			one := wire.Term{Field: t.Field, Op: t.Op, Values: []string{value}}
			add(wire.Query{Terms: []wire.Term{one}}, q.withTerms(without(q.Terms, t.Field, t.Op, value)))
		}
	}
	if q.Text != "" {
		rest := q.top()
		rest.Text = ""
		add(wire.Query{Text: q.Text}, rest)
	}
	if len(q.Names) > 0 {
		rest := q.top()
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

// activeFilters are the conditions as chips that drop them.
func activeFilters(q listQuery) []web.ActiveFilter {
	var out []web.ActiveFilter
	for _, c := range conditions(q) {
		out = append(out, web.ActiveFilter{Label: c.label, Value: shorten(c.value), Href: c.rest.here()})
	}
	return out
}

// mostHints bounds the questions that an empty list costs.
const mostHints = 8

// hints asks, for each condition of a list that came out empty, how many there
// are without it, and names those that bring some back.
func (p *Pages) hints(ctx context.Context, q listQuery) []web.Hint {
	all := conditions(q)
	all = all[:min(len(all), mostHints)]
	totals := make([]int, len(all))
	var group errgroup.Group
	for i, c := range all {
		group.Go(func() error {
			probe := c.rest.Query
			probe.Limit = 1
			list, err := p.Client.Fetch(ctx, probe)
			totals[i] = list.Total
			return err
		})
	}
	if err := group.Wait(); err != nil {
		p.Log.Debug("no hints for an empty list", "err", err)
	}
	var out []web.Hint
	for i, c := range all {
		if totals[i] > 0 {
			filter := web.ActiveFilter{Label: c.label, Value: shorten(c.value), Href: c.rest.here()}
			out = append(out, web.Hint{Filter: filter, Count: int64(totals[i])})
		}
	}
	return out
}
