package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/store/scan"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

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
