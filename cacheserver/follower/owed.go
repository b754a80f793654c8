package follower

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

const (
	askAtOnce = 200              // documents in one request
	maxOwed   = 100_000          // a source that owes more can't be followed
	owedSoon  = 30 * time.Second // documents owed for longer make the state stale
)

// byID is a Source that can return single documents. Nothing is owed by a Source
// that can't.
type byID interface {
	// ByID calls fn for each of the ids: with a document, with Deleted or
	// Missing, or with a row that is Lacking. Rows are valid inside fn only.
	// After an error fn may not have been called for some ids.
	ByID(ctx context.Context, db couch.Database, ids []string, fn func(couch.Row) error) error
}

// errTooManyOwed ends a read, or the following of feeds.
var errTooManyOwed = &couch.Error{Op: "read documents", Kind: couch.ErrRow, Reason: "too many rows came without their documents"}

// debt is a document that is assumed to exist and has not arrived.
type debt struct {
	Quarantined
	serial uint64        // changes with each row that lacked the document: answers from before it settle nothing
	since  time.Time     // owed without interruption
	row    time.Time     // when the last row lacked it
	absent bool          // the source has once answered that it does not exist
	wait   time.Duration // after the last request
	due    time.Time     // time of the next request
}

// asked is a request for one document.
type asked struct {
	id     string
	serial uint64
}

// owe records that a row came without its document. ok is false when too many
// are owed already; fresh means that this document was not owed before.
func (q *quarantine) owe(d Quarantined) (fresh, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := quarantineKey{d.Database, d.ID}
	d.First, d.Count, d.Owed = d.Last, 1, true
	if old := q.find(key); old != nil {
		d.First, d.Count = old.First, old.Count+1
	}
	owed := q.owed[key]
	if owed == nil {
		if len(q.owed) >= q.most {
			return false, false
		}
		q.drop(key)
		owed = &debt{since: time.Now()}
		q.owed[key], fresh = owed, true
	}
	q.serial++
	owed.Quarantined, owed.serial, owed.row = d, q.serial, time.Now()
	owed.absent, owed.wait, owed.due = false, 0, time.Time{}
	q.note(key)
	q.told()
	return fresh, true
}

// told wakes the goroutine that requests owed documents.
func (q *quarantine) told() {
	select {
	case q.change <- struct{}{}:
	default:
	}
}

// due returns up to n documents of one database that are to be requested now,
// and sets the time of their next request: least after the first, doubled each
// time up to most. If there are none, next is when there will be; zero: not
// without another change.
func (q *quarantine) due(n int, least, most time.Duration) (db string, picked []asked, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for key, d := range q.owed {
		switch {
		case d.due.After(now):
			if next.IsZero() || d.due.Before(next) {
				next = d.due
			}
		case len(picked) < n && (db == "" || db == key.database):
			db = key.database
			d.wait = min(max(2*d.wait, least), most)
			d.due = now.Add(d.wait)
			picked = append(picked, asked{key.id, d.serial})
		}
	}
	return db, picked, next
}

// refused records that a document did not arrive when it was requested.
func (q *quarantine) refused(key quarantineKey, serial uint64, reason string, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if d := q.owed[key]; d != nil && d.serial == serial {
		d.Reason, d.Last = reason, at
		q.note(key)
	}
}

// doubts returns why an answer may not be that of the newest copy; "" accepts
// it. If a row had a revision, one answer that does not know the document is not
// enough. An older revision is doubted for as long as copies may lag: it may be
// the newest one if the database was restored.
func (q *quarantine) doubts(key quarantineKey, row couch.Row) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := q.owed[key]
	switch {
	case d == nil:
	case row.Missing && d.Rev != "" && !d.absent:
		d.absent = true
		return "the source did not know the document"
	case !row.Missing && older(row.Rev, d.Rev) && time.Since(d.row) < owedSoon:
		return "the source sent revision " + row.Rev
	}
	return ""
}

// older reports whether a revision comes before another one of its document;
// false when that can't be determined.
func older(rev, than string) bool {
	number := func(rev string) int {
		digits, _, _ := strings.Cut(rev, "-")
		n, err := strconv.Atoi(digits)
		if err != nil {
			return 0
		}
		return n
	}
	a, b := number(rev), number(than)
	return a > 0 && a < b
}

// asks reports whether the answer to a request is still expected.
func (q *quarantine) asks(key quarantineKey, serial uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := q.owed[key]
	return d != nil && d.serial == serial
}

