// Package documents holds the complete request documents of all current workflows,
// compressed in blocks, for the old server's REST API. Answers of that API decide
// what other services delete, so they must not depend on whether the source
// responds. A full read fills the package, changes keep it up to date, and readers
// get an immutable snapshot. The package does no I/O.
package documents

import (
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/legacy/property"
)

// Options of Documents. Statuses is required.
type Options struct {
	Statuses []string     // statuses of current requests; other requests are not held
	Log      *slog.Logger // nil: none
}

// Documents holds request documents. It is safe for concurrent use.
type Documents struct {
	shared   *shared
	log      *slog.Logger
	current  atomic.Pointer[Snapshot] // nil until all documents have been read
	complete chan struct{}            // closed with the first snapshot
	once     sync.Once                // closes complete
	bytes    atomic.Int64
	runBytes int // see the constant

	mu     sync.Mutex // held by writers; guards everything below
	serial uint64     // serial of the newest block or snapshot
	gather *gathering // not nil before the first snapshot
	epoch  uint32     // number of the newest full read
	least  uint32     // the first full read that may build a first snapshot: earlier ones lack the lost documents
	// alone has the ids of documents without a record, and the full read that last
	// delivered each.
	alone map[string]uint32
	bad   unusables
}

// Change is the current state of one request document.
type Change struct {
	ID      string
	Doc     []byte // the document; nil: see Deleted and Stands
	Deleted bool   // it was deleted, or its request has left the current statuses
	Stands  bool   // it exists; without Doc, nothing else is known
	// Unusable means that no record could be built from Doc. The earlier version of
	// the document then remains valid beside it.
	Unusable bool
}

