package follower

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// failedAsks is the number of consecutive failed requests after which the
// remaining documents are not requested: all of them are kept and owed.
const failedAsks = 3

// settled collects the documents that leave the quarantine when a full read is
// in the store. It is safe for concurrent use.
type settled struct {
	mu   sync.Mutex
	keys map[quarantineKey]bool
}

func newSettled() *settled { return &settled{keys: map[quarantineKey]bool{}} }

func (s *settled) add(key quarantineKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[key] = true
}

// finish ends a full read: it requests missing documents by id, commits the
// store, and removes readable documents from the quarantine. An error of the
// store means that the read was held back; errFailed that it could not be
// completed.
func (f *Follower) finish(ctx context.Context, into Load, m mode) (store.Result, error) {
	if err := f.confirm(ctx, into, m); err != nil {
		into.Abort()
		return store.Result{}, err
	}
	result, err := into.Commit()
	if err != nil {
		return result, err
	}
	f.meeting.mu.Lock()
	defer f.meeting.mu.Unlock()
	for key := range m.settled.keys {
		if !f.meeting.touched[key] { // otherwise a feed has something newer
			f.quarantine.remove(key.database, key.id)
		}
	}
	return result, nil
}

// errFailed means that a full read could not be completed.
var errFailed = errors.New("full read could not be completed")

// confirm requests by id each known document that a full read did not return,
// and each owed one: a document is removed only if the source states that it is
// gone. One that arrives is processed normally; one that does not is kept and
// owed. The error is the store's if the read missed so much that it must be
// rejected.
func (f *Follower) confirm(ctx context.Context, into Load, m mode) error {
	if f.byID == nil {
		return nil // the source can't be asked for single documents
	}
	missing, err := into.Missing()
	if err != nil {
		return err
	}
	wanted := map[couch.Database]map[string]bool{}
	for _, db := range followed() {
		wanted[db] = map[string]bool{}
		for _, id := range f.quarantine.debts(db) {
			wanted[db][id] = true
		}
	}
	for _, d := range missing {
		db := couch.WMStats
		if d.Kind == join.Request {
			db = couch.Requests
		}
		wanted[db][d.ID] = true
	}
	m.asked = true
	for _, db := range followed() {
		c := confirming{f: f, db: db, into: into, m: m, left: wanted[db]}
		if err := c.run(ctx); err != nil {
			return err
		}
	}
	if m.tooMany.Load() {
		return fmt.Errorf("%w: %w", errFailed, errTooManyOwed)
	}
	return nil
}

// confirming requests documents of one database.
type confirming struct {
	f    *Follower
	db   couch.Database
	into Load
	m    mode

	left                         map[string]bool // ids without an answer
	came, gone, withheld, failed int
}

func (c *confirming) run(ctx context.Context) error {
	all := len(c.left)
	if all == 0 {
		return nil
	}
	var ids []string
	for id := range c.left {
		ids = append(ids, id)
	}
	for len(ids) > 0 && c.failed < failedAsks {
		n := min(len(ids), askAtOnce)
		err := c.f.byID.ByID(ctx, c.db, ids[:n], c.take)
		ids = ids[n:]
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			c.failed = 0
			continue
		}
		c.failed++
		c.f.o.Log.Warn("could not check documents that a full read lacked", "database", c.db.String(), "documents", n, "err", err)
	}
	for id := range c.left { // no answer
		c.keep(couch.Row{ID: id}, "a full read did not return it, and the request whether it is gone failed")
	}
	c.f.o.Log.Info("checked documents that a full read lacked", "database", c.db.String(),
		"documents", all, "came", c.came, "gone", c.gone, "kept", c.withheld)
	return nil
}

// take processes one answer.
func (c *confirming) take(row couch.Row) error {
	delete(c.left, row.ID)
	switch {
	case row.Lacking():
		c.keep(row, lackText(row))
	case row.Deleted, row.Missing:
		c.gone++
		c.f.decoder.usable(c.db, row, c.m)
	default:
		c.came++
		c.into.Add(c.f.decoder.document(nil, c.db, row, c.m))
	}
	return nil
}

// keep leaves a document as it is known, and marks it as owed.
func (c *confirming) keep(row couch.Row, reason string) {
	c.withheld++
	c.f.decoder.owe(c.db, row.ID, row.Rev, reason, c.m)
	c.into.Add(c.f.decoder.stands(nil, c.db, row.ID, c.m))
}
