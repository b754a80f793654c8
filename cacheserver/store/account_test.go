package store

import (
	"bytes"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// A generation whose name no answer has can't be requested by a reader.
func TestUnnamedGenerationsAreNotKept(t *testing.T) {
	m := newMaker(70)
	s := loaded(t, Options{}, someChanges(m, 200))
	for i := range 50 {
		s.Apply([]join.Change{m.requestChange(nameOf(i))})
	}
	require.Zero(t, s.Account().KeptCount)
	must(s).Named()
	named := must(s).ID()
	s.Apply([]join.Change{m.requestChange(nameOf(1))})
	g, ok := s.Generation(named)
	require.True(t, ok)
	require.Equal(t, named, g.ID())
	require.Equal(t, 1, s.Account().KeptCount)
	diffs, ok := s.Changes("a-1")
	require.True(t, ok, "names are kept nevertheless")
	require.Len(t, diffs, 51)
}

// An answer that began before the next generation came may name its own one
// after that.
func TestASupersededGenerationCanStillBePromised(t *testing.T) {
	m := newMaker(71)
	s := loaded(t, Options{}, someChanges(m, 200))
	late, middle := must(s), (*Generation)(nil)
	for i := range 3 {
		s.Apply([]join.Change{m.requestChange(nameOf(i))})
		if i == 0 {
			middle = must(s)
		}
	}
	middle.Promise()
	late.Promise()
	late.Named()
	for _, g := range []*Generation{late, middle} {
		again, ok := s.Generation(g.ID())
		require.True(t, ok)
		require.Same(t, g, again)
	}
	require.Equal(t, 2, s.Account().KeptCount)
	require.Equal(t, []*Generation{late, middle}, []*Generation{s.readers.kept.list[0].g, s.readers.kept.list[1].g}, "in order")
}

// The age of the oldest kept generation counts from its successor; 0 without
// one.
func TestKeptAge(t *testing.T) {
	m := newMaker(73)
	now := time.Unix(1_800_000_000, 0)
	s := loaded(t, Options{Now: func() time.Time { return now }}, someChanges(m, 200))
	require.Zero(t, s.KeptAge())
	for i := range 2 {
		must(s).Promise()
		s.Apply([]join.Change{m.requestChange(nameOf(i))})
		now = now.Add(time.Minute)
	}
	require.Equal(t, 2*time.Minute, s.KeptAge())
}

// Data derived from records are dropped with the newest generation that has
// them: a reader of an older one gets the same, computed for it.
func TestASupersededGenerationHasNoSegmentsAndColumns(t *testing.T) {
	m := newMaker(72)
	s := loaded(t, Options{}, someChanges(m, 200))
	old := must(s)
	old.Promise()
	ask := func(g *Generation) (names []string, whole []byte) {
		list, err := g.Select(t.Context(), wire.Query{Terms: []wire.Term{{Field: "Priority", Op: wire.Min, Number: 1}}, Sort: []wire.SortKey{{Field: "Status"}, {Field: "PrepID"}}})
		require.NoError(t, err)
		for _, r := range list.Page(0, 200) {
			names = append(names, string(r))
		}
		found, err := g.Select(t.Context(), wire.Query{Text: "wf"})
		require.NoError(t, err)
		for _, r := range found.Page(0, 200) {
			names = append(names, string(r))
		}
		all, err := g.Select(t.Context(), wire.Query{})
		require.NoError(t, err)
		parts, size, ok := all.Stitched(0, 200, wire.JSON)
		require.True(t, ok)
		return names, gunzip(t, parts, size)
	}
	warm(t, old)
	want, wantBody := ask(old)
	require.Positive(t, held(old))
	for i := range 200 {
		s.Apply([]join.Change{m.requestChange(nameOf(i))})
	}
	require.Zero(t, held(old), "nothing of it is in the newest generation")
	got, gotBody := ask(old)
	require.Equal(t, want, got)
	require.Equal(t, wantBody, gotBody)
	warm(t, old)
	require.Zero(t, held(old), "and keeps nothing afterwards")
}

// warm makes the segments of a generation, like a reader of all of it.
func warm(t testing.TB, g *Generation) {
	t.Helper()
	all, err := g.Select(t.Context(), wire.Query{})
	require.NoError(t, err)
	require.NoError(t, all.StitchTo(io.Discard, 0, g.Total(), wire.JSON))
}

// held returns the size of data derived from the records of a generation.
func held(g *Generation) (bytes int64) {
	bytes = g.table.Unpacked()
	for _, b := range g.table.Blocks() {
		bytes += b.Segments() + b.Index()
	}
	return bytes
}

// The bound covers generations and segments together; promised ones are dropped
// last, and counted.
func TestMemoryIsBounded(t *testing.T) {
	m := newMaker(73)
	const most = 3 << 20
	var log bytes.Buffer
	s := loaded(t, Options{Memory: most, Log: slog.New(slog.NewTextHandler(&log, nil))}, someChanges(m, 200))
	check := func() Account {
		a := s.Account()
		segments, kept := s.bounds(&a)
		require.LessOrEqual(t, a.Segments, segments)
		require.LessOrEqual(t, a.Kept, kept)
		require.LessOrEqual(t, a.Kept+a.Segments, int64(most))
		return a
	}
	must(s).Promise()
	promised := must(s).ID()
	for i := range 1000 {
		s.Apply([]join.Change{m.requestChange(nameOf(m.rng.IntN(200)))})
		must(s).Named()
		if i%10 == 0 {
			_, err := must(s).Select(t.Context(), wire.Query{Terms: []wire.Term{{Field: "Priority", Op: wire.Min, Number: float64(i)}}})
			require.NoError(t, err)
			check()
		}
	}
	_, ok := s.Generation(promised)
	require.True(t, ok, "generations that are only named are dropped first")
	require.Zero(t, s.Broken())
	for range 1000 {
		s.Apply([]join.Change{m.requestChange(nameOf(m.rng.IntN(200)))})
		must(s).Promise()
	}
	a := check()
	require.Positive(t, a.KeptCount)
	_, ok = s.Generation(promised)
	require.False(t, ok, "then the oldest promised one")
	require.EqualValues(t, 1001-a.KeptCount-1, s.Broken())
	require.Equal(t, 1, strings.Count(log.String(), "--memory is too small"), "once in a minute")
}

// The loan is taken before a promise is broken, and returned when promised
// generations have expired.
func TestPromisesTakeTheLoanFirst(t *testing.T) {
	m := newMaker(76)
	var takes []bool
	now := time.Unix(1_790_000_000, 0)
	s := loaded(t, Options{
		Memory: 3 << 20, Now: func() time.Time { return now },
		Loan: Loan{Bytes: 1 << 20, Take: func(taken bool) { takes = append(takes, taken) }},
	}, someChanges(m, 200))
	promise := func() {
		s.Apply([]join.Change{m.requestChange(nameOf(m.rng.IntN(200)))})
		must(s).Promise()
	}
	for s.Account().Kept < 2<<20 {
		promise()
	}
	require.Empty(t, takes, "its own memory is enough")
	for s.Broken() == 0 {
		promise()
	}
	require.Equal(t, []bool{true}, takes)
	_, kept := s.Bounds()
	require.EqualValues(t, 4<<20, kept)
	require.Greater(t, s.Account().Kept, int64(3<<20), "the loan is in use")
	now = now.Add(16 * time.Minute)
	promise()
	require.Equal(t, 1, s.Account().KeptCount, "the one before the newest")
	require.Equal(t, []bool{true, false}, takes)
	_, kept = s.Bounds()
	require.EqualValues(t, 3<<20, kept)
}

// Segments beyond their share are compressed for each request.
func TestSegmentsAreBounded(t *testing.T) {
	const most = 60_000
	s := loaded(t, Options{Memory: most}, someChanges(newMaker(74), 2000))
	g := must(s)
	list, err := g.Select(t.Context(), wire.Query{})
	require.NoError(t, err)
	for range 2 {
		_, _, ok := list.Stitched(0, g.Total(), wire.JSON)
		require.True(t, ok)
	}
	a := s.Account()
	segments, _ := s.bounds(&a)
	require.Positive(t, a.Segments)
	require.LessOrEqual(t, a.Segments, segments+8<<10, "one more than fit at most")
	lacking := 0
	g.table.Range(0, g.Total(), func(b *block.Block, _, _ int) bool {
		if !b.Has(block.Array) {
			lacking++
		}
		return true
	})
	require.Positive(t, lacking)
}

// The account matches the heap that is freed with a store.
func TestAccountExplainsTheHeap(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc) //nolint:gosec // memory fits in 63 bits
	}
	m := newMaker(75)
	changes := someChanges(m, 4000)
	before := heap()
	s := loaded(t, Options{Now: time.Now, Memory: 24 << 20}, changes)
	explain := func(when string) {
		t.Helper()
		a := s.Account()
		got := heap() - before
		t.Logf("%s: heap %d, account %d: %.3f; %+v", when, got, a.sum(), float64(a.sum())/float64(got), a)
		require.InEpsilon(t, got, a.sum(), 0.1, when)
	}
	explain("idle")
	for i := range 3000 {
		s.Apply([]join.Change{m.requestChange(nameOf(m.rng.IntN(4000))), m.requestChange(nameOf(m.rng.IntN(4000)))})
		must(s).Promise()
		if i%5 == 0 {
			_, err := must(s).Select(t.Context(), wire.Query{Terms: []wire.Term{{Field: "Priority", Op: wire.Min, Number: float64(i)}}, Sort: []wire.SortKey{{Field: "Failure"}}})
			require.NoError(t, err)
		}
	}
	explain("with readers")
	runtime.KeepAlive(changes)
	runtime.KeepAlive(s)
}

func (a *Account) sum() int64 {
	return a.Records + a.Index + a.Documents + a.Sums + a.Changes + a.Segments + a.Kept
}
