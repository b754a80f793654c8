package join

import (
	"errors"
	"time"
)

// Read is a full read in progress. Add applies documents like Apply, and marks
// them; Missing returns the documents that the read did not see, and Commit
// removes them, unless they are suspiciously many. One Read is in progress at a
// time: a new one ends the previous one. Documents that Apply receives meanwhile
// count as seen.
type Read struct {
	j       *Join
	number  uint32
	refetch []string // of all Adds
	had     census   // documents known before it
}

// ErrReadEnded means that the Read has already ended by Commit, Abort or a newer
// Read.
var ErrReadEnded = errors.New("this full read has ended already")

// BeginRead starts a full read.
func (j *Join) BeginRead() *Read {
	// Reads that were held back or failed have added documents. Those must not
	// make up for the missed ones: the reference is what was known before the
	// first such read.
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

// Missing returns the known documents that the read has not seen so far,
// requests first, by id. A *ShrunkError means that they are so many that Commit
// would reject the read.
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

// Commit ends the read: documents that it did not see are removed. The first
// Commit makes the first State, which takes seconds for many workflows: once
// stop returns true it ends with ErrReadEnded, and no document is kept. A
// *ShrunkError means that nothing was removed. The result counts only Commit's
// own changes; its Refetch is that of all Adds.
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

// Forget drops the documents of a first Read that will not be committed. It must
// not be called once there is a State.
func (j *Join) Forget() {
	if j.state == nil {
		j.reading = 0
		j.reset()
	}
}

// Abort ends the read without removing anything: what was added stays.
func (r *Read) Abort() {
	if r.j.reading == r.number {
		r.j.reading = 0
	}
}
