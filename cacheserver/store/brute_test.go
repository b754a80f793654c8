package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// The brute-force side of these tests uses decoded JSON records.

type plainRecord map[string]any

func decodeAll(t testing.TB, g *Generation) []plainRecord {
	t.Helper()
	sel, err := g.Select(t.Context(), wire.Query{})
	require.NoError(t, err)
	var out []plainRecord
	for _, r := range sel.Page(0, 1<<30) {
		var p plainRecord
		require.NoError(t, json.Unmarshal(r, &p))
		out = append(out, p)
	}
	return out
}

// texts returns the distinct values of a field; for a main field, all of its
// list.
func (p plainRecord) texts(f schema.Field) (out []string) {
	switch v := p[cmp.Or(f.All, f.Key)].(type) {
	case string:
		if v != "" {
			out = append(out, v)
		}
	case bool:
		out = append(out, strconv.FormatBool(v))
	case float64:
		if v != -1 && !(v == 0 && f.Unit == "Unix s") {
			out = append(out, strconv.FormatFloat(v, 'f', -1, 64))
		}
	case []any:
		for _, e := range v {
			if s, _ := e.(string); s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

func likeSlow(text, pattern string) bool {
	if pattern == "" {
		return text == ""
	}
	if pattern[0] == '*' {
		for i := range len(text) + 1 {
			if likeSlow(text[i:], pattern[1:]) {
				return true
			}
		}
		return false
	}
	return text != "" && text[0] == pattern[0] && likeSlow(text[1:], pattern[1:])
}

func (p plainRecord) matches(f schema.Field, t wire.Term, now float64) bool {
	n, _ := p[f.Key].(float64)
	missing := len(p.texts(f)) == 0
	switch t.Op {
	case wire.In, wire.NotIn:
		found := false
		for _, text := range p.texts(f) {
			for _, v := range t.Values {
				found = found || likeSlow(text, v)
			}
		}
		return found == (t.Op == wire.In)
	case wire.Min:
		return !missing && n >= t.Number
	case wire.Max:
		return !missing && n <= t.Number
	case wire.MinAge:
		return n > 0 && max(0, now-n) >= t.Number
	case wire.MaxAge:
		return n > 0 && max(0, now-n) <= t.Number
	}
	has := !missing
	if f.Type == schema.Int || f.Type == schema.Float {
		has = n != 0 && n != -1
	}
	if f.Type == schema.Bool {
		has, _ = p[f.Key].(bool)
	}
	return has == (t.Op == wire.Has)
}

func (p plainRecord) matchesText(q string) bool {
	texts := []string{p["Workflow"].(string)}
	for _, key := range []string{"PrepIDs", "InputDatasets", "OutputDatasets"} {
		for _, v := range p[key].([]any) {
			texts = append(texts, v.(string))
		}
	}
	for _, word := range wire.Words(q) {
		if !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(word)) }) {
			return false
		}
	}
	return true
}

type bruteForce struct {
	fields  map[string]schema.Field
	records []plainRecord
	now     float64
}

func (b *bruteForce) find(q wire.Query, without string) (out []plainRecord) {
	for _, p := range b.records {
		name := p["Workflow"].(string)
		ok := q.Text == "" || p.matchesText(q.Text)
		ok = ok && (len(q.Names) == 0 || slices.Contains(q.Names, name)) && name > q.After
		for _, t := range q.Terms {
			ok = ok && (t.Field == without || p.matches(b.fields[t.Field], t, b.now))
		}
		if ok {
			out = append(out, p)
		}
	}
	return out
}

func compareValues(a, b any) int {
	switch x := a.(type) {
	case string:
		return cmp.Compare(x, b.(string))
	case float64:
		return cmp.Compare(x, b.(float64))
	case bool:
		return cmp.Compare(strconv.FormatBool(x), strconv.FormatBool(b.(bool)))
	}
	return slices.Compare(plainRecord{"": a}.texts(schema.Field{}), plainRecord{"": b}.texts(schema.Field{}))
}

func names(list []plainRecord) []string {
	out := []string{}
	for _, p := range list {
		out = append(out, p["Workflow"].(string))
	}
	return out
}

