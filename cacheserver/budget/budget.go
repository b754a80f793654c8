// Package budget bounds the work of one request. A loop over data counts its
// steps with Spend and stops when Spend returns false: because the client
// left, because the request has used all its time or steps, or because too
// many requests that are as expensive are running. For cheap requests this
// costs one addition.
//
// A budget travels in the context of its request. The package depends neither
// on HTTP nor on the kind of work.
package budget

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Every is the number of steps between two checks of the context and the
// clock. A step is about a nanosecond of work, and never more than 100 ns, so
// that a request ends within a few milliseconds after its client has left.
const Every = 1 << 15

// Options are the limits of one request; the zero value limits nothing.
type Options struct {
	Time  time.Duration // maximum work, without the time in Enter; 0: no limit
	Steps int64         // maximum steps; 0: no limit
	Free  int64         // steps after which Enter is called
	// Enter takes a slot among the expensive requests, waiting for one if
	// necessary; leave returns it. Nil: there is always a slot.
	Enter func(ctx context.Context) (leave func(), err error)
	Now   func() time.Time // nil: time.Now
}

// ExceededError reports that a request has used all its time or steps.
type ExceededError struct {
	Time  time.Duration // the limit, if it was the time
	Steps int64         // the limit, if it was the steps
}

func (e *ExceededError) Error() string {
	if e.Time > 0 {
		return fmt.Sprintf("the request took longer than %s", e.Time)
	}
	return fmt.Sprintf("the request took more than %d steps", e.Steps)
}

// Budget is the remaining allowance of one request. It is a context. Only its
// methods as a context are safe for concurrent use.
type Budget struct {
	context.Context //nolint:containedctx // a budget is the context of its request

	o       Options
	spent   int64
	looked  int64 // spent at the last check
	next    int64 // spent at the next check
	largest int64 // maximum steps between two checks
	after   int64 // calls of Spend after it returned false
	until   time.Time
	leave   func()
	over    bool
	err     error
}

// New returns a budget in ctx. Its time starts now. If Enter is set, End must
// be called.
func New(ctx context.Context, o Options) *Budget {
	if o.Now == nil {
		o.Now = time.Now
	}
	b := &Budget{Context: ctx, o: o, next: Every}
	if o.Time > 0 {
		b.until = o.Now().Add(o.Time)
	}
	return b
}

// Unbounded returns a budget for work that no request waits for.
func Unbounded() *Budget { return New(context.Background(), Options{}) }

type key struct{}

// Value returns the value of the context, and the budget itself for From.
func (b *Budget) Value(k any) any {
	if k == (key{}) {
		return b
	}
	return b.Context.Value(k)
}

// From returns the budget of a context. Without one, work ends only with the
// context.
func From(ctx context.Context) *Budget {
	if b, ok := ctx.Value(key{}).(*Budget); ok {
		return b
	}
	return New(ctx, Options{})
}

// Spend counts steps of work that is done or about to be done; one call covers
// a few milliseconds of work at most. False means: stop. Stopped returns the
// reason.
func (b *Budget) Spend(steps int) bool {
	b.spent += int64(steps)
	return b.spent < b.next || b.look()
}

// look checks whether the work may continue.
func (b *Budget) look() bool {
	b.largest = max(b.largest, b.spent-b.looked)
	b.looked = b.spent
	switch {
	case b.err != nil:
		b.after++
	case b.Context.Err() != nil:
		b.stop(fmt.Errorf("request ended: %w", b.Context.Err()))
	case b.o.Steps > 0 && b.spent > b.o.Steps:
		b.stop(&ExceededError{Steps: b.o.Steps})
	case b.o.Time > 0 && b.o.Now().After(b.until):
		b.stop(&ExceededError{Time: b.o.Time})
	case b.o.Enter != nil && b.leave == nil && !b.over && b.spent > b.o.Free:
		b.enter()
	}
	if b.err == nil {
		b.next = b.spent + Every
	}
	return b.err == nil
}

func (b *Budget) stop(err error) {
	b.err = err
	b.next = math.MinInt64
	b.Rest()
}

func (b *Budget) enter() {
	began := b.o.Now()
	leave, err := b.o.Enter(b.Context)
	if err != nil {
		b.stop(err)
		return
	}
	b.leave = leave
	b.until = b.until.Add(b.o.Now().Sub(began))
}

// Stopped returns why the work has to stop; nil while it may continue.
func (b *Budget) Stopped() error { return b.err }

// Wait waits until the channel is closed, but not longer than the request may
// take. Meanwhile it releases the slot among the expensive requests, since the
// work that it waits for may need it.
func (b *Budget) Wait(done <-chan struct{}) error {
	if b.err != nil {
		return b.err
	}
	b.Rest()
	var late <-chan time.Time
	if b.o.Time > 0 {
		timer := time.NewTimer(b.until.Sub(b.o.Now()))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-done:
	case <-late:
		b.stop(&ExceededError{Time: b.o.Time})
	case <-b.Context.Done():
		b.stop(fmt.Errorf("request ended: %w", b.Context.Err()))
	}
	return b.err
}

// Pause stops the clock and releases the slot among the expensive requests
// until resume is called. It is for a wait that has its own limit.
func (b *Budget) Pause() (resume func()) {
	b.Rest()
	began := b.o.Now()
	return func() { b.until = b.until.Add(b.o.Now().Sub(began)) }
}

// Rest releases the slot among the expensive requests; the next Spend takes
// one again.
func (b *Budget) Rest() {
	if b.leave != nil {
		b.leave()
		b.leave = nil
	}
	b.next = min(b.next, b.spent)
}

// End releases the slot for good: from now on only the answer is sent, at the
// pace of its reader.
func (b *Budget) End() {
	b.Rest()
	b.over = true
}

// Spent returns how many steps were counted.
func (b *Budget) Spent() int64 { return b.spent }

// Largest returns the most steps between two checks of the context, for tests.
func (b *Budget) Largest() int64 { return b.largest }

// After returns how often Spend was called after it had returned false, for
// tests.
func (b *Budget) After() int64 { return b.after }
