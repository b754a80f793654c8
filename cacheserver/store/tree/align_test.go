package tree

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/store/block"
)

// aligned takes all steps, and proves that each one leads on.
func aligned(t *testing.T, e *Editor, tree *Tree) *Tree {
	t.Helper()
	place := -1
	for {
		a, ok := e.Align(tree)
		if !ok {
			break
		}
		k, at, _ := tree.misaligned()
		now := tree.starts[k] + tree.chunks[k].Starts[at]
		require.Greater(t, now, place, "each step leaves an even front")
		place = now
		tree, ok = tree.Put(a)
		require.True(t, ok)
	}
	require.True(t, tree.Aligned())
	blocks := 0
	for k, c := range tree.Chunks() {
		for i, b := range c.Blocks {
			if blocks++; blocks < tree.Blocks() {
				require.Equal(t, block.Size, b.Len(), "chunk %d block %d", k, i)
			}
		}
	}
	return tree
}

func bulk(t testing.TB, n int) (*Editor, *Tree, map[string]Edit) {
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
	tree := e.Apply(New(layout, nil), edits)
	return e, tree, want
}

func TestAlignmentOfManyShapes(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{0, 1, 49, 50, 51, 100, 3_199, 7_000} {
		e, tree, want := bulk(t, n)
		require.True(t, tree.Aligned(), n)
		for range 60 {
			name := fmt.Sprintf("w%05d", rng.IntN(n+1))
			one := edit(name+"x", 7)
			if _, there := want[name]; there && rng.IntN(2) == 0 {
				one = Edit{Name: name, Remove: true}
				delete(want, name)
			} else {
				want[one.Name] = one
			}
			tree = e.Apply(tree, []Edit{one})
		}
		check(t, aligned(t, e, tree), want)
	}
}

// A step that was made beside a writer is put into the writer's tree, unless
// the writer changed the very blocks.
func TestAlignmentBesideWriters(t *testing.T) {
	writer, tree, want := bulk(t, 5_000)
	beside := NewEditor(tree.Layout)
	rng := rand.New(rand.NewPCG(5, 5))
	put, void := 0, 0
	for i := range 300 {
		a, ok := beside.Align(tree)
		place := rng.IntN(5_000)
		if i%3 == 0 && ok { // one of those blocks
			place = int(want[string(a.Old[0].Name(tree.Layout, 0))].Record.Priority)
		}
		one := edit(fmt.Sprintf("w%05d-%d", place, i), int64(place))
		want[one.Name] = one
		tree = writer.Apply(tree, []Edit{one})
		if !ok {
			continue
		}
		require.Positive(t, a.Dropped())
		if next, ok := tree.Put(a); ok {
			tree = next
			put++
		} else {
			void++
		}
	}
	require.Greater(t, put, 50)
	require.Greater(t, void, 50)
	check(t, tree, want)
	check(t, aligned(t, writer, tree), want)
	require.Len(t, slices.Collect(maps.Keys(want)), tree.Len())
	_, ok := New(tree.Layout, nil).Put(Alignment{Old: tree.chunks[0].Blocks[:1]})
	require.False(t, ok)
}
