package block

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// Computed sizes are close to what the runtime allocates.
func TestAllocated(t *testing.T) {
	for n := 64; n < 300_000; n += 1 + n/50 {
		got := cap(slices.Grow([]byte(nil), n))
		require.InEpsilon(t, got, Allocated(int64(n)), 0.15, n)
	}
}

// A retired block returns the same, and keeps no derived data.
func TestRetiredBlock(t *testing.T) {
	l := layout(t)
	b, _ := built(l, schema.Workflow{Workflow: "a", PrepID: "p"}, schema.Workflow{Workflow: "b", PrepID: "q"})
	want, err := b.Segment(Array)
	require.NoError(t, err)
	signAll(b, l)
	least, most := b.Extremes(l, 0)
	require.Positive(t, b.Segments())
	require.Positive(t, b.Index())
	size := b.Size()
	b.Retire()
	require.True(t, b.Retired())
	for range 2 {
		got, err := b.Segment(Array)
		require.NoError(t, err)
		require.Equal(t, want, got)
		signAll(b, l)
		again, last := b.Extremes(l, 0)
		require.Equal(t, []int{least, most}, []int{again, last})
		require.Zero(t, b.Segments())
		require.Zero(t, b.Index())
		require.Equal(t, size, b.Size())
	}
}
