// Package simulate runs the real cache server (CouchDB client, follower, store,
// checkpoint, API) against the CouchDB stand-in in one synctest bubble, over a
// network in memory, through simulated hours of changing documents and of
// everything that can go wrong. It checks the server from outside against its
// promises (see oracle.go). A seed yields a plan; a plan that breaks a promise
// is shrunk and kept as a test. The package knows no formula of records: what a
// list must show is computed from the plan's own documents.
// from the plan's own documents.
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
	lives     int
	believing bool         // the next process is to believe each full read
	password  atomic.Value // string that our process has
	secretly  func(*world) // what a test does behind the oracle's back; nil: nothing

	ourAPI    apis
	freshAPI  apis
	fresher   int // number of the newest fresh server
	queue     queue
	began     time.Time
	quiet     time.Time // when the last fault has ended, with all that follows from it
	over      time.Time // when the last fault has ended
	restored  time.Time // when a backup took the place of a database, until everybody can have noticed it
	checked   time.Time // when Equal was last looked at
	lastFresh time.Time // when a process of ours was last not stale
	lieUntil  time.Time // until then the source hides changes, or did and nobody has read everything since
	locked    int       // logins refused because of earlier ones
	excused   bool      // other faults since the password was changed may have sent the old one too often
	skewed    bool      // a clock of the source was wrong
	hidUntil  time.Time // until then the source says of what it has that it is not there
	faults    []happened
}

// happened is a fault that was there.
type happened struct {
	event *Event
	until time.Time
}

// Run runs a plan in a bubble of its own. It returns the first broken promise,
// nil if there is none, and what happened last.
func Run(t *testing.T, p Plan) (broken *Broken, trace string) {
	t.Helper()
	return runWith(t, p, nil)
}

// runWith is Run with something that a test does behind the oracle's back.
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
	defer func() {
		if stopped := w.stop(); broken == nil {
			broken = stopped
		}
	}()
	if broken = w.start(); broken != nil {
		return broken
	}
	if w.secretly != nil {
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

// ourPassword is the password that our process has.
func (w *world) ourPassword() string {
	text, _ := w.password.Load().(string)
	return text
}

// stop ends everything and checks that nothing is left.
func (w *world) stop() *Broken {
	broken := w.end(true)
	w.net.each(&linkFault{}, func(l *link) { l.end(false) })
	w.source.close()
	return broken
}

// start starts a process.
func (w *world) start() *Broken {
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

// believe does what docs/explanation/following-couchdb.md says where a full read is held back and
// the loss is true: our process is started with --max-loss 1, until the next start.
func (w *world) believe() *Broken {
	w.trace.add("   start with --max-loss 1")
	if broken := w.end(true); broken != nil {
		return broken
	}
	w.cause(&Event{Kind: Halt}, 0)
	w.believing = true
	defer func() { w.believing = false }()
	return w.start()
}

// end ends the process, if it runs, and holds it to Stopped.
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

// look looks, and after a calm compares with a fresh server.
func (w *world) look() *Broken {
	w.at(time.Now().Add(look), w.look)
	if w.process == nil {
		return nil
	}
	now := time.Now()
	if now.Sub(w.quiet) >= healing && (!w.checked.After(w.quiet) || now.Sub(w.checked) > time.Hour) {
		w.checked = now
		w.trace.add("   check equal")
		return w.oracle.equal()
	}
	return w.oracle.look()
}

func (w *world) since() time.Duration            { return time.Since(w.began) }
func (w *world) span(at time.Time) time.Duration { return at.Sub(w.began).Round(time.Millisecond) }

// lies tells whether the source hides, now or until it is read again, what
// nobody can know.
func (w *world) lies() bool { return time.Now().Before(w.lieUntil) }

// hides tells whether the source says of what it has that it is not there, also
// where it is asked for by its id.
func (w *world) hides() bool { return time.Now().Before(w.hidUntil) }

// at puts an action into the queue.
func (w *world) at(when time.Time, do func() *Broken) {
	w.queue.number++
	heap.Push(&w.queue, action{when, w.queue.number, do})
}

// action is something that happens at a moment.
type action struct {
	at     time.Time
	number int // the order of those of one moment
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
