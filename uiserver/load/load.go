// Package load asks the cache server for what a page needs: all questions of a
// page at the same time, together with how fresh the data are. It knows which
// answers a page can do without, how long it waits for them and what stands in
// their place. It keeps nothing but the last state of the cache server that it
// saw, to tell the time of the last data when that server is away. It adds no
// numbers up, and knows neither addresses of pages nor HTML.
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
	AgeingAfter time.Duration // silence of the source after which data are ageing; 0: 5 min
	Log         *slog.Logger
}

// defaultAgeing is twice the longest time between two answers of a source that
// is well: a long poll of the changes feed is renewed each minute or two.
const defaultAgeing = 5 * time.Minute

// Loader makes rounds of questions. It is safe for concurrent use.
type Loader struct {
	Options
	last atomic.Pointer[schema.CacheInfo] // newest state seen; nil before the first
}

// New checks the options.
func New(o Options) (*Loader, error) {
	if o.Client == nil || o.Now == nil || o.Log == nil {
		return nil, errors.New("load: client, clock and log are all needed")
	}
	if o.AgeingAfter == 0 {
		o.AgeingAfter = defaultAgeing
	}
	return &Loader{Options: o}, nil
}

// Answer is what a question brought. It may be read after Wait.
type Answer[T any] struct {
	Value T
	Meta  Meta
	Err   error
}

// Round are questions that are asked at the same time. Its methods that ask start
// at once; the forms that Optional, Apart and Within return belong to the same
// round.
type Round struct {
	loader *Loader
	ctx    context.Context
	group  *errgroup.Group
	state  *State
	bound  time.Duration     // of one question; 0: that of the client
	spoils func(error) error // what of a question's error spoils the page; nil: all of it
}

// Begin starts the round of a page: it asks how fresh the data are. A missing
// answer to that spoils no page.
func (l *Loader) Begin(ctx context.Context) Round {
	r := l.More(ctx)
	r.group.Go(func() error {
		pulse, err := l.Client.Pulse(ctx)
		if err == nil && pulse.Generation != "" {
			l.last.Store(&pulse.CacheInfo)
		}
		*r.state = judge(pulse, err, l.Now(), l.AgeingAfter)
		return nil
	})
	return r
}

// More starts a second round, for questions that the answers of the first one
// raise.
func (l *Loader) More(ctx context.Context) Round {
	return Round{loader: l, ctx: ctx, group: &errgroup.Group{}, state: &State{}}
}

// Wait returns when all is answered. The error is the first that spoils the page.
func (r Round) Wait() (State, error) {
	err := r.group.Wait()
	r.state.last = r.loader.last.Load()
	return *r.state, err
}

// Optional asks for a part that a page can do without: a cache server that
// refuses the question is older than this server.
func (r Round) Optional(part string) Round {
	r.spoils = func(err error) error {
		problem := wire.ProblemOf(err)
		if problem == nil || problem.Status >= http.StatusInternalServerError {
			return err
		}
		r.loader.LeftOut(part, err)
		return nil
	}
	return r
}

// Apart asks for a part whose error spoils nothing else; it stays in the Answer.
func (r Round) Apart() Round {
	r.spoils = func(error) error { return nil }
	return r
}

// Within bounds the time of a question.
func (r Round) Within(bound time.Duration) Round {
	r.bound = bound
	return r
}

// LeftOut logs that a page does without a part.
func (l *Loader) LeftOut(part string, err error) {
	l.Log.Warn("a part of a page is left out", "part", part, "err", err)
}

// ask starts a question.
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
		if a.Err != nil && r.spoils != nil {
			return r.spoils(a.Err)
		}
		return a.Err
	})
	return a
}
