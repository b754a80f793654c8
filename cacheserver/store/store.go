// Package store keeps what the API lists: workflows and the sums made of them,
// as immutable generations. It takes a lock, gives documents to the writer
// (package join) and publishes what that returns with one atomic pointer; readers
// load that pointer once per request and never lock. The store knows neither
// HTTP nor CouchDB.
package store

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// Result says what an input did.
type Result struct {
	join.Result
	Generation string // newest after the call; empty before the first
	Published  bool   // it made a new generation
}

// Options are what a Store is made with. The zero value is good.
type Options struct {
	Process string        // tag of generation ids: "a" gives a-1, a-2, ...; empty: a
	Cache   cache.Keeper  // nil: keeps nothing
	KeepFor time.Duration // a generation can be read at least so long; 0: 15 min
	Memory  int64         // bytes of superseded generations and compressed blocks, together; 0: 192 MiB
	Loan    Loan          // more memory for kept generations that answers promised; zero: none
	MaxLoss float64       // a full read that misses this share of one kind of documents, or more, is held back; 0: 0.2; 1: none is
	Limits  schema.Limits // zero: those of the present system
	JoinAll bool          // agents' counts are joined in every status, as T0 does; else as schema.StatusInfo says
	Now     func() time.Time
	Log     *slog.Logger
}

// Loan is memory of another part of the program, whose content can be made again.
// Kept generations can't: before one that an answer promised has to go, the store
// takes the loan, and it returns it when it can do without.
type Loan struct {
	Bytes int64
	Take  func(taken bool) // tells the other part when it changes; not called concurrently
}

func (o *Options) complete() error {
	var err error
	if o.KeepFor < 0 {
		err = errors.Join(err, fmt.Errorf("keep generations for %s: must not be negative", o.KeepFor))
	}
	if o.Memory < 0 {
		err = errors.Join(err, fmt.Errorf("memory of %d bytes: must not be negative", o.Memory))
	}
	if o.Process == "" {
		o.Process = "a"
	}
	if o.Cache == nil {
		o.Cache = (*cache.Cache)(nil)
	}
	if o.KeepFor == 0 {
		o.KeepFor = 15 * time.Minute
	}
	if o.Memory == 0 {
		o.Memory = usualMemory
	}
	if o.Limits.IsZero() {
		o.Limits = schema.DefaultLimits()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return err
}

// usualMemory is Options.Memory where it is not said.
const usualMemory = 192 << 20

// Store holds all generations. Its methods may be called by any goroutine.
type Store struct {
	opt Options

	readers     *readers
	current     atomic.Pointer[Generation] // nil before the first generation
	first       chan struct{}              // closed with the first generation
	known       atomic.Pointer[join.Known] // of writer
	differences differences
	made        made
	account     accounting
	source      atomic.Pointer[SourceState]
	waiting     atomic.Int64 // unmatched reports, for readers
	paused      atomic.Int64 // ns that writers waited for the newest checkpoint

	mu     sync.Mutex // held by the writer; guards all below
	writer *join.Join
	number int64 // of the newest generation
}

// New makes an empty store. The error names all faults of the options.
func New(o Options) (*Store, error) {
	err := o.complete()
	writer, werr := join.New(o.join())
	if err = errors.Join(err, werr); err != nil {
		return nil, fmt.Errorf("store options: %w", err)
	}
	s := &Store{opt: o, readers: newReaders(o), first: make(chan struct{}), writer: writer}
	s.known.Store(writer.Known())
	s.source.Store(&SourceState{})
	return s, nil
}

// readers is what all generations of a store answer with: nothing of the writer,
// and nothing that differs between them.
type readers struct {
	opt      Options
	lists    lists
	kept     generations
	fresh    atomic.Pointer[join.Freshness] // newest; it moves also without a generation
	newest   atomic.Int64                   // number of the newest generation
	segments atomic.Int64                   // about the bytes of all segments now
}

func newReaders(o Options) *readers {
	r := &readers{opt: o, lists: lists{cache: o.Cache, pending: map[string]*pending{}}}
	r.fresh.Store(&join.Freshness{})
	r.kept.init(o.KeepFor)
	return r
}

// room says whether another segment may be kept.
func (r *readers) room() bool {
	const usual = 8 << 10 // bytes of one
	return float64(r.segments.Load()+usual) < float64(r.opt.Memory)/segmentShare
}

// join returns the options of the writer.
func (o *Options) join() join.Options {
	return join.Options{Limits: o.Limits, JoinAll: o.JoinAll, MaxLoss: o.MaxLoss, Log: o.Log}
}

func (s *Store) now() int64 { return s.opt.Now().Unix() }
