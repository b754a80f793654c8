package store

// Cache keeps what costs something to make. It may forget at any time; a key
// never gets a second value. Package cache behind it, or nothing (tests).
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
