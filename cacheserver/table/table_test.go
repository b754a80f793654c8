package table

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

func edit(name string, priority int64) Edit {
	w := &schema.Workflow{Workflow: name, Priority: priority, Campaigns: []string{"c", "c"}, TimePerEvent: float64(priority) / 3}
	return Edit{Name: name, Record: w, Encoded: schema.AppendJSON(nil, w), Source: block.Source{IDs: []byte(name), Version: uint64(priority)}}
}

// requireRecords compares a table with the expected records.
func requireRecords(t *testing.T, table *Table, want map[string]Edit) {
	t.Helper()
	names := slices.Sorted(maps.Keys(want))
	require.Equal(t, len(names), table.Len())
	at := 0
	table.Range(0, table.Len(), func(b *block.Block, i, j int) bool {
		for ; i < j; i++ {
			e := want[names[at]]
			require.Equal(t, string(e.Encoded), string(b.Record(i)))
			require.Equal(t, e.Source, b.Source(i))
			require.Equal(t, string(e.Encoded), string(schema.AppendJSON(nil, b.Workflow(table.Layout, i))))
			at++
		}
		return true
	})
	require.Equal(t, len(names), at)
	bytes := int64(0)
	for k, b := range table.Blocks() {
		require.LessOrEqual(t, b.Len(), maxBlock)
		require.True(t, b.Len() >= minBlock || len(table.Blocks()) == 1 || k == len(table.Blocks())-1, "block %d of %d has %d records", k, len(table.Blocks()), b.Len())
		require.Equal(t, table.starts[k+1]-table.starts[k], b.Len())
		bytes += b.EncodedBytes()
	}
	require.Equal(t, bytes, table.EncodedBytes())
	for n := range min(20, len(names)) {
		at := n * len(names) / 20
		got, found := table.Search(names[at])
		require.True(t, found)
		require.Equal(t, at, got)
		got, found = table.Search(names[at] + " ")
		require.False(t, found)
		require.Equal(t, at+1, got)
	}
}

func TestEditsEqualAMap(t *testing.T) {
	layout, err := block.NewLayout()
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(1, 1))
	e := NewEditor(layout)
	table, want := New(layout, nil), map[string]Edit{}
	for round := range 36 {
		edits := map[string]Edit{}
		size := []int{1, 3, 40, 1500}[rng.IntN(4)]
		remove := rng.IntN(3) * 40 // in percent: grow, change, shrink
		for range size {
			name := fmt.Sprintf("w%05d", rng.IntN(9_000))
			if _, there := want[name]; there && rng.IntN(100) < remove || rng.IntN(50) == 0 {
				edits[name] = Edit{Name: name, Remove: true}
			} else {
				edits[name] = edit(name, rng.Int64N(1000))
			}
		}
		var list []Edit
		for _, name := range slices.Sorted(maps.Keys(edits)) {
			list = append(list, edits[name])
			if delete(want, name); !edits[name].Remove {
				want[name] = edits[name]
			}
		}
		old := table
		before := old.Len()
		table = e.Replace(table, list)
		require.Equal(t, before, old.Len())
		if round%4 == 0 {
			requireRecords(t, table, want)
		}
		requireLeft(t, old, table)
		requireColumns(t, table)
	}
	var all []Edit
	for _, name := range slices.Sorted(maps.Keys(want)) {
		all = append(all, Edit{Name: name, Remove: true})
	}
	empty := e.Replace(table, all)
	requireRecords(t, empty, nil)
}

// requireColumns checks that shared columns equal the table's own values.
func requireColumns(t *testing.T, table *Table) {
	t.Helper()
	alone := New(table.Layout, table.Blocks())
	require.Equal(t, alone.starts, table.starts)
	for _, key := range []string{"Priority", "Campaigns", "TimePerEvent"} {
		n, ok := table.Layout.Column(key)
		require.True(t, ok)
		for k := range table.runs() {
			got, want := table.run(k), alone.run(k)
			a, b := want.column(table.Layout, n), got.column(table.Layout, n)
			require.True(t, slices.Equal(a.ints, b.ints) && slices.Equal(a.floats, b.floats) && slices.Equal(a.codes, b.codes) &&
				slices.Equal(a.ends, b.ends) && a.empty == b.empty, "%s of run %d", key, k)
		}
	}
}

// requireLeft checks that left returns what the later table does not have.
func requireLeft(t *testing.T, old, next *Table) {
	t.Helper()
	left := old.left(next)
	for _, b := range old.Blocks() {
		require.NotEqual(t, slices.Contains(next.Blocks(), b), slices.Contains(left, b))
	}
	require.Empty(t, next.left(next))
}

func TestBulkLoadMakesExactBlocks(t *testing.T) {
	layout, err := block.NewLayout()
	require.NoError(t, err)
	var edits []Edit
	for i := range 10_020 {
		edits = append(edits, edit(fmt.Sprintf("w%05d", i), 1))
	}
	table := NewEditor(layout).Replace(New(layout, nil), edits)
	require.Len(t, table.Blocks(), 201)
	for _, b := range table.Blocks()[:200] {
		require.Equal(t, block.Size, b.Len())
	}
}

// A table of nearly the same records takes little more than the changed records,
// and the memory of both is counted once.
func TestTablesShareMemory(t *testing.T) {
	layout, err := block.NewLayout()
	require.NoError(t, err)
	e := NewEditor(layout)
	var edits []Edit
	for i := range 5_000 {
		edits = append(edits, edit(fmt.Sprintf("w%05d", i), int64(i)))
	}
	old := e.Replace(New(layout, nil), edits)
	require.Equal(t, old.listBytes(), old.Own(old))
	require.InDelta(t, old.Size(), old.Own(New(layout, nil)), 8, "nothing shared")
	next := e.Replace(old, []Edit{edit("w00007", 8), edit("w02600", 9)})
	require.InDelta(t, old.listBytes(), next.Own(old)-2*(int64(len(edits[0].Encoded))+4_000), 6_000)
	inserted := e.Replace(next, []Edit{edit("w00007b", 8)})
	require.Less(t, inserted.Own(next), 3*old.listBytes()+20_000)
	for i := range edits {
		edits[i].Remove = i%50 < 40
	}
	few := e.Replace(inserted, edits)
	require.Less(t, few.Size(), old.Size()/2)
	require.Less(t, few.Own(inserted), few.Size())
}
