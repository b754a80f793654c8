package store

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/store/scan"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// The brute-force side of these tests works on decoded JSON records.

type plainRecord map[string]any

func decodeAll(t testing.TB, g *Snapshot) []plainRecord {
	t.Helper()
	sel, err := g.Select(wire.Query{})
	require.NoError(t, err)
	var out []plainRecord
	for _, r := range sel.Page(0, 1<<30) {
		var p plainRecord
		require.NoError(t, json.Unmarshal(r, &p))
		out = append(out, p)
	}
	return out
}

// texts gives the different values of a field that are there.
func (p plainRecord) texts(f schema.Field) (out []string) {
	switch v := p[f.Key].(type) {
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
	return slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(q)) })
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

// randomTerm makes a condition whose values occur.
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
		q.Text = []string{"nanoaodsim", "PRIMARY1", "EXO", "é", `"`}[rng.IntN(5)]
	case 2:
		q.After = name + []string{"", "x"}[rng.IntN(2)]
	case 3:
		q.Names = []string{name, "not there", b.records[0]["Workflow"].(string)}
	}
	return q
}

// strange puts texts into a record that JSON must escape, and lists with a
// value twice.
func strange(m *maker, c *Change) {
	c.Workflow.PrepID = `quote " and \ and é ` + "\u2028\t"
	c.Workflow.PrepIDs = []string{c.Workflow.PrepID, "a,\"PrepID\":\"x", ""}
	c.Workflow.OutputDatasets = []string{`/with "quotes"/x/RAW`, "/é/É/AOD", "/é/É/AOD"}
	c.Workflow.Campaigns = []string{"twice", "twice", "once"}
	c.Workflow.TimePerEvent, c.Workflow.SizePerEvent = pick(m, 0.1, 1e300, -0.5), 1.0/3
	c.Workflow.InputEvents = pick[int64](m, 1<<62, -1<<62)
}

func someChanges(m *maker, n int) (out []Change) {
	for i := range n {
		c := m.requestChange(nameOf(i))
		if i%17 == 0 {
			strange(m, &c)
		}
		out = append(out, c)
		for a := range m.rng.IntN(3) {
			out = append(out, m.partChange(nameOf(i), (i+a)%9, start))
		}
	}
	return out
}

func TestQueriesEqualBruteForce(t *testing.T) {
	eachCache(t, func(t *testing.T, o Options) {
		m := newMaker(21)
		o.Now = (&clock{start + 100}).now
		s := loaded(t, o, someChanges(m, 180))
		fields := schema.Describe[schema.Workflow]()
		for round := range 3 {
			if round > 0 { // blocks of other lengths
				for i := range 150 {
					s.Apply([]Change{m.requestChange(nameOf(m.rng.IntN(230))), {Kind: ReqMgr, ID: nameOf(m.rng.IntN(180)), Deleted: true}, m.partChange(nameOf(i), 3, start)})
				}
			}
			g, _ := s.Snapshot()
			b := &bruteForce{map[string]schema.Field{}, decodeAll(t, g), float64(g.Time().Unix())}
			for _, f := range fields {
				b.fields[f.Key] = f
			}
			for range 70 {
				checkQuery(t, m.rng, g, b, b.randomQuery(m.rng, fields), fields)
			}
		}
	})
}

func checkQuery(t *testing.T, rng *rand.Rand, g *Snapshot, b *bruteForce, q wire.Query, fields []schema.Field) {
	t.Helper()
	for range rng.IntN(3) {
		q.Sort = append(q.Sort, wire.SortKey{Field: fields[rng.IntN(len(fields))].Key, Desc: rng.IntN(2) == 0})
	}
	want := b.find(q, "")
	if q.After == "" {
		slices.SortStableFunc(want, func(x, y plainRecord) int {
			for _, k := range q.Sort {
				c := compareValues(x[k.Field], y[k.Field])
				if k.Desc {
					c = -c
				}
				if c != 0 {
					return c
				}
			}
			return 0
		})
	}
	sel, err := g.Select(q)
	require.NoError(t, err)
	got := []string{}
	for _, r := range sel.Page(0, 1<<30) {
		var p plainRecord
		require.NoError(t, json.Unmarshal(r, &p))
		got = append(got, p["Workflow"].(string))
	}
	require.Equal(t, names(want), got, "%+v", q)
	require.Equal(t, len(want), sel.Total())
	for range 3 {
		q.Facets = append(q.Facets, wire.Facet{Field: fields[rng.IntN(len(fields))].Key, Limit: rng.IntN(5)})
	}
	if len(q.Terms) > 0 {
		q.Facets = append(q.Facets, wire.Facet{Field: q.Terms[0].Field})
	}
	facets, err := g.Facets(q)
	require.NoError(t, err)
	for i, f := range q.Facets {
		if slices.ContainsFunc(q.Facets[i+1:], func(o wire.Facet) bool { return o.Field == f.Field }) {
			continue
		}
		require.Equal(t, b.facet(q, f), facets[f.Field], "%+v", q)
	}
	by := []string{fields[rng.IntN(len(fields))].Key}
	if rng.IntN(2) == 0 {
		by = append(by, "Status")
	}
	groups, total, err := g.Stats(q, by, []string{"Failure", "Running", "EstimatedJobs"})
	require.NoError(t, err)
	require.Equal(t, len(want), total)
	require.Equal(t, b.stats(q, by, []string{"Failure", "Running", "EstimatedJobs"}), groups, "%+v %v", q, by)
}

