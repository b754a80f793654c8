// Package suggest explains a list request that has no matches, or too few. It
// counts the records without each condition, and for a value that no record has it
// finds conditions that may have been meant: the nearest values, a wildcard for
// the beginning of several values, a comparison that was written as a word.
// All counts are exact.
//
// The package knows records only through List, and conditions only through the
// vocabulary of the list. It keeps nothing, and spends the budget of its request.
package suggest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// mostUnknown is the maximum number of unknown values of a condition.
const mostUnknown = 16

// List is a list of records under conditions. Its methods stop with the error of
// the budget in ctx.
type List interface {
	// Count returns the number of records under a query.
	Count(ctx context.Context, q wire.Query) (int, error)
	// Values counts all values of a field under a query, in any order.
	Values(ctx context.Context, q wire.Query, field string) ([]wire.FacetValue, error)
	// EachName calls f with the names of all records, ascending, until it returns
	// false.
	EachName(f func(name []byte) bool)
}

// Options describe a list.
type Options struct {
	List       List
	Vocabulary *wire.Vocabulary
	Fields     []schema.Field // of its records; the first is the name
	Meant      []string       // fields whose values are also looked for when a word of q= is unknown
}

// Explain returns the number of records under the conditions of q, and what each
// condition does.
func Explain(ctx context.Context, o Options, q wire.Query) (total int, conditions []wire.ConditionCounts, err error) {
	e := &explainer{Options: o, ctx: ctx, spent: budget.From(ctx), known: map[string]*values{}}
	q = wire.Query{Terms: q.Terms, Text: q.Text, Names: q.Names}
	if total, err = o.List.Count(ctx, q); err != nil {
		return 0, nil, fmt.Errorf("count records: %w", err)
	}
	conditions = []wire.ConditionCounts{}
	for _, c := range split(q) {
		one, err := e.explain(c)
		if err != nil {
			return 0, nil, fmt.Errorf("explain %s: %w", e.write(c.alone), err)
		}
		conditions = append(conditions, one)
	}
	return total, conditions, nil
}

// condition is one condition of a query.
type condition struct {
	alone, rest wire.Query
}

// split returns the conditions of a query.
func split(q wire.Query) (out []condition) {
	for i, t := range q.Terms {
		rest := q
		rest.Terms = slices.Delete(slices.Clone(q.Terms), i, i+1)
		out = append(out, condition{wire.Query{Terms: []wire.Term{t}}, rest})
	}
	words := wire.Words(q.Text)
	for i, word := range words {
		rest := q
		rest.Text = wire.TextOf(slices.Delete(slices.Clone(words), i, i+1))
		out = append(out, condition{wire.Query{Text: wire.TextOf([]string{word})}, rest})
	}
	if len(q.Names) > 0 {
		rest := q
		rest.Names = nil
		out = append(out, condition{wire.Query{Names: q.Names}, rest})
	}
	return out
}

// explainer explains one query.
type explainer struct {
	Options
	ctx   context.Context //nolint:containedctx // it lives as long as the request
	spent *budget.Budget
	known map[string]*values // of all records, by field
}

func (e *explainer) write(q wire.Query) string { return e.Vocabulary.Values(q).Encode() }

func (e *explainer) explain(c condition) (one wire.ConditionCounts, err error) {
	one = wire.ConditionCounts{Condition: e.write(c.alone), Rest: e.write(c.rest), Unknown: []wire.UnknownValue{}}
	if one.Alone, err = e.List.Count(e.ctx, c.alone); err != nil {
		return one, err //nolint:wrapcheck // Explain says what failed
	}
	if one.Without, err = e.List.Count(e.ctx, c.rest); err != nil {
		return one, err //nolint:wrapcheck // Explain says what failed
	}
	switch {
	case len(c.alone.Names) > 0:
		if one.Alone < len(c.alone.Names) {
			one.Unknown, err = e.unknown(c, e.Fields[0], c.alone.Names)
		}
	case c.alone.Text != "":
		if one.Alone == 0 {
			word := wire.Words(c.alone.Text)[0]
			var meant []wire.Replacement
			if meant, err = e.word(c, word); err == nil {
				one.Unknown = append(one.Unknown, wire.UnknownValue{Value: word, DidYouMean: meant})
			}
		}
	case c.alone.Terms[0].Op == wire.In:
		one.Unknown, err = e.unknown(c, e.field(c.alone.Terms[0].Field), c.alone.Terms[0].Values)
	}
	return one, err
}

