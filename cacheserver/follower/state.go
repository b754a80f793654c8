package follower

import (
	"context"
	"sync"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// tellEvery is how often the store is told when only time has passed.
const tellEvery = time.Second

// Public reasons that depend on time.
const (
	missingText  = "a database has changes that do not arrive"
	unprovenText = "a database has not confirmed for too long that all of its changes arrived"
)

// sourceState gathers the state of the source and passes it to the store. Only
// it decides when data are stale (see reason).
type sourceState struct {
	now   func() time.Time
	set   func(store.SourceState)
	limit time.Duration // see reason

	mu       sync.Mutex
	state    store.SourceState
	answered map[couch.Database]time.Time
	current  map[couch.Database]time.Time // time up to which all of a database's changes for us are known to be applied
	waiting  map[couch.Database]bool      // it is known to have changes that are not applied
	failures map[couch.Database]string    // public reasons; a working database has none
	unseen   map[couch.Database]string    // why the last check of it failed; public reasons
	polled   map[couch.Database]string    // why it is polled and its feed is not followed
	hold     string                       // reason that concerns all: a full read is needed
	due      string                       // reason of a due re-read
	debts    string                       // reason: documents have been owed for long
	told     time.Time
	untold   bool // a time is newer than what the store was told
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

// reason returns why the data are stale; "" if they are not. They are stale while
//
//   - a full read is needed, or the last one was rejected;
//   - a database does not answer, or answers with errors, since the last time
//     that all of its changes had arrived;
//   - no answer has shown for the limit that all of a database's changes have
//     arrived, whatever else it answers. Each check shows it, so a change that
//     does not arrive makes the data stale the limit after the last check before it;
//   - documents that are known to exist have been unreadable for long.
//
// Changes for others do not count: only an answer about the documents that are
// followed does.
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

// tell passes the state on. The check time is the earlier one of the two
// databases: the data are no newer than that.
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
	s.told, s.untold = s.now(), false
	s.set(s.state)
}

// watch tells the store when the passing of time has changed the state, and what
// tellSometimes held back. It returns when ctx ends.
func (s *sourceState) watch(ctx context.Context) {
	for pause(ctx, tellEvery) {
		s.mu.Lock()
		if s.untold || s.reason() != s.state.Reason {
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

// alive records that a database answers. That matters only during a full read;
// after that only current does.
func (s *sourceState) alive(db couch.Database) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered[db] = s.now()
	if !s.state.Complete {
		delete(s.failures, db)
	}
	s.tellSometimes()
}

// upToDate records that all of a database's changes for us up to a time are
// applied.
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

// tellSometimes passes on differences at once, and times not too often: a time that
// follows another closely is left to watch.
func (s *sourceState) tellSometimes() {
	if s.reason() != s.state.Reason || s.now().Sub(s.told) >= tellEvery {
		s.tell()
		return
	}
	s.untold = true
}

// waits records that a database has changes for us that are not applied.
func (s *sourceState) waits(db couch.Database) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting[db] {
		s.waiting[db] = true
		s.tellSometimes()
	}
}

// unlooked records why a check of a database failed. That alone does not make
// the data stale.
func (s *sourceState) unlooked(db couch.Database, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unseen[db] = why
	s.tellSometimes()
}

// since returns when all of a database was applied the last time.
func (s *sourceState) since(db couch.Database) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current[db]
}

// failed records that a database does not answer, or answers with an error.
func (s *sourceState) failed(db couch.Database, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures[db] = reason
	s.tell()
}

// polls records why a database is polled although its feed should be followed;
// "" ends that.
func (s *sourceState) polls(db couch.Database, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polled[db] = why
	s.tell()
}

// reloading records why a full read is needed; "" for the first full read.
func (s *sourceState) reloading(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = reason
	s.state.Complete = false
	s.tell()
}

// doubt records that a re-read was held back; "" that one was accepted. The data
// are complete in either case.
func (s *sourceState) doubt(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hold != reason {
		s.hold = reason
		s.tell()
	}
}

// owes records how many documents are owed, and the reason if that makes the
// state stale; "" if it does not.
func (s *sourceState) owes(documents int64, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Owed != documents || s.debts != reason {
		s.state.Owed, s.debts = documents, reason
		s.tell()
	}
}

// readsAgain records why a re-read is due; "" when it is done.
func (s *sourceState) readsAgain(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.due != reason {
		s.due = reason
		s.tell()
	}
}

// saved returns the values for a checkpoint.
func (s *sourceState) saved() (name string, loadSeconds float64, checked time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Source, s.state.LoadSeconds, s.state.CheckTime
}

// resumed records that the records are those of a checkpoint; complete, that
// they can be followed from there.
func (s *sourceState) resumed(from saved, complete bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Source, s.state.LoadSeconds, s.state.Complete = from.Source, from.LoadSeconds, complete
	for _, db := range followed() {
		s.answered[db] = from.Checked
		s.failures[db] = notAsked
	}
	if !complete {
		s.hold = "the checkpoint has no position; a full read is needed"
	}
	s.tell()
}

// loaded records that a full read is in the store. Changes that it did not see
// were made after it began.
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

// count adds to the numbers of documents and fields with errors.
func (s *sourceState) count(bad, flaws int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.BadDocuments += bad
	s.state.Flaws += flaws
	s.tellSometimes()
}
