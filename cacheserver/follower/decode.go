package follower

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/raw"
)

// decoder turns documents into changes. It is safe for concurrent use and never
// fails: an unusable document goes to the quarantine.
type decoder struct {
	o          Options
	known      hashes // nil: the store does not have them
	asks       bool   // the source can return a document by id
	active     map[string]bool
	quarantine *quarantine
	state      *sourceState
	complaints *rate.Limiter // limits log lines: one for each of a million bad documents is no help
	pool       sync.Pool     // of *tools that do not lend memory
}

// tools are the buffers of one decoding goroutine.
type tools struct {
	reports  raw.ReportDecoder
	requests raw.ReqMgrDecoder

	lends   bool // changes are valid until recycle; otherwise they own their memory
	records []schema.Workflow
	added   []schema.AgentReport
}

// recycle reclaims the memory of all changes since the last call. From the first
// call on, the tools lend memory.
func (t *tools) recycle() {
	t.lends = true
	t.reports.Recycle()
	t.requests.Recycle()
	t.records, t.added = t.records[:0], t.added[:0]
}

func (t *tools) record() *schema.Workflow    { return next(&t.records, t.lends) }
func (t *tools) report() *schema.AgentReport { return next(&t.added, t.lends) }

// next returns room for one more value: in list if it is lent and comes back.
func next[T any](list *[]T, lent bool) *T {
	if !lent {
		return new(T)
	}
	if len(*list) == cap(*list) { // values in use stay where they are
		*list = make([]T, 0, max(16, 2*cap(*list)))
	}
	*list = (*list)[:len(*list)+1]
	return &(*list)[len(*list)-1]
}

func newDecoder(o Options, q *quarantine, s *sourceState) *decoder {
	d := &decoder{o: o, quarantine: q, state: s, active: map[string]bool{}, complaints: rate.NewLimiter(1, 20)}
	d.pool.New = func() any { return new(tools) }
	d.known, _ = o.Store.(hashes)
	_, d.asks = o.Source.(byID)
	for _, status := range o.Statuses {
		d.active[status] = true
	}
	return d
}

// mode says for what purpose a document is decoded.
type mode struct {
	fullRead bool // documents that are not added are removed when the read ends
	afresh   bool // decode documents even if the store seems to have them
	behind   bool // a re-read: the feeds continue and come first
	asked    bool // the row answers a request by id

	tooMany *atomic.Bool // set when a missing document can't be recorded; nil: not needed
	settled *settled     // collects documents that leave the quarantine when the changes are in the store; nil: they leave at once
	tools   *tools       // of the goroutine; nil: changes own their memory
}

// document appends the changes of one document or tombstone: none if it is not
// of interest. In a full read, a workflow that is no longer active adds none,
// and a document that is unusable or missing adds one that keeps its old record.
func (d *decoder) document(changes []join.Change, db couch.Database, row couch.Row, m mode) []join.Change {
	switch {
	case row.Deleted:
		return d.tombstone(changes, db, row, m)
	case row.Lacking():
		return d.lacking(changes, db, row, lackText(row), m)
	}
	if m.tools == nil {
		m.tools, _ = d.pool.Get().(*tools)
		defer d.pool.Put(m.tools)
	}
	if change, flaws, ok := d.unseen(db, row, m.tools); ok {
		change.Doc = wholeOf(db, row)
		return d.decoded(changes, db, change, flaws, m)
	}
	head, hash, err := raw.PeekHash(row.Doc)
	change := join.Change{Kind: kindOf(db, head.Type), ID: row.ID, Rev: head.Rev, Hash: hash, Time: head.Time, Doc: wholeOf(db, row)}
	if err != nil || d.doubtful(row, head) {
		if fault := row.Fault(); fault != "" && d.asks && !m.asked {
			return d.lacking(changes, db, row, fault, m)
		}
	}
	switch {
	case err != nil:
		return d.unusable(changes, db, row, change, err, m)
	case head.Deleted:
		return d.tombstone(changes, db, row, m)
	case change.Kind == 0:
		d.usable(db, couch.Row{ID: row.ID, Rev: head.Rev}, m)
		return d.noLonger(changes, db, change, m)
	}
	if old, ok := d.hash(change.Kind, row.ID); ok && old == hash && !m.afresh {
		d.usable(db, couch.Row{ID: row.ID, Rev: head.Rev}, m)
		return d.noLonger(append(changes, change), db, change, m)
	}
	_, flaws, err := d.decode(&change, row.Doc, m.tools)
	if err != nil {
		return d.unusable(changes, db, row, change, err, m)
	}
	return d.decoded(changes, db, change, flaws, m)
}

