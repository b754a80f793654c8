package store

import (
	"encoding/json"
	"github.com/dmwm/wmstats/cacheserver/table"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// strange adds texts that JSON must escape, and lists with a repeated value.
func strange(m *maker, c *join.Change) {
	c.Workflow.PrepID = `quote " and \ and é ` + "\u2028\t"
	c.Workflow.PrepIDs = []string{c.Workflow.PrepID, "a,\"PrepID\":\"x", ""}
	c.Workflow.OutputDatasets = []string{`/with "quotes"/x/RAW`, "/é/É/AOD", "/é/É/AOD"}
	c.Workflow.Campaigns = []string{"twice", "twice", "once"}
	c.Workflow.TimePerEvent, c.Workflow.SizePerEvent = pick(m, 0.1, 1e300, -0.5), 1.0/3
	c.Workflow.InputEvents = pick[int64](m, 1<<62, -1<<62)
}

func someChanges(m *maker, n int) (out []join.Change) {
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

// Number of queries compared with brute force on each of three generations, with
// two caches: 600 in all, each with its page, up to four facets and its groups.
const queries = 100

func TestQueriesEqualBruteForce(t *testing.T) {
	eachCache(t, func(t *testing.T, o Options) {
		m := newMaker(21)
		o.Now = (&clock{start + 100}).now
		s := loaded(t, o, someChanges(m, 180))
		fields := schema.Describe[schema.Workflow]()
		for round := range 3 {
			if round > 0 { // blocks of other lengths
				for i := range 150 {
					s.Apply([]join.Change{m.requestChange(nameOf(m.rng.IntN(230))), {Kind: join.Request, ID: nameOf(m.rng.IntN(180)), Deleted: true}, m.partChange(nameOf(i), 3, start)})
				}
			}
			g, _ := s.Newest()
			b := &bruteForce{map[string]schema.Field{}, decodeAll(t, g), float64(g.Time().Unix())}
			for _, f := range fields {
				b.fields[f.Key] = f
			}
			for range queries {
				checkQuery(t, m.rng, g, b, b.randomQuery(m.rng, fields), fields)
			}
		}
	})
}

func checkQuery(t *testing.T, rng *rand.Rand, g *Generation, b *bruteForce, q wire.Query, fields []schema.Field) {
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
				f := b.fields[k.Field]
				f.All = "" // the order is by the main field
				if mx, my := len(x.texts(f)) == 0, len(y.texts(f)) == 0; mx != my {
					c = map[bool]int{true: 1, false: -1}[mx]
				}
				if c != 0 {
					return c
				}
			}
			return 0
		})
	}
	sel, err := g.Select(t.Context(), q)
	require.NoError(t, err)
	got := []string{}
	for _, r := range sel.Page(0, 1<<30) {
		var p struct{ Workflow string }
		require.NoError(t, json.Unmarshal(r, &p))
		got = append(got, p.Workflow)
	}
	require.Equal(t, names(want), got, "%+v", q)
	require.Equal(t, len(want), sel.Total())
	for range 3 {
		q.Facets = append(q.Facets, wire.Facet{Field: fields[rng.IntN(len(fields))].Key, Limit: rng.IntN(5)})
	}
	if len(q.Terms) > 0 {
		q.Facets = append(q.Facets, wire.Facet{Field: q.Terms[0].Field})
	}
	facets, err := g.Facets(t.Context(), q)
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
	groups, total, err := g.Stats(t.Context(), q, by, []string{"Failure", "Running", "EstimatedJobs"})
	require.NoError(t, err)
	require.Equal(t, len(want), total)
	require.Equal(t, b.stats(q, by, []string{"Failure", "Running", "EstimatedJobs"}), groups, "%+v %v", q, by)
}

func TestInvalidQueriesAreErrors(t *testing.T) {
	m := newMaker(22)
	s := loaded(t, Options{}, someChanges(m, 60))
	g, _ := s.Newest()
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
		_, err := g.Select(t.Context(), q)
		require.Error(t, err, "%+v", q)
	}
	_, err := g.Facets(t.Context(), wire.Query{Facets: []wire.Facet{{Field: "Nothing"}}})
	require.Error(t, err)
	var argument *table.ArgumentError
	for _, args := range [][2][]string{{{}, {}}, {{"Nothing"}, {}}, {{"Status"}, {"JobProgress"}}, {{"Status"}, {"Sites"}}, {{"Status", "Team", "Type"}, {}}} {
		_, _, err := g.Stats(t.Context(), wire.Query{}, args[0], args[1])
		require.ErrorAs(t, err, &argument)
	}
}

func TestTooManyGroupsIsAnError(t *testing.T) {
	m := newMaker(23)
	var changes []join.Change
	for i := range 11_000 {
		changes = append(changes, join.Change{Kind: join.Request, ID: nameOf(i), Workflow: m.request(nameOf(i))})
	}
	g, _ := loaded(t, Options{}, changes).Newest()
	var many *table.TooManyGroupsError
	_, _, err := g.Stats(t.Context(), wire.Query{}, []string{"Workflow"}, nil)
	require.ErrorAs(t, err, &many)
}
