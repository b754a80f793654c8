package store

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema/wire"
)

// BenchmarkReaderPause is one reader that loads the newest generation and a
// cached page of it continuously, for two seconds per iteration, while 50
// changes a second are published, each as a generation. Its longest step
// includes everything that stops a reader: publishing, the garbage collector,
// and the machine. The memory is that of the process afterwards.
func BenchmarkReaderPause(b *testing.B) {
	const length, rate = 2 * time.Second, 50
	s, m, n := benchStore(b)
	g, _ := s.Newest()
	warm(b, g)
	changes := make([]join.Change, int(length.Seconds())*rate)
	for i := range changes {
		changes[i] = m.requestChange(nameOf(m.rng.IntN(n)))
	}
	run := 0
	var longest, late time.Duration // of all iterations
	for b.Loop() {
		run++
		done := make(chan struct{})
		go func() {
			defer close(done)
			tick := time.NewTicker(time.Second / rate)
			defer tick.Stop()
			for i, c := range changes {
				<-tick.C
				c.Hash = uint64(run*len(changes)+i)*2 + 1
				s.Apply([]join.Change{c})
			}
		}()
		steps := readUntil(b, s, done)
		slices.Sort(steps)
		longest, late = max(longest, steps[len(steps)-1]), max(late, steps[len(steps)*999/1000])
	}
	b.ReportMetric(longest.Seconds()*1000, "longest-ms")
	b.ReportMetric(late.Seconds()*1000, "p99.9-ms")
	b.ReportMetric(float64(resident(b))/float64(s.Info().Bytes), "RSS/encoded")
}

// readUntil reads a page repeatedly until done is closed, and returns how long
// each read took.
func readUntil(b *testing.B, s *Store, done <-chan struct{}) (steps []time.Duration) {
	b.Helper()
	steps = make([]time.Duration, 0, 1<<20)
	for last := time.Now(); ; {
		select {
		case <-done:
			return steps
		default:
		}
		g, _ := s.Newest()
		sel, err := g.Select(b.Context(), wire.Query{})
		require.NoError(b, err)
		_, size, ok := sel.Stitched(1000, 100, wire.JSON)
		require.True(b, ok)
		require.Positive(b, size)
		now := time.Now()
		steps, last = append(steps, now.Sub(last)), now
	}
}
