// Package follower copies documents from a source into the store and keeps them
// current: a full read, then the changes of both databases, gathered for a short
// window and applied together; retries with backoff when the source fails, and
// another full read when it no longer knows the position. It owns that position,
// which moves only after the changes are applied. It does not speak HTTP (couch
// does), keeps no records (the store does) and computes no derived values
// (schema does).
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

// Source provides documents; *couch.Client is one.
type Source interface {
	// Name returns the name of the source for people, without credentials.
	Name(ctx context.Context) (string, error)
	// Position returns the newest position of a database.
	Position(ctx context.Context, db couch.Database) (couch.Position, error)
	// Read delivers all documents that may be of interest, some possibly twice.
	// Rows are valid inside fn only.
	Read(ctx context.Context, db couch.Database, statuses []string, fn func(couch.Row) error) (way string, err error)
	// Changes yields the changes after since, in any order and possibly
	// repeated.
	Changes(ctx context.Context, db couch.Database, since couch.Seq, o couch.FeedOptions) iter.Seq2[couch.Change, error]
}

// Store receives the records; OfStore adapts a *store.Store. A Store may also
// implement hashes.
type Store interface {
	BeginLoad() Load
	Apply(changes []join.Change) store.Result
	Tick() store.Result
	SetSource(store.SourceState)
}

// Load is a full read in progress. Abort may be called while Commit runs, which
// then must end soon.
type Load interface {
	// Add copies what it needs from changes: afterwards neither they nor their
	// memory may be used, except Info, and texts for a short time.
	Add(changes []join.Change)
	// Missing returns the known documents that the read has not added, or an
	// error if they are so many that the read must be rejected.
	Missing() ([]join.Document, error)
	Commit() (store.Result, error)
	Abort()
}

// hashes is a store that returns the content hash of a document, so that an
// unchanged one need not be decoded.
type hashes interface {
	KnownHash(kind join.Kind, id string) (uint64, bool)
}

// OfStore adapts a *store.Store to the interface Store.
func OfStore(s *store.Store) Store { return storeOf{s} }

type storeOf struct{ *store.Store }

func (s storeOf) BeginLoad() Load { return s.Store.BeginLoad() }

// Hooks are called as events happen, by several goroutines concurrently; each
// may be nil. db is requests or wmstats.
type Hooks struct {
	Documents func(db string, documents int, bytes int64)                // read
	Bad       func(db string)                                            // a document that could not be used
	Lacking   func(db string)                                            // a row without its document
	Flaws     func(fields int)                                           // fields with an invalid value
	Batch     func(changes int, lag time.Duration)                       // applied; lag since the oldest change arrived
	Same      func(changes int)                                          // number of applied changes whose content was already known
	Failure   func(db string, reason string)                             // a read or feed failed
	Loaded    func(documents int64, bytes int64, took time.Duration)     // a full read was committed
	Reread    func(repaired int, took time.Duration, err error)          // a re-read ended; err: why it repaired nothing
	Held      func(reason string)                                        // a full read was held back
	Polling   func(db string, on bool)                                   // changes are polled because feeds deliver nothing
	Phase     func(phase string, documents int64, elapsed time.Duration) // progress of a full read, every few seconds
}

// Options of a Follower. Source and Store are required.
type Options struct {
	Source Source
	Store  Store

	BatchWindow  time.Duration // time for which changes are gathered; 0: 100 ms
	MinWait      time.Duration // first wait after a failure; 0: 500 ms
	MaxWait      time.Duration // longest wait between two attempts; 0: 30 s
	HoldWait     time.Duration // wait before another full read after one that missed too much; 0: 2 min
	PollInterval time.Duration // poll for changes at this interval instead of following a feed; 0: follow
	TickInterval time.Duration // interval of rules that depend on time; 0: 30 s
	LookEvery    time.Duration // interval of checks of a followed database; 0: 10 s
	StaleAfter   time.Duration // a change that exists for this long and did not arrive makes the records stale; 0: 30 s
	FallAfter    time.Duration // lower numbers of a database count after this time; 0: 30 s
	FallEvery    time.Duration // between two re-reads for lower numbers; a tenth of it between two for purges; 0: 10 min
	FallbackPoll time.Duration // polling interval where feeds deliver nothing; 0: 5 s
	FeedRetry    time.Duration // time until a feed is tried there again; 0: 10 min
	RereadEvery  time.Duration // interval of re-reads, which repair records; 0: never
	Statuses     []string      // of requests of interest; nil: those that schema calls active
	Workers      int           // decoding goroutines; 0: GOMAXPROCS
	Quarantine   int           // maximum length of the list of unusable documents; 0: 1000
	Shares       bool          // another Follower may continue: record what Notes returns

	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none
	Hooks Hooks
}

