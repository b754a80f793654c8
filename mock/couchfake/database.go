package couchfake

import (
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/btree"
)

// database is one named set of documents: by id, in the order of ids and in the
// order of changes. Writers hold mu. Readers copy the pointers they need under
// mu and then write their answers without it.
type database struct {
	name        string
	incarnation uint64 // differs each time a database of this name is created
	created     time.Time
	gone        chan struct{} // closed when the database is deleted
	codec       *codec

	mu      sync.RWMutex
	docs    map[string]*document
	ids     *btree.BTreeG[idRow] // live documents, bytewise by id
	log     []change             // ascending seq; outdated entries have doc == nil
	stale   int                  // outdated entries in log
	seq     int64                // position of the newest change
	purges  int64                // documents that were purged
	deleted int                  // documents whose winner is deleted
	bytes   int64                // unpacked size of the winners
	wake    chan struct{}        // closed and replaced at each write
	mango   []mangoIndex

	viewsMu sync.Mutex
	views   map[string]*viewIndex
}

// document is one id with its leaves, the winner first.
type document struct {
	id     string
	seq    int64
	leaves []*revision
}

func (d *document) winner() *revision { return d.leaves[0] }

// idRow is what _all_docs lists.
type idRow struct {
	id  string
	win *revision
}

// change is the last write of one document.
type change struct {
	seq int64
	doc *document // nil: a later write replaced it
	win *revision
}

func newDatabase(name string, incarnation uint64, now time.Time, plain bool) *database {
	return &database{
		name: name, incarnation: incarnation, created: now, codec: &codec{plain: plain},
		gone: make(chan struct{}), wake: make(chan struct{}),
		docs: make(map[string]*document),
		ids: btree.NewBTreeGOptions(func(a, b idRow) bool { return a.id < b.id },
			btree.Options{NoLocks: true}),
		views: make(map[string]*viewIndex),
	}
}

// writeMode says how a draft combines with the existing document.
type writeMode int

const (
	newEdit    writeMode = iota // the writer must name the revision it replaces
	replicated                  // new_edits=false: the writer's revision is stored as it is
	overwrite                   // Put: without a revision it replaces the winner; an unknown revision is stored as it is
)

// written is the result for one draft.
type written struct {
	rev string
	err error
}

// write stores the drafts in order, under one lock, and wakes the feeds once.
func (db *database) write(mode writeMode, drafts ...draft) []written {
	out := make([]written, len(drafts))
	db.mu.Lock()
	defer db.mu.Unlock()
	before := db.seq
	for i := range drafts {
		out[i].rev, out[i].err = db.writeOne(mode, &drafts[i])
	}
	if db.seq != before {
		close(db.wake)
		db.wake = make(chan struct{})
	}
	return out
}

func (db *database) writeOne(mode writeMode, d *draft) (string, error) {
	doc := db.docs[d.id]
	if mode == overwrite {
		mode = newEdit
		if d.rev == "" && doc != nil {
			d.rev = doc.winner().rev()
		} else if d.rev != "" && (len(d.ancestors) > 0 || doc.leaf(d.rev) < 0) {
			mode = replicated
		}
	}
	if mode == replicated {
		return d.rev, db.replicate(doc, d)
	}
	return db.edit(doc, d)
}

// edit is the ordinary write: it must name the revision of a leaf.
func (db *database) edit(doc *document, d *draft) (string, error) {
	if doc == nil {
		if d.rev != "" {
			return "", conflict()
		}
		next := d.child(nil)
		db.store(nil, d.id, []*revision{next})
		return next.rev(), nil
	}
	parent := 0
	if d.rev != "" {
		parent = doc.leaf(d.rev)
	} else if !doc.winner().deleted {
		parent = -1
	}
	if parent < 0 {
		return "", conflict()
	}
	next := d.child(doc.leaves[parent])
	leaves := slices.Clone(doc.leaves)
	leaves[parent] = next
	db.store(doc, d.id, leaves)
	return next.rev(), nil
}

// replicate stores a revision that the writer invented. A known revision
// changes nothing; one whose ancestors include a leaf replaces that leaf; any
// other becomes one more leaf, a conflict.
func (db *database) replicate(doc *document, d *draft) error {
	gen, text, err := parseRev(d.rev)
	if err != nil {
		return err
	}
	ancestors := d.ancestors[:min(len(d.ancestors), maxHistory)]
	next := &revision{gen: gen, text: text, deleted: d.deleted, tail: d.tail,
		packer: d.packer, size: d.size, history: ancestors}
	if doc == nil {
		db.store(nil, d.id, []*revision{next})
		return nil
	}
	for _, leaf := range doc.leaves {
		if leaf.rev() == d.rev || slices.Contains(leaf.history, d.rev) {
			return nil
		}
	}
	leaves := slices.Clone(doc.leaves)
	for _, a := range ancestors {
		if i := doc.leaf(a); i >= 0 {
			next.history = append(slices.Clone(ancestors), leaves[i].history...)
			next.history = next.history[:min(len(next.history), maxHistory)]
			leaves[i] = next
			db.store(doc, d.id, leaves)
			return nil
		}
	}
	db.store(doc, d.id, append(leaves, next))
	return nil
}

