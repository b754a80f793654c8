package store

import (
	"errors"
	"sync"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/cache"
)

// lists keeps the places of results in the cache, by generation and query. Each
// is computed once, even if many request it at the same time.
type lists struct {
	cache cache.Keeper

	mu      sync.Mutex
	pending map[string]*pending
}

// pending is a result that is being computed. Its fields are written before done
// is closed.
type pending struct {
	done   chan struct{}
	places []uint32
	err    error
}

// errMaker is the error after a panic of the computing goroutine.
var errMaker = errors.New("the result was not computed")

// kept returns a kept result.
func (l *lists) kept(key string) (places []uint32, ok bool) {
	v, _ := l.cache.Get(key)
	places, ok = v.([]uint32)
	return places, ok
}

// get returns the result of a key, and computes it if necessary. Others that
// request it meanwhile wait; if the computing goroutine gives up, because its
// client left or its budget is exhausted, the next one computes it with its own
// budget.
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
				return nil, err //nolint:wrapcheck // the end of the request's budget
			}
		}
		if m.err == nil {
			return m.places, nil
		}
	}
}

// enter returns the result that is being computed for a key; mine means that the
// caller has to compute it.
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
