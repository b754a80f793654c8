package follower

import (
	"cmp"
	"container/list"
	"slices"
	"sync"
	"time"
	"unsafe"
)

// Quarantined is a document that could not be used. Its record, if it has one,
// is the last good one.
type Quarantined struct {
	ID       string
	Database string // requests or wmstats
	Rev      string // of the newest unusable version
	Path     string // place in the document; "" for the whole document
	Reason   string // what was found and what was expected
	First    time.Time
	Last     time.Time
	Count    int64 // number of unusable versions
	Owed     bool  // it did not arrive, and is requested until it does
}

// quarantine lists the documents that could not be used: the owed ones
// (owed.go), and as many of the others as fit. A document leaves it when a
// usable version arrives, or when it is deleted. The cost of a change does not
// depend on the length: a source may be full of such documents.
type quarantine struct {
	mu     sync.Mutex
	limit  int
	docs   map[quarantineKey]*list.Element // of order
	order  *list.List                      // of *Quarantined, least recently active first
	owed   map[quarantineKey]*debt
	most   int                    // maximum number of owed documents
	serial uint64                 // of the newest debt
	change chan struct{}          // has one element when a debt was added or removed
	noted  map[quarantineKey]bool // documents that have changed since Notes was called; nil: not recorded
}

type quarantineKey struct{ database, id string }

func newQuarantine(limit int) *quarantine {
	return &quarantine{
		limit: limit, docs: map[quarantineKey]*list.Element{}, order: list.New(),
		owed: map[quarantineKey]*debt{}, most: maxOwed, change: make(chan struct{}, 1),
	}
}

// add lists a document that arrived and can't be used; the least recently active
// one makes room.
func (q *quarantine) add(d Quarantined) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := quarantineKey{d.Database, d.ID}
	d.First, d.Count = d.Last, 1
	if old := q.find(key); old != nil {
		d.First, d.Count = old.First, old.Count+1
		q.drop(key)
	} else if len(q.docs) >= q.limit {
		old := at(q.order.Front())
		q.drop(quarantineKey{old.Database, old.ID})
	}
	q.docs[key] = q.order.PushBack(&d)
	q.note(key)
}

// restore lists the documents of an earlier process, in the order of
// Quarantined. The list must be empty.
func (q *quarantine) restore(docs []Quarantined) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range docs {
		key := quarantineKey{d.Database, d.ID}
		switch {
		case q.find(key) != nil:
		case d.Owed:
			q.serial++
			q.owed[key] = &debt{Quarantined: d, serial: q.serial, since: d.First}
			q.told()
		case len(q.docs) < q.limit:
			q.docs[key] = q.order.PushFront(&d)
		}
	}
}

func (q *quarantine) remove(database, id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(quarantineKey{database, id})
}

// has reports whether a document is on the list.
func (q *quarantine) has(key quarantineKey) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.find(key) != nil
}

// find returns the entry of a document, or nil.
func (q *quarantine) find(key quarantineKey) *Quarantined {
	if place := q.docs[key]; place != nil {
		return at(place)
	}
	if d := q.owed[key]; d != nil {
		return &d.Quarantined
	}
	return nil
}

func (q *quarantine) drop(key quarantineKey) {
	if q.find(key) != nil {
		q.note(key)
	}
	if place := q.docs[key]; place != nil {
		q.order.Remove(place)
		delete(q.docs, key)
	}
	if q.owed[key] != nil {
		delete(q.owed, key)
		q.told()
	}
}

// at returns the document of a list element.
func at(place *list.Element) *Quarantined {
	d, _ := place.Value.(*Quarantined)
	return d
}

func (q *quarantine) list() []Quarantined {
	q.mu.Lock()
	docs := make([]Quarantined, 0, len(q.docs)+len(q.owed))
	for place := q.order.Front(); place != nil; place = place.Next() {
		docs = append(docs, *at(place))
	}
	for _, d := range q.owed {
		docs = append(docs, d.Quarantined)
	}
	q.mu.Unlock()
	SortQuarantined(docs)
	return docs
}

// SortQuarantined orders documents, latest trouble first.
func SortQuarantined(docs []Quarantined) {
	slices.SortFunc(docs, func(a, b Quarantined) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Database, b.Database), cmp.Compare(a.ID, b.ID))
	})
}

// bytes returns the approximate memory of the list, and its number of documents.
func (q *quarantine) bytes() (bytes int64, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	const each = int64(unsafe.Sizeof(Quarantined{})+unsafe.Sizeof(list.Element{})) + 80 // plus an entry in the map
	for place := q.order.Front(); place != nil; place = place.Next() {
		d := at(place)
		bytes += each + int64(len(d.ID)+len(d.Rev)+len(d.Path)+len(d.Reason))
	}
	return bytes, len(q.docs)
}

// QuarantineBytes returns the approximate memory of the list of unusable
// documents, and their number.
func (f *Follower) QuarantineBytes() (bytes int64, n int) { return f.quarantine.bytes() }