// doubtful reports whether a document may differ from the source's.
func (d *decoder) doubtful(row couch.Row, head raw.Head) bool {
	return d.asks && (!head.IsOf(row.ID) || head.Rev == "" || head.Deleted)
}

// unseen decodes a document that the store does not have, as nearly all are in
// the first full read, together with its hash in one pass. ok is false for
// others and for unusable documents; the slower path finds the reason.
func (d *decoder) unseen(db couch.Database, row couch.Row, t *tools) (change join.Change, flaws int, ok bool) {
	kind := join.AgentReport
	if db == couch.Requests {
		kind = join.Request
	}
	if _, known := d.hash(kind, row.ID); known {
		return change, 0, false
	}
	change = join.Change{Kind: kind, ID: row.ID}
	head, flaws, err := d.decode(&change, row.Doc, t)
	return change, flaws, err == nil && !head.Deleted && !d.doubtful(row, head)
}

// decoded counts a decoded document and appends its change.
func (d *decoder) decoded(changes []join.Change, db couch.Database, change join.Change, flaws int, m mode) []join.Change {
	d.usable(db, couch.Row{ID: change.ID, Rev: change.Rev}, m)
	if flaws > 0 {
		d.state.count(0, int64(flaws))
		call(d.o.Hooks.Flaws, flaws)
	}
	if change.Workflow != nil && !d.active[change.Workflow.Status] {
		if m.fullRead {
			return changes
		}
		change = join.Change{Kind: change.Kind, ID: change.ID, Rev: change.Rev, Deleted: true}
	}
	return d.noLonger(append(changes, change), db, change, m)
}

// usable records that a document is usable or gone.
func (d *decoder) usable(db couch.Database, row couch.Row, m mode) {
	key := quarantineKey{db.String(), row.ID}
	switch {
	case m.settled != nil:
		if d.quarantine.has(key) && d.quarantine.doubts(key, row) == "" {
			m.settled.add(key)
		}
	case !m.asked: // otherwise when the answer is in the store
		d.quarantine.remove(key.database, key.id)
	}
}

// noLonger appends the removal of the former record of a document that has
// changed its type. A full read does not need it: documents that it does not
// return are removed, within limits.
func (d *decoder) noLonger(changes []join.Change, db couch.Database, change join.Change, m mode) []join.Change {
	if db == couch.Requests || m.fullRead {
		return changes
	}
	for _, kind := range kindsOf(db) {
		if _, ok := d.hash(kind, change.ID); ok && kind != change.Kind {
			changes = append(changes, join.Change{Kind: kind, ID: change.ID, Rev: change.Rev, Deleted: true})
		}
	}
	return changes
}

// kindsOf returns the kinds of documents in a database.
func kindsOf(db couch.Database) []join.Kind {
	if db == couch.Requests {
		return []join.Kind{join.Request}
	}
	return []join.Kind{join.AgentReport, join.AgentInfo}
}

// kindOf returns the kind of a document; 0: not of interest.
func kindOf(db couch.Database, docType string) join.Kind {
	switch {
	case db == couch.Requests:
		return join.Request
	case docType == "agent_request":
		return join.AgentReport
	case docType == "agent_info":
		return join.AgentInfo
	}
	return 0
}

func (d *decoder) hash(kind join.Kind, id string) (uint64, bool) {
	if d.known == nil || kind == 0 {
		return 0, false
	}
	return d.known.KnownHash(kind, id)
}

// decode fills the change from the document. A panic of the decoder is an error
// of this document only.
func (d *decoder) decode(change *join.Change, doc []byte, t *tools) (head raw.Head, flaws int, err error) {
	defer func() {
		if r := recover(); r != nil {
			d.o.Log.Error("decoder panicked", "id", couch.Brief(change.ID), "rev", change.Rev, "panic", r, "stack", string(debug.Stack()))
			err = &raw.DocError{ID: change.ID, Found: "a document that the decoder can't handle", Want: "one that it can"}
		}
	}()
	switch change.Kind {
	case join.Request:
		req, err := t.requests.Decode(doc)
		if err != nil {
			return head, 0, err
		}
		change.Workflow = t.record()
		req.FillRecord(change.Workflow)
		if !req.StatusIsText || req.RequestStatus == "" {
			change.Workflow.Status = "" // not of interest: no view or query by status returns it, so other ways must not either
		}
		change.Rev, change.Hash, change.Time = req.Rev, req.Hash, req.Time
		return req.Head, len(req.Flaws), nil
	case join.AgentReport:
		report, err := t.reports.Decode(doc)
		if err != nil {
			return head, 0, err
		}
		change.Report = t.report()
		*change.Report, change.Idle = report.Report, !report.HasStatus
		change.Rev, change.Hash, change.Time = report.Rev, report.Hash, report.Time
		return report.Head, len(report.Flaws), nil
	default:
		info, err := raw.DecodeAgentInfo(doc)
		if err != nil {
			return head, 0, err
		}
		detail := info.Detail()
		change.Info = &detail
		return info.Head, len(info.Flaws), nil
	}
}

