package join

import (
	"errors"
	"time"
)

// Read is a full read in progress. Add applies documents as they come, as Apply
// does, and marks them; Missing names what the read did not see, and Commit
// removes it, unless that is suspiciously much. One Read is in progress at a
// time: a new one ends the one before. What Apply brings while it runs counts as
// seen.
type Read struct {
	j       *Join
	number  uint32
	refetch []string // of all Adds
	had     census   // documents that were known before it
}

// ErrReadEnded says that a Read was ended before, by Commit, Abort or a newer
// Read.
var ErrReadEnded = errors.New("this full read has ended already")

// BeginRead starts a full read.
func (j *Join) BeginRead() *Read {
	// Reads that were held back or broke off have added what they found. That
	// must not make up for what they missed: the measure is what was there
	// before the first of them.
	had := j.census()
	if j.believed != nil {
		had = had.least(*j.believed)
	}
	j.believed = &had
	j.epoch++
	j.reading = j.epoch
	return &Read{j: j, number: j.epoch, had: had}
}

// Add applies documents. Like Apply it keeps nothing of changes but Info and
// copies.
func (r *Read) Add(moment time.Time, changes []Change) Outcome {
	r.j.moment = moment
	r.j.doubt(changes)
	out := r.j.apply(changes)
	r.refetch = append(r.refetch, out.Refetch...)
	return out
}

// Missing names the documents that are known and that the read has not seen so
// far, requests first, by id. A *ShrunkError says that they are so many that the
// read is not to be believed, as Commit would.
func (r *Read) Missing() ([]Document, error) {
	j := r.j
	if j.reading != r.number {
		return nil, ErrReadEnded
	}
	if j.state != nil {
		if shrunk := j.shrunk(r.had); shrunk != nil {
			return nil, shrunk
		}
	}
	return j.missing(), nil
}

// Commit ends the read: what it did not see is removed. The first Commit makes
// the first State, which takes seconds for many workflows: once stop returns
// true it is given up with ErrReadEnded, and no document is kept. A *ShrunkError
// says that nothing was removed. The result counts what Commit did itself; its
// Refetch is that of all Adds.
func (r *Read) Commit(moment time.Time, stop func() bool) (Outcome, error) {
	j := r.j
	if j.reading != r.number {
		return Outcome{}, ErrReadEnded
	}
	j.moment, j.reading = moment, 0
	b := newBatch()
	b.result.Refetch = r.refetch
	first := j.state == nil
	if !first {
		if shrunk := j.shrunk(r.had); shrunk != nil {
			return j.finish(b), shrunk
		}
	}
	j.believed, j.doubtful = nil, nil
	j.sweep(b, j.missing())
	out := j.finish(b)
	if !first {
		return out, nil
	}
	t := j.build(stop)
	if t == nil {
		j.reset()
		return Outcome{}, ErrReadEnded
	}
	j.show(t)
	out.State, out.Publish, out.Added = j.state, true, t.Len()
	return out, nil
}

// Abort ends the read without removing anything: what was added stays.
func (r *Read) Abort() {
	if r.j.reading == r.number {
		r.j.reading = 0
	}
}
