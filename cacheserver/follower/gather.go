package follower

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
)

const (
	batchDocuments = 2000     // a batch is applied when it has this many documents
	batchBytes     = 16 << 20 // or this many bytes
	decodeAlone    = 16       // up to this many documents are decoded without other goroutines
)

// item is one change on its way to the store or, with applied, a request to be
// told when all earlier ones are applied.
type item struct {
	db      couch.Database
	change  couch.Change
	came    time.Time
	debt    uint64 // the request that it answers; 0: a feed delivered it
	applied chan<- struct{}
}

// settle waits until everything sent before is applied, and reports whether it
// is.
func settle(ctx context.Context, items chan<- item) bool {
	applied := make(chan struct{})
	select {
	case items <- item{applied: applied}:
	case <-ctx.Done():
		return false
	}
	select {
	case <-applied:
		return true
	case <-ctx.Done():
		return false
	}
}

// batch is a group of gathered changes: the last change of each document, and
// the position of each database after it.
type batch struct {
	index     map[quarantineKey]int
	rows      []item
	bytes     int64
	positions map[couch.Database]couch.Seq
	oldest    time.Time
}

func newBatch() *batch {
	return &batch{index: map[quarantineKey]int{}, positions: map[couch.Database]couch.Seq{}}
}

// add replaces an older change of the same document. A change from a feed is
// newer than an answer to a request.
func (b *batch) add(it item) {
	if it.change.Seq != "" {
		b.positions[it.db] = it.change.Seq
	}
	if it.change.ID == "" {
		return
	}
	b.bytes += int64(len(it.change.Doc))
	key := quarantineKey{it.db.String(), it.change.ID}
	if i, ok := b.index[key]; ok {
		if old := &b.rows[i]; it.debt == 0 || old.debt != 0 {
			old.change, old.debt = it.change, it.debt
		}
		return
	}
	if len(b.rows) == 0 {
		b.oldest = it.came
	}
	b.index[key] = len(b.rows)
	b.rows = append(b.rows, it)
}

func (b *batch) empty() bool { return len(b.positions) == 0 && len(b.rows) == 0 }
func (b *batch) full() bool  { return len(b.rows) >= batchDocuments || b.bytes >= batchBytes }

// gather collects changes and applies them when their window is over, or when
// there are many. It returns when ctx ends, or when more documents are owed than
// can be recorded. Changes that are not applied then will be requested again, as
// the position has not moved.
func (f *Follower) gather(ctx context.Context, items <-chan item) error {
	due := time.NewTimer(f.o.BatchWindow)
	due.Stop()
	defer due.Stop()
	b := newBatch()
	w := window{length: f.o.BatchWindow}
	flush := func() (err error) {
		due.Stop()
		if !b.empty() {
			err = f.apply(b)
			b = newBatch()
			w.applied(time.Now())
		}
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-due.C:
			if err := flush(); err != nil {
				return err
			}
		case it := <-items:
			if it.applied != nil {
				if err := flush(); err != nil {
					return err
				}
				close(it.applied)
				continue
			}
			if b.empty() {
				due.Reset(w.wait(time.Now()))
			}
			w.arrived(time.Now())
			if b.add(it); b.full() {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
}

// apply applies a batch to the store, then moves the positions and settles owed
// documents.
func (f *Follower) apply(b *batch) error {
	b.rows = slices.DeleteFunc(b.rows, func(it item) bool { // drop answers that are no longer expected
		return it.debt != 0 && !f.quarantine.asks(quarantineKey{it.db.String(), it.change.ID}, it.debt)
	})
	var tooMany atomic.Bool
	changes := f.decodeBatch(b.rows, &tooMany)
	if len(changes) > 0 {
		result := f.meeting.apply(f.o.Store, b.rows, changes)
		if len(result.Refetch) > 0 {
			f.meeting.apply(f.o.Store, nil, f.again(b.rows, result.Refetch, &tooMany))
		}
		call(f.o.Hooks.Same, result.Same)
		if f.o.Hooks.Batch != nil {
			f.o.Hooks.Batch(len(changes), f.o.Now().Sub(b.oldest))
		}
		f.o.Log.Debug("changes applied", "documents", len(b.rows), "changes", len(changes), "bytes", b.bytes,
			"generation", result.Generation, "same", result.Same)
	}
	if tooMany.Load() {
		return errTooManyOwed
	}
	f.advance(b.positions)
	for _, it := range b.rows {
		if it.debt != 0 {
			f.quarantine.settle(quarantineKey{it.db.String(), it.change.ID}, it.debt)
		}
	}
	f.countRead(b.rows)
	return nil
}

// again decodes documents that were wrongly taken for known.
func (f *Follower) again(rows []item, ids []string, tooMany *atomic.Bool) (changes []join.Change) {
	for _, it := range rows {
		if slices.Contains(ids, it.change.ID) {
			changes = f.decoder.document(changes, it.db, it.change.Row, mode{afresh: true, asked: it.debt != 0, tooMany: tooMany})
		}
	}
	return changes
}

// countRead passes the numbers of documents to the hook.
func (f *Follower) countRead(rows []item) {
	if f.o.Hooks.Documents == nil {
		return
	}
	for _, db := range followed() {
		var documents int
		var bytes int64
		for _, it := range rows {
			if it.db == db {
				documents++
				bytes += int64(len(it.change.Doc))
			}
		}
		if documents > 0 {
			f.o.Hooks.Documents(db.String(), documents, bytes)
		}
	}
}

// decodeBatch decodes with all workers.
func (f *Follower) decodeBatch(rows []item, tooMany *atomic.Bool) []join.Change {
	workers := f.o.Workers
	if len(rows) <= decodeAlone {
		workers = 1
	}
	parts := make([][]join.Change, workers)
	size := (len(rows) + workers - 1) / workers
	var group sync.WaitGroup
	for w := range workers {
		from, to := min(w*size, len(rows)), min((w+1)*size, len(rows))
		work := func() {
			for _, it := range rows[from:to] {
				parts[w] = f.decoder.document(parts[w], it.db, it.change.Row, mode{asked: it.debt != 0, tooMany: tooMany})
			}
		}
		if w == workers-1 {
			work()
		} else {
			group.Go(work)
		}
	}
	group.Wait()
	changes := parts[0]
	for _, part := range parts[1:] {
		changes = append(changes, part...)
	}
	return changes
}
