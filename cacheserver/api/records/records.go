// Package records selects, from a short list of flat records in memory, those
// that a list request asks for, in its order. The store does the same for
// workflows by columns; this package does it for totals, of which there are a
// few thousand at most. The rules are the same: a missing value matches no
// positive condition and every negative one, and comes last in both directions
// of a sort. The package finds the keys of a record by the schema's
// description, so it works for any kind of record. It does not depend on HTTP,
// generations or pages.
package records

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// stepsEach are the steps of checking one value.
const stepsEach = 100

// Select returns the records of list that match the conditions of q, in its
// order. The first field of T is the name of a record: q.Text is searched in
// it, and it breaks ties. now, in Unix s, is the time that ages refer to. list
// is not changed. fields are those that schema.Describe returns for T; the
// caller passes them because that takes longer than all the rest. The error is
// that of the budget of ctx, or reports a key that T does not have.
func Select[T any](ctx context.Context, fields []schema.Field, list []T, q wire.Query, now int64) ([]T, error) {
	r := reader{fields: fields, record: reflect.TypeFor[T]()}
	match, steps, err := r.matcher(q, now)
	if err != nil {
		return nil, err
	}
	spent := budget.From(ctx)
	all := reflect.ValueOf(list)
	var places []int
	for i := range list {
		if !spent.Spend(stepsEach + steps) {
			return nil, fmt.Errorf("select records: %w", spent.Stopped())
		}
		if match(all.Index(i)) {
			places = append(places, i)
		}
	}
	keys := append(slices.Clone(q.Sort), wire.SortKey{Field: r.fields[0].Key})
	order, err := r.order(keys)
	if err != nil {
		return nil, err
	}
	if !budget.Sort(spent, places, stepsEach*len(keys), func(i, j int) int { return order(all.Index(i), all.Index(j)) }) {
		return nil, fmt.Errorf("sort records: %w", spent.Stopped())
	}
	out := make([]T, len(places))
	for i, at := range places {
		out[i] = list[at]
	}
	return out, nil
}

// Values counts the values of a key among the records of list that match the
// conditions of q; a list counts once for each of its values, and missing values do
// not count. fields, now and the error are as in Select.
func Values[T any](ctx context.Context, fields []schema.Field, list []T, q wire.Query, now int64, key string) ([]wire.FacetValue, error) {
	r := reader{fields: fields, record: reflect.TypeFor[T]()}
	f, path, err := r.find(key)
	if err != nil {
		return nil, err
	}
	match, steps, err := r.matcher(q, now)
	if err != nil {
		return nil, err
	}
	spent := budget.From(ctx)
	all := reflect.ValueOf(list)
	counts := map[string]int{}
	for i := range list {
		if !spent.Spend(2*stepsEach + steps) {
			return nil, fmt.Errorf("count values of records: %w", spent.Stopped())
		}
		record := all.Index(i)
		if v := record.FieldByIndex(path); match(record) && !missing(&f, v) {
			for _, text := range distinct(v) {
				counts[text]++
			}
		}
	}
	out := make([]wire.FacetValue, 0, len(counts))
	for text, n := range counts {
		out = append(out, wire.FacetValue{Value: text, Count: n})
	}
	return out, nil
}

// Name returns the name of a record.
func Name[T any](fields []schema.Field, record *T) string {
	return reflect.ValueOf(record).Elem().FieldByName(fields[0].Key).String()
}

