package follower

import (
	"context"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// tellEvery is how often the store hears of nothing but the passing of time.
const tellEvery = time.Second

// Public reasons of the rule of time.
const (
	missingText  = "a database has changes that do not arrive"
	unprovenText = "a database has not told for too long whether it has changes that are not here"
)

// sourceState gathers what is known of the source and tells the store. It is the
// one place that decides what is stale (see reason).
type sourceState struct {
	now   func() time.Time
	set   func(store.SourceState)
	limit time.Duration // see reason

	mu       sync.Mutex
	state    store.SourceState
	answered map[couch.Database]time.Time
	current  map[couch.Database]time.Time // as of when all that the database has for us is known to be applied
	waiting  map[couch.Database]bool      // it is known to have something that is not
	failures map[couch.Database]string    // public reasons; a database that works has none
	unseen   map[couch.Database]string    // why the last look at it showed nothing; the same
	polled   map[couch.Database]string    // why it is polled and its feed not followed
	hold     string                       // reason that concerns all: a full read that is due
	due      string                       // reason of a re-read that is due
	debts    string                       // reason: documents that are owed for long
	told     time.Time
}

func newSourceState(now func() time.Time, set func(store.SourceState), limit time.Duration) *sourceState {
	return &sourceState{
		now: now, set: set, limit: limit,
		answered: map[couch.Database]time.Time{},
		current:  map[couch.Database]time.Time{},
		waiting:  map[couch.Database]bool{},
		failures: map[couch.Database]string{},
		unseen:   map[couch.Database]string{},
		polled:   map[couch.Database]string{},
	}
}

// reason is the rule of staleness. The records are stale while
//
//   - everything is to be read again, or was and is not believed;
//   - a database does not answer, or not well, since the last time that all its
//     changes were here;
//   - no answer has shown for the limit that all its changes are here, whatever
//     else it answers. An answer shows it at each look, so a change that does not
//     arrive makes the records stale the limit after the last look before it;
//   - documents that are known to be there could not be read for long.
//
// What the database has for others counts for nothing: only an answer about the
// documents that are followed does.
func (s *sourceState) reason() string {
	if s.hold != "" {
		return s.hold
	}
	if s.due != "" {
		return s.due
	}
	for _, db := range followed() {
		if why := s.failures[db]; why != "" {
			return why
		}
	}
	if !s.state.Complete {
		return s.debts
	}
	for _, db := range followed() {
		if s.now().Sub(s.current[db]) < s.limit {
			continue
		}
		text := unprovenText
		if s.waiting[db] {
			text = missingText
		}
		if why := s.unseen[db]; why != "" {
			text += ": " + why
		}
		return text
	}
	return s.debts
}

// tell passes the state on. The check time is that of the database that has
// been silent for longer: the data are no fresher than that.
func (s *sourceState) tell() {
	s.state.Reason = s.reason()
	s.state.Stale = s.state.Reason != ""
	s.state.CheckTime = time.Time{}
	s.state.RequestsAsOf, s.state.AgentsAsOf = s.current[couch.Requests], s.current[couch.WMStats]
	s.state.Polled = nil
	for i, db := range followed() {
		if at := s.answered[db]; i == 0 || at.Before(s.state.CheckTime) {
			s.state.CheckTime = at
		}
		if why := s.polled[db]; why != "" {
			s.state.Polled = append(s.state.Polled, store.Polled{Database: db.String(), Why: why})
		}
	}
	s.told = s.now()
	s.set(s.state)
}

// watch tells the store when time alone has made a difference. It returns when
// ctx ends.
func (s *sourceState) watch(ctx context.Context) {
	for pause(ctx, tellEvery) {
		s.mu.Lock()
		if s.reason() != s.state.Reason {
			s.tell()
		}
		s.mu.Unlock()
	}
}

func (s *sourceState) named() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Source != ""
}

func (s *sourceState) setName(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Source = name
	s.tell()
}

// alive notes that a database answers. That is news while everything is read;
// after that only current is.
func (s *sourceState) alive(db couch.Database) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered[db] = s.now()
	if !s.state.Complete {
		delete(s.failures, db)
	}
	s.tellSometimes()
}

// upToDate notes that all that a database had for us at a time is applied.
func (s *sourceState) upToDate(db couch.Database, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered[db] = s.now()
	if at.After(s.current[db]) {
		s.current[db] = at
	}
	delete(s.waiting, db)
	delete(s.failures, db)
	delete(s.unseen, db)
	s.tellSometimes()
}

// tellSometimes tells what differs at once, and the times not too often.
func (s *sourceState) tellSometimes() {
	if s.reason() != s.state.Reason || s.now().Sub(s.told) >= tellEvery {
		s.tell()
	}
}

// waits notes that a database has something for us that is not applied.
func (s *sourceState) waits(db couch.Database) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting[db] {
		s.waiting[db] = true
		s.tellSometimes()
	}
}

// unlooked notes why a look at a database showed nothing. That alone makes
// nothing stale.
func (s *sourceState) unlooked(db couch.Database, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unseen[db] = why
	s.tellSometimes()
}

// since is when all of a database was applied the last time.
func (s *sourceState) since(db couch.Database) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current[db]
}

// failed notes that a database does not answer, or not well.
func (s *sourceState) failed(db couch.Database, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures[db] = reason
	s.tell()
}

// polls notes why a database is polled though its feed should be followed; ""
// ends that.
func (s *sourceState) polls(db couch.Database, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polled[db] = why
	s.tell()
}

// reloading notes why everything has to be read again; "" while it is for the
// first time.
func (s *sourceState) reloading(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = reason
	s.state.Complete = false
	s.tell()
}

// doubt notes that a re-read was held back, or with "" that one was believed.
// The data are complete all the same.
func (s *sourceState) doubt(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hold != reason {
		s.hold = reason
		s.tell()
	}
}

// owes notes how many documents are owed, and the reason why that makes the
// state stale; "" when it does not.
func (s *sourceState) owes(documents int64, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Owed != documents || s.debts != reason {
		s.state.Owed, s.debts = documents, reason
		s.tell()
	}
}

// readsAgain notes why everything is read again beside the feeds; "" when it is done.
func (s *sourceState) readsAgain(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.due != reason {
		s.due = reason
		s.tell()
	}
}

// saved tells what a later process needs to go on.
func (s *sourceState) saved() (name string, loadSeconds float64, checked time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Source, s.state.LoadSeconds, s.state.CheckTime
}

// resumed notes that the records are those of a checkpoint; complete, that they
// can be followed from there.
func (s *sourceState) resumed(from saved, complete bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Source, s.state.LoadSeconds, s.state.Complete = from.Source, from.LoadSeconds, complete
	for _, db := range followed() {
		s.answered[db] = from.Checked
		s.failures[db] = notAsked
	}
	if !complete {
		s.hold = "the checkpoint has no position; everything is read again"
	}
	s.tell()
}

// loaded notes that a full read is in the store. What it did not see came after
// its beginning.
func (s *sourceState) loaded(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = ""
	clear(s.failures)
	clear(s.waiting)
	clear(s.unseen)
	now := s.now()
	for _, db := range followed() {
		s.answered[db], s.current[db] = now, now.Add(-took)
	}
	s.state.LoadSeconds = took.Seconds()
	s.state.Complete = true
	s.tell()
}

// count adds to the counts of trouble with documents.
func (s *sourceState) count(bad, flaws int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.BadDocuments += bad
	s.state.Flaws += flaws
	s.tellSometimes()
}