// New returns an empty Documents.
func New(o Options) (*Documents, error) {
	if len(o.Statuses) == 0 || len(o.Statuses) > 255 {
		return nil, errors.New("documents: want 1 to 255 statuses")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	return &Documents{
		shared: &shared{codec: codec, statuses: slices.Clone(o.Statuses)}, log: o.Log, complete: make(chan struct{}),
		runBytes: runBytes, gather: newGathering(), alone: map[string]uint32{}, bad: newUnusables(),
	}, nil
}

// Snapshot returns the newest documents; false until all have been read.
func (d *Documents) Snapshot() (*Snapshot, bool) {
	s := d.current.Load()
	return s, s != nil
}

// Complete is closed when all documents have been read.
func (d *Documents) Complete() <-chan struct{} { return d.complete }

// Bytes returns the approximate memory of the documents, and their number.
func (d *Documents) Bytes() (bytes int64, n int) {
	s := d.current.Load()
	if s == nil {
		return d.bytes.Load(), 0
	}
	return d.bytes.Load(), s.count
}

// Apply stores changes. It copies what it needs of them.
func (d *Documents) Apply(changes []Change) {
	made := d.entries(changes)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.take(made)
}

// made is a change with its entry.
type made struct {
	Change

	entry entry // without text if the request is not current
	valid bool  // Doc is JSON
}

// entries builds the entries of changes. This is the expensive part; it needs no
// lock.
func (d *Documents) entries(changes []Change) []made {
	out := make([]made, 0, len(changes))
	var of property.Document
	for _, c := range changes {
		m := made{Change: c, valid: true}
		m.ID = strings.Clone(c.ID)
		if c.Doc != nil {
			if c.Unusable {
				m.valid = json.Valid(c.Doc)
			}
			if m.valid {
				m.entry = d.entryOf(&of, m.ID, c.Doc)
			}
		}
		out = append(out, m)
	}
	return out
}

// entryOf builds the entry of a document, which it parses with of. It has no text
// if the status of the request is not one of Options.Statuses.
func (d *Documents) entryOf(of *property.Document, id string, doc []byte) entry {
	text := property.Canonical(make([]byte, 0, len(doc)+len(doc)/64), doc)
	of.Reset(text)
	status, ok := of.Text("RequestStatus")
	n := slices.Index(d.shared.statuses, status)
	if !ok || n < 0 {
		return entry{}
	}
	e := entry{id: id, hash: xxhash.Sum64(text), text: text, mark: Mark{Status: uint8(n), Type: otherType}} //nolint:gosec // New says that there are fewer
	if of.IsPlain("RequestStatus") {
		e.mark.Flags |= PlainStatus
	}
	if kind, ok := of.Text("RequestType"); ok && of.IsPlain("RequestType") {
		if e.mark.Type = d.shared.typeOf(kind); e.mark.Type != otherType {
			e.mark.Flags |= PlainType
		}
	}
	if name, ok := of.Text("RequestName"); ok && name == id && of.IsPlain("RequestName") {
		e.mark.Flags |= PlainName
	}
	return e
}

// take stores changes. The lock is held.
func (d *Documents) take(changes []made) {
	edits := make(map[string]*entry, len(changes)) // nil: removed
	for i := range changes {
		m := &changes[i]
		switch {
		case m.Stands && m.Doc == nil:
			d.seen(m.ID)
		case m.Deleted || m.Doc == nil:
			if m.Deleted {
				delete(d.alone, m.ID)
				d.bad.remove(m.ID)
				edits[m.ID] = nil
			}
		case m.Unusable:
			d.takeUnusable(edits, m)
		default:
			delete(d.alone, m.ID)
			d.bad.remove(m.ID)
			edits[m.ID] = orNil(m)
		}
	}
	if d.gather != nil {
		d.gather.add(d, edits)
		return
	}
	d.edit(edits)
}

// orNil returns the entry of a current request, or nil to remove the document.
func orNil(m *made) *entry {
	if m.entry.text == nil {
		return nil
	}
	return &m.entry
}

// takeUnusable stores a document without a record. If no earlier version is known,
// it is stored like any other; otherwise lists contain the names of both versions.
func (d *Documents) takeUnusable(edits map[string]*entry, m *made) {
	_, alone := d.alone[m.ID]
	if m.valid && (alone || !d.has(m.ID)) {
		d.alone[m.ID] = d.epoch
		d.bad.remove(m.ID)
		m.entry.mark.Flags |= NoRecord
		edits[m.ID] = orNil(m)
		return
	}
	d.bad.add(Unusable{ID: m.ID, Doc: slices.Clone(m.Doc), Whole: m.valid, Known: d.has(m.ID)}, d.epoch)
}

// seen marks a document without a record as delivered by the newest full read.
func (d *Documents) seen(id string) {
	if _, ok := d.alone[id]; ok {
		d.alone[id] = d.epoch
	}
	d.bad.seen(id, d.epoch)
}

// has reports whether a document is held.
func (d *Documents) has(id string) bool {
	if d.gather != nil {
		return d.gather.has(id)
	}
	_, _, ok := d.current.Load().Find(id)
	return ok
}

// publish makes blocks the newest snapshot. The lock is held.
func (d *Documents) publish(blocks []*Block) {
	d.serial++
	s := &Snapshot{Blocks: blocks, serial: d.serial, unusable: d.bad.list(), shared: d.shared}
	bytes := int64(0)
	for _, b := range blocks {
		s.count += b.Len()
		bytes += b.bytes() + 8
	}
	d.bytes.Store(bytes + d.bad.bytes())
	d.current.Store(s)
	d.once.Do(func() { close(d.complete) })
}

// Forget drops the documents of a first full read that will not be committed.
func (d *Documents) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gather != nil {
		d.gather, d.alone, d.bad = newGathering(), map[string]uint32{}, newUnusables()
	}
}

// lost drops all documents after a decompression error: an answer without some of
// them would be incomplete.
func (d *Documents) lost(err error) {
	d.log.Error("stored request documents cannot be decompressed; the old API waits for the next full read", "err", err)
	d.gather, d.alone, d.least = newGathering(), map[string]uint32{}, d.epoch+1
	d.current.Store(nil)
}
