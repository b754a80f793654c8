package replica

import (
	"bytes"
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/cacheserver/store"
)

var (
	errGap   = errors.New("the log no longer has entries that this server needs")
	errOther = errors.New("another server has begun the log again from a full read")
	errAnew  = errors.New("another log has replaced the one before")
)

// apply applies an input, whose last entry is r.seq. The lock is held.
func (r *Replica) apply(in *input) (result store.Result) {
	m, at := r.o.Machine, r.o.Now()
	r.o.Clock.set(in.moment, r.epoch, r.seq)
	defer r.o.Clock.clear()
	switch in.kind {
	case changed:
		result = m.Apply(in.changes)
	case read:
		result = m.ApplyRead(in.changes)
	case swept:
		result = m.Sweep(in.rest.Gone, in.rest.Undelivered)
	case ticked:
		result = m.Tick()
	case ruled:
		if err := m.SetRules(in.rest.Rules); err != nil {
			r.o.Log.Error("could not use the rules of the log; those before stay", "err", err)
		}
		r.rules = bytes.Clone(in.rest.Rules)
	case reported:
	case began:
		r.fail(errOther)
		return result
	}
	r.taken(in)
	m.Observe(in.moment)
	r.pace += (r.o.Now().Sub(at) - r.pace) / paceOver
	if r.o.Hooks.Applied != nil && r.CaughtUp() {
		r.o.Hooks.Applied(r.o.Now().Sub(in.moment))
	}
	return result
}

// taken takes over what an input says besides its changes.
func (r *Replica) taken(in *input) {
	r.applied, r.shared = r.seq, in.rest.Shared
	r.unusable.note(in.rest.Notes)
	r.say.at(r.epoch, r.applied, in.rest.Source)
}

// follow applies entries as they come, until ctx ends: as long as the process
// lives, whoever is the leader. An error means that it must start again.
func (r *Replica) follow(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for !r.say.failed() {
		select {
		case <-ctx.Done():
			return nil
		case e := <-r.o.Engine.Stored():
			r.next(e.Number, e.Data)
		case <-ticker.C:
			r.look(ctx)
		}
	}
	if err := r.say.restart(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// look reads the entries that this server lacks.
func (r *Replica) look(ctx context.Context) {
	if !r.isLoaded() {
		return
	}
	var last uint64
	asked := r.o.Now()
	err := try(ctx, func(ctx context.Context) (err error) {
		last, err = r.o.Engine.Last(ctx)
		return err //nolint:wrapcheck // logged below
	})
	if err != nil {
		if ctx.Err() == nil {
			r.say.unanswered()
			r.o.Log.Debug("could not ask the log for its newest entry", "err", err)
		}
		return
	}
	if err := r.catchUp(ctx, last); err != nil && ctx.Err() == nil {
		r.o.Log.Debug("could not read the log", "last", last, "err", err)
	}
	r.say.upTo(last, r.at(), asked)
}

// catchUp applies all entries up to last.
func (r *Replica) catchUp(ctx context.Context, last uint64) error {
	if at := r.at(); last < at {
		return r.compare(ctx, at)
	}
	for from := r.at() + 1; from <= last; from = r.at() + 1 {
		for i, e := range r.read(ctx, from, min(last, from+readAhead-1)) {
			number := from + uint64(i) //nolint:gosec // from 0
			if errors.Is(e.err, ErrNoEntry) && r.at() < number {
				return r.compare(ctx, number-1)
			}
			if e.err != nil {
				return e.err
			}
			if r.next(number, e.data); r.say.failed() {
				return errGap
			}
		}
	}
	return nil
}

// Entries that are read at once, and by how many calls at a time: each takes a round trip
// to the engine, which is longer than applying the entry.
const (
	readAhead = 64
	readers   = 8
)

// entryRead is an entry as read, or why it was not.
type entryRead struct {
	data []byte
	err  error
}

// read reads entries.
func (r *Replica) read(ctx context.Context, from, to uint64) []entryRead {
	entries := make([]entryRead, to-from+1)
	var group errgroup.Group
	group.SetLimit(readers)
	for i := range entries {
		group.Go(func() error {
			e := &entries[i]
			e.err = try(ctx, func(ctx context.Context) (err error) {
				e.data, err = r.o.Engine.Entry(ctx, from+uint64(i)) //nolint:gosec // from 0
				return err                                          //nolint:wrapcheck // the caller logs it
			})
			return nil
		})
	}
	_ = group.Wait() // nil: the entries have the errors
	return entries
}

// compare fails if the log is another one than before, or no longer has the entry
// after one that this server has. A copy of it that lags behind is neither.
func (r *Replica) compare(ctx context.Context, at uint64) error {
	state, err := r.o.Engine.Open(ctx)
	if err != nil {
		return err //nolint:wrapcheck // the caller logs it
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case state.Epoch != r.epoch:
		r.fail(errAnew)
		return errAnew
	case state.First > at+1 && r.seq <= at:
		r.fail(errGap)
		return errGap
	}
	return nil
}

// next reads an entry if it is the next one.
func (r *Replica) next(number uint64, entry []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.loaded || number != r.seq+1 || r.say.failed() {
		return
	}
	if r.lead != nil {
		// Another leader has stored it. What the reader of this one has read and not
		// appended yet may be older.
		r.lead.end(ErrRefused)
	}
	body, err := r.parts.add(entry, number)
	if err != nil {
		r.fail(err)
		return
	}
	if body == nil {
		r.seq = number
		return
	}
	in, err := readInput(body)
	if err != nil {
		r.fail(err)
		return
	}
	r.seq = number
	r.apply(&in)
}

// at returns the number of the newest entry that was read.
func (r *Replica) at() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq
}

func (r *Replica) isLoaded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.loaded
}

func (r *Replica) leadership() *leadership {
	r.say.mu.Lock()
	defer r.say.mu.Unlock()
	return r.say.lead
}

// restored takes over what a snapshot says besides the machine's state.
func (r *Replica) restored(s *head) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq, r.applied, r.shared, r.rules, r.loaded = s.Entry, s.Entry, s.Shared, s.Rules, true
	r.unusable.set(s.Quarantine)
	r.say.at(r.epoch, s.Entry, &s.Source)
}
