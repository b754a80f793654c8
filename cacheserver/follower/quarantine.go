package follower

import (
	"cmp"
	"container/list"
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
// when a usable version comes, or when it is deleted. Each change of it costs the
// same however long it is: a source may be full of such documents.
type quarantine struct {
	mu    sync.Mutex
	limit int
	docs  map[quarantineKey]*list.Element // of order
	order *list.List                      // of *Quarantined, the one that has been quiet for longest first
}

type quarantineKey struct{ database, id string }

func newQuarantine(limit int) *quarantine {
	return &quarantine{limit: limit, docs: map[quarantineKey]*list.Element{}, order: list.New()}
}

// add puts a document on the list; the one that has been quiet for longest
// makes room.
func (q *quarantine) add(d Quarantined) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := quarantineKey{d.Database, d.ID}
	d.First, d.Count = d.Last, 1
	if place := q.docs[key]; place != nil {
		old := at(place)
		d.First, d.Count = old.First, old.Count+1
		q.order.Remove(place)
	} else if len(q.docs) >= q.limit {
		old := at(q.order.Front())
		q.drop(quarantineKey{old.Database, old.ID})
	}
	q.docs[key] = q.order.PushBack(&d)
}

// restore puts the documents of an earlier process on the list, newest trouble
// first as Quarantined gives them. It is for an empty list.
func (q *quarantine) restore(docs []Quarantined) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range docs {
		if key := (quarantineKey{d.Database, d.ID}); len(q.docs) < q.limit && q.docs[key] == nil {
			q.docs[key] = q.order.PushFront(&d)
		}
	}
}

func (q *quarantine) remove(database, id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(quarantineKey{database, id})
}

func (q *quarantine) drop(key quarantineKey) {
	if place := q.docs[key]; place != nil {
		q.order.Remove(place)
		delete(q.docs, key)
	}
}

// at is the document at a place of the order, which has nothing else.
func at(place *list.Element) *Quarantined {
	d, _ := place.Value.(*Quarantined)
	return d
}

func (q *quarantine) list() []Quarantined {
	q.mu.Lock()
	docs := make([]Quarantined, 0, len(q.docs))
	for place := q.order.Front(); place != nil; place = place.Next() {
		docs = append(docs, *at(place))
	}
	q.mu.Unlock()
	slices.SortFunc(docs, func(a, b Quarantined) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Database, b.Database), cmp.Compare(a.ID, b.ID))
	})
	return docs
}
