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
	askAtOnce = 200              // documents in one question
	maxOwed   = 100_000          // a source that owes more is not one that can be followed
	owedSoon  = 30 * time.Second // what is owed for longer makes the state stale
)

// byID is a Source that can be asked for single documents. One that is not can't
// say more than it did, and nothing is owed by it.
type byID interface {
	// ByID calls fn for each of the ids: with a document, with Deleted or
	// Missing, or with a row that is Lacking; rows are valid inside fn only.
	// After an error some ids may not have had their call.
	ByID(ctx context.Context, db couch.Database, ids []string, fn func(couch.Row) error) error
}

// errTooManyOwed ends a read, and the following of feeds.
var errTooManyOwed = &couch.Error{Op: "read documents", Kind: couch.ErrRow, Reason: "too many rows came without their documents"}

// debt is a document that is there, for all that is known, and did not come.
type debt struct {
	Quarantined
	serial uint64        // another one after each row that lacked the document: older answers settle nothing
	since  time.Time     // owed without a break
	row    time.Time     // when the last row lacked it
	absent bool          // the source has said once that it is not there
	wait   time.Duration // after the last question
	due    time.Time     // the next question
}

// asked is a question for one document.
type asked struct {
	id     string
	serial uint64
}

// owe notes that a document did not come with its row. It is not ok when too
// much is owed already; fresh says that this document was not owed before.
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
	q.told()
	return fresh, true
}

// told wakes who asks for what is owed.
func (q *quarantine) told() {
	select {
	case q.change <- struct{}{}:
	default:
	}
}

// due picks up to n documents of one database that are to be asked for now, and
// puts each off for the time after: least at first, twice as long each time, and
// most at last. Where there are none, next says when there will be; zero: not by
// themselves.
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

// refused notes that a document did not come when it was asked for.
func (q *quarantine) refused(key quarantineKey, serial uint64, reason string, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if d := q.owed[key]; d != nil && d.serial == serial {
		d.Reason, d.Last = reason, at
	}
}

// doubts says why an answer need not be that of the newest copy; "": it is
// believed. What was there with a revision, as the row said, is not gone because
// one answer does not know it. An older revision is doubted for as long as
// copies may lag: it may be the newest one, of a database that was restored.
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

// older tells whether a revision comes before another one of its document; not
// when that can't be told.
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

// asks tells whether the answer to a question is still waited for.
func (q *quarantine) asks(key quarantineKey, serial uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := q.owed[key]
	return d != nil && d.serial == serial
}

// settle takes a document off the list whose answer is in the store.
func (q *quarantine) settle(key quarantineKey, serial uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if d := q.owed[key]; d != nil && d.serial == serial {
		q.drop(key)
	}
}

// debts are the documents of one database that are owed.
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

// owedFor lists the documents of one database that are owed without a break for
// so long, by id.
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

// OwedRequests are the request documents that are there, for all that is known,
// and could not be had for so long, by id.
func (f *Follower) OwedRequests(least time.Duration) []string {
	return f.quarantine.owedFor(couch.Requests, least)
}

// owing says how many documents are owed, and since when the first of them is.
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

// askForOwed asks for what is owed, again and again until all of it has come,
// and passes the answers on as if a feed had brought them. It returns when ctx
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

// databaseOf is the database of a name in the quarantine.
func databaseOf(name string) couch.Database {
	if name == couch.Requests.String() {
		return couch.Requests
	}
	return couch.WMStats
}

// awaitOwed waits for one of two times, or for a change of what is owed.
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

// tellOwed tells everybody what is owed, and returns when that would make the
// state stale; zero: never, or it is.
func (f *Follower) tellOwed() (late time.Time) {
	n, since := f.quarantine.owing()
	reason := ""
	switch {
	case n == 0:
	case time.Since(since) >= owedSoon:
		reason = fmt.Sprintf("%d documents have changed in the source and can't be read; /quarantine names them", n)
		if n == 1 {
			reason = "a document has changed in the source and can't be read; /quarantine names it"
		}
	default:
		late = since.Add(owedSoon)
	}
	f.state.owes(int64(n), reason)
	return late
}

// ask asks for documents and passes on what comes.
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
		row.Deleted, row.Doc = row.Deleted || row.Missing, slices.Clone(row.Doc) // it goes to another goroutine
		select {
		case items <- item{db: db, change: couch.Change{Row: row}, came: f.o.Now(), debt: serials[row.ID]}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// lackText says what a row has in place of its document.
func lackText(row couch.Row) string {
	if row.Error == "" {
		return "the source did not send the document"
	}
	return "the source did not send the document: " + row.Error
}
