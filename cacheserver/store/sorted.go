package store

import (
	"sync/atomic"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema/wire"
)

// sorted is all workflows of a generation in another order than by name. The
// first of them are found without a sort; the whole order is made when a page
// far behind is asked for, from the order of a generation before if there is
// one.
type sorted struct {
	keys []wire.SortKey
	list string // the key of the list

	turn  chan struct{} // has one token, held while one of the two is made
	first []uint32      // the first places
	whole atomic.Pointer[[]uint32]
	count atomic.Int64 // places in the two
}

func newSorted(keys []wire.SortKey, list string) *sorted {
	o := &sorted{keys: keys, list: list, turn: make(chan struct{}, 1)}
	o.turn <- struct{}{}
	return o
}

// lock waits for the turn to make the order, within the budget.
func (o *sorted) lock(b *budget.Budget) error {
	select {
	case <-o.turn:
		return nil
	default:
		return b.Wait(o.turn) //nolint:wrapcheck // it is the request's own end
	}
}

func (o *sorted) unlock() { o.turn <- struct{}{} }

// firsts are the numbers of first places that are made; more is the whole order.
var firsts = []int{128, 512, 4096}

// places gives the order, right at least up to end.
func (o *sorted) places(b *budget.Budget, g *Snapshot, end int) ([]uint32, error) {
	if whole := o.peek(); whole != nil {
		return whole, nil
	}
	if err := o.lock(b); err != nil {
		return nil, err
	}
	defer o.unlock()
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
		first, err := g.tree.Top(b, o.keys, n)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the sort
		}
		o.first = first
		o.count.Store(int64(cap(first)))
		return first, nil
	}
	return o.make(b, g)
}

// make makes the whole order.
func (o *sorted) make(b *budget.Budget, g *Snapshot) ([]uint32, error) {
	if old := g.store.kept.ordered(o.list, looked); old != nil {
		if order, ok := g.tree.Reorder(b, old.g.tree, old.sort.peek(), o.keys); ok {
			return o.put(order), nil
		}
	}
	order, err := g.tree.Order(b, nil, o.keys)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the sort
	}
	return o.put(order), nil
}

func (o *sorted) put(order []uint32) []uint32 {
	o.whole.Store(&order)
	o.first = nil
	o.count.Store(int64(cap(order)))
	return order
}

// peek gives the whole order if it is there.
func (o *sorted) peek() []uint32 {
	if whole := o.whole.Load(); whole != nil {
		return *whole
	}
	return nil
}

// held is the number of places that are there, for who does not wait.
func (o *sorted) held() int { return int(o.count.Load()) }
