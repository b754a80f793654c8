package replica_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/memlog"
	"github.com/dmwm/wmstats/program/health"
)

const (
	aWhile  = 20*time.Second + 300*time.Millisecond // not when a change comes
	notOK   = "the log does not answer"
	alone   = "no server reads the source"
	lagging = "this server is behind the log"
)

// equal requires that all servers have the same state, with every change in order
// and none left out, and returns how many changes there were.
func equal(t *testing.T, servers ...*server) (changes int) {
	t.Helper()
	want := servers[0].machine.state()
	differs := func(s *server) bool { return s.machine.state() != want }
	for range 20 { // an entry may be under way
		if !slices.ContainsFunc(servers, differs) {
			break
		}
		time.Sleep(50 * time.Millisecond)
		want = servers[0].machine.state()
	}
	for _, s := range servers[1:] {
		require.Equal(t, want, s.machine.state())
	}
	for _, line := range strings.Split(want, "\n") {
		if strings.HasSuffix(line, "apply change"+itoa(changes)) {
			changes++
		} else if strings.Contains(line, "apply change") {
			require.True(t, strings.HasSuffix(line, "apply change"+itoa(changes-1)), "only the newest change may come twice: %s", line)
		}
	}
	return changes
}

func ready(t *testing.T, s *server) bool {
	t.Helper()
	ok, _ := health.Report([]health.Check{s.Check()})
	return ok
}

// One server reads, all apply, also one that starts later; the next one continues
// where a leader has stopped.
func TestServersApplyOneLog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := start(t, e, "b")
		require.False(t, b.CaughtUp())
		time.Sleep(aWhile)
		require.True(t, b.CaughtUp())
		require.Equal(t, 0, leading(a, b))
		first := equal(t, a, b)
		require.Greater(t, first, 30)
		a.stop()
		time.Sleep(time.Millisecond)
		require.Equal(t, 0, leading(b), "a server that stops hands over at once")
		c := start(t, e, "c")
		time.Sleep(aWhile)
		require.Greater(t, equal(t, b, c), first+15)
		require.Empty(t, b.machine.stale())
		require.Equal(t, "b", b.Source().Source)
		require.True(t, ready(t, b) && ready(t, c))
		b.stop()
		c.stop()
	})
}

// unheard is a log that does not say when a lease was released.
type unheard struct{ *memlog.Client }

func (unheard) Released() <-chan struct{} { return nil }

// A server that is not told of a release finds it by polling.
func TestAReleaseThatIsNotHeard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := startWith(t, e, "b", func(client *memlog.Client) replica.Log { return unheard{client} })
		time.Sleep(aWhile)
		require.Equal(t, 0, leading(a, b))
		a.stop()
		time.Sleep(500 * time.Millisecond)
		require.Equal(t, 0, leading(b))
		b.stop()
	})
}

// A server that starts is not ready before it has the entries that came while it
// applied the older ones: a client that comes from another server would go back.
func TestAStartedServerHasTheNewestEntry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := startWith(t, e, "b", func(client *memlog.Client) replica.Log { return slow{client, 300 * time.Millisecond} })
		<-b.Started()
		require.Equal(t, a.Status().Applied, b.Status().Applied)
		a.stop()
		b.stop()
	})
}

// A server starts from a snapshot of some time ago, and from a newer one where
// applying the entries since then would take more than 10 s. Others come meanwhile.
func TestALongReplay(t *testing.T) {
	for takes, want := range map[time.Duration]time.Duration{400 * time.Millisecond: 13 * time.Second, 20 * time.Millisecond: 1300 * time.Millisecond} {
		bubble(t, func(t *testing.T) {
			e := memlog.New("abcdef")
			slowly := func(m *machine, o *replica.Options) { m.takes, o.Replay = takes, time.Minute }
			direct := func(client *memlog.Client) replica.Log { return client }
			a := startWith(t, e, "a", direct, slowly)
			time.Sleep(2 * time.Minute)
			began := time.Now()
			b := startWith(t, e, "b", direct, slowly)
			<-b.Started()
			require.InDelta(t, want, time.Since(began), float64(want)/5)
			time.Sleep(aWhile)
			equal(t, a, b)
			a.stop()
			b.stop()
		})
	}
}

// A leader that was frozen finds another leader's entry and writes none of its own.
func TestAFrozenLeaderWritesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := start(t, e, "b")
		time.Sleep(aWhile)
		frozen := make(chan struct{})
		a.reader.mu.Lock()
		a.reader.frozen = frozen
		a.reader.mu.Unlock()
		time.Sleep(2 * time.Second)
		a.client.Cut() // its lease is not renewed, as in a stopped process
		time.Sleep(aWhile)
		require.Equal(t, 0, leading(b))
		before := len(e.Entries())
		a.client.Heal()
		close(frozen)
		time.Sleep(100 * time.Millisecond)
		for _, entry := range e.Entries()[before:] {
			require.False(t, bytes.Contains(entry, []byte(`"By":"a"`)))
		}
		time.Sleep(aWhile)
		require.Equal(t, 0, leading(b))
		equal(t, a, b)
		a.stop()
		b.stop()
	})
}

