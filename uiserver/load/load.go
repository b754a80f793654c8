// Package load reads the data of a page from the cache server: it sends all
// requests of a page concurrently, together with one for the freshness of the data.
// It defines which parts a page can do without, how long to wait for them, and the
// texts shown instead. It stores nothing except the last known state of the cache
// server, so that a page can show the time of the last data when that server is
// down. It computes no totals, and knows neither page addresses nor HTML.
package load

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
)

// Options of a Loader.
type Options struct {
	Client      *cacheclient.Client
	Now         func() time.Time
	AgeingAfter time.Duration // time without an answer of CouchDB after which data are ageing; 0: 5 min
	Log         *slog.Logger
}

// defaultAgeing is more than twice the usual time between two answers of a healthy
// CouchDB: a long poll of the changes feed is renewed every minute or two.
const defaultAgeing = 5 * time.Minute

// Loader starts rounds of requests. It is safe for concurrent use.
type Loader struct {
	Options
	last atomic.Pointer[schema.CacheInfo] // last known state; nil before the first
}

// New returns a Loader, or an error if an option is missing.
func New(o Options) (*Loader, error) {
	if o.Client == nil || o.Now == nil || o.Log == nil {
		return nil, errors.New("load: client, clock and log are required")
	}
	if o.AgeingAfter == 0 {
		o.AgeingAfter = defaultAgeing
	}
	return &Loader{Options: o}, nil
}

// Answer is the answer to one request. It may be read after Wait.
type Answer[T any] struct {
	Value T
	Meta  Meta
	Err   error
}

// Round is a group of concurrent requests. A request starts when its method is
// called. Optional, Apart and Within return the same round with other rules for the
// requests started through it.
type Round struct {
	loader *Loader
	ctx    context.Context
	group  *errgroup.Group
	state  *State
	bound  time.Duration     // longest time of one request; 0: that of the client
	fails  func(error) error // returns the error if it fails the page, else nil; nil: every error does
}

// Begin starts the round of a page with a request for the freshness of the data, and
// for how many items of Attention began at or after since, Unix s; 0 for none. If
// that request fails, the page does not.
func (l *Loader) Begin(ctx context.Context, since int64) Round {
	r := l.More(ctx)
	r.group.Go(func() error {
		pulse, err := l.Client.Pulse(ctx, since)
		if problem := wire.ProblemOf(err); since > 0 && problem != nil && problem.Status == http.StatusBadRequest {
			pulse, err = l.Client.Pulse(ctx, 0) // an older cache server
		}
		if err == nil && pulse.Generation != "" {
			l.last.Store(&pulse.CacheInfo)
		}
		*r.state = judge(pulse, err, l.Now(), l.AgeingAfter)
		return nil
	})
	return r
}

// More starts a second round, for requests that depend on answers of the first.
func (l *Loader) More(ctx context.Context) Round {
	return Round{loader: l, ctx: ctx, group: &errgroup.Group{}, state: &State{}}
}

// Wait waits for all requests. The error is the first one that fails the page.
func (r Round) Wait() (State, error) {
	err := r.group.Wait()
	r.state.last = r.loader.last.Load()
	return *r.state, err
}

// Optional is for parts that a page can do without. If the cache server refuses the
// request, as one that is older than this server does, the page leaves the part
// out; other errors fail the page.
func (r Round) Optional(part string) Round {
	r.fails = func(err error) error {
		problem := wire.ProblemOf(err)
		if problem == nil || problem.Status >= http.StatusInternalServerError {
			return err
		}
		r.loader.LeftOut(part, err)
		return nil
	}
	return r
}

// Apart is for parts whose errors do not fail the page; the error is in the Answer.
func (r Round) Apart() Round {
	r.fails = func(error) error { return nil }
	return r
}

// Within limits the time of a request.
func (r Round) Within(bound time.Duration) Round {
	r.bound = bound
	return r
}

// LeftOut logs that a part is missing from a page.
func (l *Loader) LeftOut(part string, err error) {
	l.Log.Warn("page shown without a part", "part", part, "err", err)
}

// ask starts a request.
func ask[T any](r Round, call func(context.Context) (T, Meta, error)) *Answer[T] {
	a := &Answer[T]{}
	r.group.Go(func() error {
		ctx := r.ctx
		if r.bound > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, r.bound)
			defer cancel()
		}
		a.Value, a.Meta, a.Err = call(ctx)
		if a.Err != nil && r.fails != nil {
			return r.fails(a.Err)
		}
		return a.Err
	})
	return a
}
