package replica_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/memlog"
)

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

// A server that starts asks for no leader, however long that takes: it must not report
// that there is none.
func TestALongStartIsNotWithoutLeader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		old := func(_ *machine, o *replica.Options) { o.Replay, o.KeepFor = 4*time.Minute, time.Hour }
		a := startWith(t, e, "a", func(client *memlog.Client) replica.Log { return client }, old)
		time.Sleep(5 * time.Minute)
		b := startWith(t, e, "b", func(client *memlog.Client) replica.Log { return slow{client, 2 * time.Second} }, old)
		a.stop() // it stores no more entries
		time.Sleep(40 * time.Second)
		require.False(t, b.CaughtUp())
		require.Zero(t, b.Status().Alone)
		<-b.Started()
		require.Less(t, b.Status().Alone, time.Second)
		time.Sleep(aWhile)
		require.True(t, b.Status().Leading)
		require.Empty(t, b.machine.stale())
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
		a.client.Begin(memlog.Overloaded)
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

// A log without a snapshot, as its first leader could store none: the next server reads
// everything and begins the log again. One that has the older entries starts again.
func TestALogWithoutASnapshot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		cut := func(client *memlog.Client) replica.Log {
			client.Begin(memlog.Overloaded)
			return client
		}
		a := startWith(t, e, "a", cut)
		time.Sleep(aWhile)
		require.Nil(t, e.Newest())
		b := start(t, e, "b")
		time.Sleep(aWhile)
		require.False(t, b.CaughtUp(), "it waits for a snapshot")
		a.client.Begin(memlog.Excused)
		time.Sleep(aWhile)
		require.Equal(t, 0, leading(b))
		require.True(t, ready(t, b))
		require.ErrorContains(t, <-a.ended, "another server has begun the log again from a full read")
		require.False(t, ready(t, a))
		a.stop()
		a = start(t, e, "a")
		time.Sleep(aWhile)
		require.True(t, ready(t, a))
		require.Greater(t, equal(t, a, b), 15)
		a.stop()
		b.stop()
	})
}