// Two leaders for a moment: the log takes one entry, and the other server steps
// down and applies it.
func TestARefusedLeaderStepsDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		unfinished := entryOf(t, len(e.Entries())+1)
		e.Insert(unfinished)
		time.Sleep(aWhile)
		a.mu.Lock()
		require.LessOrEqual(t, a.refused, 1)
		a.mu.Unlock()
		require.Equal(t, 0, leading(a), "it becomes the leader again")
		require.Equal(t, int64(2), a.Status().Takeovers)
		require.Greater(t, equal(t, a), 30)
		require.True(t, ready(t, a))
		a.stop()
	})
}

// A re-read says which documents were left out as known although they are not: the
// follower then reads again without hashes.
func TestARereadSaysWhatItLacks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := start(t, memlog.New("abcdef"), "a")
		time.Sleep(aWhile)
		load := a.BeginLoad()
		load.Add([]join.Change{{Kind: join.AgentReport, ID: "x", Hash: 7}, {Kind: join.AgentReport, ID: "y", Deleted: true}})
		load.Add([]join.Change{{Kind: join.AgentReport, ID: "z", Hash: 7}})
		result, err := load.Commit()
		require.NoError(t, err)
		require.Equal(t, []string{"x", "z"}, result.Refetch)
		a.stop()
	})
}

// An entry whose answer was lost is stored once.
func TestAnAnswerThatIsLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		for range 5 {
			a.client.Deafen()
			time.Sleep(1500 * time.Millisecond)
			a.client.Heal()
			time.Sleep(3 * time.Second)
		}
		require.Equal(t, int64(1), a.Status().Takeovers)
		b := start(t, e, "b")
		time.Sleep(aWhile)
		equal(t, a, b)
		a.stop()
		b.stop()
	})
}

// A log that does not answer takes no server out: all of them would go.
func TestALogThatDoesNotAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a, b := start(t, e, "a"), start(t, e, "b")
		time.Sleep(aWhile)
		a.client.Cut()
		b.client.Cut()
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

// A server whose reader of the log has stopped is not ready: another one is nearer.
func TestAServerThatIsBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		b := start(t, e, "b")
		time.Sleep(aWhile)
		b.client.Blind()
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
		b.client.Excuse() // it never gets the lease
		a.stop()
		time.Sleep(29 * time.Second)
		require.Empty(t, b.machine.stale())
		time.Sleep(10 * time.Second)
		require.Equal(t, alone, b.machine.stale())
		require.True(t, ready(t, b))
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
		b.client.Cut()
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

// Entries are kept for a time, and all since the second newest snapshot: a server
// can start although none was stored for long.
func TestEntriesAreKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		kept := func() (entries int) {
			for _, entry := range e.Entries() {
				if entry != nil {
					entries++
				}
			}
			return entries
		}
		time.Sleep(2*time.Minute - time.Second)
		all := len(e.Entries())
		require.Equal(t, all, kept())
		time.Sleep(2 * time.Minute)
		require.InDelta(t, all, kept(), 10)
		a.client.Fill()
		time.Sleep(6 * time.Minute)
		require.Greater(t, kept(), 3*all)
		b := start(t, e, "b")
		time.Sleep(aWhile)
		require.True(t, b.CaughtUp())
		equal(t, a, b)
		a.client.Heal()
		time.Sleep(5 * time.Second)
		require.InDelta(t, all, kept(), 10)
		a.stop()
		b.stop()
	})
}

// A request for a generation that another server has already waits for it.
func TestAwait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile + 500*time.Millisecond)
		at := int(a.Status().Applied)
		for id, want := range map[string]struct {
			ok   bool
			wait time.Duration
		}{
			"abcdef-" + itoa(at): {true, 0}, "abcdef-1": {true, 0}, "other-99999": {true, 0}, "nonsense": {true, 0}, "2026-12-01": {true, 0},
			"abcdef-99999": {false, time.Second},
		} {
			began := time.Now()
			require.Equal(t, want.ok, a.Await(t.Context(), id), id)
			require.Equal(t, want.wait, time.Since(began), id)
		}
		at = int(a.Status().Applied)
		began := time.Now()
		require.True(t, a.Await(t.Context(), "abcdef-"+itoa(at+1)))
		require.Less(t, time.Since(began), time.Second)
		a.stop()
	})
}
