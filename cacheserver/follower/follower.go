// Package follower brings what is in the source into the store and keeps it
// there: a full read, then the changes of both databases, gathered for a short
// window and applied in one go; backoff when the source fails, and a full read
// again when it no longer knows the position. It owns that position, which
// moves only after the work. It speaks no HTTP (couch does), keeps no record
// (the store does) and knows no formula (schema does).
package follower

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
)

// Source is where documents come from; *couch.Client is one.
type Source interface {
	// Name of the source for people, without credentials.
	Name(ctx context.Context) (string, error)
	// Position is the newest position of a database.
	Position(ctx context.Context, db couch.Database) (couch.Position, error)
	// Read delivers all documents that may be of interest, some maybe twice;
	// rows are valid inside fn only.
	Read(ctx context.Context, db couch.Database, statuses []string, fn func(couch.Row) error) (way string, err error)
	// Changes yields what changed after since, in any order, maybe again.
	Changes(ctx context.Context, db couch.Database, since couch.Seq, o couch.FeedOptions) iter.Seq2[couch.Change, error]
}

// Store is where records go; OfStore makes one of a *store.Store. A Store may
// also have the method of hashes.
type Store interface {
	BeginLoad() Load
	Apply(changes []join.Change) store.Result
	Tick() store.Result
	SetSource(store.SourceState)
}

// Load is a full read in progress. Abort may be called while Commit runs, which
// then should end soon.
type Load interface {
	// Add takes what it needs of changes: neither they nor what they point to,
	// but for texts and Info, may be used after it, and texts not for long.
	Add(changes []join.Change)
	// Missing names the documents that are known and that the read has not
	// brought, unless they are so many that it is not to be believed.
	Missing() ([]join.Document, error)
	Commit() (store.Result, error)
	Abort()
}

// hashes is a store that tells the content hash of a document it has, so that
// an unchanged one need not be decoded.
type hashes interface {
	KnownHash(kind join.Kind, id string) (uint64, bool)
}

// OfStore gives a *store.Store the form that a Follower takes.
func OfStore(s *store.Store) Store { return storeOf{s} }

type storeOf struct{ *store.Store }

func (s storeOf) BeginLoad() Load { return s.Store.BeginLoad() }

// Hooks are called as things happen, by several goroutines at once; any may be
// nil. db is requests or wmstats.
type Hooks struct {
	Documents func(db string, documents int, bytes int64)                // read
	Bad       func(db string)                                            // a document that could not be used
	Lacking   func(db string)                                            // a document that did not come with its row
	Flaws     func(fields int)                                           // fields of the wrong form
	Batch     func(changes int, lag time.Duration)                       // applied; lag since the oldest of them came
	Same      func(changes int)                                          // of those applied, the ones whose content was known already
	Failure   func(db string, reason string)                             // a read or feed failed
	Loaded    func(documents int64, bytes int64, took time.Duration)     // a full read was committed
	Reread    func(repaired int, took time.Duration, err error)          // a re-read ended; err: why it repaired nothing
	Held      func(reason string)                                        // a full read was held back
	Polling   func(db string, on bool)                                   // changes are polled, as feeds bring nothing
	Phase     func(phase string, documents int64, elapsed time.Duration) // progress of a full read, every few seconds
}

// Options of a Follower. Source and Store are required.
type Options struct {
	Source Source
	Store  Store

	BatchWindow  time.Duration // changes are gathered so long; 0: 100 ms
	MinWait      time.Duration // first wait after a failure; 0: 500 ms
	MaxWait      time.Duration // longest wait between two tries; 0: 30 s
	HoldWait     time.Duration // wait before another full read when the last one lost too much; 0: 2 min
	PollInterval time.Duration // ask for changes so often instead of following a feed; 0: follow
	TickInterval time.Duration // rules that depend on time; 0: 30 s
	LookEvery    time.Duration // between two looks at a database that is followed; 0: 10 s
	StaleAfter   time.Duration // a change that is there so long and did not come makes the records stale; 0: 30 s
	FallAfter    time.Duration // numbers of a database that fell count after so long; 0: 30 s
	FallEvery    time.Duration // between two re-reads because of that; a tenth of it between two because of purges; 0: 10 min
	FallbackPoll time.Duration // between two polls where feeds bring nothing; 0: 5 s
	FeedRetry    time.Duration // until a feed is tried there again; 0: 10 min
	RereadEvery  time.Duration // everything is read again so often, beside the feeds, and repaired; 0: never
	Statuses     []string      // of requests that are of interest; nil: those that schema calls active
	Workers      int           // goroutines that decode; 0: GOMAXPROCS
	Quarantine   int           // documents in the list of unusable ones; 0: 1000

	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none
	Hooks Hooks
}

