package store

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// upkept runs Upkeep beside a test and ends it with it.
func upkept(t *testing.T, s *Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Upkeep(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, time.Minute, 5*time.Millisecond, what)
}

// hasSegments says that all blocks of the newest generation have the forms.
func hasSegments(s *Store, forms ...block.Form) bool {
	all := true
	g, ok := s.Snapshot()
	if !ok {
		return false
	}
	g.tree.Range(0, g.tree.Len(), func(b *block.Block, _, _ int) bool {
		all = b.Signed() && b.Pressed(forms...)
		return all
	})
	return all
}

func TestUpkeepFollowsChanges(t *testing.T) {
	m := newMaker(31)
	s := newStore(t, Options{Upkeep: 1})
	upkept(t, s) // it waits for the first generation
	l := s.BeginLoad()
	l.Add(someChanges(m, 700))
	_, err := l.Commit()
	require.NoError(t, err)
	eventually(t, "segments of the first generation", func() bool { return hasSegments(s, block.Array) })
	require.False(t, hasSegments(s, block.Lines), "nobody asked for them")

	for i := range 40 {
		s.Apply([]Change{m.requestChange(nameOf(i*13) + "-new"), {Kind: ReqMgr, ID: nameOf(i*7 + 1), Deleted: true}})
	}
	require.False(t, must(s).tree.Aligned())
	id := must(s).ID()
	want, err := must(s).Select(t.Context(), wire.Query{})
	require.NoError(t, err)
	sorted, err := must(s).Select(t.Context(), wire.Query{Sort: []wire.SortKey{{Field: "Priority"}}})
	require.NoError(t, err)
	eventually(t, "aligned and warm", func() bool { return must(s).tree.Aligned() && hasSegments(s, block.Array) })

	g := must(s)
	require.Equal(t, id, g.ID(), "the generation stays")
	again, err := g.Select(t.Context(), wire.Query{})
	require.NoError(t, err)
	require.Equal(t, want.Page(0, 1<<30), again.Page(0, 1<<30))
	kept := g.lists.peek(listKey(wire.Query{Sort: []wire.SortKey{{Field: "Priority"}}}))
	require.NotNil(t, kept, "a kept result is carried over")
	require.Equal(t, sorted.Page(0, 1<<30), kept.Page(0, 1<<30))

	_, _, ok := again.Stitched(0, 10, wire.NDJSON)
	require.True(t, ok)
	s.Apply([]Change{m.requestChange(nameOf(3))})
	eventually(t, "the other form", func() bool { return hasSegments(s, block.Array, block.Lines) })
}

// What kept generations hold because of alignment is counted and rationed.
func TestUpkeepKeepsWithinItsMemory(t *testing.T) {
	m := newMaker(32)
	c := &clock{start}
	const most = 8 << 20
	s := loaded(t, Options{Upkeep: 1, Now: c.now, Memory: most}, someChanges(m, 2_000))
	must(s).Promise()
	s.Apply([]Change{m.requestChange("A-first")})
	before := s.Account().Kept
	u := newUpkeep(s)
	steps := 0
	for {
		busy, err := u.align(t.Context())
		require.NoError(t, err)
		if !busy {
			break
		}
		steps++
	}
	require.Positive(t, steps)
	require.False(t, must(s).tree.Aligned(), "the ration is used up")
	a := s.Account()
	require.True(t, a.Kept > before || a.KeptCount == 0)
	require.LessOrEqual(t, a.Kept, int64(most))
	for range 1000 {
		c.at += 900
		if _, err := u.align(t.Context()); err != nil || must(s).tree.Aligned() {
			break
		}
	}
	require.True(t, must(s).tree.Aligned(), "time brings the next ration")
}

func TestUpkeepEndsWithItsContext(t *testing.T) {
	s := newStore(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, s.Upkeep(ctx), "before the first generation")
	s = loaded(t, Options{}, someChanges(newMaker(33), 60))
	require.NoError(t, s.Upkeep(ctx))
	_, err := New(Options{Upkeep: 1.5})
	require.ErrorContains(t, err, "share of a core")
}
