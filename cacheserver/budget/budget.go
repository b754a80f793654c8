// Package budget bounds the work of one request. Whoever works in a loop over
// data counts its steps with Spend and stops when that returns false: because
// the client left, because the request has had its time or its steps, or
// because too many requests that are as expensive are under way. What is cheap
// pays one addition for it.
//
// A budget travels in the context of its request. The package knows neither
// HTTP nor what the work is.
package budget

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Every is the number of steps between two looks at the context and the clock.
// A step is the work of about a nanosecond, and never more than 100 ns, so that
// a request ends within some milliseconds of its client's leaving.
const Every = 1 << 15

// Options bound one request; the zero value bounds nothing.
type Options struct {
	Time  time.Duration // longest work, without the time in Enter; 0: no bound
	Steps int64         // most steps; 0: no bound
	Free  int64         // steps after which Enter is called
	// Enter takes a place among the expensive requests and waits for it if need
	// be; leave gives it back. Nil: there is always place.
	Enter func(ctx context.Context) (leave func(), err error)
	Now   func() time.Time // nil: time.Now
}

// ExceededError says that a request had all its time or steps.
type ExceededError struct {
	Time  time.Duration // the bound, when it was the time
	Steps int64         // the bound, when it was the steps
}

func (e *ExceededError) Error() string {
	if e.Time > 0 {
		return fmt.Sprintf("the request took longer than %s", e.Time)
	}
	return fmt.Sprintf("the request took more than %d steps", e.Steps)
}

// Budget is what one request may still spend. It is a context. Not safe for
// concurrent use, but as a context.
type Budget struct {
	context.Context //nolint:containedctx // a budget is the context of its request

	o       Options
	spent   int64
	looked  int64 // spent at the last look
	next    int64 // spent at the next look
	largest int64 // most steps between two looks
	after   int64 // calls of Spend after it said no
	until   time.Time
	leave   func()
	over    bool
	err     error
}

// New makes a budget in ctx. The time begins now. End must be called when Enter
// is given.
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

// Unbounded returns a budget for work that nobody waits for.
func Unbounded() *Budget { return New(context.Background(), Options{}) }

type key struct{}

// Value is that of the context, and the budget itself for From.
func (b *Budget) Value(k any) any {
	if k == (key{}) {
		return b
	}
	return b.Context.Value(k)
}

// From returns the budget of a context. Without one, work ends with the
// context only.
func From(ctx context.Context) *Budget {
	if b, ok := ctx.Value(key{}).(*Budget); ok {
		return b
	}
	return New(ctx, Options{})
}

// Spend counts steps of work that is done or is about to be done; one call is
// for some milliseconds of work at most. False means: stop, Stopped has the reason.
func (b *Budget) Spend(steps int) bool {
	b.spent += int64(steps)
	return b.spent < b.next || b.look()
}

// look asks whether the work may go on.
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

// Stopped is why the work has to stop; nil while it may go on.
func (b *Budget) Stopped() error { return b.err }

// Wait waits until the channel is closed, at most as long as the request may
// take. It gives up the place among the expensive requests meanwhile, since
// what is waited for may need it.
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

// Pause stops the clock until resume is called, and gives the place among the
// expensive requests back: for a wait that has a bound of its own.
func (b *Budget) Pause() (resume func()) {
	b.Rest()
	began := b.o.Now()
	return func() { b.until = b.until.Add(b.o.Now().Sub(began)) }
}

// Rest gives the place among the expensive requests back; the next Spend asks
// for one again.
func (b *Budget) Rest() {
	if b.leave != nil {
		b.leave()
		b.leave = nil
	}
	b.next = min(b.next, b.spent)
}

// End gives the place back for good: what is spent from now on is the sending
// of an answer, at the pace of its reader.
func (b *Budget) End() {
	b.Rest()
	b.over = true
}

// Spent is how many steps were counted.
func (b *Budget) Spent() int64 { return b.spent }

// Largest is the most steps between two looks at the context, for tests.
func (b *Budget) Largest() int64 { return b.largest }

// After is how often Spend was called after it had said no, for tests.
func (b *Budget) After() int64 { return b.after }
