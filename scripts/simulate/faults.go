package simulate

import (
	"net/http"
	"strings"
	"time"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
)

// do executes an event.
func (w *world) do(e *Event) *Broken {
	if e.isFault() {
		w.trace.add("   fault %s", e)
	} else {
		w.trace.add("   write %s", e)
	}
	broken := w.happen(e)
	w.source.observe()
	return broken
}

// happen executes the event, and returns how long its effects may last.
func (w *world) happen(e *Event) *Broken {
	s := w.source
	if !e.isFault() && w.resting() {
		return nil
	}
	switch e.Kind {
	case Request, Archive:
		s.request(e.Doc, e.Status)
	case Remove:
		s.remove(e.Doc)
	case Report:
		s.report(e.Doc, e.Agent)
	case Unreport:
		s.unreport(e.Doc, e.Agent)
	case Rewrite:
		s.rewrite(e.Agent)
	case Info:
		s.info(e.Agent)
	case Jobs:
		s.job(e.N)
	case Backup:
		s.backup()
	case Reset, Vanish:
		w.cause(e, 0)
		w.net.each(&linkFault{every: e.Every}, func(l *link) {
			if e.Kind == Reset {
				l.end(true)
			} else {
				l.vanish()
			}
		})
		if e.Kind == Vanish {
			w.disturbed(readIdle) // until a bulk read notices
		}
	case Refuse, Hang, Stall, Slow, Cut, Buffer:
		w.during(e, w.net.begin(&linkFault{kind: e.Kind, every: e.Every, bytes: e.Bytes, wait: time.Duration(e.Wait)}))
	case Stop:
		end := w.net.begin(&linkFault{kind: Refuse})
		w.net.each(&linkFault{}, func(l *link) { l.end(true) })
		w.during(e, end)
	case Answer:
		w.answer(e)
	case Recreate:
		w.recreate(e)
	case Undesign, Index:
		if w.plan.NoViews {
			return nil
		}
		if e.Kind == Index {
			w.index(e)
			return nil
		}
		s.dropDesign(e.DB)
		w.during(e, func() {
			if !s.missing[e.DB] {
				if err := s.writeDesign(e.DB); err != nil {
					panic(err)
				}
			}
		})
	case Password:
		if !w.plan.Login {
			return nil
		}
		s.password = e.At.String() // a different one each time
		s.fake.SetLogin(user, s.password)
		w.excused = time.Now().Before(w.over)
		w.during(e, func() { w.password.Store(s.password) })
	case Clock:
		if w.plan.Login { // because the clock would move the end of a lockout
			return nil
		}
		w.skewed = true
		s.skew += time.Duration(e.N) * time.Second
		w.during(e, func() { s.skew -= time.Duration(e.N) * time.Second })
	case Restore:
		w.restore(e)
	case Purge:
		s.purge(e.DB, e.Doc, e.N)
		w.cause(e, 0)
	case Kill, Cold, Halt:
		if w.cluster == nil {
			return w.restart(e)
		}
	}
	if w.cluster != nil {
		return w.cluster.happen(e)
	}
	return nil
}

// index removes the indexes of a database and starts building them again.
func (w *world) index(e *Event) {
	for _, v := range design.Views() {
		if v.DB == e.DB {
			w.source.build(v, time.Duration(e.For))
		}
	}
	w.during(e, func() {})
}

// readIdle is how long a bulk read waits for a silent peer
// (couch.Options.ReadIdle).
const readIdle = 10 * time.Minute

// during keeps a fault active for the duration of its event.
func (w *world) during(e *Event, end func()) {
	over := time.Now().Add(time.Duration(e.For))
	w.cause(e, time.Duration(e.For))
	w.at(over, func() *Broken {
		end()
		w.trace.add("   ended %s", e.Kind)
		w.source.observe()
		return nil
	})
}

// endures reports whether our server must be right while the fault lasts: when one
// method of reading is unavailable, it uses the next one.
func (e *Event) endures() bool {
	if e.Kind == Undesign {
		return true
	}
	if e.Kind != Answer || !strings.HasSuffix(e.Path, "/_design/") {
		return false
	}
	switch couchfake.Kind(e.Fault) {
	case couchfake.Forbid, couchfake.NoDatabase, couchfake.TimeOut:
		return true
	case couchfake.FailStatus:
		return e.Code == http.StatusNotFound
	}
	return false
}

// refuses reports whether the fault may refuse a correct login.
func (e *Event) refuses() bool {
	return e.Kind == Answer && (e.Fault == string(couchfake.Forbid) || e.Fault == string(couchfake.Deny))
}

// cause records that a fault is active for a period.
func (w *world) cause(e *Event, lasts time.Duration) {
	switch {
	case e.endures():
		w.disturbed(0)
	case w.plan.Login && e.refuses():
		w.disturbed(lasts + locked - healing) // after a refused login, the next attempt waits for the length of a lockout
	default:
		w.disturbed(lasts)
	}
	if e.Kind != Password {
		w.excused = true
	}
	over := time.Now().Add(lasts)
	w.faults = append(w.faults, happened{e, over})
	if over.After(w.over) {
		w.over = over
	}
	if e.falls() {
		w.fell(e)
	}
	w.delayed(e, lasts)
}

// disturbed extends the end of the last fault.
func (w *world) disturbed(lasts time.Duration) {
	if over := time.Now().Add(lasts); over.After(w.quiet) {
		w.quiet = over
	}
}

// fellEvery is the minimum time between two re-reads that are caused by a database
// in an older state (follower).
const fellEvery = 10 * time.Minute

