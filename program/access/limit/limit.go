// Package limit limits clients: their rate (Buckets), and their concurrency, without
// waiting (Places) or with a queue (Turns). Callers choose the key of a client. The
// memory of Buckets does not grow with the number of clients. The package does not
// depend on HTTP.
package limit

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Buckets are token buckets, one per key. They are safe for concurrent use.
type Buckets[K comparable] struct {
	rate  rate.Limit
	burst int
	most  int

	mu  sync.RWMutex
	all map[K]*bucket
}

// bucket is the token bucket of one key.
type bucket struct {
	limiter *rate.Limiter
	seen    atomic.Int64 // Unix ns
}

// NewBuckets returns buckets of burst tokens that are refilled with perSecond tokens
// per second. At most most keys are stored. A key dropped for a new one has not been
// used for long, so its bucket is most likely full.
func NewBuckets[K comparable](perSecond float64, burst, most int) *Buckets[K] {
	return &Buckets[K]{rate: rate.Limit(perSecond), burst: max(burst, 1), most: max(most, 1), all: map[K]*bucket{}}
}

// Take takes a token of the key. If there is none, ok is false, and wait is the time
// until the next one.
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

// Len returns the number of stored keys.
func (b *Buckets[K]) Len() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.all)
}

func (b *Buckets[K]) add(key K, now time.Time) *bucket {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one := b.all[key]; one != nil {
		return one // added by another goroutine
	}
	if len(b.all) >= b.most {
		b.drop()
	}
	one := &bucket{limiter: rate.NewLimiter(b.rate, b.burst)}
	one.seen.Store(now.UnixNano())
	b.all[key] = one
	return one
}

// drop removes one key: the least recently used one of the first few in the random
// order of the map. Checking all keys would make a flood of new clients expensive.
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
