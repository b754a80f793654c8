package follower

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// dueRead is a sign in one database that a re-read is needed.
type dueRead struct {
	Cause    cause
	Database string
}

type cause string

const (
	purge cause = "purge"
	fall  cause = "fall"
	whole cause = "whole" // somebody needs all documents; the records are right
)

// public returns the reason for people; "" does not make the data stale.
func (c cause) public() string {
	switch c {
	case purge:
		return "documents were purged from a database; a re-read is due"
	case whole:
		return ""
	}
	return "a database is in an older state than before, as after a restored backup; a re-read is due"
}

// purgeShare divides the time between two re-reads because of a fall; the result
// is the time between two because of purges, which are certain.
const purgeShare = 10

// dueReads are the pending re-reads. A checkpoint keeps them: the positions may
// already be new ones while the records are still the old ones.
type dueReads struct {
	spacing map[cause]time.Duration // between two re-reads for the same cause
	grace   time.Duration           // wait, as the other database may show the same
	tell    func(reason string)     // receives the public reason while a re-read is due; "" when none is

	mu    sync.Mutex
	signs int             // number of signs so far
	noted map[dueRead]int // number of the newest sign of each due read
	due   map[dueRead]time.Time
	begun map[dueRead]time.Time // start of the last re-read for it
	wake  chan struct{}
}

func newDueReads(fallEvery, grace time.Duration, tell func(string)) *dueReads {
	return &dueReads{
		tell:    tell,
		spacing: map[cause]time.Duration{fall: fallEvery, purge: fallEvery / purgeShare}, grace: grace,
		noted: map[dueRead]int{}, due: map[dueRead]time.Time{}, begun: map[dueRead]time.Time{}, wake: make(chan struct{}, 1),
	}
}

// empty forgets all signs and re-reads.
func (s *dueReads) empty() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signs = 0
	clear(s.noted)
	clear(s.due)
	clear(s.begun)
}

// note records a sign. A re-read is due when the last one for the same cause was
// long enough ago.
func (s *dueReads) note(d dueRead, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signs++
	s.noted[d] = s.signs
	if _, waits := s.due[d]; !waits {
		s.due[d] = s.earliest(d, now)
	}
	s.tell(d.Cause.public())
}

func (s *dueReads) earliest(d dueRead, now time.Time) time.Time {
	if d.Cause == fall {
		now = now.Add(s.grace)
	}
	if last, ok := s.begun[d]; ok && last.Add(s.spacing[d.Cause]).After(now) {
		return last.Add(s.spacing[d.Cause])
	}
	return now
}

// ring wakes readDue.
func (s *dueReads) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next returns when the first re-read is due.
func (s *dueReads) next() (at time.Time, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, due := range s.due {
		if !found || due.Before(at) {
			at, found = due, true
		}
	}
	return at, found
}

// begin records that a re-read starts, which covers all signs so far.
func (s *dueReads) begin(at time.Time) (signs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d := range s.noted {
		s.begun[d] = at
	}
	return s.signs
}

// paid removes the signs that a re-read covered.
func (s *dueReads) paid(signs int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reason := ""
	for d, sign := range s.noted {
		delete(s.due, d)
		if sign <= signs {
			delete(s.noted, d)
			continue
		}
		s.due[d], reason = s.earliest(d, now), d.Cause.public()
	}
	s.tell(reason)
}

// later postpones due re-reads after a failure.
func (s *dueReads) later(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d, due := range s.due {
		if due.Before(at) {
			s.due[d] = at
		}
	}
}

// save returns the due re-reads for a checkpoint.
func (s *dueReads) save() (due []dueRead) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d := range s.noted {
		due = append(due, d)
	}
	return due
}

// readAgain requests a re-read.
func (f *Follower) readAgain(d dueRead) { f.dueReads.note(d, f.o.Now()) }

// ReadWhole requests a re-read for users who need all documents and not only
// those that change.
func (f *Follower) ReadWhole() {
	f.readAgain(dueRead{whole, couch.Requests.String()})
	f.dueReads.ring()
}

// allRead records that everything was read after the last sign.
func (f *Follower) allRead() { f.dueReads.paid(f.dueReads.begin(f.o.Now()), f.o.Now()) }

// readDue runs re-reads when they are due, until ctx ends.
func (f *Follower) readDue(ctx context.Context) {
	// A re-read is expensive and has already retried when it fails: the wait
	// after it has its own backoff.
	own := newBackoff(min(f.o.LookEvery, f.o.HoldWait), f.o.HoldWait)
	for ctx.Err() == nil {
		at, due := f.dueReads.next()
		wait := at.Sub(f.o.Now())
		switch {
		case !due:
			turn{wait: time.Hour, wake: f.dueReads.wake}.await(ctx)
			continue
		case wait > 0:
			turn{wait: wait, wake: f.dueReads.wake}.await(ctx)
			continue
		}
		start := f.o.Now()
		err := f.rereadAlone(ctx)
		if err == nil {
			own.worked("re-read")
		} else if ctx.Err() == nil {
			wait := own.failed("re-read", err).wait
			if errors.Is(err, errHeldBack) {
				wait = f.o.HoldWait
			}
			f.dueReads.later(f.o.Now().Add(wait))
			f.o.Log.Warn("re-read failed; keeping current data", "took", f.o.Now().Sub(start), "retry_in", wait, "err", err)
		}
	}
}

// rereadAlone runs one re-read at a time. It covers everything that was due when
// it began, whoever started it.
func (f *Follower) rereadAlone(ctx context.Context) error {
	select {
	case f.rereading <- struct{}{}:
		defer func() { <-f.rereading }()
	case <-ctx.Done(): // another one may take long
		return ctx.Err()
	}
	start := f.o.Now()
	signs := f.dueReads.begin(start)
	repaired, err := f.reread(ctx, start)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if hook := f.o.Hooks.Reread; hook != nil {
		hook(repaired, f.o.Now().Sub(start), err)
	}
	if err != nil {
		return err
	}
	f.dueReads.paid(signs, f.o.Now())
	return nil
}
