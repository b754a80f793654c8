package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// Options are the options of New. The zero value is valid.
type Options struct {
	Process string        // prefix of generation ids: "a" makes a-1, a-2, ...; empty: a
	Cache   cache.Keeper  // nil: keeps nothing
	KeepFor time.Duration // minimum time for which a generation stays readable; 0: 15 min
	Memory  int64         // bytes for superseded generations and compressed blocks together; 0: 192 MiB
	Loan    Loan          // additional memory for promised generations; zero: none
	MaxLoss float64       // a full read that misses at least this share of one kind of documents is held back; 0: 0.2; 1: never
	Limits  schema.Limits // zero: the old server's
	JoinAll bool          // join agents' counts in every status, as T0 does; otherwise as schema.StatusInfo says
	Now     func() time.Time
	Log     *slog.Logger

	// Moment returns the moment of the input that is being applied, Name the prefix
	// and the number of the generation that it makes, and Input those of the input (0:
	// it is not one of those that other stores apply too): where several stores apply
	// the same inputs, all come with the input. nil: Now, and counts.
	Moment func() time.Time
	Name   func() (process string, number int64)
	Input  func() (process string, number int64)
	// KeepAll keeps each generation as if an answer had linked to it: another
	// server's answer may have. Dropping one early breaks a promise only if an
	// answer of this server made it.
	KeepAll bool
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
	if o.Moment == nil {
		o.Moment = o.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return err
}

// usualMemory is the default of Options.Memory.
const usualMemory = 192 << 20

// join returns the options of the writer.
func (o *Options) join() join.Options {
	return join.Options{Limits: o.Limits, JoinAll: o.JoinAll, MaxLoss: o.MaxLoss, Log: o.Log}
}

// Loan is memory of another part of the program whose content can be recomputed.
// That of kept generations can't: before it drops a promised one, the store
// takes the loan, and returns it when it no longer needs it.
type Loan struct {
	Bytes int64
	Take  func(taken bool) // tells the other part about a change; not called concurrently
}
