package replica_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/memlog"
)

// A log that does not answer takes no server out: all of them would go.
func TestALogThatDoesNotAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a, b := start(t, e, "a"), start(t, e, "b")
		time.Sleep(aWhile)
		a.client.Begin(memlog.Cut)
		b.client.Begin(memlog.Cut)
		time.Sleep(3 * time.Second)
		for _, s := range []*server{a, b} {
			began := time.Now()
			require.Empty(t, s.Quarantined())
			require.Empty(t, s.OwedRequests(0))
			require.True(t, s.Await(t.Context(), "abcdef-1"))
			require.Zero(t, time.Since(began), "no request waits for the log")
			require.Equal(t, notOK, s.machine.stale())
			require.True(t, ready(t, s))
		}
		time.Sleep(time.Minute)
		for _, s := range []*server{a, b} {
			require.Equal(t, notOK, s.machine.stale())
			require.True(t, ready(t, s))
			require.False(t, s.Status().Leading)
			s.client.Heal()
		}
		time.Sleep(aWhile)
		require.GreaterOrEqual(t, leading(a, b), 0)
		require.Empty(t, a.machine.stale())
		require.Greater(t, equal(t, a, b), 20)
		a.stop()
		b.stop()
	})
}

// While the log has no room, all servers serve what they have, with that reason; then
// the changes of the meantime come, each once.
func TestALogWithoutRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a, b := start(t, e, "a"), start(t, e, "b")
		time.Sleep(aWhile)
		e.SetFull(true)
		entries := len(e.Entries())
		for _, wait := range []time.Duration{10 * time.Second, time.Minute} {
			time.Sleep(wait)
			for _, s := range []*server{a, b} {
				require.Equal(t, "the log has no room", s.machine.stale())
				require.True(t, ready(t, s))
			}
		}
		require.Len(t, e.Entries(), entries)
		before := equal(t, a, b)
		e.SetFull(false)
		time.Sleep(aWhile)
		require.GreaterOrEqual(t, leading(a, b), 0)
		require.Empty(t, a.machine.stale())
		require.Empty(t, b.machine.stale())
		require.Greater(t, equal(t, a, b), before+10)
		a.stop()
		b.stop()
	})
}

// A server whose reader of the log has stopped is not ready: another one is nearer.
func TestAServerThatIsBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := start(t, e, "b")
		time.Sleep(aWhile)
		b.client.Begin(memlog.Blind)
		time.Sleep(7 * time.Second)
		require.Equal(t, lagging, b.machine.stale())
		require.False(t, ready(t, b))
		require.Positive(t, b.Status().Behind)
		require.True(t, ready(t, a))
		b.client.Heal()
		time.Sleep(time.Second)
		require.Empty(t, b.machine.stale())
		require.True(t, ready(t, b))
		equal(t, a, b)
		a.stop()
		b.stop()
	})
}

// Without a leader the data are stale after half a minute.
func TestNoLeader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := start(t, e, "b")
		time.Sleep(aWhile)
		b.client.Begin(memlog.Excused) // it never gets the lease
		a.stop()
		time.Sleep(29 * time.Second)
		require.Empty(t, b.machine.stale())
		time.Sleep(10 * time.Second)
		require.Equal(t, alone, b.machine.stale())
		require.InDelta(t, 39, b.Status().Alone.Seconds(), 2)
		require.True(t, ready(t, b))
		b.client.End(memlog.Excused)
		time.Sleep(aWhile)
		require.True(t, b.Status().Leading)
		require.Zero(t, b.Status().Alone)
		b.stop()
	})
}

// A server that can't read an entry keeps its generation, with the reason. It never
// leaves one out.
func TestEntriesThatStopAServer(t *testing.T) {
	for name, c := range map[string]struct {
		insert func(t *testing.T, e *memlog.Engine)
		why    string
	}{
		"of an unknown version": {func(t *testing.T, e *memlog.Engine) {
			entry := entryOf(t, len(e.Entries())+1)
			entry[0] = 99
			e.Insert(entry)
		}, "an entry has an unknown version"},
		"of another number": {func(t *testing.T, e *memlog.Engine) { e.Insert(entryOf(t, len(e.Entries())+2)) },
			"an entry has another number than the one that its server was given"},
		"damaged": {func(t *testing.T, e *memlog.Engine) {
			e.Insert(append([]byte{1, 3}, append(appendNumber(nil, len(e.Entries())+1), "damage"...)...))
		}, "an entry is unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				e := memlog.New("abcdef")
				a, b := start(t, e, "a"), start(t, e, "b")
				time.Sleep(aWhile)
				c.insert(t, e)
				time.Sleep(time.Second)
				was := []string{a.machine.state(), b.machine.state()}
				time.Sleep(time.Minute)
				for i, s := range []*server{a, b} {
					require.Equal(t, "this server stopped applying the log: "+c.why, s.machine.stale())
					require.False(t, ready(t, s))
					require.Equal(t, was[i], s.machine.state())
					require.False(t, s.Status().Leading)
					require.Zero(t, s.Status().Alone, "it looks for no leader")
				}
				a.stop()
				b.stop()
			})
		})
	}
}