// distinct returns the different texts of a value that are not empty.
func distinct(v reflect.Value) (out []string) {
	switch v.Kind() {
	case reflect.String, reflect.Slice:
		for _, text := range texts(v) {
			if text != "" && !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
		return out
	case reflect.Bool:
		return []string{strconv.FormatBool(v.Bool())}
	}
	return []string{strconv.FormatFloat(number(v), 'f', -1, 64)}
}

// Sort sorts records by keys, and by tie those that are equal in all keys.
// Errors are as in Select; after an error the order is undefined.
func Sort[T any](ctx context.Context, list []T, keys []wire.SortKey, tie func(a, b *T) int) error {
	r := reader{fields: schema.Describe[T](), record: reflect.TypeFor[T]()}
	order, err := r.order(keys)
	if err != nil {
		return err
	}
	spent := budget.From(ctx)
	from, sorted := slices.Clone(list), make([]*T, len(list))
	for i := range from {
		sorted[i] = &from[i]
	}
	if !budget.Sort(spent, sorted, stepsEach*(len(keys)+1), func(a, b *T) int {
		return cmp.Or(order(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()), tie(a, b))
	}) {
		return fmt.Errorf("sort records: %w", spent.Stopped())
	}
	for i, one := range sorted {
		list[i] = *one
	}
	return nil
}

// reader finds the values of records of one type.
type reader struct {
	fields []schema.Field
	record reflect.Type
}

// find returns the field with a key, and its index in the struct.
func (r *reader) find(key string) (f schema.Field, path []int, err error) {
	i := slices.IndexFunc(r.fields, func(f schema.Field) bool { return f.Key == key })
	at, ok := r.record.FieldByName(key)
	if i < 0 || !ok {
		return f, nil, fmt.Errorf("%s has no key %q", r.record.Name(), key)
	}
	return r.fields[i], at.Index, nil
}

// matcher returns the test of one record, and its approximate cost in
// nanoseconds beyond reading the record.
func (r *reader) matcher(q wire.Query, now int64) (match func(reflect.Value) bool, steps int, err error) {
	type check struct {
		path []int
		keep func(reflect.Value) bool
	}
	checks := make([]check, 0, len(q.Terms)+1)
	if q.Text != "" {
		words := wire.Words(strings.ToLower(q.Text))
		name, _ := r.record.FieldByName(r.fields[0].Key)
		checks = append(checks, check{name.Index, func(v reflect.Value) bool {
			text := strings.ToLower(v.String())
			return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
		}})
		steps += stepsEach * len(words)
	}
	for _, t := range q.Terms {
		f, path, err := r.find(t.Field)
		if err != nil {
			return nil, 0, err
		}
		keep, err := condition(f, t, float64(now))
		if err != nil {
			return nil, 0, err
		}
		checks = append(checks, check{path, keep})
		steps += stepsEach + (wire.Texts{In: t.Values}).Steps()
	}
	return func(record reflect.Value) bool {
		for _, c := range checks {
			if !c.keep(record.FieldByIndex(c.path)) {
				return false
			}
		}
		return true
	}, steps, nil
}

// condition returns the test of one value.
func condition(f schema.Field, t wire.Term, now float64) (func(reflect.Value) bool, error) {
	if f.Type == schema.String || f.Type == schema.List {
		match := func(text string) bool { return text != "" }
		if t.Op == wire.In || t.Op == wire.NotIn {
			match = wire.Texts{In: t.Values}.Match
		} else if t.Op != wire.Has && t.Op != wire.HasNot {
			return nil, fmt.Errorf("%s of %s: texts do not support ranges", t.Op, f.Key)
		}
		wanted := t.Op == wire.In || t.Op == wire.Has
		return func(v reflect.Value) bool { return slices.ContainsFunc(texts(v), match) == wanted }, nil
	}
	test, err := t.MatchNumber(f, now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Key, err)
	}
	return func(v reflect.Value) bool { return test(number(v)) }, nil
}

// number returns a number, or a flag as 0 or 1.
func number(v reflect.Value) float64 {
	switch v.Kind() {
	case reflect.Bool:
		return truth(v.Bool())
	case reflect.Float64:
		return v.Float()
	}
	return float64(v.Int())
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// texts returns the elements of a list, or a text as the only element.
func texts(v reflect.Value) []string {
	if v.Kind() == reflect.String {
		return []string{v.String()}
	}
	list, _ := v.Interface().([]string)
	return list
}

// order returns the comparison of two records by keys.
func (r *reader) order(keys []wire.SortKey) (func(a, b reflect.Value) int, error) {
	orders := make([]func(a, b reflect.Value) int, len(keys))
	for i, k := range keys {
		f, path, err := r.find(k.Field)
		if err != nil {
			return nil, err
		}
		orders[i] = func(a, b reflect.Value) int { return compare(&f, a.FieldByIndex(path), b.FieldByIndex(path), k.Desc) }
	}
	return func(a, b reflect.Value) int {
		for _, order := range orders {
			if c := order(a, b); c != 0 {
				return c
			}
		}
		return 0
	}, nil
}

// compare compares two values of a field; a missing value is last in both
// directions.
func compare(f *schema.Field, a, b reflect.Value, desc bool) int {
	if x, y := missing(f, a), missing(f, b); x || y {
		return cmp.Compare(truth(x), truth(y))
	}
	if desc {
		a, b = b, a
	}
	switch f.Type {
	case schema.String:
		x, y := a.String(), b.String()
		return cmp.Or(cmp.Compare(f.Rank(x), f.Rank(y)), cmp.Compare(x, y))
	case schema.List:
		return slices.Compare(texts(a), texts(b))
	case schema.Int:
		return cmp.Compare(a.Int(), b.Int())
	}
	return cmp.Compare(number(a), number(b))
}

func missing(f *schema.Field, v reflect.Value) bool {
	switch f.Type {
	case schema.String:
		return v.Len() == 0
	case schema.List:
		return !slices.ContainsFunc(texts(v), func(text string) bool { return text != "" })
	}
	return f.Missing(number(v))
}
