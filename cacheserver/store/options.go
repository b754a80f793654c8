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

// join returns the options of the writer.
func (o *Options) join() join.Options {
	return join.Options{Limits: o.Limits, JoinAll: o.JoinAll, MaxLoss: o.MaxLoss, Log: o.Log}
}

// Loan is memory of another part of the program, whose content can be made again.
// Kept generations can't: before one that an answer promised has to go, the store
// takes the loan, and it returns it when it can do without.
type Loan struct {
	Bytes int64
	Take  func(taken bool) // tells the other part when it changes; not called concurrently
}