// settle removes a document from the list when its answer is in the store.
func (q *quarantine) settle(key quarantineKey, serial uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if d := q.owed[key]; d != nil && d.serial == serial {
		q.drop(key)
	}
}

// debts returns the owed documents of one database.
func (q *quarantine) debts(db couch.Database) (ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for key := range q.owed {
		if key.database == db.String() {
			ids = append(ids, key.id)
		}
	}
	return ids
}

// owedFor returns the ids of the documents of one database that have been owed
// without interruption for at least this long, sorted.
func (q *quarantine) owedFor(db couch.Database, least time.Duration) (ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for key, d := range q.owed {
		if key.database == db.String() && time.Since(d.since) >= least {
			ids = append(ids, key.id)
		}
	}
	slices.Sort(ids)
	return ids
}

// OwedRequests returns the ids of the request documents that are assumed to
// exist and have been unavailable for at least this long, sorted.
func (f *Follower) OwedRequests(least time.Duration) []string {
	return f.quarantine.owedFor(couch.Requests, least)
}

// owing returns how many documents are owed, and since when the first of them
// is.
func (q *quarantine) owing() (n int, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range q.owed {
		if n++; n == 1 || d.since.Before(since) {
			since = d.since
		}
	}
	return n, since
}

// askForOwed requests owed documents repeatedly until all have arrived, and
// passes the answers on as if a feed had delivered them. It returns when ctx
// ends.
func (f *Follower) askForOwed(ctx context.Context, items chan<- item) {
	const reader = "owed"
	size := askAtOnce
	for ctx.Err() == nil {
		late := f.tellOwed()
		name, questions, next := f.quarantine.due(size, f.o.MinWait, f.o.MaxWait)
		if len(questions) == 0 {
			f.awaitOwed(ctx, next, late)
			continue
		}
		err := f.ask(ctx, databaseOf(name), questions, items)
		switch {
		case err == nil:
			f.retry.worked(reader)
			size = min(2*size, askAtOnce)
		case ctx.Err() == nil:
			turn := f.retry.failed(reader, err)
			size = max(size/2, 1) // the answer may be too large for its time
			f.o.Log.Warn("could not read owed documents", "database", name, "documents", len(questions), "retry_in", turn.wait, "err", err)
			turn.await(ctx)
		}
	}
}

// databaseOf returns the database of a name in the quarantine.
func databaseOf(name string) couch.Database {
	if name == couch.Requests.String() {
		return couch.Requests
	}
	return couch.WMStats
}

// awaitOwed waits for one of two times, or for a change of the owed documents.
func (f *Follower) awaitOwed(ctx context.Context, next, late time.Time) {
	if next.IsZero() || !late.IsZero() && late.Before(next) {
		next = late
	}
	var wake <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		wake = timer.C
	}
	select {
	case <-ctx.Done():
	case <-f.quarantine.change:
	case <-wake:
	}
}

// tellOwed reports how many documents are owed, and returns when they would make
// the state stale; zero: never, or it already is.
func (f *Follower) tellOwed() (late time.Time) {
	n, since := f.quarantine.owing()
	reason := ""
	switch {
	case n == 0:
	case time.Since(since) >= owedSoon:
		reason = fmt.Sprintf("%d documents have changed in the data source and can't be read; /quarantine names them", n)
		if n == 1 {
			reason = "a document has changed in the data source and can't be read; /quarantine names it"
		}
	default:
		late = since.Add(owedSoon)
	}
	f.state.owes(int64(n), reason)
	return late
}

// ask requests documents and passes on the answers.
func (f *Follower) ask(ctx context.Context, db couch.Database, questions []asked, items chan<- item) error {
	ids, serials := make([]string, len(questions)), make(map[string]uint64, len(questions))
	for i, q := range questions {
		ids[i], serials[q.id] = q.id, q.serial
	}
	return f.byID.ByID(ctx, db, ids, func(row couch.Row) error {
		key := quarantineKey{db.String(), row.ID}
		reason := f.quarantine.doubts(key, row)
		if row.Lacking() {
			reason = lackText(row)
		}
		if reason != "" {
			f.quarantine.refused(key, serials[row.ID], reason, f.o.Now())
			return nil
		}
		row.Deleted, row.Doc = row.Deleted || row.Missing, slices.Clone(row.Doc) // it is used by another goroutine
		select {
		case items <- item{db: db, change: couch.Change{Row: row}, came: f.o.Now(), debt: serials[row.ID]}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// lackText returns what a row has instead of its document.
func lackText(row couch.Row) string {
	if row.Error == "" {
		return "the source did not send the document"
	}
	return "the source did not send the document: " + row.Error
}
