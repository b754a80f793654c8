// Package replica lets several cache servers answer as one. One of them, the
// leader, reads the source; what its follower would apply to the store goes into an
// ordered log, and every server, the leader too, applies the entries of the log to
// its own store. So equal entries make equal generations under equal ids. The
// package owns the entries' encoding, the lease of the leader, snapshots from which
// a server starts, and what a server says of itself while it is not up to date. It
// does not know the engine behind the log (jetstream does), HTTP, or how records
// are computed (join).
package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// Machine is the state machine that entries are applied to. Equal inputs must leave
// it in equal states.
type Machine interface {
	follower.Store // its Load is only committed before the first generation

	KnownHash(kind join.Kind, id string) (uint64, bool)
	// ApplyRead applies changes that a full read delivered, and Sweep ends that.
	ApplyRead(changes []join.Change) store.Result
	Sweep(gone []join.Document, undelivered []string) store.Result
	// Holds reports whether the request document of a change is held as it is,
	// and Undelivered what else a full read did not deliver.
	Holds(c join.Change) bool
	Undelivered() []string
	// SetRules puts rules in force; Rules returns this server's own.
	SetRules(rules []byte) error
	Rules() []byte
	// Observe is called after each input.
	Observe(moment time.Time)
	// Loaded reports whether there is a generation and all that belongs to it.
	Loaded() bool
	// Forget drops what an unfinished first full read has left.
	Forget()
}

// Reader reads the source while this server is the leader: a *follower.Follower.
type Reader interface {
	Continue(s follower.Shared, docs []follower.Quarantined, source store.SourceState)
	Run(ctx context.Context) error
	Shared() follower.Shared
	Notes() []follower.Note
}

// Options of a Replica. All but Name, Replay, SnapshotEvery, KeepFor, EntryBytes, Dir, Now, Log and Hooks
// are required.
type Options struct {
	Engine   Log
	Machine  Machine
	Clock    *Clock               // that of the Machine
	Header   checkpoint.Header    // of snapshots
	Sections []checkpoint.Section // of the Machine, in the order in which they are captured

	Name          string        // of this server, for people
	Replay        time.Duration // age of the snapshot from which a server starts; 0: 5 min
	SnapshotEvery time.Duration // 0: 1 min
	KeepFor       time.Duration // of entries, at least; 0: 2 h
	EntryBytes    int           // maximum length of an entry; 0: 512 KB
	Dir           string        // for temporary files; "": the system's

	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none
	Hooks Hooks
}

// Hooks are called as events happen; each may be nil.
type Hooks struct {
	Applied  func(lag time.Duration) // an input; not during a start
	Leading  func(leading bool)
	Refused  func()             // an entry of this server
	Snapshot func(entry uint64) // stored by this server
}

// Times of the loops.
const (
	lookEvery   = 250 * time.Millisecond // at the log, for entries that were not delivered
	leaseEvery  = 500 * time.Millisecond // an attempt to take the lease
	renewEvery  = 2 * time.Second
	appendFor   = 20 * time.Second // an entry is tried: an election of the engine takes seconds
	tryFor      = 3 * time.Second  // one attempt
	behindAfter = 5 * time.Second  // a server that has not been up to date for this long is not ready
	awayAfter   = 2 * time.Second  // a log that has not answered for this long is reported
	aloneAfter  = 30 * time.Second // the same without a leader
	awaitFor    = time.Second      // a request waits for a generation
)

// Replica applies the log to a Machine, and appends to it as the leader. It is the
// follower.Store of its Reader. Create it with New, and Run it once.
type Replica struct {
	o      Options
	reader Reader
	holder string // of the lease: this process

	// mu is held while an entry is appended, which may take many seconds, and applied.
	mu         lock
	epoch      string
	seq        uint64 // of the newest entry that was read
	applied    uint64 // of the newest input
	parts      parts
	shared     follower.Shared
	rules      []byte // in force
	lead       *leadership
	loaded     bool
	pace       time.Duration // of applying an input, of the newest ones
	replayPace time.Duration // of an entry, with reading it, when this server started; 0: unknown

	tookOver bool // what another log has; only used by compete

	say said // what this server says of itself

	unusable unusable
}

// lock is a mutex. In a bubble of testing/synctest its holder may sleep.
type lock chan struct{}

func (l lock) Lock()   { l <- struct{}{} }
func (l lock) Unlock() { <-l }

// leadership is one period of being the leader.
type leadership struct {
	ctx  context.Context //nolint:containedctx // of the period
	end  context.CancelCauseFunc
	wake chan struct{} // the state of the source has changed
}

// unusable are the documents that could not be used. It has its own lock: requests
// must not wait for an entry that is being appended.
type unusable struct {
	mu   sync.Mutex
	docs map[noteKey]follower.Quarantined
}

type noteKey struct{ database, id string }

// note takes over changes.
func (u *unusable) note(notes []follower.Note) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range notes {
		key := noteKey{n.Database, n.ID}
		if n.Document == nil {
			delete(u.docs, key)
			continue
		}
		u.docs[key] = *n.Document
	}
}

// set replaces all documents.
func (u *unusable) set(list []follower.Quarantined) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.docs = make(map[noteKey]follower.Quarantined, len(list))
	for _, d := range list {
		u.docs[noteKey{d.Database, d.ID}] = d
	}
}

// list returns them, latest trouble first.
func (u *unusable) list() []follower.Quarantined {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := make([]follower.Quarantined, 0, len(u.docs))
	for _, d := range u.docs {
		list = append(list, d)
	}
	follower.SortQuarantined(list)
	return list
}

