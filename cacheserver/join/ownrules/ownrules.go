// Package ownrules evaluates the rules of the alerts file on single records: a
// rule holds for a workflow when its query has matched for some time. The
// package keeps nothing: its caller keeps since when the conditions of a rule
// hold, and asks again when a record changes or a time has come. It does not
// read the file, and does not know documents, tables or generations.
//
// A query has two kinds of conditions. Those on values change only with the
// record; Match evaluates them. Those on ages, such as minAge=2d, also change
// with time, at moments that are known in advance: Fire computes them.
package ownrules

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"slices"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Rules are compiled rules. They are immutable and safe for concurrent use.
type Rules struct{ list []rule }

type rule struct {
	schema.OwnRule
	values []wire.Term // conditions on values
	checks []func(reflect.Value) bool
	ages   []age
}

// age is a condition on the age of a time.
type age struct {
	path    []int
	min     bool // at least; otherwise at most
	seconds int64
}

// Match is a rule whose conditions on values match a record. Since is the
// moment, Unix s, from which on they have matched at each change of the record
// as far as is known: at first the moment at which this was first computed.
type Match struct {
	Rule  int // index
	Since int64
}

// Parse reads a query. Its error is a text for its author.
func Parse(query string) ([]wire.Term, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("not the query of a URL: %w", err)
	}
	q, err := wire.ParseQuery(values)
	if err != nil {
		return nil, err //nolint:wrapcheck // a problem is a text for the writer of the query
	}
	terms := q.Terms
	q.Terms = nil
	if len(terms) == 0 || !reflect.ValueOf(q).IsZero() {
		return nil, errors.New("expected filters on fields only, such as status=announced&minAge=30d")
	}
	for _, t := range terms {
		if t.Field == "Alerts" || t.Field == "Score" {
			return nil, fmt.Errorf("%s depends on the rules, so no rule can depend on it", t.Field)
		}
	}
	return terms, nil
}

// Compile compiles rules. Rules with equal names are not detected.
func Compile(defs []schema.OwnRule) (*Rules, error) {
	r := &Rules{}
	fields := map[string]schema.Field{}
	for _, f := range schema.Describe[schema.Workflow]() {
		fields[f.Key] = f
	}
	for _, def := range defs {
		one := rule{OwnRule: def}
		terms, err := Parse(def.Query)
		if err == nil {
			err = one.compile(terms, fields)
		}
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", def.Name, err)
		}
		r.list = append(r.list, one)
	}
	return r, nil
}

func (r *rule) compile(terms []wire.Term, fields map[string]schema.Field) error {
	for _, t := range terms {
		key, alone := wire.FieldOfMain(t.Field)
		f := fields[key]
		if f.All != "" && !alone { // the list of all values, as in every filter
			f = fields[f.All]
		}
		at, ok := reflect.TypeFor[schema.Workflow]().FieldByName(f.Key)
		if !ok {
			return fmt.Errorf("the record has no %q", t.Field)
		}
		switch t.Op {
		case wire.MinAge:
			r.ages = append(r.ages, age{at.Index, true, int64(math.Ceil(t.Number))})
			continue
		case wire.MaxAge:
			r.ages = append(r.ages, age{at.Index, false, int64(math.Floor(t.Number))})
			continue
		case wire.In, wire.NotIn, wire.Min, wire.Max, wire.Has, wire.HasNot:
		}
		keep, err := condition(f, t)
		if err != nil {
			return err
		}
		r.values = append(r.values, t)
		r.checks = append(r.checks, func(record reflect.Value) bool { return keep(record.FieldByIndex(at.Index)) })
	}
	return nil
}

// condition returns the test of one value, which does not depend on time.
func condition(f schema.Field, t wire.Term) (func(reflect.Value) bool, error) {
	if f.Type == schema.String || f.Type == schema.List {
		match := func(text string) bool { return text != "" }
		if t.Op == wire.In || t.Op == wire.NotIn {
			match = wire.Texts{In: t.Values}.Match
		}
		positive := t.Op == wire.In || t.Op == wire.Has
		return func(v reflect.Value) bool {
			if v.Kind() == reflect.String {
				return match(v.String()) == positive
			}
			list, _ := v.Interface().([]string)
			return slices.ContainsFunc(list, match) == positive
		}, nil
	}
	test, err := t.MatchNumber(f, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Key, err)
	}
	return func(v reflect.Value) bool {
		switch {
		case v.CanInt():
			return test(float64(v.Int()))
		case v.CanFloat():
			return test(v.Float())
		case v.Bool():
			return test(1)
		}
		return test(0)
	}, nil
}

// Len returns the number of rules.
func (r *Rules) Len() int { return len(r.list) }

// Values returns the conditions of a rule on values, for a search in columns.
func (r *Rules) Values(rule int) []wire.Term { return r.list[rule].values }

// Moved returns for each rule of r its index in next; -1 if next has no rule of
// the same name with the same query.
func (r *Rules) Moved(next *Rules) []int {
	to := make([]int, len(r.list))
	for i := range r.list {
		to[i] = slices.IndexFunc(next.list, func(o rule) bool { return o.Name == r.list[i].Name && o.Query == r.list[i].Query })
	}
	return to
}

// Match returns the rules whose conditions on values match a record, by index,
// at the moment now. was is the previous result for the same workflow, which is
// returned if nothing has changed.
func (r *Rules) Match(w *schema.Workflow, was []Match, now int64) []Match {
	record := reflect.ValueOf(w).Elem()
	return r.Matching(was, now, func(i int) bool {
		for _, keep := range r.list[i].checks {
			if !keep(record) {
				return false
			}
		}
		return true
	})
}

// Matching is Match for a caller that knows which rules match.
func (r *Rules) Matching(was []Match, now int64, match func(rule int) bool) []Match {
	var out []Match
	rest, same := was, true
	for i := range r.list {
		known := len(rest) > 0 && rest[0].Rule == i
		switch matches := match(i); {
		case matches && known:
			out = append(out, rest[0])
		case matches:
			out, same = append(out, Match{i, now}), false
		case known:
			same = false
		}
		if known {
			rest = rest[1:]
		}
	}
	if same {
		return was
	}
	return out
}

// Fire returns the rules that hold at the moment now, with the time at which
// each began to, and the next time at which that changes without a change of
// the record; 0 means never.
func (r *Rules) Fire(w *schema.Workflow, matches []Match, now int64) (began []schema.Began, next int64) {
	later := func(t int64) {
		if t > now && (next == 0 || t < next) {
			next = t
		}
	}
	for _, m := range matches {
		one := &r.list[m.Rule]
		from, until, ok := one.span(w)
		if !ok {
			continue
		}
		begin := max(m.Since, from) + one.For
		switch {
		case begin > until || now > until: // never, or not any more
		case now < begin:
			later(begin)
		default:
			began = append(began, schema.Began{Rule: one.Name, Time: begin})
			if until < math.MaxInt64 {
				later(until + 1)
			}
		}
	}
	return began, next
}

// span returns the first and the last moment at which all conditions on ages
// hold; false if they never do.
func (r *rule) span(w *schema.Workflow) (from, until int64, ok bool) {
	until = math.MaxInt64
	record := reflect.ValueOf(w).Elem()
	for _, a := range r.ages {
		at := record.FieldByIndex(a.path).Int()
		switch {
		case at <= 0: // an unknown time has no age
			return 0, 0, false
		case a.min && a.seconds > 0:
			from = max(from, at+a.seconds)
		case !a.min:
			until = min(until, at+a.seconds)
		}
	}
	return from, until, true
}