func (e *explainer) field(key string) schema.Field {
	i := slices.IndexFunc(e.Fields, func(f schema.Field) bool { return f.Key == key })
	return e.Fields[max(i, 0)] // a term has a key of the record
}

// all returns the values of a field among all records.
func (e *explainer) all(f schema.Field) (*values, error) {
	if v := e.known[f.Key]; v != nil {
		return v, nil
	}
	counts, err := e.List.Values(e.ctx, wire.Query{}, f.Key)
	if err != nil {
		return nil, err //nolint:wrapcheck // Explain says what failed
	}
	v := newValues(e.spent, f, counts)
	e.known[f.Key] = v
	return v, e.spent.Stopped() //nolint:wrapcheck // the end of the request's budget
}

// unknown returns the values of a condition that match nothing, with the values
// that may have been meant.
func (e *explainer) unknown(c condition, f schema.Field, given []string) ([]wire.UnknownValue, error) {
	out := []wire.UnknownValue{}
	all, err := e.all(f)
	if err != nil {
		return out, err
	}
	for _, value := range given {
		if len(out) == mostUnknown || all.known(e.spent, value) {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(given), func(v string) bool { return v == value })
		meant, err := e.replace(c, f, others, all.near(e.spent, value))
		if err != nil {
			return out, err
		}
		out = append(out, wire.UnknownValue{Value: value, DidYouMean: best(meant)})
	}
	return out, e.spent.Stopped() //nolint:wrapcheck // the end of the request's budget
}

// guess is a replacement that may be offered.
type guess struct {
	wire.Replacement
	distance float64
}

// best returns the first replacements: the nearest, then those with most records,
// then by condition.
func best(all []guess) []wire.Replacement {
	slices.SortFunc(all, func(a, b guess) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), b.Count-a.Count, strings.Compare(a.Condition, b.Condition))
	})
	out := []wire.Replacement{}
	for _, g := range all[:min(len(all), mostReplacements)] {
		out = append(out, g.Replacement)
	}
	return out
}

// replace returns the near values that may replace one value of a condition; others are
// the rest of its values, which may be none.
func (e *explainer) replace(c condition, f schema.Field, others []string, candidates []near) ([]guess, error) {
	if len(candidates) == 0 {
		return nil, nil
	}
	named := len(c.alone.Names) > 0
	// Records that have one of the others stay in the list, so that a value adds
	// those that have none of them.
	with, without := c.rest, c.rest
	base := 0
	if len(others) > 0 {
		with.Terms = append(slices.Clip(c.rest.Terms), wire.Term{Field: f.Key, Op: wire.In, Values: others})
		without.Terms = append(slices.Clip(c.rest.Terms), wire.Term{Field: f.Key, Op: wire.NotIn, Values: others})
		var err error
		if base, err = e.List.Count(e.ctx, with); err != nil {
			return nil, err //nolint:wrapcheck // Explain says what failed
		}
	}
	list, err := e.List.Values(e.ctx, without, f.Key)
	if err != nil {
		return nil, err //nolint:wrapcheck // Explain says what failed
	}
	counts := make(map[string]int, len(list))
	for _, v := range list {
		counts[v.Value] = v.Count
	}
	var out []guess
	for _, n := range candidates {
		wild := strings.Contains(n.value, wire.Star)
		if slices.Contains(others, n.value) || named && wild {
			continue // it is there already, or can't be
		}
		g := guess{distance: n.distance}
		var alone wire.Query
		whole := c.rest
		if named {
			alone = wire.Query{Names: []string{n.value}}
			whole.Names = sorted(others, n.value)
		} else {
			term := wire.Term{Field: f.Key, Op: wire.In, Values: []string{n.value}}
			alone = wire.Query{Terms: []wire.Term{term}}
			term.Values = sorted(others, n.value)
			whole.Terms = append(slices.Clip(c.rest.Terms), term)
		}
		g.Condition, g.Query = e.write(alone), e.write(whole)
		if g.Count = base + counts[n.value]; wild {
			if g.Count, err = e.List.Count(e.ctx, whole); err != nil {
				return nil, err //nolint:wrapcheck // Explain says what failed
			}
		}
		out = append(out, g)
	}
	return out, nil
}

