package fakecache

import (
	"cmp"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// page filters, sorts and cuts.
func (s *Server) page(q wire.Query) ([]schema.Workflow, int) {
	out := []schema.Workflow{}
	for _, w := range s.Records.Workflows {
		if matches(&w, q, "") {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b schema.Workflow) int {
		for _, key := range q.Sort {
			order := compare(value(&a, key.Field), value(&b, key.Field))
			if key.Desc {
				order = -order
			}
			if x, y := missing(&a, key.Field), missing(&b, key.Field); x != y {
				order = map[bool]int{true: 1, false: -1}[x] // last in both directions
			}
			if order != 0 {
				return order
			}
		}
		return strings.Compare(a.Workflow, b.Workflow)
	})
	from := min(q.Idx, len(out))
	shown := out[from:min(from+q.PageLimit(), len(out))]
	if len(q.Fields) > 0 && !s.Whole {
		for i := range shown {
			shown[i] = project(shown[i], q.Fields)
		}
	}
	return shown, len(out)
}

// project leaves a record its name and the fields that are asked for.
func project(w schema.Workflow, fields []string) schema.Workflow {
	out := schema.Workflow{Workflow: w.Workflow}
	for _, key := range fields {
		value(&out, key).Set(value(&w, key))
	}
	return out
}

// places are where the keys of a record are, looked up once.
var places = sync.OnceValue(func() map[string][]int {
	out := map[string][]int{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[schema.Workflow]()) {
		out[f.Name] = f.Index
	}
	return out
})

func value(w *schema.Workflow, key string) reflect.Value {
	return reflect.ValueOf(w).Elem().FieldByIndex(places()[key])
}

// missing says that a record has no value under a key.
func missing(w *schema.Workflow, key string) bool {
	v := value(w, key)
	switch v.Kind() {
	case reflect.Int64, reflect.Float64:
		return number(w, key) == -1 || number(w, key) == 0 && strings.HasSuffix(key, "Time")
	case reflect.String, reflect.Slice:
		return v.Len() == 0
	}
	return false
}

func compare(a, b reflect.Value) int {
	switch a.Kind() {
	case reflect.Int64:
		return cmp.Compare(a.Int(), b.Int())
	case reflect.Float64:
		return cmp.Compare(a.Float(), b.Float())
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

// alls are the lists that hold all values of a field.
var alls = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, f := range schema.Describe[schema.Workflow]() {
		out[f.Key] = f.All
	}
	return out
})

// texts are the values of a field, as a facet counts them.
func texts(w *schema.Workflow, key string) []string {
	v := value(w, cmp.Or(alls()[key], key))
	switch v.Kind() {
	case reflect.Slice:
		return v.Interface().([]string)
	case reflect.String:
		return []string{v.String()}
	}
	return []string{fmt.Sprint(v.Interface())}
}

func value64(w *schema.Workflow, key string) int64 { return value(w, key).Int() }

// number is a numeric field, for bounds.
func number(w *schema.Workflow, key string) float64 {
	v := value(w, key)
	if v.Kind() == reflect.Float64 {
		return v.Float()
	}
	return float64(v.Int())
}

// matches applies all terms but those of one field.
func matches(w *schema.Workflow, q wire.Query, except string) bool {
	if q.Text != "" && !strings.Contains(strings.ToLower(w.Workflow+" "+w.PrepID), strings.ToLower(q.Text)) {
		return false
	}
	if len(q.Names) > 0 && !slices.Contains(q.Names, w.Workflow) {
		return false
	}
	for _, t := range q.Terms {
		if t.Field != except && !holds(w, t) {
			return false
		}
	}
	return true
}

func holds(w *schema.Workflow, t wire.Term) bool {
	listed := func() bool {
		return slices.ContainsFunc(texts(w, t.Field), func(have string) bool {
			return slices.ContainsFunc(t.Values, func(want string) bool { return same(want, have) })
		})
	}
	present := func() bool {
		have := strings.Join(texts(w, t.Field), "")
		return have != "" && have != "0" && have != "-1" && have != "false"
	}
	switch t.Op {
	case wire.In:
		return listed()
	case wire.NotIn:
		return !listed()
	case wire.Min:
		return number(w, t.Field) >= t.Number
	case wire.Max:
		return number(w, t.Field) <= t.Number
	case wire.MinAge:
		return Now-number(w, t.Field) >= t.Number
	case wire.MaxAge:
		return Now-number(w, t.Field) <= t.Number
	case wire.Has:
		return present()
	case wire.HasNot:
		return !present()
	}
	return false
}

// same compares with wildcards; names without one are compared as they are.
func same(pattern, name string) bool {
	if !strings.Contains(pattern, "*") {
		return pattern == name
	}
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// facet counts the values of one field under the other filters.
func (s *Server) facet(q wire.Query, key string) wire.FacetResult {
	result := s.count(q, key)
	cut(&result, wire.DefaultFacet)
	return result
}

// cut keeps the most frequent values.
func cut(result *wire.FacetResult, most int) {
	for len(result.Values) > most {
		last := len(result.Values) - 1
		result.Other += result.Values[last].Count
		result.Values = result.Values[:last]
	}
}

func (s *Server) count(q wire.Query, key string) wire.FacetResult {
	counts := map[string]int{}
	var result wire.FacetResult
	for i := range s.Records.Workflows {
		w := &s.Records.Workflows[i]
		if !matches(w, q, key) {
			continue
		}
		values := texts(w, key)
		if len(values) == 0 || values[0] == "" {
			result.Missing++
			continue
		}
		for _, v := range values {
			counts[v]++
		}
	}
	for v, n := range counts {
		result.Values = append(result.Values, wire.FacetValue{Value: v, Count: n})
	}
	slices.SortFunc(result.Values, func(a, b wire.FacetValue) int {
		return cmp.Or(b.Count-a.Count, strings.Compare(a.Value, b.Value))
	})
	result.Distinct = len(result.Values)
	return result
}
