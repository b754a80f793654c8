package limit

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Turns let few work at once, for each key and in all; others wait in line, in
// the order in which they came. Safe for many goroutines.
type Turns[K comparable] struct {
	o TurnOptions

	mu      sync.Mutex
	working int
	keys    map[K]*turnsOf
	line    []*waiter[K] // who came first is first
}

// TurnOptions bound Turns. All must be above 0.
type TurnOptions struct {
	AtOnce, AtOncePerKey   int // who work
	Waiting, WaitingPerKey int // who wait
}

// turnsOf is what one key has.
type turnsOf struct{ working, waiting int }

type waiter[K comparable] struct {
	key   K
	ready chan struct{} // closed when it is its turn
}

// NewTurns makes turns.
func NewTurns[K comparable](o TurnOptions) *Turns[K] {
	return &Turns[K]{o: o, keys: map[K]*turnsOf{}}
}

// Take takes a turn, and waits for it as long as ctx allows. leave, to be called
// once, ends it. When there is none, why tells which line was full, and err is
// that of ctx when it ended first.
func (t *Turns[K]) Take(ctx context.Context, key K) (leave func(), why Taken, err error) {
	t.mu.Lock()
	of := t.keys[key]
	if of == nil {
		of = &turnsOf{}
		t.keys[key] = of
	}
	leave = func() { t.leave(key) }
	switch {
	case t.working < t.o.AtOnce && of.working < t.o.AtOncePerKey:
		t.working++
		of.working++
		t.mu.Unlock()
		return leave, Free, nil
	case of.waiting >= t.o.WaitingPerKey:
		why = ByKey
	case len(t.line) >= t.o.Waiting:
		why = InTotal
	}
	if why != Free {
		t.forget(key)
		t.mu.Unlock()
		return nil, why, nil
	}
	w := &waiter[K]{key: key, ready: make(chan struct{})}
	of.waiting++
	t.line = append(t.line, w)
	t.mu.Unlock()
	select {
	case <-w.ready:
		return leave, Free, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if at := slices.Index(t.line, w); at >= 0 {
		t.line = slices.Delete(t.line, at, at+1)
		of.waiting--
		t.forget(key)
	} else { // its turn came in this moment
		t.end(key)
	}
	return nil, Free, fmt.Errorf("wait for a turn: %w", ctx.Err())
}

func (t *Turns[K]) leave(key K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end(key)
}

// end gives the turn of a key to whoever is first in line and may have it.
func (t *Turns[K]) end(key K) {
	t.working--
	t.keys[key].working--
	t.forget(key)
	for i := 0; i < len(t.line) && t.working < t.o.AtOnce; {
		w := t.line[i]
		of := t.keys[w.key]
		if of.working >= t.o.AtOncePerKey {
			i++
			continue
		}
		t.line = slices.Delete(t.line, i, i+1)
		t.working++
		of.working++
		of.waiting--
		close(w.ready)
	}
}

func (t *Turns[K]) forget(key K) {
	if of := t.keys[key]; of.working == 0 && of.waiting == 0 {
		delete(t.keys, key)
	}
}

// Len is how many work, and how many wait.
func (t *Turns[K]) Len() (working, waiting int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.working, len(t.line)
}
