package follower

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// nearWait is the longest wait for a server that does not answer at all. Asking
// it costs nothing, and everybody waits for it.
const nearWait = 5 * time.Second

// backoff is the wait between two attempts to read one source, shared by all its
// readers: doubled each time up to a limit, and randomized so that replicas do
// not retry at the same time. A reader that succeeds again wakes the waiting
// ones.
type backoff struct {
	min, max time.Duration

	mu      sync.Mutex
	next    time.Duration
	until   time.Time       // no attempt before
	failing map[string]bool // readers
	wake    chan struct{}   // closed and replaced when one of them succeeds
}

func newBackoff(least, most time.Duration) *backoff {
	return &backoff{min: least, max: most, next: least, failing: map[string]bool{}, wake: make(chan struct{})}
}

// turn is the time of a reader's next attempt.
type turn struct {
	wait time.Duration
	wake <-chan struct{} // closed when another reader succeeds
}

// failed records that a reader failed, and returns how long it has to wait:
// between half and all of the current wait, or as long as the other waiting
// readers. If the reader worked until now, the wait starts small again.
func (b *backoff) failed(reader string, err error) turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !b.failing[reader] {
		b.failing[reader] = true
		b.next, b.until = b.min, time.Time{}
	}
	if left := b.until.Sub(now); left > 0 {
		return turn{left, b.wake}
	}
	due := min(b.next, b.limit(err))
	wait := due/2 + rand.N(due/2+1)
	b.next, b.until = min(2*due, b.max), now.Add(wait)
	return turn{wait, b.wake}
}

// limit returns the longest wait after an error.
func (b *backoff) limit(err error) time.Duration {
	if couch.Away(err) {
		return max(b.min, min(b.max, nearWait))
	}
	return b.max
}

// worked records that a reader succeeded. One that had failed wakes the others.
func (b *backoff) worked(reader string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.failing[reader] {
		return
	}
	delete(b.failing, reader)
	b.next, b.until = b.min, time.Time{}
	close(b.wake)
	b.wake = make(chan struct{})
}

// again wakes all waiting readers: the cause of their wait may have gone.
func (b *backoff) again() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next, b.until = b.min, time.Time{}
	close(b.wake)
	b.wake = make(chan struct{})
}

// news returns a wait for a reader that has not failed. It ends early when
// another reader succeeds again or again is called.
func (b *backoff) news(wait time.Duration) turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return turn{wait, b.wake}
}

// pause waits, and reports whether ctx is still alive.
func pause(ctx context.Context, wait time.Duration) bool { return turn{wait: wait}.await(ctx) }

// await waits for the turn, and reports whether ctx is still alive.
func (t turn) await(ctx context.Context) bool {
	timer := time.NewTimer(t.wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-t.wake:
	}
	return ctx.Err() == nil
}
