package store

import (
	"fmt"

	"github.com/dgraph-io/ristretto/v2"
)

// Cache keeps what costs something to make. It may forget at any time; a key
// never gets a second value. ristretto behind it, or nothing (tests).
type Cache interface {
	Get(key string) (value any, ok bool)
	Set(key string, value any, cost int64)
}

// NoCache keeps nothing.
type NoCache struct{}

// Get finds nothing.
func (NoCache) Get(string) (any, bool) { return nil, false }

// Set forgets at once.
func (NoCache) Set(string, any, int64) {}

// Ristretto is a Cache of limited size. It drops some of the values that come
// in a burst, and keeps the first of two values set quickly for one key: both
// are harmless, as every value can be made again and a key has only one.
type Ristretto struct{ c *ristretto.Cache[string, any] }

// Sizes that ristretto wants to know.
const (
	usualCost  = 4096 // bytes of a usual value
	perCounter = 10   // counters for each value that fits
	minimum    = 1000
)

// NewRistretto makes a Cache of at most bytes. Close it at the end.
func NewRistretto(bytes int64) (*Ristretto, error) {
	c, err := ristretto.NewCache(&ristretto.Config[string, any]{
		NumCounters: perCounter * max(bytes/usualCost, minimum),
		MaxCost:     bytes,
		BufferItems: 64,
		// Costs are bytes as it is; with its own 56 added to each, a cache of
		// the right size would not hold all.
		IgnoreInternalCost: true,
	})
	if err != nil {
		return nil, fmt.Errorf("cache of %d bytes: %w", bytes, err)
	}
	return &Ristretto{c: c}, nil
}

// Get finds a kept value.
func (r *Ristretto) Get(key string) (any, bool) { return r.c.Get(key) }

// Set keeps a value if there is room and time. cost is in bytes.
func (r *Ristretto) Set(key string, value any, cost int64) { r.c.Set(key, value, cost) }

// Wait returns when all values set before are applied; for tests.
func (r *Ristretto) Wait() { r.c.Wait() }

// Close stops the cache.
func (r *Ristretto) Close() error {
	r.c.Close()
	return nil
}
