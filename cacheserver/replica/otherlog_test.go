package replica_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/memlog"
)

// Servers end when another log has replaced theirs, and continue with it when they are
// started again.
func TestAnotherLog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a, b := start(t, e, "a"), start(t, e, "b")
		time.Sleep(aWhile)
		e.Replace("uvwxyz")
		for _, s := range []*server{a, b} {
			require.ErrorContains(t, <-s.ended, "another log has replaced the one before")
			require.False(t, ready(t, s))
			require.NotEmpty(t, s.machine.state(), "what it has stays")
			s.stop()
		}
		a, b = start(t, e, "a"), start(t, e, "b")
		time.Sleep(aWhile)
		require.Greater(t, equal(t, a, b), 15)
		require.Contains(t, a.machine.state(), "uvwxyz-")
		a.stop()
		b.stop()
	})
}

// The counts over time of another log, which have a version of their own, are taken over
// by the first server that reads the source; the others have them from its snapshots.
func TestWhatAnotherLogHas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		old := memlog.New("abcdef")
		a := start(t, old, "a")
		a.machine.mu.Lock()
		a.machine.counts = "counts of a"
		a.machine.mu.Unlock()
		time.Sleep(aWhile)
		a.stop()
		e := memlog.New("uvwxyz")
		e.SetOther(old.Newest())
		other := func(_ *machine, o *replica.Options) { o.Header.Fingerprint = "of another version" }
		through := func(client *memlog.Client) replica.Log { return client }
		b := startWith(t, e, "b", through, other)
		time.Sleep(aWhile)
		c := startWith(t, e, "c", through, other)
		time.Sleep(aWhile)
		require.Greater(t, equal(t, b, c), 30)
		require.NotContains(t, b.machine.state(), "abcdef-")
		for _, s := range []*server{b, c} {
			require.Equal(t, "counts of a", s.machine.kept())
			s.stop()
		}
	})
}
