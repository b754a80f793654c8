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
		a.client.Begin(memlog.Cut) // its lease is not renewed, as in a stopped process
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
			a.client.Begin(memlog.Deaf)
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
