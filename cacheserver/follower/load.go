package follower

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
)

const (
	parcelBytes  = 256 << 10 // documents travel from reader to decoder in parcels of about this size
	parcelRows   = 4096      // maximum rows: those without documents have no size
	parcelKept   = 4 << 20   // larger parcels, grown by a huge document, are not reused
	loadBatch    = 64        // changes in one Add: their memory should stay in the core's cache
	phaseEvery   = 5 * time.Second
	fullRead     = "full read" // name of the reader
	heldBackText = "a full read found far fewer documents than are known; they are kept"
)

// errHeldBack means that the store keeps its data.
var errHeldBack = errors.New("full read held back")

// errStaleHashes means that documents were wrongly taken for known.
var errStaleHashes = errors.New("documents taken for known have changed in the store")

// loadUntilDone does a full read, with as many retries as needed. Its error is
// ctx's.
func (f *Follower) loadUntilDone(ctx context.Context) error {
	for afresh := false; ; {
		err := f.load(ctx, afresh)
		if afresh = errors.Is(err, errStaleHashes); afresh {
			f.o.Log.Warn("repeating the full read without skipping known documents", "err", err)
			continue
		}
		if err == nil {
			f.retry.worked(fullRead)
		}
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		next := f.retry.failed(fullRead, err)
		if errors.Is(err, errHeldBack) {
			next = turn{wait: f.o.HoldWait}
		}
		f.o.Log.Error("full read failed", "retry_in", next.wait, "err", err)
		if !next.await(ctx) {
			return ctx.Err()
		}
	}
}

// load reads both databases into the store in parallel. Their positions are
// taken before the reads: a change during a read is seen twice, never lost.
func (f *Follower) load(ctx context.Context, afresh bool) error {
	start := f.o.Now()
	f.readings.begin(start)
	defer f.readings.end()
	from := &startings{of: map[couch.Database]couch.Position{}}
	into := f.o.Store.BeginLoad()
	defer context.AfterFunc(ctx, into.Abort)() // also during a commit
	m := mode{fullRead: true, afresh: afresh, settled: newSettled(), tooMany: new(atomic.Bool)}
	read, err := f.readAll(ctx, into, from, start, m)
	if err != nil {
		into.Abort()
		return fmt.Errorf("full read: %w", err)
	}
	result, err := f.finish(ctx, into, m)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errFailed) {
		return f.loadFailed(couch.Requests, err)
	}
	if err != nil {
		call(f.o.Hooks.Held, heldBackText)
		f.state.reloading(heldBackText + heldBackDetail(err))
		return fmt.Errorf("%w: %w", errHeldBack, err)
	}
	if len(result.Refetch) > 0 && !afresh {
		return fmt.Errorf("%w: %d", errStaleHashes, len(result.Refetch))
	}
	f.mu.Lock()
	f.positions, f.loaded, f.wholeRead = from.of, true, start
	f.mu.Unlock()
	took := f.o.Now().Sub(start)
	f.state.loaded(took)
	if hook := f.o.Hooks.Loaded; hook != nil {
		hook(read.documents.Load(), read.bytes.Load(), took)
	}
	f.o.Log.Info("full read finished", "documents", read.documents.Load(), "bytes", read.bytes.Load(), "took", took,
		"generation", result.Generation, "unmatched_reports", result.Unmatched)
	return nil
}

// heldBackDetail returns what a read missed, if the store reports it; for
// people.
func heldBackDetail(err error) string {
	var shrunk *join.ShrunkError
	if !errors.As(err, &shrunk) {
		return ""
	}
	return fmt.Sprintf(": %d of %d %s were missing", shrunk.Lost, shrunk.Had, shrunk.What)
}

// nameSource asks the source for its name until it is known.
func (f *Follower) nameSource(ctx context.Context) error {
	if f.state.named() {
		return nil
	}
	name, err := f.o.Source.Name(ctx)
	if err != nil {
		return err
	}
	f.state.setName(name)
	return nil
}

// loadFailed reports that a database can't be read.
func (f *Follower) loadFailed(db couch.Database, err error) error {
	if !errors.Is(err, context.Canceled) {
		f.fail(db, err)
	}
	return fmt.Errorf("full read: %w", err)
}

