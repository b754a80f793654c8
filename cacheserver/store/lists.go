package store

import (
	"errors"
	"sync"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/cache"
)

// lists keeps the places of results in the cache, under the generation and the
// query. Each is made once, also when many ask for it at the same time.
type lists struct {
	cache cache.Keeper

	mu      sync.Mutex
	pending map[string]*pending
}

// pending is a result that somebody makes. What is in it is written before done
// is closed.
type pending struct {
	done   chan struct{}
	places []uint32
	err    error
}

// errMaker stands for a maker that panicked.
var errMaker = errors.New("the result was not made")

// kept returns a result that is there.
func (l *lists) kept(key string) (places []uint32, ok bool) {
	v, _ := l.cache.Get(key)
	places, ok = v.([]uint32)
	return places, ok
}

// get returns the result under a key, and makes it if nobody has. Who asks for
// one that is being made waits for it; if its maker gives up, because its client
// left or its budget is exhausted, the next one makes it with its own budget.
func (l *lists) get(b *budget.Budget, key string, find func() ([]uint32, error)) ([]uint32, error) {
	for {
		if places, ok := l.kept(key); ok {
			return places, nil
		}
		m, mine := l.enter(key)
		if mine {
			return l.make(key, m, find)
		}
		select {
		case <-m.done:
		default:
			if err := b.Wait(m.done); err != nil {
				return nil, err //nolint:wrapcheck // it is the request's own end
			}
		}
		if m.err == nil {
			return m.places, nil
		}
	}
}

// enter returns what is being made under a key; mine says that the caller has to
// make it.
func (l *lists) enter(key string) (m *pending, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m, ok := l.pending[key]; ok {
		return m, false
	}
	m = &pending{done: make(chan struct{}), err: errMaker}
	l.pending[key] = m
	return m, true
}

func (l *lists) make(key string, m *pending, find func() ([]uint32, error)) ([]uint32, error) {
	defer func() {
		l.mu.Lock()
		delete(l.pending, key)
		l.mu.Unlock()
		close(m.done)
	}()
	if m.places, m.err = find(); m.err == nil {
		l.cache.Set(key, m.places, int64(len(key)+4*cap(m.places)))
	}
	return m.places, m.err
}
