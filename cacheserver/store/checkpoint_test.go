package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// again returns a store that was restored from a checkpoint of s.
func again(t testing.TB, s *Store, o Options) *Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "checkpoint")
	_, err := checkpoint.WriteFile(t.Context(), path, checkpoint.Header{}, []checkpoint.Section{s.Section()}, time.Now)
	require.NoError(t, err)
	out := newStore(t, o)
	_, err = checkpoint.ReadFile(t.Context(), path, checkpoint.Header{}, []checkpoint.Section{out.Section()})
	require.NoError(t, err)
	return out
}

// Whenever a process ends and another one continues from its checkpoint, the
// result is the same as without that: records, sums, unmatched reports, alerts,
// skipped content.
func TestACheckpointChangesNothing(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := newMaker(seed)
			script := m.script(900)
			o := newOracle()
			c := &clock{start}
			s := newStore(t, Options{Now: c.now, Process: "a"})
			l := s.BeginLoad()
			l.Add(script[:100])
			_, err := l.Commit()
			require.NoError(t, err)
			o.apply(script[:100])
			rest := script[100:]
			for life := 0; len(rest) > 0; life++ {
				n := min(len(rest), m.rng.IntN(300))
				feed(m.rng, rest[:n], func(batch []join.Change) { s.Apply(batch) })
				o.apply(rest[:n])
				next := again(t, s, Options{Now: c.now, Process: fmt.Sprint("p", life)})
				sameAnswers(t, s, next)
				s = next
				o.check(t, s, c.at)
				// Changes that were applied before the end may come again.
				feed(m.rng, rest[max(0, n-20):n], func(batch []join.Change) { s.Apply(batch) })
				o.apply(rest[max(0, n-20):n])
				o.check(t, s, c.at)
				rest = rest[n:]
			}
			ahead := m.partChange(nameOf(1), 7, c.at+500) // by a wrong clock
			s.Apply([]join.Change{ahead})
			sameAnswers(t, s, again(t, s, Options{Now: c.now}))
			s.Apply([]join.Change{{Kind: join.AgentReport, ID: ahead.ID, Deleted: true}})
			c.at += 700
			s.Tick()
			o.check(t, s, c.at)
			c.at += 3000
			s = again(t, s, Options{Now: c.now})
			s.Tick()
			o.check(t, s, c.at)

			// A full read of the same documents finds nothing new.
			before := s.current.Load().ID()
			l = s.BeginLoad()
			l.Add(o.known())
			r, err := l.Commit()
			require.NoError(t, err)
			require.Equal(t, before, r.Generation)
			o.check(t, s, c.at)
			// A read that misses much is held back, as before.
			l = s.BeginLoad()
			_, err = l.Commit()
			require.Error(t, err)
			o.check(t, s, c.at)
			s = again(t, s, Options{Now: c.now})
			l = s.BeginLoad()
			_, err = l.Commit()
			require.Error(t, err)
			o.check(t, s, c.at)
		})
	}
}

// known returns all documents as changes without content.
func (o *oracle) known() (out []join.Change) {
	for _, c := range o.requests {
		c.Workflow = nil
		out = append(out, c)
	}
	for _, w := range o.works {
		w.Report = nil
		out = append(out, w.Change)
	}
	for _, c := range o.infos {
		c.Info = nil
		out = append(out, c)
	}
	return out
}

// sameAnswers compares all that readers can request.
func sameAnswers(t *testing.T, a, b *Store) {
	t.Helper()
	x, _ := a.Newest()
	y, ok := b.Newest()
	require.True(t, ok)
	q := wire.Query{Facets: []wire.Facet{{Field: "Status", Limit: 50}, {Field: "Campaign", Limit: 50}, {Field: "Agents", Limit: 50}}}
	listed := func(g *Generation) (out []string) {
		sel, err := g.Select(t.Context(), q)
		require.NoError(t, err)
		for _, record := range sel.Page(0, 1<<30) {
			out = append(out, string(record))
		}
		return out
	}
	require.Equal(t, listed(x), listed(y))
	facets := func(g *Generation) map[string]wire.FacetResult {
		out, err := g.Facets(t.Context(), q)
		require.NoError(t, err)
		return out
	}
	require.Equal(t, facets(x), facets(y))
	stats := func(g *Generation) []wire.StatsGroup {
		groups, _, err := g.Stats(t.Context(), q, []string{"Status"}, []string{"Running", "Success"})
		require.NoError(t, err)
		return groups
	}
	require.Equal(t, stats(x), stats(y))
	require.Equal(t, x.Campaigns(), y.Campaigns())
	require.Equal(t, x.Releases(), y.Releases())
	require.Equal(t, x.Statuses(), y.Statuses())
	require.Equal(t, x.Sites(), y.Sites())
	require.Equal(t, a.Agents(x), b.Agents(y))
	for i := range 40 {
		_, src, ok := x.Workflow(nameOf(i))
		_, src2, ok2 := y.Workflow(nameOf(i))
		require.Equal(t, ok, ok2)
		require.Equal(t, src, src2, "sources of details")
		require.Equal(t, x.RecoveriesOf(nameOf(i)), y.RecoveriesOf(nameOf(i)))
	}
	before, after := a.Info(), b.Info()
	require.Equal(t, before.Bytes, after.Bytes)
	require.Equal(t, before.Workflows, after.Workflows)
	// Generations belong to one process: clients that follow them start again.
	if x.ID() != y.ID() {
		_, ok = b.Changes(x.ID())
		require.False(t, ok)
	}
}