// A log from which entries are gone that a server lacks is not applied any more.
func TestAGap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := start(t, e, "b")
		time.Sleep(aWhile)
		b.client.Begin(memlog.Cut)
		time.Sleep(aWhile)
		e.Expire(uint64(len(e.Entries()) - 3))
		b.client.Heal()
		time.Sleep(2 * time.Second)
		require.Equal(t, "this server stopped applying the log: the log no longer has entries that this server needs", b.machine.stale())
		require.False(t, ready(t, b))
		require.True(t, ready(t, a))
		require.ErrorContains(t, <-b.ended, "the log no longer has entries that this server needs", "it ends, to be started again")
		// A new process starts from a snapshot that the log continues.
		b.stop()
		b = start(t, e, "b")
		time.Sleep(aWhile)
		equal(t, a, b)
		a.stop()
		b.stop()
	})
}

// A full read that misses too many documents is rejected before the log: no server
// removes anything.
func TestARejectedReadIsNotInTheLog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := start(t, e, "b")
		time.Sleep(aWhile)
		loss := errors.New("far fewer documents")
		read := func() error {
			_, err := a.BeginLoad().Commit()
			return err
		}
		require.NoError(t, read())
		require.Equal(t, 1, strings.Count(a.machine.state(), "sweep"))
		a.machine.mu.Lock()
		a.machine.loss = loss
		a.machine.mu.Unlock()
		require.ErrorIs(t, read(), loss)
		equal(t, a, b)
		require.Equal(t, 1, strings.Count(b.machine.state(), "sweep"))
		a.stop()
		b.stop()
	})
}

// When the log answers again, a server that has not read what it lacks yet is not behind:
// all servers would leave the balancer at once. Only later it is.
func TestALogThatReturns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := start(t, e, "b")
		time.Sleep(aWhile)
		for _, s := range []*server{a, b} {
			s.client.Begin(memlog.Cut)
		}
		time.Sleep(aWhile)
		require.Equal(t, notOK, b.machine.stale())
		a.client.End(memlog.Cut)
		b.client.Begin(memlog.Blind)
		b.client.End(memlog.Cut)
		for range 45 {
			time.Sleep(100 * time.Millisecond)
			for _, s := range []*server{a, b} {
				require.NotEqual(t, lagging, s.machine.stale())
				require.True(t, ready(t, s))
			}
		}
		time.Sleep(aWhile)
		require.Equal(t, lagging, b.machine.stale(), "it still reads no entries")
		require.False(t, ready(t, b))
		b.client.End(memlog.Blind)
		time.Sleep(aWhile)
		equal(t, a, b)
		require.Empty(t, b.machine.stale())
		a.stop()
		b.stop()
	})
}

// A server that starts is reported as starting, however long it takes.
func TestAStartThatTakesLong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := startWith(t, e, "b", func(client *memlog.Client) replica.Log {
			client.Begin(memlog.Blind)
			return client
		})
		for range 150 {
			time.Sleep(100 * time.Millisecond)
			require.NotEqual(t, lagging, b.machine.stale())
			require.NotContains(t, b.Check().Note, lagging)
			require.False(t, ready(t, b))
		}
		b.client.End(memlog.Blind)
		time.Sleep(aWhile)
		require.True(t, ready(t, b))
		a.stop()
		b.stop()
	})
}

// No snapshot is stored in the middle of an input that another server has begun: a server
// that starts from it would ignore the rest of the input.
func TestASnapshotInTheMiddleOfAnInput(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		newest := func(_ *machine, o *replica.Options) { o.Replay = time.Millisecond }
		direct := func(client *memlog.Client) replica.Log { return client }
		a := startWith(t, e, "a", direct, newest)
		time.Sleep(aWhile)
		halves := replica.HalvesOf(uint64(len(e.Entries())+1), a.reader.Shared())
		require.Len(t, halves, 2)
		e.Insert(halves[0])
		time.Sleep(850 * time.Millisecond) // it leads again, and has appended nothing
		require.Equal(t, 0, leading(a))
		b := startWith(t, e, "b", direct, newest)
		time.Sleep(50 * time.Millisecond)
		e.Insert(halves[1])
		time.Sleep(aWhile)
		equal(t, a, b)
		require.True(t, b.CaughtUp())
		require.Equal(t, 1, strings.Count(a.machine.state(), "1000000000 tick"))
		a.stop()
		b.stop()
	})
}

// A server that was frozen and wakes does not answer as if it were up to date, also if its
// first calls to the log fail or take long.
func TestAServerThatWakes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := start(t, e, "b")
		time.Sleep(aWhile)
		b.client.Begin(memlog.Frozen)
		b.client.Set(2200*time.Millisecond, 0)
		b.client.Begin(memlog.Slow)
		time.Sleep(aWhile)
		b.client.End(memlog.Frozen)
		var had []uint64 // entries of a
		for range 200 {
			time.Sleep(100 * time.Millisecond)
			had = append(had, a.Status().Applied)
			if before := had[max(0, len(had)-60)]; b.Status().Applied < before {
				require.True(t, b.machine.stale() != "" || !ready(t, b), "entry %d, and the log had %d 6 s ago", b.Status().Applied, before)
			}
		}
		b.client.Heal()
		time.Sleep(aWhile)
		require.True(t, ready(t, b))
		require.Empty(t, b.machine.stale())
		equal(t, a, b)
		a.stop()
		b.stop()
	})
}
