package replica

import (
	"errors"

	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// BeginLoad starts a full read. The first one, before there is a generation,
// is not in the log: the others start from a snapshot of its result.
func (r *Replica) BeginLoad() follower.Load {
	inner := r.o.Machine.BeginLoad()
	if r.isLoaded() {
		return &reread{Load: inner, r: r}
	}
	return &firstRead{Load: inner, r: r}
}

// firstRead fills the machine of this server directly.
type firstRead struct {
	follower.Load

	r *Replica
}

// errDeposed means that the leadership has ended.
var errDeposed = errors.New("another server may have the lease")

// Commit appends that the log begins with this read, and makes the generation of
// that entry.
func (l *firstRead) Commit() (store.Result, error) {
	r := l.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lead == nil {
		l.Abort()
		return store.Result{}, errDeposed
	}
	in := input{kind: began, rest: rest{Source: r.say.take()}}
	if _, err := r.store(&in); err != nil {
		return store.Result{}, err
	}
	r.o.Clock.set(in.moment, r.epoch, r.seq)
	defer r.o.Clock.clear()
	result, err := l.Load.Commit()
	if err != nil {
		return result, err //nolint:wrapcheck // the follower distinguishes them
	}
	r.loaded, r.rules = true, r.o.Machine.Rules()
	r.taken(&in)
	r.o.Machine.Observe(in.moment)
	r.say.start(r.o.Now())
	r.say.upTo(r.seq, r.seq, r.o.Now())
	return result, nil
}

// reread appends what a full read found. The machine of this server marks what the
// read has seen, which makes no difference to its results.
type reread struct {
	follower.Load

	r       *Replica
	refetch []string // of all Adds
}

// Add appends changes, except for request documents that are held as they are.
func (l *reread) Add(changes []join.Change) {
	var seen, found []join.Change
	for _, c := range changes {
		content := c.Workflow != nil || c.Report != nil || c.Info != nil
		if c.Stands && c.Doc == nil || c.Kind == join.Request && !content && !c.Deleted && l.r.o.Machine.Holds(c) {
			seen = append(seen, join.Change{Kind: c.Kind, ID: c.ID, Stands: true})
			continue
		}
		found = append(found, c)
	}
	if len(seen) > 0 {
		l.Load.Add(seen)
	}
	if len(found) > 0 {
		l.refetch = append(l.refetch, l.r.append(&input{kind: read, changes: found}).Refetch...)
	}
}

// Commit appends the documents that are gone, unless they are suspiciously many.
// Nothing is appended between the two: a document may come again.
func (l *reread) Commit() (store.Result, error) {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	gone, err := l.Missing()
	if err != nil {
		// It is rejected here too, with a log line.
		return l.Load.Commit() //nolint:wrapcheck // the follower distinguishes them
	}
	undelivered := l.r.o.Machine.Undelivered()
	l.Abort()
	result := l.r.put(&input{kind: swept, rest: rest{Gone: gone, Undelivered: undelivered}})
	result.Refetch = append(l.refetch, result.Refetch...)
	return result, nil
}
