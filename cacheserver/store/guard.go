package store

import "fmt"

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

func (c census) least(o census) census {
	return census{min(c.requests, o.requests), min(c.work, o.work), min(c.infos, o.infos)}
}

// missed counts the documents that the newest read did not see.
func (s *Store) missed() (c census) {
	for d := range s.unseen() {
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
