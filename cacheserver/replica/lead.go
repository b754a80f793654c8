package replica

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// compete takes the lease whenever it is free, and leads until it is lost: as soon as
// it is released, and at an interval, as it may end without that, or be released
// unheard. A server without a generation starts from a snapshot instead, if there is one.
func (r *Replica) compete(ctx context.Context) {
	for ctx.Err() == nil && !r.say.failed() {
		answered := r.isLoaded() || r.start(ctx)
		if answered && (!r.isLoaded() || r.CaughtUp()) {
			if r.attempt(ctx) {
				pause(ctx, leaseEvery) // another one may do better
				continue
			}
		}
		r.awaitLease(ctx)
	}
}

// awaitLease waits until it is worth asking for the lease.
func (r *Replica) awaitLease(ctx context.Context) {
	timer := time.NewTimer(leaseEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-r.o.Engine.Released():
	}
}

// attempt tries once to take the lease, and leads until it is lost.
func (r *Replica) attempt(ctx context.Context) (led bool) {
	err := try(ctx, func(ctx context.Context) error { return r.o.Engine.Acquire(ctx, r.holder) })
	switch {
	case ctx.Err() != nil:
		return false
	case errors.Is(err, ErrHeld):
		r.written()
		r.say.seenLeader()
		return false
	case err != nil:
		r.unwritten(err)
		r.o.Log.Debug("could not ask for the lease", "err", err)
		return false
	}
	answered := r.isLoaded() || r.start(ctx) // the leader before may have stored a snapshot
	if !r.isLoaded() && !r.tookOver && answered {
		r.takeOver(ctx)
		r.tookOver = true
	}
	if answered {
		if err := r.leads(ctx); err != nil && ctx.Err() == nil {
			r.o.Log.Warn("no longer the leader", "name", r.o.Name, "err", err)
		}
	}
	err = try(context.WithoutCancel(ctx), func(ctx context.Context) error { return r.o.Engine.Release(ctx, r.holder) })
	if err != nil {
		r.o.Log.Debug("could not release the lease", "err", err)
	}
	return true
}

// leads reads the source until ctx ends or the lease is lost. All of its goroutines
// have ended when it returns.
func (r *Replica) leads(outer context.Context) error {
	ctx, end := context.WithCancelCause(outer)
	defer end(nil)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.renew(ctx) })
	group.Go(func() error {
		if r.isLoaded() {
			// The entries of the leader before come first.
			last, err := r.o.Engine.Last(ctx)
			if err == nil {
				err = r.catchUp(ctx, last)
			}
			if err != nil {
				return err
			}
		}
		l := &leadership{ctx: ctx, end: end, wake: make(chan struct{}, 1)}
		r.begin(l)
		defer r.end()
		inner, ctx := errgroup.WithContext(ctx)
		inner.Go(func() error { return r.flush(ctx, l) })
		inner.Go(func() error { return r.keepSnapshots(ctx) })
		inner.Go(func() error {
			err := r.reader.Run(ctx)
			if err == nil {
				err = errStopped
			}
			return err
		})
		return inner.Wait()
	})
	err := group.Wait()
	if cause := context.Cause(ctx); cause != nil && outer.Err() == nil {
		err = cause
	}
	return err
}

// begin begins a leadership: the reader continues where the log ends.
func (r *Replica) begin(l *leadership) {
	loaded := r.ready(l)
	r.say.setLead(l)
	if r.o.Hooks.Leading != nil {
		r.o.Hooks.Leading(true)
	}
	r.o.Log.Info("reading the source for all servers", "name", r.o.Name, "entry", r.at())
	if loaded {
		r.SetRules(r.o.Machine.Rules())
	}
}

// ready makes the reader continue. No entry is applied meanwhile: an entry of
// another leader ends the leadership from then on.
func (r *Replica) ready(l *leadership) (loaded bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.say.take()
	if r.loaded {
		r.reader.Continue(r.shared, r.unusable.list(), r.say.logged())
	} else if err := r.o.Machine.SetRules(r.o.Machine.Rules()); err != nil {
		r.o.Log.Error("could not use the rules of alerts", "err", err)
	}
	r.lead = l
	return r.loaded
}

// end ends it.
func (r *Replica) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lead = nil
	r.say.setLead(nil)
	if r.o.Hooks.Leading != nil {
		r.o.Hooks.Leading(false)
	}
	if !r.loaded {
		r.o.Machine.Forget()
	}
}

// renew renews the lease until ctx ends, or it is lost.
func (r *Replica) renew(ctx context.Context) error {
	until := r.o.Now().Add(LeaseFor)
	for wait := renewEvery; pause(ctx, wait); {
		asked := r.o.Now()
		err := try(ctx, func(ctx context.Context) error { return r.o.Engine.Acquire(ctx, r.holder) })
		switch {
		case err == nil:
			until, wait = asked.Add(LeaseFor), renewEvery
			r.written()
			r.say.seenLeader()
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrHeld), r.o.Now().After(until):
			return err
		default:
			r.unwritten(err)
			wait = lookEvery
		}
	}
	return ctx.Err()
}

// timesEvery is how often the state of the source is appended when only its times
// have moved.
const timesEvery = 5 * time.Second

// flush appends the state of the source when it has changed.
func (r *Replica) flush(ctx context.Context, l *leadership) error {
	var told time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.wake:
		}
		if !r.isLoaded() {
			r.say.local()
			continue
		}
		state := r.say.take()
		if state == nil {
			continue
		}
		before, now := r.say.logged(), *state
		before.CheckTime, before.RequestsAsOf, before.AgentsAsOf = now.CheckTime, now.RequestsAsOf, now.AgentsAsOf
		if same(before, now) && r.o.Now().Sub(told) < timesEvery {
			continue
		}
		told = r.o.Now()
		r.append(&input{kind: reported, rest: rest{Source: state}})
	}
}
