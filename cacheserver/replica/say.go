package replica

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/schema/wire"
)

// said is what a Replica says of itself. It has its own lock: requests must not
// wait for an entry that is being appended.
type said struct {
	now      func() time.Time
	set      func(store.SourceState)
	caughtUp atomic.Bool
	started  chan struct{} // closed when it has caught up
	once     sync.Once

	mu      sync.Mutex
	epoch   string
	applied uint64
	moved   chan struct{} // closed with the next input
	last    uint64        // newest entry in the log
	source  store.SourceState
	pending *store.SourceState // reported by the reader, not in the log yet
	fault   string             // why it stopped; "": it did not
	broken  error              // the same
	away    time.Time          // since when the log has not answered; zero: it does
	full    bool               // it has no room
	current time.Time          // when it was last up to date
	led     time.Time          // when there was last a leader
	lead    *leadership        // of this server; nil: none
	takes   int64
	saved   uint64 // entry of the newest snapshot
	paused  time.Duration
}

func (s *said) init(now func() time.Time, set func(store.SourceState)) {
	s.now, s.set, s.moved, s.started = now, set, make(chan struct{}), make(chan struct{})
	s.current, s.led = now(), now()
}

// start records that this server has caught up with what the log had at a time.
func (s *said) start(at time.Time) {
	s.mu.Lock()
	s.current, s.led = at, s.now()
	s.mu.Unlock()
	s.caughtUp.Store(true)
	s.once.Do(func() { close(s.started) })
}

// change changes the state and tells the store.
func (s *said) change(what func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what()
	state := s.source
	if why := s.reason(); why != "" && (!state.Stale || s.fault != "") {
		state.Stale, state.Reason = true, why
	}
	s.set(state)
}

// reason returns why the data are stale although the source is not. The lock is
// held.
func (s *said) reason() string {
	now := s.now()
	switch {
	case s.fault != "":
		return s.fault
	case !s.away.IsZero() && (now.Sub(s.away) >= awayAfter || s.wasBehind()):
		return wire.LogAway
	case s.full:
		return wire.LogFull
	case now.Sub(s.current) >= behindAfter && s.away.IsZero() && s.caughtUp.Load():
		return wire.LogBehind
	case s.alone() >= aloneAfter:
		return wire.LogAlone
	}
	return ""
}

// alone returns for how long this server has seen no leader. While it starts, and after
// it has stopped, it does not look for one. The lock is held.
func (s *said) alone() time.Duration {
	if s.lead != nil || s.fault != "" || !s.caughtUp.Load() {
		return 0
	}
	return s.now().Sub(s.led)
}

// back records that the log answers. After a time without it a server is not behind
// yet: it has had no chance to read what it lacks. One that was behind before stays so.
func (s *said) back() {
	if !s.away.IsZero() && s.now().Sub(s.away) >= awayAfter && !s.wasBehind() {
		s.current = s.now()
	}
	s.away = time.Time{}
}

// wasBehind reports whether this server was behind when the log stopped answering: it may
// have been frozen, and its first call after that fails. The lock is held.
func (s *said) wasBehind() bool { return s.away.Sub(s.current) >= behindAfter }

func (s *said) answered()   { s.change(s.back) }
func (s *said) unanswered() { s.change(s.quiet) }

// written records that the log takes entries; true: it did not before.
func (s *said) written() (changed bool) {
	s.change(func() { changed, s.full = s.full, false; s.back() })
	return changed
}

// fill records that the log has no room; true: it had before.
func (s *said) fill() (changed bool) {
	s.change(func() { changed, s.full = !s.full, true; s.back() })
	return changed
}

func (s *said) quiet() {
	if s.away.IsZero() {
		s.away = s.now()
	}
}

// seenLeader records that there is a leader.
func (s *said) seenLeader() { s.change(func() { s.led = s.now(); s.back() }) }

// upTo records which entry was the newest when the log was asked, and which this server
// has read.
func (s *said) upTo(last, seq uint64, asked time.Time) {
	s.change(func() {
		s.back()
		if s.last = max(s.last, last); seq >= last && asked.After(s.current) {
			s.current = asked
		}
	})
}

// at records the input that was applied.
func (s *said) at(epoch string, applied uint64, source *store.SourceState) {
	note := func() {
		s.epoch, s.applied, s.last = epoch, applied, max(s.last, applied)
		if source != nil {
			s.source = *source
		}
		close(s.moved)
		s.moved = make(chan struct{})
	}
	if source != nil {
		s.change(note)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	note()
}

func (s *said) place() (applied uint64, epoch string, moved <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.applied, s.epoch, s.moved
}

func (s *said) logged() store.SourceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source
}

// fail returns false if it has failed already.
func (s *said) fail(err error) (first bool) {
	s.change(func() {
		if first = s.fault == ""; first {
			s.fault, s.broken = wire.LogStopped+": "+public(err), err
		}
	})
	return first
}

func public(err error) string {
	for _, known := range []error{errVersion, errEntry, errNumber, errOther, errGap, errAnew} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "it can't be applied"
}

// restart returns why a new process could continue and this one can't; nil: it is not
// so. A process that finds an entry of another version would find it again.
func (s *said) restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range []error{errOther, errGap, errAnew} {
		if errors.Is(s.broken, known) {
			return known
		}
	}
	return nil
}

func (s *said) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault != ""
}

// Status is the state of a Replica, for metrics.
type Status struct {
	Applied, Behind, Snapshot uint64
	Leading                   bool
	Takeovers                 int64
	Alone                     time.Duration // for how long it has seen no leader
	Paused                    time.Duration // for how long nothing was applied while the newest snapshot was captured
}

// Status returns the state.
func (r *Replica) Status() Status {
	s := &r.say
	s.mu.Lock()
	defer s.mu.Unlock()
	return Status{
		Applied: s.applied, Behind: s.last - min(s.last, s.applied), Snapshot: s.saved,
		Leading: s.lead != nil, Takeovers: s.takes, Alone: s.alone(), Paused: s.paused,
	}
}

// Check returns the line of /readyz: a server that can't follow the log is not
// ready, as another one is nearer; one whose log does not answer is, as all servers
// would go.
func (r *Replica) Check() health.Check {
	s := &r.say
	s.mu.Lock()
	defer s.mu.Unlock()
	why := s.reason()
	c := health.Check{Name: "log", OK: why == "", Note: why}
	role := "follows another server"
	if s.lead != nil {
		role = "reads the source"
	}
	switch {
	case s.fault != "" || why == wire.LogBehind:
		c.Needed = true
	case !s.caughtUp.Load():
		c.OK, c.Needed = false, true
		c.Note = fmt.Sprintf("starting, at entry %d of %d", s.applied, s.last)
		if why != "" {
			c.Note += ": " + why
		}
	case why == "":
		c.Note = fmt.Sprintf("at entry %d; this server %s", s.applied, role)
	}
	return c
}

// local makes the reported state of the source that of this server alone, before
// the first generation.
func (s *said) local() {
	s.change(func() {
		if s.pending != nil {
			s.source = *s.pending
		}
	})
}

// same compares two states of the source.
func same(a, b store.SourceState) bool { return reflect.DeepEqual(a, b) }

// setLead records that a leadership of this server begins; nil: that it ends.
func (s *said) setLead(l *leadership) {
	s.change(func() {
		s.led, s.lead = s.now(), l
		if l != nil {
			s.takes++
		}
	})
}
