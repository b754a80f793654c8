package store

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// A partial sort of all workflows is the beginning of the whole sort.
func TestTheBeginningOfAnOrder(t *testing.T) {
	m := newMaker(26)
	var changes []join.Change
	for i := range 1200 {
		changes = append(changes, m.requestChange(nameOf(i)))
	}
	eachCache(t, func(t *testing.T, o Options) {
		g := must(loaded(t, o, changes))
		for i, f := range schema.Describe[schema.Workflow]() {
			q := wire.Query{Sort: []wire.SortKey{{Field: f.Key, Desc: i%2 == 0}, {Field: "Priority", Desc: i%3 == 0}}}
			whole, err := g.Select(t.Context(), q)
			require.NoError(t, err)
			want := whole.Page(0, 1200)
			require.Len(t, want, 1200)
			for _, end := range []int{1, 100, 128, 129, 512, 1000, 5000} {
				first, err := g.SelectFirst(t.Context(), q, end)
				require.NoError(t, err)
				require.Equal(t, 1200, first.Total())
				require.Equal(t, want[:min(end, 1200)], first.Page(0, end), f.Key)
				require.Equal(t, want[1190:], first.Page(1190, 20), "%s: beyond the limit", f.Key)
			}
		}
	})
}

// The first records of an order are found without a sort, with one key and with
// two, and with many equal first keys.
func TestFirstOfAnOrder(t *testing.T) {
	m := newMaker(27)
	var changes []join.Change
	for i := range 1500 {
		c := m.requestChange(nameOf(i))
		if c.Workflow.PrepID = pick(m, "a", "b", "a\x00z", "", "c"+string(rune('0'+m.rng.IntN(10)))); i%3 == 0 {
			c.Workflow.OutputDatasets = []string{pick(m, "x", "x\x00", "y", ""), pick(m, "x", "", "z")}
		}
		changes = append(changes, c)
	}
	s := loaded(t, Options{}, changes)
	g, _ := s.Newest()
	for _, f := range schema.Describe[schema.Workflow]() {
		for _, keys := range [][]wire.SortKey{
			{{Field: f.Key}}, {{Field: f.Key, Desc: true}},
			{{Field: f.Key}, {Field: "Sites", Desc: true}}, {{Field: f.Key, Desc: true}, {Field: "Priority"}, {Field: "PrepID"}},
		} {
			if g.table.ByName(keys) {
				continue
			}
			want, err := g.table.Order(unbounded(), nil, keys)
			require.NoError(t, err)
			for _, n := range []int{1, 60, 256, 1024, 5000} {
				got, err := g.table.Top(unbounded(), keys, n)
				require.NoError(t, err)
				require.Equal(t, want[:min(n, len(want))], got, "%v", keys)
			}
		}
	}
}

// unbounded is a budget for tests of results.
func unbounded() *budget.Budget { return budget.New(context.Background(), budget.Options{}) }