// fail reports in the state, but not in the log, that a database can't be read.
func (f *Follower) fail(db couch.Database, err error) {
	reason := couch.Public(err)
	f.state.failed(db, reason)
	if hook := f.o.Hooks.Failure; hook != nil {
		hook(db.String(), reason)
	}
}

// readCount counts the documents and bytes of a full read.
type readCount struct{ documents, bytes atomic.Int64 }

// parcel is a group of documents on their way to a decoder.
type parcel struct {
	db   couch.Database
	rows []couch.Row // Doc is set when the parcel is complete
	ends []int       // ends of the documents in data
	data []byte
}

// add copies a row into the parcel and reports whether it is full.
func (p *parcel) add(row couch.Row) bool {
	p.data = append(p.data, row.Doc...)
	row.Doc = nil
	p.rows = append(p.rows, row)
	p.ends = append(p.ends, len(p.data))
	return len(p.data) >= parcelBytes || len(p.rows) >= parcelRows
}

// seal makes the rows point to their documents.
func (p *parcel) seal() {
	from := 0
	for i, to := range p.ends {
		if to > from { // otherwise it has no document
			p.rows[i].Doc = p.data[from:to:to]
		}
		from = to
	}
}

// empty prepares the parcel for reuse.
func (p *parcel) empty() {
	if cap(p.data) > parcelKept {
		p.data = nil
	}
	p.data, p.rows, p.ends = p.data[:0], p.rows[:0], p.ends[:0]
}

// readOne reads one database into parcels.
func (f *Follower) readOne(ctx context.Context, db couch.Database, full, free chan *parcel, read *readCount, start time.Time, m mode) error {
	var p *parcel
	var documents, bytes int64
	said := start
	way, err := f.o.Source.Read(ctx, db, f.o.Statuses, func(row couch.Row) error {
		if p == nil {
			select {
			case p = <-free:
				p.db = db
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		documents++
		bytes += int64(len(row.Doc))
		if p.add(row) {
			p.seal()
			full <- p // never blocks: the channel has room for all parcels
			p = nil
			if !m.behind {
				f.readings.change(db, func(r *Reading) { r.Documents, r.Reason = documents, "" })
			}
			if now := f.o.Now(); now.Sub(said) >= phaseEvery {
				said = now
				f.progress(db, documents, bytes, now.Sub(start))
			}
		}
		return nil
	})
	if p != nil {
		p.seal()
		full <- p
	}
	if !m.behind && documents > 0 {
		f.readings.change(db, func(r *Reading) { r.Documents = documents })
	}
	read.documents.Add(documents)
	read.bytes.Add(bytes)
	if hook := f.o.Hooks.Documents; hook != nil {
		hook(db.String(), int(documents), bytes)
	}
	if err != nil {
		return err
	}
	f.o.Log.Info("read", "database", db.String(), "method", way, "documents", documents, "bytes", bytes, "took", f.o.Now().Sub(start))
	return nil
}

func (f *Follower) progress(db couch.Database, documents, bytes int64, elapsed time.Duration) {
	f.state.alive(db)
	f.o.Log.Info("reading", "database", db.String(), "documents", documents, "bytes", bytes, "elapsed", elapsed)
	if hook := f.o.Hooks.Phase; hook != nil {
		hook("read "+db.String(), documents, elapsed)
	}
}

// decodeParcels decodes until there are no more parcels. All changes reuse the
// same memory: otherwise half of a full read's memory would be garbage.
func (f *Follower) decodeParcels(ctx context.Context, full, free chan *parcel, into Load, m mode) error {
	m.tools = new(tools)
	m.tools.recycle()
	changes := make([]join.Change, 0, loadBatch)
	add := func() {
		into.Add(changes)
		clear(changes)
		changes = changes[:0]
		m.tools.recycle()
	}
	for p := range full {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, row := range p.rows {
			changes = f.decoder.document(changes, p.db, row, m)
			if len(changes) >= loadBatch {
				add()
			}
		}
		if slices.ContainsFunc(changes, func(c join.Change) bool { return c.Doc != nil }) {
			add() // their documents are in the parcel
		}
		p.empty()
		free <- p
	}
	if len(changes) > 0 {
		add()
	}
	return nil
}
