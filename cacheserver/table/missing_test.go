package table

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// some returns a record whose values are often missing, often zero and seldom
// extreme.
func some(r *rand.Rand, name string) schema.Workflow {
	w := schema.Workflow{Workflow: name}
	v := reflect.ValueOf(&w).Elem()
	texts := []string{"", "", "a", "b", "a\x00z", "\x00\x00\x00\x00\x00\x00\x00\x00", "b2", "é"}
	ints := []int64{-1, -1, 0, 0, 1, 2, 7, -2, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64}
	for _, f := range schema.Describe[schema.Workflow]()[1:] {
		field := v.FieldByName(f.Key)
		switch f.Type {
		case schema.Int:
			field.SetInt(ints[r.IntN(len(ints))])
		case schema.Float:
			field.SetFloat([]float64{-1, -1, 0, 0.01, 99.5, 1e300, -3}[r.IntN(7)])
		case schema.Bool:
			field.SetBool(r.IntN(2) == 0)
		case schema.String:
			field.SetString(texts[r.IntN(len(texts))])
		case schema.List:
			list := []string{}
			for range r.IntN(4) {
				// A value with the character that joins lists is compared as
				// the joined text.
				list = append(list, []string{"", "a", "b", "b2", "é"}[r.IntN(5)])
			}
			field.Set(reflect.ValueOf(list))
		case schema.Records:
		}
	}
	return w
}

// absent reports whether a record has no value under a key, from the record
// alone.
func absent(w *schema.Workflow, f schema.Field) bool {
	switch v := reflect.ValueOf(w).Elem().FieldByName(f.Key).Interface().(type) {
	case int64:
		return v == -1 || v == 0 && f.Unit == "Unix s"
	case float64:
		return v == -1
	case string:
		return v == ""
	case []string:
		return !slices.ContainsFunc(v, func(s string) bool { return s != "" })
	}
	return false
}

// plainly compares two present values.
func plainly(a, b *schema.Workflow, f schema.Field) int {
	x, y := reflect.ValueOf(a).Elem().FieldByName(f.Key).Interface(), reflect.ValueOf(b).Elem().FieldByName(f.Key).Interface()
	switch x := x.(type) {
	case int64:
		return cmp.Compare(x, y.(int64))
	case float64:
		return cmp.Compare(x, y.(float64))
	case bool:
		return map[bool]int{true: 1}[x] - map[bool]int{true: 1}[y.(bool)]
	case string:
		return cmp.Compare(x, y.(string))
	}
	tidy := func(v any) (out []string) {
		for _, text := range v.([]string) {
			if text != "" && !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
		return out
	}
	return slices.Compare(tidy(x), tidy(y))
}

// TestMissingIsLastInBothDirections checks all keys of the schema, in each way
// in which an order is computed: all records, some of them, the first ones, and
// from an older order.
func TestMissingIsLastInBothDirections(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	fields := schema.Describe[schema.Workflow]()
	for round := range 2 {
		var list []schema.Workflow
		for i := range 60 + 130*round {
			list = append(list, some(r, fmt.Sprintf("w%04d", i)))
		}
		tr := tableOf(t, list...)
		half := tr.NewSet()
		for i := range list {
			if i%2 == 0 {
				half.Add(i)
			}
		}
		for n, f := range fields[1:] {
			second := fields[1+(n*7+round)%(len(fields)-1)]
			for _, keys := range [][]wire.SortKey{
				{{Field: f.Key}}, {{Field: f.Key, Desc: true}},
				{{Field: f.Key}, {Field: second.Key, Desc: true}}, {{Field: f.Key, Desc: true}, {Field: second.Key}},
			} {
				want := make([]uint32, len(list))
				for i := range want {
					want[i] = uint32(i)
				}
				slices.SortStableFunc(want, func(i, j uint32) int {
					for _, k := range keys {
						field := fields[slices.IndexFunc(fields, func(f schema.Field) bool { return f.Key == k.Field })]
						a, b := &list[i], &list[j]
						if x, y := absent(a, field), absent(b, field); x || y {
							if x != y {
								return map[bool]int{true: 1, false: -1}[x]
							}
							continue
						}
						if c := plainly(a, b, field); c != 0 {
							return map[bool]int{true: -c, false: c}[k.Desc]
						}
					}
					return 0
				})
				got, err := tr.Order(unbounded(), nil, keys)
				require.NoError(t, err)
				require.Equal(t, want, got, "%v", keys)
				got, err = tr.Order(unbounded(), half, keys)
				require.NoError(t, err)
				require.Equal(t, slices.DeleteFunc(slices.Clone(want), func(at uint32) bool { return at%2 != 0 }), got, "%v of some", keys)
				for _, n := range []int{1, 20, 64, 5000} {
					got, err = tr.Top(unbounded(), keys, n)
					require.NoError(t, err)
					require.Equal(t, want[:min(n, len(want))], got, "%v, the first %d", keys, n)
				}
				c, err := newComparer(tr, keys)
				require.NoError(t, err)
				require.True(t, slices.IsSortedFunc(want, c.compare), "%v one by one", keys)
			}
		}
	}
}

// TestBoundsNeverMatchMissingValues checks all keys that have bounds.
func TestBoundsNeverMatchMissingValues(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	var list []schema.Workflow
	for i := range 200 {
		list = append(list, some(r, fmt.Sprintf("w%04d", i)))
	}
	tr := tableOf(t, list...)
	for _, f := range schema.Describe[schema.Workflow]() {
		if f.Type != schema.Int && f.Type != schema.Float {
			continue
		}
		for _, term := range []wire.Term{
			{Field: f.Key, Op: wire.Max, Number: 5}, {Field: f.Key, Op: wire.Min, Number: -10}, {Field: f.Key, Op: wire.Max, Number: math.Inf(1)},
			{Field: f.Key, Op: wire.In, Values: []string{"-1"}}, {Field: f.Key, Op: wire.MaxAge, Number: 1e18}, {Field: f.Key, Op: wire.MinAge, Number: 0},
		} {
			for _, name := range found(t, tr, 1000, wire.Query{Terms: []wire.Term{term}}) {
				i := slices.IndexFunc(list, func(w schema.Workflow) bool { return w.Workflow == name })
				require.False(t, absent(&list[i], f), "%+v found %s", term, name)
			}
		}
	}
}
