package follower

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// timed records when changes were applied. Each Apply makes a generation.
type timed struct {
	*storeFake

	mu      sync.Mutex
	applied map[string]time.Time
	batches []time.Time
}

func (s *timed) Apply(changes []join.Change) store.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, time.Now())
	for _, c := range changes {
		s.applied[c.ID] = time.Now()
	}
	return store.Result{}
}

// gathered sends changes with the given pauses between them, and returns how
// long each waited, sorted, and the number of generations a second, without the
// first two seconds.
func gathered(t *testing.T, pauses []time.Duration) (waits []time.Duration, rate float64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &timed{storeFake: newStoreFake(), applied: map[string]time.Time{}}
		f, err := New(Options{Source: &forgetful{}, Store: s})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		items, done := make(chan item), make(chan error, 1)
		go func() { done <- f.gather(ctx, items) }()
		came := make([]time.Time, len(pauses))
		began := time.Now()
		for i, pause := range pauses {
			time.Sleep(pause)
			came[i] = time.Now()
			items <- item{db: couch.Requests, came: came[i], change: couch.Change{Row: couch.Row{ID: fmt.Sprint(i), Deleted: true}}}
		}
		from, took := began.Add(2*time.Second), time.Since(began)-2*time.Second
		time.Sleep(time.Second)
		cancel()
		require.NoError(t, <-done)
		for i, at := range came {
			there, ok := s.applied[fmt.Sprint(i)]
			require.True(t, ok)
			waits = append(waits, there.Sub(at))
		}
		late := slices.IndexFunc(s.batches, func(at time.Time) bool { return at.After(from) })
		rate = float64(len(s.batches)-late) / took.Seconds()
	})
	slices.Sort(waits)
	return waits, rate
}

// At 20 changes a second most are applied at once, and at 50 they are gathered,
// at most ten generations a second, whether they arrive evenly or randomly.
// Simultaneous changes after a quiet time are gathered too.
func TestAChangeIsSeenSoon(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name   string
		pause  func() time.Duration
		median time.Duration // at most
		rate   float64       // at most, a second
	}{
		{"20 a second, evenly", func() time.Duration { return time.Second / 20 }, 10 * time.Millisecond, 20.1},
		{"20 a second", func() time.Duration { return time.Duration(rng.ExpFloat64() * float64(time.Second) / 20) }, 10 * time.Millisecond, 20},
		{"50 a second, evenly", func() time.Duration { return time.Second / 50 }, 100 * time.Millisecond, 10.02},
		{"50 a second", func() time.Duration { return time.Duration(rng.ExpFloat64() * float64(time.Second) / 50) }, 100 * time.Millisecond, 10.02},
		{"500 a second", func() time.Duration { return time.Second / 500 }, 100 * time.Millisecond, 10.2},
		{"one a minute", func() time.Duration { return time.Minute }, 5 * time.Millisecond, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			pauses := make([]time.Duration, 4000)
			for i := range pauses {
				pauses[i] = c.pause()
			}
			waits, rate := gathered(t, pauses)
			t.Log("p50", waits[len(waits)/2], "p99", waits[len(waits)*99/100], "generations a second", rate)
			require.LessOrEqual(t, waits[len(waits)/2], c.median)
			require.LessOrEqual(t, waits[len(waits)-1], 105*time.Millisecond)
			require.LessOrEqual(t, rate, c.rate)
		})
	}
	t.Run("at once after a quiet time", func(t *testing.T) {
		pauses := make([]time.Duration, 400)
		for i := range pauses {
			if i%20 == 0 {
				pauses[i] = 10 * time.Second // and 19 more in the same moment
			}
		}
		waits, rate := gathered(t, pauses)
		require.LessOrEqual(t, waits[len(waits)-1], 5*time.Millisecond)
		require.LessOrEqual(t, rate, 0.11)
	})
}