func (b *bruteForce) facet(q wire.Query, f wire.Facet) wire.FacetResult {
	counts := map[string]int{}
	r := wire.FacetResult{Values: []wire.FacetValue{}}
	for _, p := range b.find(q, f.Field) {
		texts := p.texts(b.fields[f.Field])
		if len(texts) == 0 {
			r.Missing++
		}
		for _, text := range texts {
			counts[text]++
		}
	}
	for text, n := range counts {
		r.Values = append(r.Values, wire.FacetValue{Value: text, Count: n})
	}
	slices.SortFunc(r.Values, func(a, b wire.FacetValue) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Value, b.Value))
	})
	r.Distinct = len(r.Values)
	if limit := cmp.Or(f.Limit, 10); len(r.Values) > limit {
		for _, v := range r.Values[limit:] {
			r.Other += v.Count
		}
		r.Values = r.Values[:limit]
	}
	return r
}

func (b *bruteForce) stats(q wire.Query, by, sum []string) (out []wire.StatsGroup) {
	groups := map[string]*wire.StatsGroup{}
	orNone := func(texts []string) []string {
		if len(texts) == 0 {
			return []string{""}
		}
		return texts
	}
	for _, p := range b.find(q, "") {
		for _, first := range orNone(p.texts(b.fields[by[0]])) {
			for _, second := range orNone(p.texts(b.fields[by[len(by)-1]])) {
				keys := []string{first}
				if len(by) == 2 {
					keys = append(keys, second)
				} else if second != first {
					continue
				}
				g := groups[fmt.Sprint(keys)]
				if g == nil {
					g = &wire.StatsGroup{Keys: keys, Sums: make([]int64, len(sum))}
					groups[fmt.Sprint(keys)] = g
				}
				g.Count++
				for i, field := range sum {
					if v := int64(p[field].(float64)); v != -1 {
						g.Sums[i] += v
					}
				}
			}
		}
	}
	for _, g := range groups {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b wire.StatsGroup) int {
		return cmp.Or(b.Count-a.Count, slices.Compare(a.Keys, b.Keys))
	})
	return out
}

// randomTerm returns a condition whose values occur.
func (b *bruteForce) randomTerm(rng *rand.Rand, f schema.Field) wire.Term {
	p := b.records[rng.IntN(len(b.records))]
	t := wire.Term{Field: f.Key}
	if (f.Type == schema.Int || f.Type == schema.Float) && rng.IntN(2) == 0 {
		ops := []wire.Op{wire.Min, wire.Max}
		t.Number = p[f.Key].(float64)
		if f.Unit == "Unix s" && rng.IntN(2) == 0 {
			ops = []wire.Op{wire.MinAge, wire.MaxAge}
			t.Number = b.now - t.Number
		}
		t.Op = ops[rng.IntN(2)]
		return t
	}
	if rng.IntN(6) == 0 {
		t.Op = []wire.Op{wire.Has, wire.HasNot}[rng.IntN(2)]
		return t
	}
	t.Op = []wire.Op{wire.In, wire.In, wire.NotIn}[rng.IntN(3)]
	for range 1 + rng.IntN(3) {
		texts := b.records[rng.IntN(len(b.records))].texts(f)
		if len(texts) == 0 {
			continue
		}
		text := texts[rng.IntN(len(texts))]
		if f.Type == schema.String || f.Type == schema.List {
			switch rng.IntN(4) {
			case 0:
				text = text[:len(text)/2] + "*"
			case 1:
				text = "*" + text[len(text)/3:len(text)/3+1] + "*" + text[len(text)-1:]
			}
		}
		t.Values = append(t.Values, text)
	}
	return t
}

func (b *bruteForce) randomQuery(rng *rand.Rand, fields []schema.Field) wire.Query {
	var q wire.Query
	for range rng.IntN(4) {
		q.Terms = append(q.Terms, b.randomTerm(rng, fields[rng.IntN(len(fields))]))
	}
	name := b.records[rng.IntN(len(b.records))]["Workflow"].(string)
	switch rng.IntN(12) {
	case 0:
		q.Text = strings.ToUpper(name[5:20])
	case 1:
		q.Text = []string{"nanoaodsim", "PRIMARY1", "EXO", "é", `"\""`, "exo nano", name[5:9] + " " + name[len(name)-3:]}[rng.IntN(7)]
	case 2:
		q.After = name + []string{"", "x"}[rng.IntN(2)]
	case 3:
		q.Names = []string{name, "unknown", b.records[0]["Workflow"].(string)}
	}
	return q
}