func TestFaultyQueriesAreErrors(t *testing.T) {
	m := newMaker(22)
	s := loaded(t, Options{}, someChanges(m, 60))
	g, _ := s.Snapshot()
	for _, q := range []wire.Query{
		{Terms: []wire.Term{{Field: "Nothing", Op: wire.In}}},
		{Terms: []wire.Term{{Field: "Priority", Op: wire.In, Values: []string{"high"}}}},
		{Terms: []wire.Term{{Field: "Status", Op: wire.Min, Number: 3}}},
		{Terms: []wire.Term{{Field: "PrepID", Op: wire.Max, Number: 3}}},
		{Terms: []wire.Term{{Field: "Skipped", Op: wire.Max, Number: 3}}},
		{Terms: []wire.Term{{Field: "Status", Op: "near"}}},
		{Terms: []wire.Term{{Field: "Priority", Op: "near"}}},
		{Sort: []wire.SortKey{{Field: "Nothing"}}},
	} {
		_, err := g.Select(q)
		require.Error(t, err, "%+v", q)
	}
	_, err := g.Facets(wire.Query{Facets: []wire.Facet{{Field: "Nothing"}}})
	require.Error(t, err)
	var argument *ArgumentError
	for _, args := range [][2][]string{{{}, {}}, {{"Nothing"}, {}}, {{"Status"}, {"JobProgress"}}, {{"Status"}, {"Sites"}}, {{"Status", "Team", "Type"}, {}}} {
		_, _, err := g.Stats(wire.Query{}, args[0], args[1])
		require.ErrorAs(t, err, &argument)
	}
}

func TestTooManyGroupsIsAnError(t *testing.T) {
	m := newMaker(23)
	var changes []Change
	for i := range 11_000 {
		changes = append(changes, Change{Kind: ReqMgr, ID: nameOf(i), Workflow: m.request(nameOf(i))})
	}
	g, _ := loaded(t, Options{}, changes).Snapshot()
	var many *TooManyGroupsError
	_, _, err := g.Stats(wire.Query{}, []string{"Workflow"}, nil)
	require.ErrorAs(t, err, &many)
}

func gunzip(t testing.TB, parts [][]byte, size int64) []byte {
	t.Helper()
	whole := bytes.Join(parts, nil)
	require.Len(t, whole, int(size))
	zr, err := gzip.NewReader(bytes.NewReader(whole))
	require.NoError(t, err)
	zr.Multistream(false)
	text, err := io.ReadAll(zr)
	require.NoError(t, err)
	return text
}

func TestStitchedPagesEqualPlainOnes(t *testing.T) {
	eachCache(t, func(t *testing.T, o Options) {
		m := newMaker(24)
		s := loaded(t, o, someChanges(m, 510))
		for round := range 3 {
			g, _ := s.Snapshot()
			sel, err := g.Select(wire.Query{})
			require.NoError(t, err)
			pages := [][2]int{{0, 0}, {0, 50}, {50, 100}, {0, 1 << 30}, {509, 5}, {1000, 5}, {17, 3}, {49, 2}, {-3, 4}, {3, -1}}
			for range 60 {
				pages = append(pages, [2]int{m.rng.IntN(600), m.rng.IntN(300)})
			}
			for _, p := range append(pages, pages...) {
				for _, format := range []wire.Format{wire.JSON, wire.NDJSON} {
					parts, size, ok := sel.Stitched(p[0], p[1], format)
					require.True(t, ok)
					records := sel.Page(p[0], p[1])
					require.Equal(t, string(AppendPage(nil, records, format)), string(gunzip(t, parts, size)), "%v %s", p, format)
					if len(records) > 0 {
						var last schema.Workflow
						require.NoError(t, json.Unmarshal(records[len(records)-1], &last))
						require.Equal(t, last.Workflow, sel.Last(p[0], p[1]))
					} else {
						require.Empty(t, sel.Last(p[0], p[1]))
					}
				}
			}
			_, _, ok := sel.Stitched(0, 10, wire.CSV)
			require.False(t, ok)
			sorted, err := g.Select(wire.Query{Sort: []wire.SortKey{{Field: "Priority"}}})
			require.NoError(t, err)
			_, _, ok = sorted.Stitched(0, 10, wire.JSON)
			require.False(t, ok)
			if round == 0 {
				for range 100 {
					s.Apply([]Change{m.requestChange(nameOf(m.rng.IntN(600))), {Kind: ReqMgr, ID: nameOf(m.rng.IntN(500)), Deleted: true}})
				}
			} else {
				s.Rebalance()
			}
		}
	})
}