// falls reports whether a database may appear to be in an older state than before.
func (e *Event) falls() bool {
	switch e.Kind {
	case Restore, Recreate:
		return true
	case Answer:
		switch couchfake.Kind(e.Fault) {
		case couchfake.OtherCopy, couchfake.EmptyDB, couchfake.HalveDB:
			return true
		}
	}
	return false
}

// fell allows time for one more re-read: the first sign of an older state may have
// had an earlier cause, and the second sign waits.
func (w *world) fell(e *Event) {
	for _, c := range w.faults {
		if c.event != e && c.event.falls() && time.Since(c.until) < fellEvery+healing {
			w.disturbed(time.Duration(e.For) + fellEvery)
		}
	}
	if e.Kind == Answer {
		w.disturbed(time.Duration(e.For) + fellEvery)
	}
}

// answer makes the stand-in inject one of its own faults.
func (w *world) answer(e *Event) {
	f := couchfake.Fault{
		Match: couchfake.Match{Path: e.Path, Feed: e.Feed}, Kind: couchfake.Kind(e.Fault),
		Bytes: e.Bytes, Rows: e.Rows, Status: e.Code, Stop: e.Ending, Wait: time.Duration(e.Wait), Skip: 0, Times: e.N,
	}
	for _, n := range e.Only {
		f.IDs = append(f.IDs, documentID(n, -1))
		for a := range w.plan.Agents {
			f.IDs = append(f.IDs, documentID(n, a))
		}
	}
	fault := w.source.fake.Misbehave(f)
	w.during(e, func() {
		fault.Clear()
		// A feed that was opened meanwhile would continue.
		if hides, _ := e.hides(); hides || strings.HasPrefix(e.Fault, "row") {
			w.cause(&Event{Kind: Reset}, 0)
			w.net.each(&linkFault{}, func(l *link) { l.end(true) })
		}
	})
	w.hidden(e)
}

// hides reports whether a fault hides documents undetectably: only the next re-read
// finds them. Documents that views and queries leave out are found, because each
// read is compared with a list from another resource. deep: requests by id do not
// find them either.
func (e *Event) hides() (hides, deep bool) {
	if e.Kind != Answer || strings.HasSuffix(e.Path, "/_design/") || strings.HasSuffix(e.Path, "/_find") {
		return false, false
	}
	switch couchfake.Kind(e.Fault) {
	case couchfake.OmitRow:
		return true, false
	case couchfake.OtherDoc: // a row of _find has no other id than the document's
		return !strings.HasSuffix(e.Path, "/_changes"), false
	case couchfake.EmptyDB, couchfake.HalveDB:
		return true, strings.Count(e.Path, "/") < 2 || strings.HasSuffix(e.Path, "/_all_docs")
	}
	return false, false
}

// hidden records that documents which the source hid for a time stay hidden until
// everything has been read again after it.
func (w *world) hidden(e *Event) {
	hides, deep := e.hides()
	if !hides {
		return
	}
	most := time.Duration(w.plan.Reread)*9/8 + time.Duration(e.For) + 3*time.Minute
	w.disturbed(most)
	until := time.Now().Add(most + healing)
	if until.After(w.lieUntil) {
		w.lieUntil = until
	}
	if deep && until.After(w.hidUntil) {
		w.hidUntil = until
	}
}

// delayed records that hidden documents stay hidden for longer, because a fault
// prevents a re-read: a failed re-read is tried again two minutes later
// (follower.Options.HoldWait), and a process that starts from its checkpoint restarts
// the interval.
func (w *world) delayed(e *Event, lasts time.Duration) {
	wait := lasts + 5*time.Minute
	if e.Kind == Kill || e.Kind == Halt {
		wait = lasts + time.Duration(w.plan.Reread)*9/8 + 3*time.Minute
	}
	until := time.Now().Add(wait)
	if w.lies() && until.After(w.lieUntil) {
		w.lieUntil = until
		w.disturbed(wait)
	}
	if w.hides() && until.After(w.hidUntil) {
		w.hidUntil = until
	}
}

// recreate deletes a database and, after a while, creates it again with a part of
// its documents; the others return at the end.
func (w *world) recreate(e *Event) {
	s := w.source
	if s.missing[e.DB] {
		return
	}
	held := s.is.clone()
	s.drop(e.DB)
	w.at(time.Now().Add(time.Duration(e.Wait)), func() *Broken {
		s.create(e.DB)
		s.fill(e.DB, held, e.N)
		s.observe()
		return nil
	})
	w.during(e, func() { s.fill(e.DB, held, 100) })
}

// restore replaces a database with its newest backup.
func (w *world) restore(e *Event) {
	held := w.source.is.clone()
	if !w.source.restore(e.DB) {
		return
	}
	w.cause(e, 0)
	w.restored = time.Now()
	if e.For > 0 {
		w.during(e, func() { w.source.fill(e.DB, held, 100) })
	}
}

// resting reports whether nobody writes: a restored database is recognized by its
// sequence numbers, which must not have grown again before they are checked.
func (w *world) resting() bool {
	if w.restored.IsZero() {
		return false
	}
	until := w.restored
	if w.over.After(until) {
		until = w.over
	}
	if time.Now().Before(until.Add(time.Minute)) {
		return true
	}
	w.restored = time.Time{}
	return false
}

// restart ends the process and starts a new one.
func (w *world) restart(e *Event) *Broken {
	if w.process == nil {
		return nil // it is already down
	}
	if broken := w.end(e.Kind == Halt); broken != nil {
		return broken
	}
	if e.Kind == Cold {
		if err := forgetCheckpoint(checkpointFile(w.dir)); err != nil {
			panic(err)
		}
	}
	w.cause(e, time.Duration(e.For))
	w.at(time.Now().Add(time.Duration(e.For)), w.start)
	return nil
}
