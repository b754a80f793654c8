package store

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Apply passes changes to the writer and publishes at most one generation. See
// join.Join.Apply.
func (s *Store) Apply(changes []join.Change) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.opt.Moment()
	return s.show(s.writer.Apply(began, changes), making{wire.CausedByChanges, began})
}

// ApplyRead is Apply for documents of a full read that another store coordinates.
// See join.Join.ApplyRead.
func (s *Store) ApplyRead(changes []join.Change) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.opt.Moment()
	return s.show(s.writer.ApplyRead(began, changes), making{wire.CausedByRead, began})
}

// Sweep ends such a read: it removes the documents that the read did not see.
func (s *Store) Sweep(gone []join.Document) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.opt.Moment()
	return s.show(s.writer.Sweep(began, gone), making{wire.CausedByRead, began})
}

// Tick applies the rules that depend on time (alerts), and drops expired
// generations; call it regularly.
func (s *Store) Tick() Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.opt.Moment()
	s.readers.kept.expire(began)
	return s.show(s.writer.Tick(began), making{wire.CausedByTime, began})
}

// SetLimits changes the thresholds of alerts and computes the alerts of all
// records again. It always publishes a generation, if there is one.
func (s *Store) SetLimits(l schema.Limits) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.opt.Moment()
	return s.show(s.writer.Rules(began, l), making{wire.CausedByLimits, began})
}

// KnownHash returns the hash of a document's known content. A Change of a
// document with the same hash needs no content.
func (s *Store) KnownHash(kind join.Kind, id string) (uint64, bool) {
	return s.known.Load().Hash(kind, id)
}

// Load is a full read in progress; see join.Read. It is safe for concurrent use.
type Load struct {
	s       *Store
	read    *join.Read
	began   time.Time
	aborted atomic.Bool
}

// BeginLoad starts a full read; a previous one ends.
func (s *Store) BeginLoad() *Load {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Load{s: s, read: s.writer.BeginRead(), began: s.opt.Moment()}
}

// Add applies documents.
func (l *Load) Add(changes []join.Change) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	began := l.s.opt.Moment()
	l.s.show(l.read.Add(began, changes), making{wire.CausedByRead, began})
}

// Missing returns the known documents that the read has not seen so far, or a
// *join.ShrunkError or join.ErrReadEnded.
func (l *Load) Missing() ([]join.Document, error) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	return l.read.Missing()
}

// Commit ends the read: documents that it did not see are removed. The first one
// publishes the first generation. The error is a *join.ShrunkError or
// join.ErrReadEnded.
func (l *Load) Commit() (Result, error) {
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.writer.State() == nil
	out, err := l.read.Commit(s.opt.Moment(), l.aborted.Load)
	var shrunk *join.ShrunkError
	switch {
	case errors.As(err, &shrunk):
		s.opt.Log.Warn("full read held back", "of", shrunk.What, "known", shrunk.Had, "missed", shrunk.Lost)
	case err != nil:
		return Result{}, err
	case first:
		s.opt.Log.Info("first generation", "workflows", out.Added, "agent_reports", out.State.Documents+out.Unmatched)
	}
	return s.show(out, making{wire.CausedByRead, l.began}), err
}

// Abort ends the read without removing anything: what was added stays. A Commit
// of the first generation in progress, which takes seconds for many workflows,
// ends soon with join.ErrReadEnded, and leaves nothing.
func (l *Load) Abort() {
	l.aborted.Store(true)
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.read.Abort()
}

// show publishes the outcome of an input. The caller holds the writer's lock.
func (s *Store) show(out join.Outcome, how making) Result {
	s.inputs++
	process, input := s.opt.Process, s.inputs
	if s.opt.Input != nil {
		process, input = s.opt.Input()
	}
	s.readers.heard.note(process, input, how.began, out.Freshness)
	s.waiting.Store(int64(out.Unmatched))
	if out.Publish {
		s.publish(out.State, out.Diff, how)
	}
	s.weigh()
	r := Result{Result: out.Result, Published: out.Publish}
	if cur := s.current.Load(); cur != nil {
		r.Generation = cur.id
	}
	return r
}

// weighEvery is the interval at which known documents are weighed.
const weighEvery = 2 * time.Second

// weigh records the memory of documents, unless that was done recently. The
// caller holds the writer's lock.
func (s *Store) weigh() {
	c, now := &s.account, s.opt.Now()
	if !c.weighed.IsZero() && now.Sub(c.weighed) < weighEvery && now.After(c.weighed) {
		return
	}
	c.weighed = now
	bytes, number := s.writer.Weight()
	c.weight.Store(bytes)
	c.number.Store(number)
}
