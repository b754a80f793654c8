package follower

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff is the wait between two tries: doubled each time up to a limit, and
// spread, so that replicas do not come back in step.
type backoff struct {
	min, max, next time.Duration
}

func newBackoff(least, most time.Duration) *backoff {
	return &backoff{min: least, max: most, next: least}
}

// step returns the time to wait now: between a half and all of what is due.
func (b *backoff) step() time.Duration {
	wait := b.next/2 + rand.N(b.next/2+1)
	b.next = min(2*b.next, b.max)
	return wait
}

func (b *backoff) reset() { b.next = b.min }

// pause waits, and reports whether ctx is still alive.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
