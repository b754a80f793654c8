package follower

import (
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// tellEvery is how often the store hears of nothing but the passing of time.
const tellEvery = time.Second

// sourceState gathers what is known of the source and tells the store.
type sourceState struct {
	now func() time.Time
	set func(store.SourceState)

	mu       sync.Mutex
	state    store.SourceState
	answered map[couch.Database]time.Time
	failures map[couch.Database]string // public reasons; a database that works has none
	hold     string                    // reason that concerns all: a full read that is due
	debts    string                    // reason: documents that are owed for long
	told     time.Time
}

func newSourceState(now func() time.Time, set func(store.SourceState)) *sourceState {
	return &sourceState{
		now: now, set: set,
		answered: map[couch.Database]time.Time{},
		failures: map[couch.Database]string{},
	}
}

// tell passes the state on. The check time is that of the database that has
// been silent for longer: the data are no fresher than that.
func (s *sourceState) tell() {
	s.state.Reason = s.hold
	s.state.CheckTime = time.Time{}
	for i, db := range followed() {
		if s.state.Reason == "" {
			s.state.Reason = s.failures[db]
		}
		if at := s.answered[db]; i == 0 || at.Before(s.state.CheckTime) {
			s.state.CheckTime = at
		}
	}
	if s.state.Reason == "" {
		s.state.Reason = s.debts
	}
	s.state.Stale = s.state.Reason != ""
	s.told = s.now()
	s.set(s.state)
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

// alive notes that a database answers.
func (s *sourceState) alive(db couch.Database) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.answered[db] = now
	failed := s.failures[db] != ""
	delete(s.failures, db)
	if failed || now.Sub(s.told) >= tellEvery {
		s.tell()
	}
}

// failed notes that a database does not answer, or not well.
func (s *sourceState) failed(db couch.Database, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures[db] = reason
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

// loaded notes that a full read is in the store.
func (s *sourceState) loaded(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = ""
	clear(s.failures)
	for _, db := range followed() {
		s.answered[db] = s.now()
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
	if s.now().Sub(s.told) >= tellEvery {
		s.tell()
	}
}
