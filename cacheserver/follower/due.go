package follower

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// dueRead is a sign in one database that everything has to be read again, beside
// the feeds.
type dueRead struct {
	Cause    cause
	Database string
}

type cause string

const (
	purge cause = "purge"
	fall  cause = "fall"
	whole cause = "whole" // somebody needs all documents; the records are good
)

// public is the reason for people; "" makes nothing stale.
func (c cause) public() string {
	switch c {
	case purge:
		return "documents were purged from a database; everything is read again"
	case whole:
		return ""
	}
	return "a database is in an older state than before, as after a restored backup; everything is read again"
}

// purgeShare is the part of the time between two re-reads because of a fall that
// has to be between two because of purges, which are certain.
const purgeShare = 10

// dueReads are the re-reads that are due. A checkpoint keeps them: by then the
// positions may be new ones, and the records those of before.
type dueReads struct {
	spacing map[cause]time.Duration // between two re-reads for the same
	grace   time.Duration           // the other database may show the same
	tell    func(reason string)     // takes the public reason while one is due; "": none is

	mu    sync.Mutex
	signs int             // seen so far
	noted map[dueRead]int // the newest sign of each that is due
	due   map[dueRead]time.Time
	begun map[dueRead]time.Time // the last re-read because of it
	wake  chan struct{}
}

func newDueReads(fallEvery, grace time.Duration, tell func(string)) *dueReads {
	return &dueReads{
		tell:    tell,
		spacing: map[cause]time.Duration{fall: fallEvery, purge: fallEvery / purgeShare}, grace: grace,
		noted: map[dueRead]int{}, due: map[dueRead]time.Time{}, begun: map[dueRead]time.Time{}, wake: make(chan struct{}, 1),
	}
}

// note takes a sign. A re-read for it is due when the one before was long enough
// ago.
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

// ring wakes the one who pays.
func (s *dueReads) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next is when the first re-read is due.
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

// begin notes that a re-read begins, which pays for all signs so far.
func (s *dueReads) begin(at time.Time) (signs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d := range s.noted {
		s.begun[d] = at
	}
	return s.signs
}

// paid takes off what a re-read was for.
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

// later puts off what is due, after a failure.
func (s *dueReads) later(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d, due := range s.due {
		if due.Before(at) {
			s.due[d] = at
		}
	}
}

// save gives what is due, for a checkpoint.
func (s *dueReads) save() (due []dueRead) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d := range s.noted {
		due = append(due, d)
	}
	return due
}

// readAgain notes that everything has to be read again, beside the feeds.
func (f *Follower) readAgain(d dueRead) { f.dueReads.note(d, f.o.Now()) }

// ReadWhole has everything read again beside the feeds, for those who need all
// documents and not only those that change.
func (f *Follower) ReadWhole() {
	f.readAgain(dueRead{whole, couch.Requests.String()})
	f.dueReads.ring()
}

// allRead notes that all is known to be read after the last sign.
func (f *Follower) allRead() { f.dueReads.paid(f.dueReads.begin(f.o.Now()), f.o.Now()) }

// readDue reads everything again when that is due, until ctx ends.
func (f *Follower) readDue(ctx context.Context) {
	// A re-read is dear, and has tried more than once when it fails: the wait
	// after it is one of its own.
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

// rereadAlone is reread, one at a time. What was due when it began is done by
// it, whoever began it.
func (f *Follower) rereadAlone(ctx context.Context) error {
	select {
	case f.rereading <- struct{}{}:
		defer func() { <-f.rereading }()
	case <-ctx.Done(): // another one may take its time
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
