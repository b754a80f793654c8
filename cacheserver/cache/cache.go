// Package cache keeps values that can be computed again, in bounded memory:
// ristretto behind Get and Set. It may forget or refuse any value at any time.
// If two values are set quickly for one key it keeps the first, so a key must
// identify its content and never get a second value. It is never the only copy
// of anything (docs/explanation/decisions/0001). The package does not
// interpret the values.
package cache

import (
	"errors"
	"fmt"
	"sync"

	"github.com/dgraph-io/ristretto/v2"
)

// Keeper is where a part of the program keeps values: a Cache, which may be
// nil, or a substitute in a test.
type Keeper interface {
	// Get returns a kept value. It may have been forgotten at any time.
	Get(key string) (value any, ok bool)
	// Set keeps a value if there is room and time. cost is its memory in
	// bytes.
	Set(key string, value any, cost int64)
}

// Cache is used by the program, tests and benchmarks. It is safe for
// concurrent use; a nil Cache keeps nothing.
type Cache struct {
	c        *ristretto.Cache[string, any]
	counters int64

	mu     sync.Mutex // serializes SetLimit and Close: one clears a cache that the other closes
	closed bool
}

const (
	usual      = 4 << 10 // bytes of a typical value: pages and details are longer, facets and chunks shorter
	perValue   = 10      // counters for each value that fits, as ristretto advises
	fewest     = 10_000  // counters
	buffered   = 64      // keys of a buffer of reads
	smallest   = 1 << 10 // minimum bytes of a cache that can keep anything
	overhead   = 210     // bytes that ristretto needs for each value: two maps, and the header of the value
	perCounter = 3       // bytes of a counter and of the filter before it; their numbers are powers of two
	fixed      = 400_000 // bytes of its buffers
)

// New returns a cache of at most the given bytes, including its overhead for
// each value. Close it when done.
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

// Get implements Keeper.
func (c *Cache) Get(key string) (value any, ok bool) {
	if c == nil {
		return nil, false
	}
	return c.c.Get(key)
}

// Set implements Keeper; the overhead of keeping the value is added to cost.
func (c *Cache) Set(key string, value any, cost int64) {
	if c != nil {
		c.c.Set(key, value, cost+overhead)
	}
}

// Bytes returns the memory of the kept values and of the cache itself, in
// bytes.
func (c *Cache) Bytes() (values, own int64) {
	if c == nil {
		return 0, 0
	}
	return max(0, c.c.MaxCost()-c.c.RemainingCost()), perCounter*c.counters + fixed
}

// Limit returns the maximum memory of the values, in bytes.
func (c *Cache) Limit() int64 {
	if c == nil {
		return 0
	}
	return c.c.MaxCost()
}

// SetLimit changes the maximum memory of the values, in bytes. If they take
// more now, all of them are dropped: otherwise ristretto would keep frequently
// read values beyond a lower limit.
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

// Wait returns when all values set before are applied. It is for tests, and
// for measurements that read a value right after it was set.
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
