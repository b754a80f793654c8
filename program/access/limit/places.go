package limit

import "sync"

// Places limits the number of concurrently open items per key and in total. It is
// safe for concurrent use.
type Places[K comparable] struct {
	perKey, total int

	mu   sync.Mutex
	all  int
	keys map[K]int
}

// Taken is the reason why there is no place.
type Taken int

// Reasons returned by Enter.
const (
	Free    Taken = iota
	ByKey         // the key has its maximum
	InTotal       // all places are taken
)

// NewPlaces returns Places with the given limits; 0 means no limit.
func NewPlaces[K comparable](perKey, total int) *Places[K] {
	return &Places[K]{perKey: perKey, total: total, keys: map[K]int{}}
}

// Enter takes a place. leave returns it and must be called once; it is nil if there
// is no place.
func (p *Places[K]) Enter(key K) (leave func(), why Taken) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.total > 0 && p.all >= p.total:
		return nil, InTotal
	case p.perKey > 0 && p.keys[key] >= p.perKey:
		return nil, ByKey
	}
	p.all++
	p.keys[key]++
	return func() { p.leave(key) }, Free
}

func (p *Places[K]) leave(key K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.keys[key]--; p.keys[key] == 0 {
		delete(p.keys, key)
	}
}

// Len returns the number of taken places.
func (p *Places[K]) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all
}
