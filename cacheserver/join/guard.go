package join

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// fewLost is a number of documents whose loss is harmless as long as it is less
// than half of them.
const fewLost = 5

// ShrunkError means that a full read missed so many known documents that nothing
// was removed. What it added and changed stays.
type ShrunkError struct {
	What      string // kind of documents: requests, agent documents or agents
	Had, Lost int    // documents known before the read, and the missed ones among them
}

func (e *ShrunkError) Error() string {
	return fmt.Sprintf("full read misses %d of %d %s: nothing removed", e.Lost, e.Had, e.What)
}

func (j *Join) census() census {
	c := census{reports: len(j.reports), agents: len(j.agents)}
	for _, w := range j.workflows {
		if w.has {
			c.requests += 1 + len(w.duplicates())
		}
	}
	return c
}

// doubt records which of the documents that a read is about to add are new: they
// are doubtful until a read is accepted, or the feed delivers them.
func (j *Join) doubt(changes []Change) {
	if j.state == nil {
		return // the first read can't miss anything
	}
	for i := range changes {
		c := &changes[i]
		if c.Deleted || c.Stands || j.holds(Document{c.Kind, c.ID}) {
			continue
		}
		if j.doubtful == nil {
			j.doubtful = map[Document]bool{}
		}
		j.doubtful[Document{c.Kind, strings.Clone(c.ID)}] = true
	}
}

// trust removes the doubt about documents that the feed delivers.
func (j *Join) trust(changes []Change) {
	if len(j.doubtful) == 0 {
		return
	}
	for i := range changes {
		delete(j.doubtful, Document{changes[i].Kind, changes[i].ID})
	}
}

// missed counts the documents that the newest read did not see, without those
// that only rejected reads have returned: otherwise a source that showed other
// documents for a while would miss them for ever.
func (j *Join) missed() (c census) {
	for d := range j.unseen() {
		if j.doubtful[d] {
			continue
		}
		switch d.Kind {
		case Request:
			c.requests++
		case AgentReport:
			c.reports++
		case AgentInfo:
			c.agents++
		}
	}
	return c
}

// shrunk returns the kind of documents of which a read missed too many; nil:
// none.
func (j *Join) shrunk(had census) *ShrunkError {
	lost := j.missed()
	for _, k := range []ShrunkError{
		{"requests", had.requests, lost.requests},
		{"agent documents", had.reports, lost.reports},
		{"agents", had.agents, lost.agents},
	} {
		if tooMuch(k.Lost, k.Had, j.opt.MaxLoss) {
			return &k
		}
	}
	return nil
}

// tooMuch is the rule of the guard: a read is rejected if it misses at least
// this share of the known documents, and always if it misses half. With a share
// of 1 every read is accepted.
func tooMuch(lost, had int, share float64) bool {
	if lost == 0 || share >= 1 {
		return false
	}
	return float64(lost) >= share*float64(had) && (lost >= fewLost || 2*lost >= had)
}

// holds reports whether a document is known.
func (j *Join) holds(d Document) bool {
	switch d.Kind {
	case Request:
		return j.owner(d.ID) != nil
	case AgentReport:
		return j.reports[d.ID] != nil
	}
	return j.agents[d.ID] != nil
}

// unseen yields the documents that the newest read has not seen, in no order.
func (j *Join) unseen() iter.Seq[Document] {
	return func(yield func(Document) bool) {
		for _, w := range j.workflows {
			for _, d := range w.duplicates() {
				if d.seen != j.epoch && !yield(Document{Request, d.id}) {
					return
				}
			}
			if w.has && w.seen != j.epoch && !yield(Document{Request, w.requestID()}) {
				return
			}
		}
		for _, r := range j.reports {
			if r.seen != j.epoch && !yield(Document{AgentReport, r.id}) {
				return
			}
		}
		for _, a := range j.agents {
			if a.seen != j.epoch && !yield(Document{AgentInfo, a.id}) {
				return
			}
		}
	}
}

func (j *Join) missing() []Document {
	return slices.SortedFunc(j.unseen(), compareDocuments)
}
