package store

import (
	"errors"
	"fmt"
	"slices"
)

// Load is a full read in progress. Add applies documents as they come, as
// Apply does, and marks them; Commit removes what the read did not see, unless
// that is suspiciously much. One Load is in progress at a time: a new one ends
// the one before. What Apply brings while it runs counts as seen.
type Load struct {
	s       *Store
	refetch []string // of all Adds
}

// ErrLoadEnded says that a Load was ended before, by Commit, Abort or a newer
// Load.
var ErrLoadEnded = errors.New("this full read has ended already")

// ShrunkError says that a full read missed so much of what was there that
// nothing was removed. What it added and changed is published.
type ShrunkError struct{ Had, Lost int } // workflows

func (e *ShrunkError) Error() string {
	return fmt.Sprintf("full read misses %d of %d workflows: nothing removed", e.Lost, e.Had)
}

// BeginLoad starts a full read.
func (s *Store) BeginLoad() *Load {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	s.load = &Load{s: s}
	return s.load
}

// Add applies documents. It may be called by several goroutines.
func (l *Load) Add(changes []Change) {
	places := l.s.gather(changes)
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.refetch = append(l.refetch, l.s.apply(changes, places).Refetch...)
}

// Commit ends the read: what it did not see is removed. The first Commit
// publishes the first generation. A *ShrunkError says that nothing was removed.
// The result counts what Commit did itself; its Refetch is that of all Adds.
func (l *Load) Commit() (Result, error) {
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.load != l {
		return Result{}, ErrLoadEnded
	}
	s.load = nil
	b := &batch{touched: map[*entry]*previous{}}
	b.result.Refetch = l.refetch
	cur := s.current.Load()
	if cur != nil {
		if lost, had := s.lost(), cur.Total(); float64(lost) > s.opt.MaxLoss*float64(had) {
			s.opt.Log.Warn("full read held back", "workflows", had, "missed", lost)
			return s.finish(b), &ShrunkError{Had: had, Lost: lost}
		}
	}
	s.sweep(b)
	r := s.finish(b)
	if cur == nil {
		t := s.build()
		s.publish(t, 0, Diff{}, true)
		r.Published, r.Generation, r.Added = true, s.current.Load().id, t.Len()
		s.opt.Log.Info("first generation", "workflows", t.Len(), "agent_documents", len(s.docs))
	}
	return r, nil
}

// Abort ends the read without removing anything: what was added stays.
func (l *Load) Abort() {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.s.load == l {
		l.s.load = nil
	}
}

// lost counts the workflows that the read did not see.
func (s *Store) lost() (n int) {
	for _, e := range s.entries {
		if e.has && e.seen != s.epoch && !slices.ContainsFunc(e.rivals(), func(r rival) bool { return r.seen == s.epoch }) {
			n++
		}
	}
	return n
}

// sweep removes all that the read did not see.
func (s *Store) sweep(b *batch) {
	for _, e := range s.entries {
		for _, r := range slices.Clone(e.rivals()) {
			if r.seen != s.epoch {
				s.dropRequest(b, e, r.id)
			}
		}
		if e.has && e.seen != s.epoch {
			s.dropRequest(b, e, e.requestID())
		}
	}
	for _, d := range s.docs {
		if d.seen != s.epoch {
			s.dropDoc(b, d)
		}
	}
	for id, n := range s.infos {
		if n.seen != s.epoch {
			delete(s.infos, id)
			s.known.set(AgentInfo, id, 0)
			b.infos = true
		}
	}
}
