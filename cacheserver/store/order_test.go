package store

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// A sort of all workflows is made from that of a generation before; it must be
// the same as one made anew.
func TestOrdersFollowChanges(t *testing.T) {
	m := newMaker(26)
	var changes []Change
	for i := range 1200 {
		changes = append(changes, m.requestChange(nameOf(i)))
	}
	s := loaded(t, Options{}, changes)
	fields := schema.Describe[schema.Workflow]()
	reused := 0
	for range 6 {
		before, _ := s.Snapshot()
		for range m.rng.IntN(3) {
			s.Apply([]Change{m.requestChange(nameOf(m.rng.IntN(1320)))})
			s.Apply([]Change{{Kind: ReqMgr, ID: nameOf(m.rng.IntN(1320)), Deleted: true}})
		}
		g, _ := s.Snapshot()
		for i, f := range fields {
			q := wire.Query{Sort: []wire.SortKey{{Field: f.Key, Desc: i%2 == 0}, {Field: "Priority", Desc: i%3 == 0}}}
			if old := before.lists.peek(listKey(q)); old != nil && old.sort != nil && old.sort.peek() != nil {
				_, ok := g.tree.Reorder(unbounded(), before.tree, old.sort.peek(), q.Sort)
				reused += map[bool]int{true: 1}[ok]
			}
			got, err := g.Select(t.Context(), q)
			require.NoError(t, err)
			want, err := g.tree.Order(unbounded(), nil, q.Sort)
			require.NoError(t, err)
			if got.sort == nil {
				require.Equal(t, want, got.order, f.Key)
				continue
			}
			first, err := got.sort.places(unbounded(), g, 100)
			require.NoError(t, err)
			require.Equal(t, want[:firsts[0]], first[:firsts[0]], "%s: the first without a sort", f.Key)
			whole, err := got.sort.places(unbounded(), g, g.Total())
			require.NoError(t, err)
			require.Equal(t, want, whole, f.Key)
		}
	}
	require.Greater(t, reused, 100)
}

// The first records of an order are found without a sort, with one key and
// with two, and where many are equal by the first one.
func TestFirstOfAnOrder(t *testing.T) {
	m := newMaker(27)
	var changes []Change
	for i := range 1500 {
		c := m.requestChange(nameOf(i))
		if c.Workflow.PrepID = pick(m, "a", "b", "a\x00z", "", "c"+string(rune('0'+m.rng.IntN(10)))); i%3 == 0 {
			c.Workflow.OutputDatasets = []string{pick(m, "x", "x\x00", "y", ""), pick(m, "x", "", "z")}
		}
		changes = append(changes, c)
	}
	s := loaded(t, Options{}, changes)
	g, _ := s.Snapshot()
	for _, f := range schema.Describe[schema.Workflow]() {
		for _, keys := range [][]wire.SortKey{
			{{Field: f.Key}}, {{Field: f.Key, Desc: true}},
			{{Field: f.Key}, {Field: "Sites", Desc: true}}, {{Field: f.Key, Desc: true}, {Field: "Priority"}, {Field: "PrepID"}},
		} {
			if g.tree.ByName(keys) {
				continue
			}
			want, err := g.tree.Order(unbounded(), nil, keys)
			require.NoError(t, err)
			for _, n := range []int{1, 60, 256, 1024, 5000} {
				got, err := g.tree.Top(unbounded(), keys, n)
				require.NoError(t, err)
				require.Equal(t, want[:min(n, len(want))], got, "%v", keys)
			}
		}
	}
}

// unbounded is a budget for tests of results.
func unbounded() *budget.Budget { return budget.New(context.Background(), budget.Options{}) }
