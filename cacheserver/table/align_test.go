package table

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// aligned takes all steps, and proves that each one leads on.
func aligned(t *testing.T, e *Editor, table *Table) *Table {
	t.Helper()
	place := -1
	for {
		a, ok := e.Align(table)
		if !ok {
			break
		}
		k, at, _ := table.misaligned()
		now := table.starts[k] + table.chunks[k].Starts[at]
		require.Greater(t, now, place, "each step leaves an even front")
		place = now
		table, ok = table.Put(a)
		require.True(t, ok)
	}
	require.True(t, table.Aligned())
	blocks := 0
	for k, c := range table.Chunks() {
		for i, b := range c.Blocks {
			if blocks++; blocks < table.Blocks() {
				require.Equal(t, block.Size, b.Len(), "chunk %d block %d", k, i)
			}
		}
	}
	return table
}

func bulk(t testing.TB, n int) (*Editor, *Table, map[string]Edit) {
	t.Helper()
	layout, err := block.NewLayout()
	require.NoError(t, err)
	e := NewEditor(layout)
	var edits []Edit
	want := map[string]Edit{}
	for i := range n {
		one := edit(fmt.Sprintf("w%05d", i), int64(i))
		edits, want[one.Name] = append(edits, one), one
	}
	table := e.Replace(New(layout, nil), edits)
	return e, table, want
}

func TestAlignmentOfManyShapes(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{0, 1, 49, 50, 51, 100, 3_199, 7_000} {
		e, table, want := bulk(t, n)
		require.True(t, table.Aligned(), n)
		for range 60 {
			name := fmt.Sprintf("w%05d", rng.IntN(n+1))
			one := edit(name+"x", 7)
			if _, there := want[name]; there && rng.IntN(2) == 0 {
				one = Edit{Name: name, Remove: true}
				delete(want, name)
			} else {
				want[one.Name] = one
			}
			table = e.Replace(table, []Edit{one})
		}
		requireRecords(t, aligned(t, e, table), want)
	}
}

// A step that was made beside a writer is put into the writer's table, unless
// the writer changed the very blocks.
func TestAlignmentBesideWriters(t *testing.T) {
	writer, table, want := bulk(t, 5_000)
	beside := NewEditor(table.Layout)
	rng := rand.New(rand.NewPCG(5, 5))
	put, void := 0, 0
	for i := range 300 {
		a, ok := beside.Align(table)
		place := rng.IntN(5_000)
		if i%3 == 0 && ok { // one of those blocks
			place = int(want[string(a.Old[0].Name(table.Layout, 0))].Record.Priority)
		}
		one := edit(fmt.Sprintf("w%05d-%d", place, i), int64(place))
		want[one.Name] = one
		table = writer.Replace(table, []Edit{one})
		if !ok {
			continue
		}
		require.Positive(t, a.Dropped())
		if next, ok := table.Put(a); ok {
			table = next
			put++
		} else {
			void++
		}
	}
	require.Greater(t, put, 50)
	require.Greater(t, void, 50)
	requireRecords(t, table, want)
	requireRecords(t, aligned(t, writer, table), want)
	require.Len(t, slices.Collect(maps.Keys(want)), table.Len())
	_, ok := New(table.Layout, nil).Put(Alignment{Old: table.chunks[0].Blocks[:1]})
	require.False(t, ok)
}