func TestWarmMakesAllSegments(t *testing.T) {
	s := loaded(t, Options{}, someChanges(newMaker(27), 120))
	g := must(s)
	b, _ := g.tree.At(0)
	before := b.Bytes()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, g.Warm(ended, wire.JSON), context.Canceled)
	require.Equal(t, before, b.Bytes())
	require.NoError(t, g.Warm(t.Context(), wire.JSON))
	warm := b.Bytes()
	require.Greater(t, warm, before)
	require.NoError(t, g.Warm(t.Context(), wire.NDJSON))
	require.Greater(t, b.Bytes(), warm)
	require.Error(t, g.Warm(t.Context(), wire.CSV))
}

func TestPlainForm(t *testing.T) {
	a, b := []byte(`{"a":1}`), []byte(`{"b":2}`)
	for want, page := range map[string][]byte{
		"[]\n":                      AppendPage(nil, nil, wire.JSON),
		"":                          AppendPage(nil, nil, wire.NDJSON),
		"x[{\"a\":1}]\n":            AppendPage([]byte("x"), [][]byte{a}, wire.JSON),
		"[{\"a\":1},\n{\"b\":2}]\n": AppendPage(nil, [][]byte{a, b}, wire.JSON),
		"{\"a\":1}\n{\"b\":2}\n":    AppendPage(nil, [][]byte{a, b}, wire.NDJSON),
	} {
		require.Equal(t, want, string(page))
	}
}

func TestVersionsAreOfTheContent(t *testing.T) {
	m := newMaker(25)
	changes := someChanges(m, 300)
	g1, _ := loaded(t, Options{}, changes).Snapshot()
	s2 := loaded(t, Options{Process: "b"}, changes)
	g2, _ := s2.Snapshot()
	a, err := g1.Select(wire.Query{})
	require.NoError(t, err)
	b, err := g2.Select(wire.Query{})
	require.NoError(t, err)
	seen := map[uint64]string{}
	for _, p := range [][2]int{{0, 100}, {100, 100}, {0, 200}, {5, 1}, {0, 0}, {0, 63}, {0, 64}, {0, 65}} {
		require.Equal(t, a.Versions(p[0], p[1]), b.Versions(p[0], p[1]))
		require.Empty(t, seen[a.Versions(p[0], p[1])])
		seen[a.Versions(p[0], p[1])] = fmt.Sprint(p)
	}
	s2.Apply([]Change{m.requestChange(nameOf(150))})
	g3, _ := s2.Snapshot()
	c, err := g3.Select(wire.Query{})
	require.NoError(t, err)
	changed := slices.Index(slices.Sorted(maps.Keys(newNames(changes))), nameOf(150))
	require.NotEqual(t, a.Versions(changed, 1), c.Versions(changed, 1))
	require.Equal(t, a.Versions(changed+1, 99), c.Versions(changed+1, 99))
}

func newNames(changes []Change) map[string]bool {
	out := map[string]bool{}
	for _, c := range changes {
		if c.Kind == ReqMgr {
			out[c.ID] = true
		}
	}
	return out
}

// A sort of all workflows is made from that of a generation before; it must be
// the same as one made anew.
func TestOrdersFollowChanges(t *testing.T) {
	m := newMaker(26)
	var changes []Change
	for i := range 3000 {
		changes = append(changes, m.requestChange(nameOf(i)))
	}
	s := loaded(t, Options{}, changes)
	fields := schema.Describe[schema.Workflow]()
	reused := 0
	for range 6 {
		before, _ := s.Snapshot()
		for range m.rng.IntN(3) {
			s.Apply([]Change{m.requestChange(nameOf(m.rng.IntN(3300)))})
			s.Apply([]Change{{Kind: ReqMgr, ID: nameOf(m.rng.IntN(3300)), Deleted: true}})
		}
		g, _ := s.Snapshot()
		for i, f := range fields {
			q := wire.Query{Sort: []wire.SortKey{{Field: f.Key, Desc: i%2 == 0}, {Field: "Priority", Desc: i%3 == 0}}}
			if old := before.lists.peek(listKey(q)); old != nil && old.order != nil {
				_, ok := scan.Reorder(before.tree, old.order, g.tree, q.Sort)
				reused += map[bool]int{true: 1}[ok]
			}
			got, err := g.Select(q)
			require.NoError(t, err)
			want, err := scan.Order(g.tree, nil, q.Sort)
			require.NoError(t, err)
			require.Equal(t, want, got.order, f.Key)
		}
	}
	require.Greater(t, reused, 100)
}
