package limit

import "sync"

// Places bound how many things of a kind are open at once, for each key and in
// all. Safe for many goroutines.
type Places[K comparable] struct {
	perKey, total int

	mu   sync.Mutex
	all  int
	keys map[K]int
}

// Taken tells why there is no place.
type Taken int

// Reasons of Enter.
const (
	Free    Taken = iota
	ByKey         // this key has all that it may have
	InTotal       // all places are taken
)

// NewPlaces makes places; 0 is no bound.
func NewPlaces[K comparable](perKey, total int) *Places[K] {
	return &Places[K]{perKey: perKey, total: total, keys: map[K]int{}}
}

// Enter takes a place; leave, to be called once, gives it back. leave is nil
// when there is none.
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

// Len is how many places are taken.
func (p *Places[K]) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all
}