// withDefaults fills what is not set and reports all faults at once.
func (o Options) withDefaults() (Options, error) {
	var faults []error
	if o.Source == nil {
		faults = append(faults, errors.New("follower needs a Source"))
	}
	if o.Store == nil {
		faults = append(faults, errors.New("follower needs a Store"))
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		std   time.Duration
	}{
		{"BatchWindow", &o.BatchWindow, 100 * time.Millisecond},
		{"MinWait", &o.MinWait, 500 * time.Millisecond},
		{"MaxWait", &o.MaxWait, 30 * time.Second},
		{"HoldWait", &o.HoldWait, 2 * time.Minute},
		{"PollInterval", &o.PollInterval, 0},
		{"TickInterval", &o.TickInterval, 30 * time.Second},
		{"RereadEvery", &o.RereadEvery, 0},
		{"LookEvery", &o.LookEvery, 10 * time.Second},
		{"StaleAfter", &o.StaleAfter, 30 * time.Second},
		{"FallAfter", &o.FallAfter, 30 * time.Second},
		{"FallEvery", &o.FallEvery, 10 * time.Minute},
		{"FallbackPoll", &o.FallbackPoll, 5 * time.Second},
		{"FeedRetry", &o.FeedRetry, 10 * time.Minute},
	} {
		if *d.value < 0 {
			faults = append(faults, fmt.Errorf("%s must not be negative", d.name))
		}
		*d.value = cmp.Or(*d.value, d.std)
	}
	if o.MaxWait < o.MinWait {
		faults = append(faults, errors.New("MaxWait must not be less than MinWait"))
	}
	if o.Workers < 0 || o.Quarantine < 0 {
		faults = append(faults, errors.New("Workers and Quarantine must not be negative")) //nolint:staticcheck // ST1005: names of options
	}
	o.Workers = cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	o.Quarantine = cmp.Or(o.Quarantine, 1000)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Statuses == nil {
		for _, s := range schema.Statuses() {
			if s.Active {
				o.Statuses = append(o.Statuses, s.Status)
			}
		}
	}
	return o, errors.Join(faults...)
}

// followed are the databases that are read and followed.
func followed() []couch.Database { return []couch.Database{couch.Requests, couch.WMStats} }

// Databases are those that a Follower names to its Hooks.
func Databases() []couch.Database { return followed() }

// Follower keeps a Store up to date. Make it with New, and Run it once.
type Follower struct {
	o          Options
	byID       byID // the Source, nil: it can't be asked for single documents
	decoder    *decoder
	quarantine *quarantine
	state      *sourceState
	meeting    meeting
	readings   readings
	retry      *backoff // of all that read the source
	dueReads   *dueReads
	rereading  chan struct{} // has one while everything is read again

	mu        sync.Mutex
	positions map[couch.Database]couch.Position // what the store has
	loaded    bool                              // there have been positions
	wholeRead time.Time                         // when the last read of everything began; also of a process before
	advanced  chan struct{}                     // closed and replaced when positions move
}

// New checks the options.
func New(o Options) (*Follower, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("follower options: %w", err)
	}
	q := newQuarantine(o.Quarantine)
	state := newSourceState(o.Now, o.Store.SetSource, o.StaleAfter+o.LookEvery+o.PollInterval)
	one, _ := o.Source.(byID)
	return &Follower{
		o: o, byID: one, quarantine: q, state: state, retry: newBackoff(o.MinWait, o.MaxWait), dueReads: newDueReads(o.FallEvery, o.LookEvery, state.readsAgain),
		decoder:   newDecoder(o, q, state),
		rereading: make(chan struct{}, 1),
		positions: map[couch.Database]couch.Position{}, advanced: make(chan struct{}),
	}, nil
}

// errReload ends following: everything has to be read again.
var errReload = errors.New("full read needed")

// Run loads, unless a checkpoint was restored, and follows until ctx ends, then returns nil with all of its
// goroutines gone. Failures of the source end nothing: they are reported
// through the store and tried again.
func (f *Follower) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.tick(ctx) })
	group.Go(func() error {
		pace := pace{least: f.o.MinWait, most: f.o.HoldWait}
		for ctx.Err() == nil {
			if !f.canFollow() {
				if !pause(ctx, pace.wait(f.o.Now())) {
					return ctx.Err()
				}
				if err := f.loadUntilDone(ctx); err != nil {
					return err
				}
				pace.read(f.o.Now())
				f.allRead()
			}
			f.follow(ctx)
		}
		return ctx.Err()
	})
	if err := group.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// TryNow has readers that wait after a failure try at once: something that they
// need, such as a password, is another one now.
func (f *Follower) TryNow() { f.retry.again() }

// Positions are those that the store's records stand for.
func (f *Follower) Positions() map[couch.Database]couch.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.positions)
}

// Loaded says that the store's records are those of a full read that has ended,
// here or before the checkpoint that was restored. Until then there is nothing to
// save: the first generation is there a moment before its positions are, and a
// file without them makes the next start read everything.
func (f *Follower) Loaded() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loaded
}

// Quarantined lists the documents that could not be used, newest trouble first.
func (f *Follower) Quarantined() []Quarantined { return f.quarantine.list() }

func (f *Follower) position(db couch.Database) couch.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.positions[db]
}

// advance moves positions; the records that they stand for are in the store.
func (f *Follower) advance(to map[couch.Database]couch.Seq) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for db, seq := range to {
		position := f.positions[db]
		position.Seq = seq
		f.positions[db] = position
	}
	close(f.advanced)
	f.advanced = make(chan struct{})
}

// moved is closed when positions move the next time.
func (f *Follower) moved() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.advanced
}

// setPosition goes on from another position.
func (f *Follower) setPosition(db couch.Database, position couch.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.positions[db] = position
}

// saw notes what a look at a database showed, but for its seq: the position is
// what was applied.
func (f *Follower) saw(db couch.Database, looked couch.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	looked.Seq = f.positions[db].Seq
	f.positions[db] = looked
}

// tick lets the store apply its rules of time.
func (f *Follower) tick(ctx context.Context) error {
	ticker := time.NewTicker(f.o.TickInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			f.o.Store.Tick()
		}
	}
}
