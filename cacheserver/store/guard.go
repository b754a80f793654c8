package store

import (
	"fmt"
	"strings"
)

// fewLost is a number of documents that says nothing about a source as long as
// it is less than half of them.
const fewLost = 5

// ShrunkError says that a full read missed so much of what was there that
// nothing was removed. What it added and changed is published.
type ShrunkError struct {
	What      string // which documents: requests, agent documents or agents
	Had, Lost int    // documents known before the read, and those of them that it missed
}

func (e *ShrunkError) Error() string {
	return fmt.Sprintf("full read misses %d of %d %s: nothing removed", e.Lost, e.Had, e.What)
}

// census counts documents, one kind at a time: an agents' database that seems
// empty takes no workflow away, only all of their jobs.
type census struct{ requests, work, infos int }

func (s *Store) census() census {
	c := census{work: len(s.docs), infos: len(s.infos)}
	for _, e := range s.entries {
		if e.has {
			c.requests += 1 + len(e.rivals())
		}
	}
	return c
}

// doubt notes which of the documents that a read is about to add are new: they
// are in doubt until a read is believed, or the feed brings them.
func (s *Store) doubt(changes []Change) {
	if s.current.Load() == nil {
		return // the first read: there is nothing that it could miss
	}
	for i := range changes {
		c := &changes[i]
		if c.Deleted || c.Stands || s.holds(c.Kind, c.ID) {
			continue
		}
		if s.doubtful == nil {
			s.doubtful = map[Document]bool{}
		}
		s.doubtful[Document{c.Kind, strings.Clone(c.ID)}] = true
	}
}

// trust takes back the doubt about what the feed brings.
func (s *Store) trust(changes []Change) {
	if len(s.doubtful) == 0 {
		return
	}
	for i := range changes {
		delete(s.doubtful, Document{changes[i].Kind, changes[i].ID})
	}
}

// holds tells whether a document is known.
func (s *Store) holds(kind Kind, id string) bool {
	switch kind {
	case ReqMgr:
		return s.owner(id) != nil
	case AgentWork:
		return s.docs[id] != nil
	}
	return s.infos[id] != nil
}

func (c census) least(o census) census {
	return census{min(c.requests, o.requests), min(c.work, o.work), min(c.infos, o.infos)}
}

// missed counts the documents that the newest read did not see, without those
// that nothing but reads have brought that were not believed: a source that showed
// other documents for a while would else miss them for ever.
func (s *Store) missed() (c census) {
	for d := range s.unseen() {
		if s.doubtful[d] {
			continue
		}
		switch d.Kind {
		case ReqMgr:
			c.requests++
		case AgentWork:
			c.work++
		case AgentInfo:
			c.infos++
		}
	}
	return c
}

// shrunk tells what a read missed too much of; nil: nothing.
func (s *Store) shrunk(had census) *ShrunkError {
	lost := s.missed()
	for _, k := range []ShrunkError{
		{"requests", had.requests, lost.requests},
		{"agent documents", had.work, lost.work},
		{"agents", had.infos, lost.infos},
	} {
		if tooMuch(k.Lost, k.Had, s.opt.MaxLoss) {
			return &k
		}
	}
	return nil
}

// tooMuch is the rule of the guard: a read that misses share of what was known,
// or more, is not believed; nor is one that misses half, whatever the numbers.
// With a share of 1 everything is believed.
func tooMuch(lost, had int, share float64) bool {
	if lost == 0 || share >= 1 {
		return false
	}
	return float64(lost) >= share*float64(had) && (lost >= fewLost || 2*lost >= had)
}
