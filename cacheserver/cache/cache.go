// Package cache keeps values that can be made again, in bounded memory: ristretto
// behind Get and Set. It may forget or refuse any value at any time, and of two
// values set quickly for one key it keeps the first, so a key must name its
// content: then it never gets a second value. It is never the only copy of
// anything (docs/explanation/decisions/0001). The package knows nothing of what it keeps.
package cache

import (
	"errors"
	"fmt"
	"sync"

	"github.com/dgraph-io/ristretto/v2"
)

// Keeper is what a part of the program keeps values in: a Cache, also nil, or
// what a test puts in its place.
type Keeper interface {
	// Get finds a kept value. It may have been forgotten at any time.
	Get(key string) (value any, ok bool)
	// Set keeps a value if there is room and time. cost is its memory in
	// bytes.
	Set(key string, value any, cost int64)
}

// Cache is the cache of the program, of tests and of benchmarks. It is safe for
// concurrent use; nil keeps nothing.
type Cache struct {
	c        *ristretto.Cache[string, any]
	counters int64

	mu     sync.Mutex // of SetLimit and Close: one clears what the other ends
	closed bool
}

const (
	usual      = 4 << 10 // bytes of a usual value: pages and details are longer, facets and parts shorter
	perValue   = 10      // counters for each value that fits, as ristretto advises
	fewest     = 10_000  // counters
	buffered   = 64      // keys of a buffer of reads
	smallest   = 1 << 10 // bytes of a cache that can keep anything
	overhead   = 210     // bytes that ristretto takes for each value: two maps, and the value's own head
	perCounter = 3       // bytes of a counter, and of the filter before it; their numbers are powers of two
	fixed      = 400_000 // bytes of its buffers
)

// New makes a cache of at most bytes, its own needs for each value included.
// Close it at the end.
func New(bytes int64) (*Cache, error) {
	if bytes < smallest {
		return nil, fmt.Errorf("cache of %d bytes: %w", bytes, errSmall)
	}
	counters := max(fewest, perValue*bytes/usual)
	c, err := ristretto.NewCache(&ristretto.Config[string, any]{
		NumCounters: counters, MaxCost: bytes, BufferItems: buffered,
		IgnoreInternalCost: true, // Set adds it
	})
	if err != nil {
		return nil, fmt.Errorf("cache of %d bytes: %w", bytes, err)
	}
	return &Cache{c: c, counters: counters}, nil
}

var errSmall = errors.New("too small to keep anything")

// Get is Keeper's.
func (c *Cache) Get(key string) (value any, ok bool) {
	if c == nil {
		return nil, false
	}
	return c.c.Get(key)
}

// Set is Keeper's; what keeping the value takes is added to cost.
func (c *Cache) Set(key string, value any, cost int64) {
	if c != nil {
		c.c.Set(key, value, cost+overhead)
	}
}

// Bytes is the memory of the values that are kept, in bytes, and that of the
// cache itself.
func (c *Cache) Bytes() (values, own int64) {
	if c == nil {
		return 0, 0
	}
	return max(0, c.c.MaxCost()-c.c.RemainingCost()), perCounter*c.counters + fixed
}

// Limit is what the values may take at most, in bytes.
func (c *Cache) Limit() int64 {
	if c == nil {
		return 0
	}
	return c.c.MaxCost()
}

// SetLimit changes what the values may take at most, in bytes. If they take more
// now, all of them are forgotten: left to itself, ristretto keeps values that are
// read often beyond a lower limit.
func (c *Cache) SetLimit(bytes int64) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.c.UpdateMaxCost(bytes)
	if !c.closed && c.c.RemainingCost() < 0 {
		c.c.Clear()
	}
}

// Wait returns when all values set before are applied: for tests, and for
// measurements that ask for a value right after it was set.
func (c *Cache) Wait() {
	if c != nil {
		c.c.Wait()
	}
}

// Close stops the cache.
func (c *Cache) Close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.c.Close()
}
