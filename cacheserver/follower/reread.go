package follower

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// namedInLog is the number of repaired documents that a log line names.
const namedInLog = 10

// meeting lets a re-read and the feeds write to one store: if a feed delivered a
// document since the re-read began, the feed's version wins over a row that may
// have waited in a queue.
type meeting struct {
	mu      longLock               // held while a batch is applied, which takes seconds where it is appended to a log
	touched map[quarantineKey]bool // delivered by the feeds since the re-read began; nil: no re-read in progress
}

// longLock is a mutex. In a bubble of testing/synctest its holder may sleep.
type longLock chan struct{}

func (l longLock) Lock()   { l <- struct{}{} }
func (l longLock) Unlock() { <-l }

func newMeeting() meeting { return meeting{mu: make(longLock, 1)} }

func (m *meeting) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touched = map[quarantineKey]bool{}
}

func (m *meeting) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touched = nil
}

// apply applies a feed's batch to the store. Its documents count even if they
// make no change: an earlier version of one that is deleted or did not arrive
// may be on its way to the store.
func (m *meeting) apply(to Store, rows []item, changes []join.Change) store.Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.touched != nil {
		for _, c := range changes {
			m.touched[documentOf(c)] = true
		}
		for _, it := range rows {
			m.touched[quarantineKey{it.db.String(), it.change.ID}] = true
		}
	}
	return to.Apply(changes)
}

// documentOf returns the document of a change.
func documentOf(c join.Change) quarantineKey {
	db := couch.WMStats
	if c.Kind == join.Request {
		db = couch.Requests
	}
	return quarantineKey{db.String(), c.ID}
}

// comparing is the Load of a re-read: it skips documents for which a feed has
// something newer, and records differences.
type comparing struct {
	Load
	meeting *meeting
	found   map[quarantineKey]bool // documents that differed in the store; guarded by the meeting
}

func (c *comparing) Add(changes []join.Change) {
	c.meeting.mu.Lock()
	defer c.meeting.mu.Unlock()
	for i, change := range changes {
		content := change.Workflow != nil || change.Report != nil || change.Info != nil
		if !content && change.Doc == nil {
			continue
		}
		key := documentOf(change)
		switch {
		case c.meeting.touched[key]:
			changes[i] = join.Change{Kind: change.Kind, ID: change.ID, Stands: true}
		case content:
			c.found[key] = true
		}
	}
	c.Load.Add(changes)
}

// rereads does a re-read from time to time: a feed that leaves out changes looks
// like one without any. It returns when ctx ends.
func (f *Follower) rereads(ctx context.Context) {
	every := f.o.RereadEvery
	// Spread, so that replicas that were started together do not read together.
	spread := func() time.Duration { return every - every/8 + rand.N(every/4+1) }
	// The interval counts from the last read, which may be that of a process
	// before: one that is restarted often reads everything again too.
	f.mu.Lock()
	passed := max(0, f.o.Now().Sub(f.wholeRead))
	f.mu.Unlock()
	first := spread() - passed
	if first <= 0 {
		first = rand.N(every/64 + 1)
	}
	for wait := first; pause(ctx, wait); {
		wait = spread()
		start := f.o.Now()
		err := f.rereadAlone(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			wait = min(wait, f.o.HoldWait)
			f.o.Log.Warn("re-read failed; keeping current data", "took", f.o.Now().Sub(start), "retry_in", wait, "err", err)
		}
	}
}

// reread reads both databases and repairs differences: documents that a feed did
// not deliver, and ones that are gone. If it fails or misses too much it removes
// nothing. It returns how many documents were repaired.
func (f *Follower) reread(ctx context.Context, start time.Time) (int, error) {
	since := f.Positions()
	f.meeting.begin()
	defer f.meeting.end()
	into := &comparing{Load: f.o.Store.BeginLoad(), meeting: &f.meeting, found: map[quarantineKey]bool{}}
	m := mode{fullRead: true, behind: true, settled: newSettled(), tooMany: new(atomic.Bool)}
	read, err := f.readAll(ctx, into, nil, start, m)
	if err != nil {
		into.Abort()
		return 0, err
	}
	result, err := f.finish(ctx, into, m)
	switch {
	case err != nil && ctx.Err() != nil || errors.Is(err, errFailed):
		return 0, err
	case err != nil:
		call(f.o.Hooks.Held, heldBackText)
		f.state.doubt(heldBackText + heldBackDetail(err))
		return 0, fmt.Errorf("%w: %w", errHeldBack, err)
	}
	f.state.doubt("")
	for _, d := range result.Swept {
		into.found[documentOf(join.Change{Kind: d.Kind, ID: d.ID})] = true
	}
	repaired, err := f.unannounced(ctx, since, into.found)
	if err != nil {
		return 0, fmt.Errorf("tell repaired documents from those under way: %w", err)
	}
	f.mu.Lock()
	f.wholeRead = start
	f.mu.Unlock()
	log := f.o.Log.Info
	if len(repaired) > 0 {
		log = f.o.Log.Warn
	}
	log("re-read done", "documents", read.documents.Load(), "bytes", read.bytes.Load(), "took", f.o.Now().Sub(start),
		"repaired", len(repaired), "examples", repaired[:min(len(repaired), namedInLog)])
	return len(repaired), nil
}

// unannounced returns those of the found documents that the source does not list
// as changed since the re-read began: the others were on their way.
func (f *Follower) unannounced(ctx context.Context, since map[couch.Database]couch.Position, found map[quarantineKey]bool) (left []string, err error) {
	for _, db := range followed() {
		if len(found) == 0 {
			break
		}
		for change, err := range f.o.Source.Changes(ctx, db, since[db].Seq, couch.FeedOptions{Once: true}) {
			if errors.Is(err, couch.ErrSeqUnknown) {
				break // the feed has the same problem, and a full read follows
			}
			if err != nil {
				return nil, err
			}
			delete(found, quarantineKey{db.String(), change.ID})
		}
	}
	for key := range found {
		left = append(left, key.database+"/"+key.id)
	}
	return left, nil
}