func TestACheckpointIsForAnEmptyStore(t *testing.T) {
	m := newMaker(1)
	_, err := newStore(t, Options{}).Section().Capture()
	require.ErrorIs(t, err, errNoGeneration)
	s := loaded(t, Options{}, []join.Change{m.requestChange(nameOf(1))})
	path := filepath.Join(t.TempDir(), "checkpoint")
	sections := []checkpoint.Section{s.Section()}
	_, err = checkpoint.WriteFile(t.Context(), path, checkpoint.Header{}, sections, time.Now)
	require.NoError(t, err)
	before, _ := s.Newest()
	_, err = checkpoint.ReadFile(t.Context(), path, checkpoint.Header{}, sections)
	require.ErrorIs(t, err, checkpoint.ErrForeign)
	after, _ := s.Newest()
	require.Equal(t, before.ID(), after.ID())
}

func TestOtherLimitsComputeAlertsAgain(t *testing.T) {
	m := newMaker(2)
	c := &clock{start}
	w := m.requestChange(nameOf(1))
	w.Workflow.Status, w.Workflow.StatusTime = "assigned", start-100
	s := loaded(t, Options{Now: c.now}, []join.Change{w})
	limits := schema.DefaultLimits()
	limits.AssignedStall = 50
	s = again(t, s, Options{Now: c.now, Limits: limits})
	require.True(t, s.Tick().Published)
	g, _ := s.Newest()
	record, _, _ := g.Workflow(nameOf(1))
	require.Contains(t, string(record), "assigned_stall")
}

// The captured state is that of one moment, whatever is applied while it is
// written.
func TestChangesDuringACheckpoint(t *testing.T) {
	m := newMaker(3)
	script := m.script(600)
	o := newOracle()
	c := &clock{start}
	s := loaded(t, Options{Now: c.now}, script[:300])
	o.apply(script[:300])
	section := s.Section()
	section.Capture = func() (checkpoint.Write, error) {
		write, err := s.Section().Capture()
		return func(put func([]byte) error) error {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for batch := range slices.Chunk(script[300:], 7) {
					s.Apply(batch)
				}
			}()
			err := write(put)
			<-done
			return err
		}, err
	}
	path := filepath.Join(t.TempDir(), "checkpoint")
	_, err := checkpoint.WriteFile(t.Context(), path, checkpoint.Header{}, []checkpoint.Section{section}, time.Now)
	require.NoError(t, err)
	next := newStore(t, Options{Now: c.now})
	_, err = checkpoint.ReadFile(t.Context(), path, checkpoint.Header{}, []checkpoint.Section{next.Section()})
	require.NoError(t, err)
	o.check(t, next, start)
	o.apply(script[300:])
	o.check(t, s, start)
}

// FuzzRestore passes frames with any content and valid hashes: the store rejects
// them, or serves their content, and never panics.
func FuzzRestore(f *testing.F) {
	m := newMaker(4)
	s := loaded(f, Options{Now: (&clock{start}).now}, m.script(60))
	write, err := s.Section().Capture()
	require.NoError(f, err)
	var frames [][]byte
	require.NoError(f, write(func(data []byte) error {
		frames = append(frames, bytes.Clone(data))
		return nil
	}))
	for i := range frames {
		f.Add(uint8(i), uint16(0), byte(0), 0, frames[i])
		f.Add(uint8(i), uint16(20), byte(7), 9, []byte{})
	}
	more := m.script(100)
	f.Fuzz(func(t *testing.T, which uint8, at uint16, flip byte, cut int, other []byte) {
		bad := slices.Clone(frames)
		i := int(which) % len(bad)
		if len(other) > 0 {
			bad[i] = other
		} else {
			bad[i] = bytes.Clone(bad[i])
			bad[i][int(at)%len(bad[i])] ^= flip
			if cut > 0 {
				bad[i] = bad[i][:cut%len(bad[i])]
			}
		}
		next := newStore(t, Options{Now: (&clock{start}).now})
		commit, err := next.Section().Restore(checkpoint.FramesOf(t.Context(), bad))
		if err != nil {
			_, ok := next.Newest()
			require.False(t, ok)
			return
		}
		commit()
		g, _ := next.Newest()
		sel, err := g.Select(t.Context(), wire.Query{Text: "a", Sort: []wire.SortKey{{Field: "PrepID"}}})
		require.NoError(t, err)
		sel.Page(0, 1000)
		_, _, err = g.Stats(t.Context(), wire.Query{}, []string{"Status", "Campaign"}, []string{"Running"})
		require.NoError(t, err)
		next.Apply(more)
		next.Tick()
	})
}

func BenchmarkCheckpoint(b *testing.B) {
	s, _, _ := benchStore(b)
	path := filepath.Join(b.TempDir(), "checkpoint")
	b.Run("write", func(b *testing.B) {
		defer cpu(b)()
		var r checkpoint.Result
		for b.Loop() {
			var err error
			r, err = checkpoint.WriteFile(b.Context(), path, checkpoint.Header{}, []checkpoint.Section{s.Section()}, time.Now)
			require.NoError(b, err)
		}
		b.ReportMetric(float64(r.Bytes), "file-B")
		b.ReportMetric(float64(r.Raw), "raw-B")
		b.ReportMetric(r.Capture.Seconds()*1000, "capture-ms")
		b.ReportMetric(s.CapturePause().Seconds()*1000, "pause-ms")
	})
	b.Run("read", func(b *testing.B) {
		if _, err := os.Stat(path); err != nil {
			b.Skip("needs write")
		}
		defer cpu(b)()
		for b.Loop() {
			next := newStore(b, Options{})
			_, err := checkpoint.ReadFile(b.Context(), path, checkpoint.Header{}, []checkpoint.Section{next.Section()})
			require.NoError(b, err)
		}
	})
}
