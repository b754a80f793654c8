// Package documents holds the request documents of all current workflows, whole
// and packed in blocks, for the old server's REST API: its answers decide what
// others delete, so that they must not depend on whether the source answers. A
// full read fills it, changes keep it up to date, and readers get an immutable
// snapshot. It knows neither HTTP nor CouchDB, and reads nothing by itself.
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
	Statuses []string     // of the requests that are current; others are not held
	Log      *slog.Logger // nil: none
}

// Documents holds request documents. It is safe for concurrent use.
type Documents struct {
	shared   *shared
	log      *slog.Logger
	current  atomic.Pointer[Snapshot] // nil until all documents have been read
	complete chan struct{}            // closed with the first snapshot
	once     sync.Once                // of complete
	bytes    atomic.Int64
	runBytes int // of a run; see gathering

	mu     sync.Mutex // of the writers; guards all below
	serial uint64     // of the newest block or snapshot
	gather *gathering // before the first snapshot; nil afterwards
	epoch  uint32     // number of the newest full read
	alone  map[string]uint32
	bad    unusables
}

// Change is one request document as it is now.
type Change struct {
	ID      string
	Doc     []byte // the document; nil: see Deleted and Stands
	Deleted bool   // it is gone, or its request is not current any more
	Stands  bool   // nothing new is known of it
	// Unusable says that the record of the workflow could not be made of Doc, so
	// that what was known before stays in force beside it.
	Unusable bool
}

// New makes an empty Documents.
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

// Bytes is about the memory of the documents, and their number.
func (d *Documents) Bytes() (bytes int64, n int) {
	s := d.current.Load()
	if s == nil {
		return d.bytes.Load(), 0
	}
	return d.bytes.Load(), s.count
}

// Apply takes documents as they are now. It keeps nothing of changes.
func (d *Documents) Apply(changes []Change) {
	made := d.entries(changes)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.take(made)
}

// made is a change in the form in which it is kept.
type made struct {
	Change

	entry entry // its text is nil when the request is not current
	valid bool  // Doc is JSON
}

// entries makes entries of changes; the expensive part, and without the lock.
func (d *Documents) entries(changes []Change) []made {
	out := make([]made, 0, len(changes))
	for _, c := range changes {
		m := made{Change: c, valid: true}
		m.ID = strings.Clone(c.ID)
		if c.Doc != nil {
			if c.Unusable {
				m.valid = json.Valid(c.Doc)
			}
			if m.valid {
				m.entry = d.entryOf(m.ID, c.Doc)
			}
		}
		out = append(out, m)
	}
	return out
}

// entryOf makes the entry of a document. Its text is nil when the request is not
// in one of the statuses.
func (d *Documents) entryOf(id string, doc []byte) entry {
	text := property.Canonical(make([]byte, 0, len(doc)+len(doc)/64), doc)
	var of property.Document
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

// take takes changes. The lock is held.
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

// orNil is the entry of a current request; nil: its document is to be removed.
func orNil(m *made) *entry {
	if m.entry.text == nil {
		return nil
	}
	return &m.entry
}

// takeUnusable takes a document of which no record could be made. Where nothing
// was known of it, it stands for itself; else both count in lists.
func (d *Documents) takeUnusable(edits map[string]*entry, m *made) {
	_, alone := d.alone[m.ID]
	if m.valid && (alone || !d.has(m.ID)) {
		d.alone[m.ID] = d.epoch
		d.bad.remove(m.ID)
		edits[m.ID] = orNil(m)
		return
	}
	d.bad.add(Unusable{ID: m.ID, Doc: slices.Clone(m.Doc), Whole: m.valid, Known: d.has(m.ID)}, d.epoch)
}

// seen marks what the join does not know as seen by the newest full read.
func (d *Documents) seen(id string) {
	if _, ok := d.alone[id]; ok {
		d.alone[id] = d.epoch
	}
	d.bad.seen(id, d.epoch)
}

// has tells whether a document is held.
func (d *Documents) has(id string) bool {
	if d.gather != nil {
		return d.gather.has(id)
	}
	_, _, ok := d.current.Load().Find(id)
	return ok
}

// publish shows blocks to readers. The lock is held.
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

// lost forgets all documents, as memory is broken: no answer may be short of some.
func (d *Documents) lost(err error) {
	d.log.Error("could not restore request documents; the old API waits for the next full read", "err", err)
	d.gather, d.alone = newGathering(), map[string]uint32{}
	d.current.Store(nil)
}