// withDefaults sets defaults and reports all invalid options at once.
func (o Options) withDefaults() (Options, error) {
	var invalid []error
	if o.Source == nil {
		invalid = append(invalid, errors.New("follower needs a Source"))
	}
	if o.Store == nil {
		invalid = append(invalid, errors.New("follower needs a Store"))
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
			invalid = append(invalid, fmt.Errorf("%s must not be negative", d.name))
		}
		*d.value = cmp.Or(*d.value, d.std)
	}
	if o.MaxWait < o.MinWait {
		invalid = append(invalid, errors.New("MaxWait must not be less than MinWait"))
	}
	if o.Workers < 0 || o.Quarantine < 0 {
		invalid = append(invalid, errors.New("Workers and Quarantine must not be negative")) //nolint:staticcheck // ST1005: names of options
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
	return o, errors.Join(invalid...)
}

// followed returns the databases that are read and followed.
func followed() []couch.Database { return []couch.Database{couch.Requests, couch.WMStats} }

// Databases returns the databases that a Follower passes to its Hooks.
func Databases() []couch.Database { return followed() }

// Follower keeps a Store up to date. Create it with New, and Run it: once, or
// again after Continue.
type Follower struct {
	o          Options
	byID       byID // the Source; nil: it can't return single documents
	decoder    *decoder
	quarantine *quarantine
	state      *sourceState
	meeting    meeting
	readings   readings
	retry      *backoff // shared by all readers of the source
	dueReads   *dueReads
	rereading  chan struct{} // has one element during a re-read

	mu        sync.Mutex
	positions map[couch.Database]couch.Position // of the store's records
	loaded    bool                              // whether there have ever been positions
	wholeRead time.Time                         // start of the last full read or re-read, also of an earlier process
	advanced  chan struct{}                     // closed and replaced when positions move
}

// New checks the options.
func New(o Options) (*Follower, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("follower options: %w", err)
	}
	q := newQuarantine(o.Quarantine)
	if o.Shares {
		q.noted = map[quarantineKey]bool{}
	}
	state := newSourceState(o.Now, o.Store.SetSource, o.StaleAfter+o.LookEvery+o.PollInterval)
	one, _ := o.Source.(byID)
	return &Follower{
		meeting: newMeeting(),
		o:       o, byID: one, quarantine: q, state: state, retry: newBackoff(o.MinWait, o.MaxWait), dueReads: newDueReads(o.FallEvery, o.LookEvery, state.readsAgain),
		decoder:   newDecoder(o, q, state),
		rereading: make(chan struct{}, 1),
		positions: map[couch.Database]couch.Position{}, advanced: make(chan struct{}),
	}, nil
}

// errReload ends following: a full read is needed.
var errReload = errors.New("full read needed")

// Run does a full read unless a checkpoint was restored, and follows until ctx
// ends. Then it returns nil, and all of its goroutines have ended. Failures of
// the source do not end it: they are reported through the store and retried.
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

// TryNow makes readers that wait after a failure retry at once, because
// something that they need, such as a password, has changed.
func (f *Follower) TryNow() { f.retry.again() }

// Positions returns the positions of the store's records.
func (f *Follower) Positions() map[couch.Database]couch.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.positions)
}

// Loaded reports whether the store's records are those of a finished full read,
// here or before the restored checkpoint. Before that a checkpoint is useless:
// the first generation exists a moment before its positions do, and a file
// without positions makes the next start do a full read.
func (f *Follower) Loaded() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loaded
}

// Quarantined lists the documents that could not be used, latest trouble first.
func (f *Follower) Quarantined() []Quarantined { return f.quarantine.list() }

func (f *Follower) position(db couch.Database) couch.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.positions[db]
}

// advance moves positions; the records of these positions are in the store.
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

// moved returns a channel that is closed when positions move the next time.
func (f *Follower) moved() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.advanced
}

// setPosition continues from another position.
func (f *Follower) setPosition(db couch.Database, position couch.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.positions[db] = position
}

// saw records the result of a check of a database, except for its seq: the
// position is what was applied.
func (f *Follower) saw(db couch.Database, looked couch.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	looked.Seq = f.positions[db].Seq
	f.positions[db] = looked
}

// tick makes the store apply its time-based rules.
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
