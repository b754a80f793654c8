package replica_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/memlog"
)

// A renewal that fails is tried again until the time of the lease is over.
func TestARenewalThatFails(t *testing.T) {
	for failing, leads := range map[time.Duration]bool{3500 * time.Millisecond: true, 9 * time.Second: false} {
		bubble(t, func(t *testing.T) {
			e := memlog.New("abcdef")
			a := start(t, e, "a")
			time.Sleep(aWhile)
			a.client.Begin(memlog.Excused) // entries are stored, and the lease is not renewed
			time.Sleep(failing)
			require.Equal(t, leads, a.Status().Leading)
			a.client.Heal()
			time.Sleep(aWhile)
			require.Equal(t, 0, leading(a))
			require.Equal(t, leads, a.Status().Takeovers == 1)
			require.Greater(t, equal(t, a), 30)
			a.stop()
		})
	}
}

// A renewal that is refused, since another server has the lease, ends the leadership.
func TestARenewalThatIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := memlog.New("abcdef")
		a := start(t, e, "a")
		time.Sleep(aWhile)
		e.Lease("another one")
		time.Sleep(2100 * time.Millisecond)
		require.False(t, a.Status().Leading)
		time.Sleep(aWhile)
		require.Equal(t, 0, leading(a), "the other lease has ended")
		a.stop()
	})
}

// silentLog is a log that does not answer to entries.
type silentLog struct {
	*memlog.Client

	mu     sync.Mutex
	silent bool
	tried  map[string][]uint64 // by id, the entry that it expected to be the last
}

func (l *silentLog) Append(ctx context.Context, last uint64, id string, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.silent {
		return l.Client.Append(ctx, last, id, data)
	}
	if l.tried == nil {
		l.tried = map[string][]uint64{}
	}
	l.tried[id] = append(l.tried[id], last)
	return errors.New("no answer")
}

func (l *silentLog) become(silent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = silent
}

// attempts returns the entries that were tried.
func (l *silentLog) attempts() map[string][]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.tried)
}

// An entry without an answer is tried again with its number and id for 20 s.
func TestAnEntryWithoutAnAnswer(t *testing.T) {
	for silent, leads := range map[time.Duration]bool{18 * time.Second: true, 22 * time.Second: false} {
		bubble(t, func(t *testing.T) {
			var l *silentLog
			a := startWith(t, memlog.New("abcdef"), "a", func(client *memlog.Client) replica.Log {
				l = &silentLog{Client: client}
				return l
			})
			time.Sleep(aWhile)
			last := a.Status().Applied
			l.become(true)
			time.Sleep(silent)
			tried := l.attempts()
			require.Len(t, tried, 1, "no other entry is tried")
			for _, expected := range tried {
				require.Greater(t, len(expected), 50)
				for _, number := range expected {
					require.Equal(t, last, number)
				}
			}
			require.Equal(t, last, a.Status().Applied, "what the log does not have is not applied")
			l.become(false)
			time.Sleep(aWhile)
			require.Equal(t, leads, a.Status().Takeovers == 1)
			require.Greater(t, equal(t, a), 30)
			require.True(t, ready(t, a))
			a.stop()
		})
	}
}
