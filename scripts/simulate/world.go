// Package simulate runs the real cache server (CouchDB client, follower, store,
// checkpoint, API) against the CouchDB stand-in in one synctest bubble, over a
// network in memory, through simulated hours of changing documents and of
// everything that can go wrong. It checks the server from outside against its
// promises (see oracle.go). A seed yields a plan; a plan that breaks a promise
// is shrunk and kept as a test. The package has no formulas of records: the
// expected content of a list is computed from the plan's own documents.
package simulate

import (
	"container/heap"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// world is one run of a plan.
type world struct {
	plan   *Plan
	dir    string // of the checkpoint
	trace  *trace
	net    *network
	source *source
	oracle *oracle

	process   *process // nil: it is down
	cluster   *cluster // instead of process; nil: there is one server
	lives     int
	believing bool         // the next process accepts each full read
	password  atomic.Value // string: the password of our process
	secretly  func(*world) // action of a test that the oracle does not know of; may be nil

	ourAPI    apis
	freshAPI  apis
	fresher   int // number of the newest fresh server
	queue     queue
	began     time.Time
	quiet     time.Time // when the last fault and its consequences have ended
	over      time.Time // when the last fault has ended
	restored  time.Time // when a database was replaced with a backup, plus the time to notice it
	checked   time.Time // when Equal was last checked
	lastFresh time.Time // when our process was last not stale
	lieUntil  time.Time // until then the source hides changes, or everything has not been read since it did
	locked    int       // logins refused because of earlier ones
	excused   bool      // faults after a password change may have caused too many logins with the old one
	skewed    bool      // a clock of the source was wrong
	hidUntil  time.Time // until then the source denies documents that it has
	faults    []happened
}

// happened is a fault that occurred.
type happened struct {
	event *Event
	until time.Time
}

// Run runs a plan in its own bubble. It returns the first broken promise, or nil,
// and the trace.
func Run(t *testing.T, p Plan) (broken *Broken, trace string) {
	t.Helper()
	return runWith(t, p, nil)
}

// runWith is Run with an action of a test that the oracle does not know of.
func runWith(t *testing.T, p Plan, secretly func(*world)) (broken *Broken, trace string) {
	t.Helper()
	dir, err := os.MkdirTemp(quickFolder(), "simulate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w := &world{plan: &p, dir: dir, secretly: secretly}
	w.password.Store("first")
	func() {
		defer func() {
			if r := recover(); r != nil && broken == nil {
				broken = &Broken{Promise: Stopped, What: fmt.Sprint("the bubble does not end: ", r, "\n", strings.Join(bubbled(), "\n"))}
			}
		}()
		synctest.Test(t, func(*testing.T) { broken = w.run() })
	}()
	return broken, w.trace.String()
}

// quickFolder returns a folder in memory, if there is one: the speed of the
// disk is not under test.
func quickFolder() string {
	const inMemory = "/dev/shm"
	if info, err := os.Stat(inMemory); err == nil && info.IsDir() {
		return inMemory
	}
	return ""
}

func (w *world) run() (broken *Broken) {
	w.began = time.Now()
	w.quiet = w.began
	w.trace, w.net = newTrace(), newNetwork()
	w.oracle = newOracle(w)
	var err error
	if w.source, err = newSource(w.plan, w.net, w.trace); err != nil {
		return &Broken{Promise: "setup", What: err.Error()}
	}
	w.source.observe()
	for i := range w.plan.Events {
		e := &w.plan.Events[i]
		w.at(w.began.Add(time.Duration(e.At)), func() *Broken { return w.do(e) })
	}
	if w.plan.Servers > 0 {
		w.cluster = newCluster(w)
	}
	defer func() {
		if stopped := w.stop(); broken == nil {
			broken = stopped
		}
	}()
	if w.secretly != nil && w.cluster != nil {
		w.secretly(w)
	}
	if broken = w.start(); broken != nil {
		return broken
	}
	if w.secretly != nil && w.cluster == nil {
		w.secretly(w)
	}
	w.at(w.began.Add(look), w.look)
	end := w.began.Add(time.Duration(w.plan.Hours * float64(time.Hour)))
	for w.queue.Len() > 0 {
		next, _ := heap.Pop(&w.queue).(action)
		if next.at.After(end) {
			return nil
		}
		time.Sleep(time.Until(next.at))
		if broken = next.do(); broken != nil {
			return broken
		}
	}
	return nil
}

// ourPassword returns the password of our process.
func (w *world) ourPassword() string {
	text, _ := w.password.Load().(string)
	return text
}

// stop ends everything and checks that no goroutine is left.
func (w *world) stop() *Broken {
	broken := w.end(true)
	if w.cluster != nil {
		broken = w.cluster.stop()
	}
	w.net.each(&linkFault{}, func(l *link) { l.end(false) })
	w.source.close()
	return broken
}

// start starts a process.
func (w *world) start() *Broken {
	if w.cluster != nil {
		for at := range w.cluster.members {
			if broken := w.cluster.start(at); broken != nil {
				return broken
			}
		}
		return nil
	}
	w.lives++
	p, err := newProcess(processOptions{
		believe: w.believing, plan: w.plan, tag: fmt.Sprintf("p%d", w.lives), dial: w.net, password: w.ourPassword, file: checkpointFile(w.dir), apis: &w.ourAPI, log: slog.New(logTo{trace: w.trace}),
	})
	if err != nil {
		return w.oracle.broken("setup", "start: %v", err)
	}
	p.start()
	w.process = p
	w.oracle.restarted()
	return nil
}

// believe follows docs/explanation/following-couchdb.md for a full read that is held
// back because of a true loss: it restarts our process with --max-loss 1, which
// lasts until the next start.
func (w *world) believe() *Broken {
	w.trace.add("   start with --max-loss 1")
	w.cause(&Event{Kind: Halt}, 0)
	w.believing = true
	defer func() { w.believing = false }()
	if w.cluster != nil {
		return w.cluster.restart()
	}
	if broken := w.end(true); broken != nil {
		return broken
	}
	return w.start()
}

// end ends the process, if it runs, and checks Stopped.
func (w *world) end(inOrder bool) *Broken {
	if w.process == nil {
		return nil
	}
	p := w.process
	w.process = nil
	if err := p.end(inOrder); err != nil {
		return w.oracle.broken(Stopped, "%v", err)
	}
	if left := leftRunning(); len(left) > 0 {
		return w.oracle.broken(Stopped, "%d goroutines are left, the first:\n%s", len(left), left[0])
	}
	return nil
}

// look checks the list, and after a calm period compares it with a fresh server.
func (w *world) look() *Broken {
	w.at(time.Now().Add(look), w.look)
	now := time.Now()
	if w.cluster != nil {
		if broken := w.cluster.supervise(); broken != nil {
			return broken
		}
		if now.Sub(w.quiet) >= healing && (!w.checked.After(w.quiet) || now.Sub(w.checked) > time.Hour) {
			w.checked = now
			w.trace.add("   check equal")
			return w.cluster.checks.equal()
		}
		return w.cluster.checks.look()
	}
	if w.process == nil {
		return nil
	}
	if now.Sub(w.quiet) >= healing && (!w.checked.After(w.quiet) || now.Sub(w.checked) > time.Hour) {
		w.checked = now
		w.trace.add("   check equal")
		return w.oracle.equal()
	}
	return w.oracle.look()
}

func (w *world) since() time.Duration            { return time.Since(w.began) }
func (w *world) span(at time.Time) time.Duration { return at.Sub(w.began).Round(time.Millisecond) }

// lies reports whether the source undetectably hides documents, now or until
// everything is read again.
func (w *world) lies() bool { return time.Now().Before(w.lieUntil) }

// hides reports whether the source denies documents that it has, also for requests
// by id.
func (w *world) hides() bool { return time.Now().Before(w.hidUntil) }

// at adds an action to the queue.
func (w *world) at(when time.Time, do func() *Broken) {
	w.queue.number++
	heap.Push(&w.queue, action{when, w.queue.number, do})
}

// action is something to do at a time.
type action struct {
	at     time.Time
	number int // order among actions at the same time
	do     func() *Broken
}

type queue struct {
	list   []action
	number int
}

func (q *queue) Len() int      { return len(q.list) }
func (q *queue) Swap(i, j int) { q.list[i], q.list[j] = q.list[j], q.list[i] }
func (q *queue) Push(x any)    { a, _ := x.(action); q.list = append(q.list, a) }
func (q *queue) Less(i, j int) bool {
	a, b := q.list[i], q.list[j]
	return a.at.Before(b.at) || a.at.Equal(b.at) && a.number < b.number
}

func (q *queue) Pop() any {
	last := q.list[len(q.list)-1]
	q.list = q.list[:len(q.list)-1]
	return last
}
