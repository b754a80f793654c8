package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/store/scan"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

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