// tombstone appends the removal of a document. A tombstone in the WMStats
// database does not state the document's type: most were never of interest.
func (d *decoder) tombstone(changes []join.Change, db couch.Database, row couch.Row, m mode) []join.Change {
	d.usable(db, row, m)
	for _, kind := range kindsOf(db) {
		if _, ok := d.hash(kind, row.ID); ok || d.known == nil || kind == join.Request {
			changes = append(changes, join.Change{Kind: kind, ID: row.ID, Rev: row.Rev, Deleted: true})
		}
	}
	return changes
}

// lacking records that a row came without its document, which is then requested
// by id if the source supports that.
func (d *decoder) lacking(changes []join.Change, db couch.Database, row couch.Row, reason string, m mode) []join.Change {
	if !d.asks {
		change := join.Change{Kind: kindOf(db, ""), ID: row.ID, Rev: row.Rev}
		return d.unusable(changes, db, row, change, errors.New(reason), m)
	}
	d.owe(db, row.ID, row.Rev, reason, m)
	return d.stands(changes, db, row.ID, m)
}

// owe counts and lists a missing document, and logs it once.
func (d *decoder) owe(db couch.Database, id, rev, reason string, m mode) {
	fresh, ok := d.quarantine.owe(Quarantined{ID: id, Database: db.String(), Rev: rev, Reason: reason, Last: d.o.Now()})
	if !ok {
		if m.tooMany != nil {
			m.tooMany.Store(true)
		}
		return
	}
	call(d.o.Hooks.Lacking, db.String())
	if fresh && d.complaints.Allow() {
		d.o.Log.Warn("document missing in the row; requesting it by ID",
			slog.String("id", couch.Brief(id)), slog.String("rev", rev), slog.String("database", db.String()), slog.String("reason", reason))
	}
}

// stands appends, in a full read, that the known record of a document stays.
func (d *decoder) stands(changes []join.Change, db couch.Database, id string, m mode) []join.Change {
	if !m.fullRead {
		return changes
	}
	for _, kind := range kindsOf(db) {
		changes = append(changes, join.Change{Kind: kind, ID: id, Stands: true})
	}
	return changes
}

// unusable counts, lists and logs an unusable document.
func (d *decoder) unusable(changes []join.Change, db couch.Database, row couch.Row, change join.Change, err error, m mode) []join.Change {
	bad := Quarantined{ID: row.ID, Database: db.String(), Rev: change.Rev, Reason: err.Error(), Last: d.o.Now()}
	if bad.Rev == "" {
		bad.Rev = row.Rev
	}
	var doc *raw.DocError
	if errors.As(err, &doc) {
		bad.Path, bad.Reason = doc.Path, fmt.Sprintf("found %s, want %s", doc.Found, doc.Want)
	}
	d.quarantine.add(bad)
	d.state.count(1, 0)
	call(d.o.Hooks.Bad, bad.Database)
	if d.complaints.Allow() {
		d.o.Log.Warn("invalid document",
			slog.String("id", couch.Brief(bad.ID)), slog.String("rev", bad.Rev), slog.String("database", bad.Database),
			slog.String("path", bad.Path), slog.String("reason", bad.Reason))
	}
	if db == couch.Requests {
		// The known record stays, even outside full reads; the raw document is
		// passed to those who may be able to use it.
		return append(changes, join.Change{Kind: join.Request, ID: row.ID, Rev: bad.Rev, Stands: true, Doc: row.Doc})
	}
	return d.stands(changes, db, row.ID, m)
}

// wholeOf returns the document of a request, for users of the whole document.
func wholeOf(db couch.Database, row couch.Row) []byte {
	if db != couch.Requests {
		return nil
	}
	return row.Doc
}

// call calls a hook unless it is nil.
func call[T any](hook func(T), v T) {
	if hook != nil {
		hook(v)
	}
}
