package follower

import (
	"cmp"
	"container/list"
	"slices"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// Shared is what a Follower hands over to one on another server, which continues
// from it: the store of that server has the same records.
type Shared struct {
	Positions map[string]couch.Position // by name of the database; empty while a full read is needed
	WholeRead time.Time                 // start of the last full read or re-read
	Due       []dueRead                 // due re-reads
}

// Note is a change of the list of unusable documents.
type Note struct {
	Database, ID string
	Document     *Quarantined // nil: no longer on the list
}

// Shared returns the current values. Those of the records that are being applied
// are not in the positions yet: the next Follower reads them again.
func (f *Follower) Shared() Shared {
	out := Shared{Positions: map[string]couch.Position{}}
	for db, position := range f.Positions() {
		out.Positions[db.String()] = position
	}
	out.Due = f.dueReads.save() // after the positions: see look
	f.mu.Lock()
	out.WholeRead = f.wholeRead
	f.mu.Unlock()
	return out
}

// Notes returns the changes of the list of unusable documents since the last call,
// by document. It needs Options.Shares.
func (f *Follower) Notes() []Note {
	q := f.quarantine
	q.mu.Lock()
	defer q.mu.Unlock()
	notes := make([]Note, 0, len(q.noted))
	for key := range q.noted {
		note := Note{Database: key.database, ID: key.id}
		if d := q.find(key); d != nil {
			document := *d
			note.Document = &document
		}
		notes = append(notes, note)
	}
	clear(q.noted)
	slices.SortFunc(notes, func(a, b Note) int { return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.ID, b.ID)) })
	return notes
}

// Continue makes the next Run continue where another Follower, or an earlier Run,
// has stopped: with its list of unusable documents, latest trouble first, and the
// state of the source that it reported last. Run must not be running.
func (f *Follower) Continue(s Shared, docs []Quarantined, source store.SourceState) {
	f.quarantine.empty()
	f.quarantine.restore(docs)
	positions := map[couch.Database]couch.Position{}
	for _, db := range followed() {
		if position, ok := s.Positions[db.String()]; ok {
			positions[db] = position
		}
	}
	complete := len(positions) == len(followed())
	if !complete {
		clear(positions)
	}
	f.mu.Lock()
	f.positions, f.loaded, f.wholeRead = positions, complete, s.WholeRead
	f.mu.Unlock()
	f.dueReads.empty()
	f.state.continued(source, complete)
	for _, d := range s.Due {
		f.readAgain(d)
	}
}

// empty removes all documents.
func (q *quarantine) empty() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.docs)
	clear(q.owed)
	clear(q.noted)
	q.order = list.New()
}

// note records that a document's entry changes. The lock is held.
func (q *quarantine) note(key quarantineKey) {
	if q.noted != nil {
		q.noted[key] = true
	}
}

// continued records that the records are those that another server was following,
// and what it knew of the source; complete, that they can be followed from there.
func (s *sourceState) continued(from store.SourceState, complete bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.failures)
	clear(s.waiting)
	clear(s.unseen)
	clear(s.polled)
	s.due, s.debts, s.hold = "", "", ""
	s.state = from
	s.state.Complete = complete
	s.answered[couch.Requests], s.answered[couch.WMStats] = from.CheckTime, from.CheckTime
	s.current[couch.Requests], s.current[couch.WMStats] = from.RequestsAsOf, from.AgentsAsOf
	if !complete {
		s.hold = cmp.Or(from.Reason, "a full read is needed")
	}
	s.tell()
}