// New checks the options. SetReader must be called before Run.
func New(o Options) (*Replica, error) {
	if o.Engine == nil || o.Machine == nil || o.Clock == nil || len(o.Sections) == 0 {
		return nil, errors.New("replica options: Engine, Machine, Clock and Sections are required")
	}
	if o.Replay == 0 {
		o.Replay = 5 * time.Minute
	}
	if o.SnapshotEvery == 0 {
		o.SnapshotEvery = time.Minute
	}
	if o.KeepFor == 0 {
		o.KeepFor = 2 * time.Hour
	}
	if o.EntryBytes == 0 {
		o.EntryBytes = mostEntry
	}
	if o.EntryBytes <= entryHead {
		return nil, fmt.Errorf("replica options: EntryBytes must be more than %d", entryHead)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Replica{o: o, holder: fmt.Sprintf("%s %x", o.Name, rand.Uint64()), mu: make(lock, 1)}
	r.unusable.set(nil)
	r.say.init(o.Now, o.Machine.SetSource)
	return r, nil
}

// SetReader sets the reader of the source.
func (r *Replica) SetReader(reader Reader) { r.reader = reader }

// Run applies the log until ctx ends, and reads the source while this server is the
// leader. Failures of the log do not end it: they are reported and tried again. Its
// error means that the log has nothing that continues what this server has, but a
// server that starts can use it.
func (r *Replica) Run(ctx context.Context) error {
	if !r.open(ctx) {
		return nil
	}
	var group errgroup.Group
	group.Go(func() error { return r.follow(ctx) })
	group.Go(func() error { r.compete(ctx); return nil })
	return group.Wait() //nolint:wrapcheck // it names the trouble
}

// open opens the log, with as many attempts as needed.
func (r *Replica) open(ctx context.Context) bool {
	for {
		state, err := r.o.Engine.Open(ctx)
		if err == nil {
			r.mu.Lock()
			r.epoch = state.Epoch
			r.mu.Unlock()
			r.say.answered()
			r.o.Log.Info("log opened", "epoch", state.Epoch, "first", state.First, "last", state.Last, "name", r.o.Name)
			return true
		}
		r.say.unanswered()
		if ctx.Err() != nil {
			return false
		}
		r.o.Log.Warn("could not open the log", "retry_in", time.Second, "err", err)
		if !pause(ctx, time.Second) {
			return false
		}
	}
}

// Await waits, at most a second, for a generation of this log that was not applied
// here yet. It returns false if it still isn't.
func (r *Replica) Await(ctx context.Context, id string) bool {
	epoch, digits, _ := strings.Cut(id, "-")
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return true // of nobody
	}
	over := time.NewTimer(awaitFor)
	defer over.Stop()
	for {
		at, ours, moved := r.say.place()
		if epoch != ours || number <= at {
			return true
		}
		select {
		case <-moved:
		case <-over.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// Quarantined lists the documents that could not be used, latest trouble first.
func (r *Replica) Quarantined() []follower.Quarantined { return r.unusable.list() }

// OwedRequests returns the ids of the request documents that are assumed to exist
// and have been unavailable for at least this long, sorted.
func (r *Replica) OwedRequests(least time.Duration) (ids []string) {
	now := r.o.Now()
	for _, d := range r.Quarantined() {
		if d.Owed && d.Database == couch.Requests.String() && now.Sub(d.First) >= least {
			ids = append(ids, d.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// CaughtUp reports whether this server has applied all entries that were in the log
// when it started: before that its generations are not to be shown.
func (r *Replica) CaughtUp() bool { return r.say.caughtUp.Load() }

// Started is closed when this server has caught up.
func (r *Replica) Started() <-chan struct{} { return r.say.started }

// Source returns the state of the source as the log has it.
func (r *Replica) Source() store.SourceState { return r.say.logged() }

// fail records that this server can't continue: it keeps its generation.
func (r *Replica) fail(err error) {
	if r.say.fail(err) {
		r.o.Log.Error("stopped applying the log", "entry", r.seq+1, "err", err)
	}
	if r.lead != nil {
		r.lead.end(err)
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Clock is the clock of a Machine: that of the input while one is applied.
type Clock struct {
	mu      sync.Mutex
	moment  time.Time // zero: none is applied
	process string
	number  int64     // of the generation that the input makes
	input   int64     // its own: the same, but where a snapshot is restored
	noted   int64     // the newest input that the machine has read
	named   int64     // number of the newest generation
	at      time.Time // its moment
}

// Moment returns the moment of the input, or the time.
func (c *Clock) Moment() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moment.IsZero() {
		return time.Now()
	}
	return c.moment
}

// Name returns the prefix and the number of the generation that the input makes.
func (c *Clock) Name() (process string, number int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.named, c.at = c.number, c.moment
	return c.process, c.number
}

// Input returns the prefix and the number of the input; 0: none is applied.
func (c *Clock) Input() (process string, number int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.input > 0 {
		c.noted = c.input
	}
	return c.process, c.input
}

// Newest returns the number and the moment of the newest generation, and the number of
// the newest input that the machine has read.
func (c *Clock) Newest() (generation uint64, at time.Time, input uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return uint64(c.named), c.at, uint64(c.noted) //nolint:gosec // counted from 1
}

func (c *Clock) set(moment time.Time, process string, number uint64) {
	c.restore(moment, process, number, number)
}

// restore sets the clock for a snapshot that has a generation as of an input.
func (c *Clock) restore(moment time.Time, process string, generation, input uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moment, c.process, c.number, c.input = moment, process, int64(generation), int64(input) //nolint:gosec // counted from 1
}

func (c *Clock) clear() { c.set(time.Time{}, "", 0) }

var errStopped = errors.New("the leader stops")
