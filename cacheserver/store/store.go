// Package store keeps the data that the API lists: workflows and sums over them,
// as immutable generations. It takes a lock, passes documents to the writer
// (package join) and publishes the result with one atomic pointer; readers load
// that pointer once per request and never lock. The store does not know HTTP or
// CouchDB.
package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Result is the effect of an input.
type Result struct {
	join.Result
	Generation string // newest after the call; empty before the first
	Published  bool   // it published a new generation
}

// Store holds all generations. It is safe for concurrent use.
type Store struct {
	opt Options

	readers     *readers
	current     atomic.Pointer[Generation] // nil before the first generation
	first       chan struct{}              // closed with the first generation
	known       atomic.Pointer[join.Known] // of writer
	differences differences
	made        made
	account     accounting
	source      atomic.Pointer[SourceState]
	waiting     atomic.Int64 // unmatched reports, for readers
	paused      atomic.Int64 // ns that writers waited for the newest checkpoint

	mu     sync.Mutex // held by the writer; guards all below
	writer *join.Join
	number int64 // of the newest generation
	inputs int64 // counted if Options.Input does not
}

// New returns an empty store. The error names all invalid options.
func New(o Options) (*Store, error) {
	err := o.complete()
	writer, werr := join.New(o.join())
	if err = errors.Join(err, werr); err != nil {
		return nil, fmt.Errorf("store options: %w", err)
	}
	s := &Store{opt: o, readers: newReaders(o), first: make(chan struct{}), writer: writer}
	s.known.Store(writer.Known())
	s.source.Store(&SourceState{})
	return s, nil
}

func newReaders(o Options) *readers {
	r := &readers{opt: o, lists: lists{cache: o.Cache, pending: map[string]*pending{}}}
	r.kept.init(o.KeepFor)
	r.heard.init(o.KeepFor)
	return r
}

// Newest returns the newest generation; false before the first one.
func (s *Store) Newest() (g *Generation, ok bool) {
	g = s.current.Load()
	return g, g != nil
}

// Generation returns a kept generation. Reading it extends its time. A
// superseded one is kept if an answer has named it: see Named and Promise.
func (s *Store) Generation(id string) (*Generation, bool) {
	if cur := s.current.Load(); cur != nil && cur.id == id {
		return cur, true
	}
	return s.readers.kept.get(id, s.opt.Now())
}

// Wait returns a channel that is closed when there is a generation other than
// after, which may be empty.
func (s *Store) Wait(after string) <-chan struct{} {
	cur := s.current.Load()
	switch {
	case cur == nil:
		return s.first
	case cur.id == after:
		return cur.superseded
	}
	return s.first // closed
}

// SetSource sets the state of the data source.
func (s *Store) SetSource(state SourceState) { s.source.Store(&state) }

// Source returns the state of the data source.
func (s *Store) Source() SourceState { return *s.source.Load() }

// Info returns how fresh and complete the data are.
func (s *Store) Info() schema.CacheInfo {
	src := s.Source()
	out := schema.CacheInfo{
		LoadSeconds: src.LoadSeconds, Complete: src.Complete, Stale: src.Stale, StaleReason: src.Reason,
		Source: src.Source, BadDocuments: src.BadDocuments, OwedDocuments: src.Owed, Flaws: src.Flaws,
	}
	if !src.CheckTime.IsZero() {
		out.CheckTime = src.CheckTime.Unix()
	}
	if g := s.current.Load(); g != nil {
		out.Generation, out.CacheTime = g.id, g.time.Unix()
		out.Workflows, out.Bytes = int64(g.Total()), g.table.EncodedBytes()
		// Unmatched reports change without a generation.
		out.AgentReports, out.UnmatchedReports = int64(g.state.Documents), s.waiting.Load()
	}
	return out
}

// Changes returns the differences after the generation since, oldest first; none
// if it is the newest. ok is false if it is unknown or too old.
func (s *Store) Changes(since string) (diffs []Diff, ok bool) {
	cur := s.current.Load()
	if cur == nil {
		return nil, false
	}
	if cur.id == since {
		return []Diff{}, true
	}
	d := &s.differences
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.diffs) - 1; i >= 0; i-- {
		if d.diffs[i].Previous == since {
			return append([]Diff(nil), d.diffs[i:]...), true
		}
	}
	return nil, false
}

// Forget drops the documents of a first full read that will not be committed.
func (s *Store) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writer.Forget()
}

// Made returns the origins of the newest generations, and of the last full reads
// before them: newest first, some 50 at most.
func (s *Store) Made() []wire.AboutGeneration {
	m := &s.made
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]wire.AboutGeneration, 0, len(m.newest)+len(m.reads))
	for i := len(m.newest) - 1; i >= 0; i-- {
		out = append(out, m.newest[i])
	}
	for i := len(m.reads) - 1; i >= 0; i-- {
		out = append(out, m.reads[i])
	}
	return out
}