// leaf returns the index of the leaf with this revision, -1 if there is none.
func (d *document) leaf(rev string) int {
	if d == nil {
		return -1
	}
	return slices.IndexFunc(d.leaves, func(r *revision) bool { return r.rev() == rev })
}

// store publishes the new leaves of a document as the newest change.
func (db *database) store(old *document, id string, leaves []*revision) {
	slices.SortStableFunc(leaves, func(a, b *revision) int {
		switch {
		case a.beats(b):
			return -1
		case b.beats(a):
			return 1
		}
		return 0
	})
	leaves = leaves[:min(len(leaves), maxLosers+1)]
	win := leaves[0]
	if old != nil {
		db.count(old.winner(), -1)
		db.outdate(old.seq)
		id = old.id
	}
	db.count(win, +1)
	db.seq++
	doc := &document{id: id, seq: db.seq, leaves: leaves}
	db.docs[id] = doc
	db.log = append(db.log, change{seq: db.seq, doc: doc, win: win})
	if win.deleted {
		db.ids.Delete(idRow{id: id})
	} else {
		db.ids.Set(idRow{id: id, win: win})
	}
}

func (db *database) count(r *revision, by int) {
	db.bytes += int64(by * r.size)
	if r.deleted {
		db.deleted += by
	}
}

// outdate marks the log entry of an earlier write as outdated, and removes the
// outdated ones when they are the majority.
func (db *database) outdate(seq int64) {
	i := db.after(seq - 1)
	db.log[i] = change{seq: seq}
	db.stale++
	if db.stale > 1024 && db.stale > len(db.log)/2 {
		db.log = slices.DeleteFunc(db.log, func(c change) bool { return c.doc == nil })
		db.stale = 0
	}
}

// after returns the index of the first log entry with a seq greater than this.
func (db *database) after(seq int64) int {
	return sort.Search(len(db.log), func(i int) bool { return db.log[i].seq > seq })
}

// changesSince returns the changes after a position, one per document, the
// newest position, and a channel that is closed at the next write.
func (db *database) changesSince(since int64) (rows []change, newest int64, wake <-chan struct{}) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	for _, c := range db.log[db.after(since):] {
		if c.doc != nil {
			rows = append(rows, c)
		}
	}
	return rows, db.seq, db.wake
}

// changesBefore returns up to n changes at or before a position, oldest first.
func (db *database) changesBefore(since int64, n int) []change {
	db.mu.RLock()
	defer db.mu.RUnlock()
	var rows []change
	for i := db.after(since) - 1; i >= 0 && len(rows) < n; i-- {
		if db.log[i].doc != nil {
			rows = append(rows, db.log[i])
		}
	}
	slices.Reverse(rows)
	return rows
}

// pending counts the changes after a position.
func (db *database) pending(since int64) int {
	db.mu.RLock()
	defer db.mu.RUnlock()
	n := 0
	for _, c := range db.log[db.after(since):] {
		if c.doc != nil {
			n++
		}
	}
	return n
}

func (db *database) newest() int64 {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.seq
}

// get returns a document, nil if the id was never written. Documents are
// replaced, not changed, so the caller may keep it.
func (db *database) get(id string) *document {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.docs[id]
}

// liveDocuments returns all live documents in the order of ids, as of now.
func (db *database) liveDocuments() (ids *btree.BTreeG[idRow], newest int64) {
	db.mu.Lock() // Copy writes to the tree that it copies
	defer db.mu.Unlock()
	return db.ids.Copy(), db.seq
}

// info is the information that a database reports about itself.
type info struct {
	seq, purges   int64
	live, deleted int
	bytes         int64
}

func (db *database) info() info {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return info{db.seq, db.purges, len(db.docs) - db.deleted, db.deleted, db.bytes}
}

// validDatabaseName is CouchDB's rule.
func validDatabaseName(name string) bool {
	if name == "" || (name[0] < 'a' || name[0] > 'z') && name != "_users" && name != "_replicator" {
		return false
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("_$()+-/", r) {
			return false
		}
	}
	return true
}
