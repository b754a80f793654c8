package replica_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/memlog"
)

// countdown is a log that becomes silent with a call: the one after this many others.
type countdown struct {
	*memlog.Client

	mu   *sync.Mutex
	left *int
	now  *atomic.Bool // it is silent
}

func silentAfter(client *memlog.Client, calls int) countdown {
	return countdown{client, new(sync.Mutex), &calls, new(atomic.Bool)}
}

func (l countdown) count() *memlog.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	if *l.left == 0 {
		l.Begin(memlog.Silent)
		l.now.Store(true)
	}
	*l.left--
	return l.Client
}

func (l countdown) Open(ctx context.Context) (replica.State, error) { return l.count().Open(ctx) }
func (l countdown) Last(ctx context.Context) (uint64, error)        { return l.count().Last(ctx) }
func (l countdown) Acquire(ctx context.Context, holder string) error {
	return l.count().Acquire(ctx, holder)
}

func (l countdown) Append(ctx context.Context, last uint64, id string, data []byte) error {
	return l.count().Append(ctx, last, id, data)
}

func (l countdown) Entry(ctx context.Context, number uint64) ([]byte, error) {
	return l.count().Entry(ctx, number)
}

func (l countdown) Snapshots(ctx context.Context) ([]replica.Snapshot, error) {
	return l.count().Snapshots(ctx)
}

func (l countdown) Get(ctx context.Context, entry uint64, to io.Writer) error {
	return l.count().Get(ctx, entry, to)
}

func (l countdown) Put(ctx context.Context, entry uint64, from io.Reader) error {
	return l.count().Put(ctx, entry, from)
}

func (l countdown) Other(ctx context.Context, to io.Writer) error { return l.count().Other(ctx, to) }

// TestASilentEngineAtAStart: the connection becomes silent with each call of a start, of the
// first server of a log and of a later one. The server says why it is not ready, or is
// ready and stale; it can be stopped in seconds; and if answers come again it becomes ready,
// from the same log.
func TestASilentEngineAtAStart(t *testing.T) {
	const most = 16 // calls of a start
	for _, first := range []bool{true, false} {
		for heals := range 2 {
			starts := 0 // that were not finished
			for calls := range most {
				bubble(t, func(t *testing.T) {
					what := fmt.Sprintf("first %t, heals %d, after %d calls", first, heals, calls)
					e := memlog.New("abcdef")
					var other *server
					if !first {
						other = start(t, e, "a")
						time.Sleep(aWhile)
						defer func() { other.stop() }()
					}
					var log countdown
					s := startWith(t, e, "b", func(client *memlog.Client) replica.Log {
						log = silentAfter(client, calls)
						return log
					})
					time.Sleep(20 * time.Second)
					require.True(t, log.now.Load(), what)
					if c := s.Check(); s.CaughtUp() {
						require.True(t, c.OK || c.Note != "", what)
						require.Equal(t, notOK, s.machine.stale(), what)
					} else {
						starts++
						require.True(t, c.Needed && !c.OK, what)
						require.Contains(t, c.Note, notOK, what)
					}
					if heals == 1 {
						s.client.Heal()
						time.Sleep(20 * time.Second)
						require.True(t, s.CaughtUp(), what)
						require.Empty(t, s.machine.stale(), what)
						if other != nil {
							equal(t, other, s)
							require.Empty(t, other.machine.stale(), what)
						}
					}
					began := time.Now()
					s.stop()
					require.Less(t, time.Since(began), 10*time.Second, what)
				})
			}
			require.Greater(t, starts, 3, "starts that the silence has met")
		}
	}
}

// unreadable is a log whose snapshots are not delivered.
type unreadable struct {
	*memlog.Client

	on *atomic.Bool
}

func (l unreadable) Get(ctx context.Context, entry uint64, to io.Writer) error {
	if l.on.Load() {
		return errors.New("no answer")
	}
	return l.Client.Get(ctx, entry, to)
}

// A server that has the lease and can't read the snapshots does not begin the log again:
// the others, which have its generations, would have to.
func TestSnapshotsThatAreNotDelivered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		a.client.Begin(memlog.Excused)
		time.Sleep(10 * time.Second)
		entries := len(e.Entries())
		var on atomic.Bool
		on.Store(true)
		b := startWith(t, e, "b", func(client *memlog.Client) replica.Log { return unreadable{client, &on} })
		time.Sleep(time.Minute)
		require.Len(t, e.Entries(), entries)
		require.False(t, b.CaughtUp())
		require.Contains(t, b.Check().Note, notOK)
		on.Store(false)
		time.Sleep(aWhile)
		require.True(t, b.CaughtUp())
		require.True(t, b.Status().Leading)
		equal(t, a, b)
		a.stop()
		b.stop()
	})
}
