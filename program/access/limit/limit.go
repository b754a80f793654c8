// Package limit bounds what one client may do: how often (Buckets), and how
// much at once (Places). Clients are told apart by a key that the caller
// chooses. Memory is bounded whatever the number of clients. It knows no HTTP.
package limit

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Buckets are token buckets, one for each key. Safe for many goroutines.
type Buckets[K comparable] struct {
	rate  rate.Limit
	burst int
	most  int

	mu  sync.RWMutex
	all map[K]*bucket
}

// bucket is one key's.
type bucket struct {
	limiter *rate.Limiter
	seen    atomic.Int64 // Unix ns
}

// NewBuckets makes buckets of burst tokens that fill with perSecond tokens a
// second. At most most keys are kept; the one that is dropped for a new one has
// not been seen for long, so that its bucket is most likely full again.
func NewBuckets[K comparable](perSecond float64, burst, most int) *Buckets[K] {
	return &Buckets[K]{rate: rate.Limit(perSecond), burst: max(burst, 1), most: max(most, 1), all: map[K]*bucket{}}
}

// Take takes a token of the key. When there is none, ok is false, and wait is
// how long it takes until there is one.
func (b *Buckets[K]) Take(key K, now time.Time) (wait time.Duration, ok bool) {
	b.mu.RLock()
	one := b.all[key]
	b.mu.RUnlock()
	if one == nil {
		one = b.add(key, now)
	}
	one.seen.Store(now.UnixNano())
	if one.limiter.AllowN(now, 1) {
		return 0, true
	}
	next := one.limiter.ReserveN(now, 1)
	defer next.CancelAt(now)
	return next.DelayFrom(now), false
}

// Len is how many keys are kept.
func (b *Buckets[K]) Len() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.all)
}

func (b *Buckets[K]) add(key K, now time.Time) *bucket {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one := b.all[key]; one != nil {
		return one // another goroutine was first
	}
	if len(b.all) >= b.most {
		b.drop()
	}
	one := &bucket{limiter: rate.NewLimiter(b.rate, b.burst)}
	one.seen.Store(now.UnixNano())
	b.all[key] = one
	return one
}

// drop forgets one key: of a few that come first in the map, whose order is
// random, the one that has not been seen for longest. To look at all would
// make a flood of new clients expensive.
func (b *Buckets[K]) drop() {
	const looked = 16
	var oldest K
	least, n := int64(0), 0
	for key, one := range b.all {
		if seen := one.seen.Load(); n == 0 || seen < least {
			oldest, least = key, seen
		}
		if n++; n == looked {
			break
		}
	}
	delete(b.all, oldest)
}