func sorted(others []string, value string) []string {
	out := append(slices.Clone(others), value)
	slices.Sort(out)
	return slices.Compact(out)
}

// word returns what may have been meant by a word of q= that no record has: a
// condition, a value of one of the fields in Meant, or a text in names.
func (e *explainer) word(c condition, word string) ([]wire.Replacement, error) {
	var out []guess
	if t, ok := e.Vocabulary.GuessTerm(word); ok {
		g, err := e.term(c, t)
		if err != nil {
			return nil, err
		}
		out = append(out, g...)
	}
	for _, key := range e.Meant {
		f := e.field(key)
		if hasTerm(c.rest, f.Key) {
			continue // its value is chosen
		}
		all, err := e.all(f)
		if err != nil {
			return nil, err
		}
		candidates := all.near(e.spent, word)
		if all.known(e.spent, word) {
			candidates = []near{{word, 0}}
		}
		guesses, err := e.replace(c, f, nil, candidates)
		if err != nil {
			return nil, err
		}
		out = append(out, guesses...)
	}
	texts, err := e.texts(c, word)
	return best(append(out, texts...)), err
}

func hasTerm(q wire.Query, field string) bool {
	return slices.ContainsFunc(q.Terms, func(t wire.Term) bool { return t.Field == field && t.Op == wire.In })
}

// term returns the guess that a word is a term, if the query can have it.
func (e *explainer) term(c condition, t wire.Term) ([]guess, error) {
	whole := c.rest
	whole.Terms = append(slices.Clip(c.rest.Terms), t)
	whole, err := e.Vocabulary.Parse(e.Vocabulary.Values(whole))
	if err != nil {
		return nil, nil //nolint:nilerr // there is such a bound already
	}
	g := guess{}
	g.Condition, g.Query = e.write(wire.Query{Terms: []wire.Term{t}}), e.write(whole)
	g.Count, err = e.List.Count(e.ctx, whole)
	return []guess{g}, err //nolint:wrapcheck // Explain says what failed
}

// texts returns the texts in names that are near a word.
func (e *explainer) texts(c condition, word string) ([]guess, error) {
	w := newWords(e.spent, word)
	if w.most == 0 {
		return nil, nil
	}
	e.List.EachName(w.read)
	if err := e.spent.Stopped(); err != nil {
		return nil, err //nolint:wrapcheck // the end of the request's budget
	}
	others := wire.Words(c.rest.Text)
	var out []guess
	for _, n := range w.nearest() {
		if slices.Contains(others, n.value) {
			continue
		}
		whole := c.rest
		whole.Text = wire.TextOf(append(slices.Clip(others), n.value))
		g := guess{distance: n.distance}
		g.Condition, g.Query = e.write(wire.Query{Text: wire.TextOf([]string{n.value})}), e.write(whole)
		var err error
		if g.Count, err = e.List.Count(e.ctx, whole); err != nil {
			return nil, err //nolint:wrapcheck // Explain says what failed
		}
		out = append(out, g)
	}
	return out, nil
}
