package follower

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Quarantined is a document that could not be used. Its record, if there was
// one, is the last good one.
type Quarantined struct {
	ID       string
	Database string // requests or wmstats
	Rev      string // of the newest version that could not be used
	Path     string // place in the document; "" for all of it
	Reason   string // what was found and what was expected
	First    time.Time
	Last     time.Time
	Count    int64 // versions that could not be used
}

// quarantine is the bounded list of unusable documents. A document leaves it
// when a usable version comes, or when it is deleted.
type quarantine struct {
	mu    sync.Mutex
	limit int
	docs  map[quarantineKey]*Quarantined
}

type quarantineKey struct{ database, id string }

func newQuarantine(limit int) *quarantine {
	return &quarantine{limit: limit, docs: map[quarantineKey]*Quarantined{}}
}

// add puts a document on the list; the one that has been quiet for longest
// makes room.
func (q *quarantine) add(d Quarantined) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := quarantineKey{d.Database, d.ID}
	d.First, d.Count = d.Last, 1
	if old := q.docs[key]; old != nil {
		d.First, d.Count = old.First, old.Count+1
	} else if len(q.docs) >= q.limit {
		delete(q.docs, q.quietest())
	}
	q.docs[key] = &d
}

// restore puts a document on the list as it was in an earlier process.
func (q *quarantine) restore(d Quarantined) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.docs) < q.limit {
		q.docs[quarantineKey{d.Database, d.ID}] = &d
	}
}

func (q *quarantine) quietest() (key quarantineKey) {
	var oldest *Quarantined
	for k, d := range q.docs {
		if oldest == nil || d.Last.Before(oldest.Last) {
			key, oldest = k, d
		}
	}
	return key
}

func (q *quarantine) remove(database, id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.docs, quarantineKey{database, id})
}

func (q *quarantine) list() []Quarantined {
	q.mu.Lock()
	docs := make([]Quarantined, 0, len(q.docs))
	for _, d := range q.docs {
		docs = append(docs, *d)
	}
	q.mu.Unlock()
	slices.SortFunc(docs, func(a, b Quarantined) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Database, b.Database), cmp.Compare(a.ID, b.ID))
	})
	return docs
}
