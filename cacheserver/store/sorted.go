package store

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/dmwm/wmstats/cacheserver/store/scan"
	"github.com/dmwm/wmstats/schema/wire"
)

// sorted is all workflows of a generation in another order than by name. The
// first of them are found without a sort; the whole order is made when a page
// far behind is asked for, from the order of a generation before if there is
// one. Upkeep makes it for orders that are in use.
type sorted struct {
	keys []wire.SortKey
	list string // the key of the list

	mu    sync.Mutex // held while one of the two is made
	first []uint32   // the first places
	whole atomic.Pointer[[]uint32]
}

// firsts are the numbers of first places that are made; more is the whole order.
var firsts = []int{128, 512, 4096}

// places gives the order, right at least up to end.
func (o *sorted) places(g *Snapshot, end int) ([]uint32, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch whole := o.peek(); {
	case whole != nil:
		return whole, nil
	case end <= len(o.first):
		return o.first, nil
	}
	for _, n := range firsts {
		if end > n || n > g.Total()/2 {
			continue
		}
		first, err := scan.Top(g.tree, o.keys, n)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the sort
		}
		o.first = first
		g.store.use(g, o)
		return first, nil
	}
	return o.make(g)
}

// make makes the whole order.
func (o *sorted) make(g *Snapshot) ([]uint32, error) {
	if old := g.store.history.ordered(o.list, looked); old != nil {
		if order, ok := scan.Reorder(old.g.tree, old.sort.peek(), g.tree, o.keys); ok {
			return o.put(order), nil
		}
	}
	order, err := scan.Order(g.tree, nil, o.keys)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the sort
	}
	return o.put(order), nil
}

func (o *sorted) put(order []uint32) []uint32 {
	o.whole.Store(&order)
	o.first = nil
	return order
}

// peek gives the whole order if it is there.
func (o *sorted) peek() []uint32 {
	if whole := o.whole.Load(); whole != nil {
		return *whole
	}
	return nil
}

// use notes that an order is asked for, so that Upkeep makes the whole of it.
func (s *Store) use(g *Snapshot, o *sorted) { s.inUse.Store(&Selection{g: g, sort: o}) }

// arrange makes the whole of the order that was asked for last, unless there is
// one from which it can be made soon enough; busy is false when it is there.
func (u *upkeep) arrange() (busy bool, err error) {
	l := u.s.inUse.Swap(nil)
	if l == nil || l.g.id != u.s.current.Load().id || l.sort.peek() != nil ||
		u.s.history.ordered(l.sort.list, looked/2) != nil {
		return false, nil
	}
	l.sort.mu.Lock()
	defer l.sort.mu.Unlock()
	if l.sort.peek() == nil {
		if _, err := l.sort.make(l.g); err != nil {
			return true, fmt.Errorf("order for later pages: %w", err)
		}
	}
	return true, nil
}
