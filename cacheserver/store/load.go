package store

import (
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/schema/wire"
)

// Load is a full read in progress. Add applies documents as they come, as
// Apply does, and marks them; Missing names what the read did not see, and Commit
// removes it, unless that is suspiciously much. One Load is in progress at a time: a new one ends
// the one before. What Apply brings while it runs counts as seen.
type Load struct {
	s       *Store
	refetch []string // of all Adds
	had     census   // documents that were known before it
	aborted atomic.Bool
	began   time.Time
}

// ErrLoadEnded says that a Load was ended before, by Commit, Abort or a newer
// Load.
var ErrLoadEnded = errors.New("this full read has ended already")

// BeginLoad starts a full read.
func (s *Store) BeginLoad() *Load {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Reads that were held back or broke off have added what they found. That
	// must not make up for what they missed: the measure is what was there
	// before the first of them.
	had := s.census()
	if s.believed != nil {
		had = had.least(*s.believed)
	}
	s.believed = &had
	s.epoch++
	s.load = &Load{s: s, had: had, began: s.opt.Now()}
	return s.load
}

// Add applies documents. It may be called by several goroutines. Like Apply it
// keeps nothing of changes but Info and copies.
func (l *Load) Add(changes []Change) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.s.doubt(changes)
	l.refetch = append(l.refetch, l.s.apply(changes, wire.MadeByRead).Refetch...)
}

// Missing names the documents that are known and that the read has not seen so
// far. A *ShrunkError says that they are so many that the read is not to be
// believed, as Commit would.
func (l *Load) Missing() (missing []Document, err error) {
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.load != l {
		return nil, ErrLoadEnded
	}
	if s.current.Load() != nil {
		if shrunk := s.shrunk(l.had); shrunk != nil {
			return nil, shrunk
		}
	}
	for d := range s.unseen() {
		missing = append(missing, d)
	}
	return missing, nil
}

// unseen yields the documents that the newest read has not seen.
func (s *Store) unseen() iter.Seq[Document] {
	return func(yield func(Document) bool) {
		for _, e := range s.entries {
			for _, r := range e.rivals() {
				if r.seen != s.epoch && !yield(Document{ReqMgr, r.id}) {
					return
				}
			}
			if e.has && e.seen != s.epoch && !yield(Document{ReqMgr, e.requestID()}) {
				return
			}
		}
		for _, d := range s.docs {
			if d.seen != s.epoch && !yield(Document{AgentWork, d.id}) {
				return
			}
		}
		for id, n := range s.infos {
			if n.seen != s.epoch && !yield(Document{AgentInfo, id}) {
				return
			}
		}
	}
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
	b := s.newBatch(wire.MadeByRead, l.began)
	b.result.Refetch = l.refetch
	cur := s.current.Load()
	if cur != nil {
		if shrunk := s.shrunk(l.had); shrunk != nil {
			s.opt.Log.Warn("full read held back", "of", shrunk.What, "known", shrunk.Had, "missed", shrunk.Lost)
			return s.finish(b), shrunk
		}
	}
	s.believed, s.doubtful = nil, nil
	s.sweep(b)
	r := s.finish(b)
	if cur == nil {
		t := s.build(l.aborted.Load)
		if t == nil {
			return Result{}, ErrLoadEnded
		}
		s.publish(t, Diff{}, true, b.how)
		r.Published, r.Generation, r.Added = true, s.current.Load().id, t.Len()
		s.opt.Log.Info("first generation", "workflows", t.Len(), "agent_documents", len(s.docs))
	}
	return r, nil
}

// Abort ends the read without removing anything: what was added stays. A Commit
// under way that makes the first generation, which takes seconds for many
// workflows, ends soon with ErrLoadEnded, and leaves nothing.
func (l *Load) Abort() {
	l.aborted.Store(true)
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.s.load == l {
		l.s.load = nil
	}
}

// sweep removes all that the read did not see.
func (s *Store) sweep(b *batch) {
	for _, e := range s.entries {
		for _, r := range slices.Clone(e.rivals()) {
			if r.seen != s.epoch {
				b.sweep(ReqMgr, r.id)
				s.dropRequest(b, e, r.id)
			}
		}
		if e.has && e.seen != s.epoch {
			b.sweep(ReqMgr, e.requestID())
			s.dropRequest(b, e, e.requestID())
		}
	}
	for _, d := range s.docs {
		if d.seen != s.epoch {
			b.sweep(AgentWork, d.id)
			s.dropDoc(b, d)
		}
	}
	for id, n := range s.infos {
		if n.seen != s.epoch {
			b.sweep(AgentInfo, id)
			delete(s.infos, id)
			s.known.set(AgentInfo, id, 0)
			b.infos = true
		}
	}
}

func (b *batch) sweep(kind Kind, id string) {
	b.result.Swept = append(b.result.Swept, Document{kind, id})
}
