package limit

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Turns limits concurrent work per key and in total; others wait in order of arrival.
// It is safe for concurrent use.
type Turns[K comparable] struct {
	o TurnOptions

	mu      sync.Mutex
	working int
	keys    map[K]*turnsOf
	line    []*waiter[K] // in order of arrival
}

// TurnOptions are the limits of Turns. All must be above 0.
type TurnOptions struct {
	AtOnce, AtOncePerKey   int // working
	Waiting, WaitingPerKey int // waiting
}

// turnsOf has the turns of one key.
type turnsOf struct {
	working, waiting int
	free             bool // limited only by the totals
}

type waiter[K comparable] struct {
	of    *turnsOf
	key   K
	ready chan struct{} // closed when its turn begins
}

// NewTurns returns Turns with the given limits.
func NewTurns[K comparable](o TurnOptions) *Turns[K] {
	return &Turns[K]{o: o, keys: map[K]*turnsOf{}}
}

// Take takes a turn, and waits for it until ctx ends. With free, only the total
// limits apply. leave ends the turn and must be called once. Without a turn, why names
// the full queue, or err is the error of ctx.
func (t *Turns[K]) Take(ctx context.Context, key K, free bool) (leave func(), why Taken, err error) {
	t.mu.Lock()
	of := t.of(key, free)
	leave = func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.end(key, of)
	}
	switch {
	case t.mayWork(of):
		t.working++
		of.working++
		t.mu.Unlock()
		return leave, Free, nil
	case !free && of.waiting >= t.o.WaitingPerKey:
		why = ByKey
	case len(t.line) >= t.o.Waiting:
		why = InTotal
	}
	if why != Free {
		t.forget(key, of)
		t.mu.Unlock()
		return nil, why, nil
	}
	w := &waiter[K]{of: of, key: key, ready: make(chan struct{})}
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
		t.forget(key, of)
	} else { // its turn has just begun
		t.end(key, of)
	}
	return nil, Free, fmt.Errorf("wait for a turn: %w", ctx.Err())
}

func (t *Turns[K]) of(key K, free bool) *turnsOf {
	if free {
		return &turnsOf{free: true}
	}
	of := t.keys[key]
	if of == nil {
		of = &turnsOf{}
		t.keys[key] = of
	}
	return of
}

func (t *Turns[K]) mayWork(of *turnsOf) bool {
	return t.working < t.o.AtOnce && (of.free || of.working < t.o.AtOncePerKey)
}

// end passes the turn of a key to the first waiter that may have it.
func (t *Turns[K]) end(key K, of *turnsOf) {
	t.working--
	of.working--
	t.forget(key, of)
	for i := 0; i < len(t.line); {
		w := t.line[i]
		if !t.mayWork(w.of) {
			i++
			continue
		}
		t.line = slices.Delete(t.line, i, i+1)
		t.working++
		w.of.working++
		w.of.waiting--
		close(w.ready)
	}
}

func (t *Turns[K]) forget(key K, of *turnsOf) {
	if !of.free && of.working == 0 && of.waiting == 0 {
		delete(t.keys, key)
	}
}

// Len returns the numbers of working and waiting.
func (t *Turns[K]) Len() (working, waiting int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.working, len(t.line)
}
