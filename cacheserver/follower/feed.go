package follower

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// Reasons why a feed that has not failed ends.
var (
	errRecreated = errors.New("database was created again")
	errOlder     = errors.New("database is in an older state")
	errHidden    = errors.New("the feed does not deliver existing changes")
	errUnproven  = errors.New("the feed was behind at each check")
)

const (
	askPatience    = time.Minute // without a byte, for requested changes; doubled after each such failure
	maxAskPatience = time.Hour
	triesToProve   = 3           // while a feed is busy, some changes may always be on their way
	sayEvery       = time.Minute // interval at which the same failure is logged
)

// track is the state of following one database, besides its position.
type track struct {
	db       couch.Database
	watch    watch
	verdict  verdict
	patience time.Duration
	clear    couch.Seq       // update_seq at which no change was missing
	older    *couch.Position // position of a database that was found in an older state while its feed was followed; nil: it was not

	signs, rows atomic.Int64 // of the current feed: signs of life; rows since the last check

	failing time.Time // since when no changes arrive; zero: it works
	reason  string    // last logged
	said    time.Time
}

// follow follows both databases until ctx ends or a full read is needed. All of
// its goroutines have ended when it returns.
func (f *Follower) follow(ctx context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	items := make(chan item, 256)
	var feeds sync.WaitGroup
	for _, db := range followed() {
		feeds.Go(func() {
			if err := f.feed(ctx, &track{db: db, patience: askPatience}, items); err != nil {
				cancel(fmt.Errorf("%w: %w", errReload, err))
			}
		})
	}
	if f.o.RereadEvery > 0 {
		feeds.Go(func() { f.rereads(ctx) })
	}
	feeds.Go(func() { f.readDue(ctx) })
	feeds.Go(func() { f.state.watch(ctx) })
	if f.byID != nil {
		feeds.Go(func() { f.askForOwed(ctx, items) })
	}
	if err := f.gather(ctx, items); err != nil {
		cancel(fmt.Errorf("%w: %w", errReload, err))
	}
	feeds.Wait()
	if cause := context.Cause(ctx); errors.Is(cause, errReload) {
		f.o.Log.Warn("reading everything again", "err", cause)
		reason := "a database was created again; a full read is needed"
		if !errors.Is(cause, errRecreated) {
			reason = couch.Public(cause)
		}
		f.forget()
		f.state.reloading(reason)
	}
}

// feed follows one database until its feed ends or fails. It returns an error
// only when the position is no longer usable.
func (f *Follower) feed(ctx context.Context, t *track, items chan<- item) error {
	for ctx.Err() == nil {
		next, err := f.round(ctx, t, items)
		// Changes that arrived are applied before more are requested.
		if !settle(ctx, items) {
			return nil
		}
		if t.older != nil { // changes on their way have restored the earlier position
			f.setPosition(t.db, *t.older)
			t.older = nil
		}
		switch {
		case errors.Is(err, couch.ErrSeqUnknown) || errors.Is(err, errRecreated):
			return err
		case err == nil:
			pause(ctx, next)
		case errors.Is(err, errOlder) || errors.Is(err, errHidden) || errors.Is(err, errUnproven):
			f.o.Log.Debug("polling changes", "database", t.db.String(), "since", f.position(t.db).Seq, "why", err)
		default:
			turn := f.retry.failed(t.db.String(), err)
			f.feedFailed(t, err, turn.wait)
			turn.await(ctx)
		}
	}
	return nil
}

// round checks a database, requests changes, and then follows its feed while
// that works; next is the wait before the next round. Only requested changes
// have an end, and only the end shows that there are no more: so each feed
// starts with a request, and a feed that is not trusted ends for one.
func (f *Follower) round(ctx context.Context, t *track, items chan<- item) (next time.Duration, err error) {
	t.clear = ""
	asked := f.o.Now()
	now, _, err := f.look(ctx, t)
	if err != nil {
		return 0, err
	}
	if now.Seq != f.position(t.db).Seq {
		options := couch.FeedOptions{Once: true, Patience: t.patience}
		if err := f.pass(ctx, t, items, options); err != nil {
			if errors.Is(err, couch.ErrFrozen) {
				t.patience = min(2*t.patience, maxAskPatience)
			}
			return 0, err
		}
		if !settle(ctx, items) {
			return 0, ctx.Err()
		}
	}
	t.patience = askPatience
	f.upToDate(t, asked)
	switch {
	case f.o.PollInterval > 0:
		return t.watch.sooner(f.o.PollInterval, f.o.LookEvery), nil
	case !t.verdict.tries(f.o.Now()):
		return f.o.FallbackPoll, nil
	}
	return f.followFeed(ctx, t, items)
}

// followFeed passes on the changes of a feed until it ends, while checks of the
// database show whether the feed delivers all.
func (f *Follower) followFeed(ctx context.Context, t *track, items chan<- item) (next time.Duration, err error) {
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	t.signs.Store(0)
	began := f.o.Now()
	var looks sync.WaitGroup
	looks.Go(func() {
		if err := f.looks(ctx, t, items, began); err != nil {
			cancel(err)
		}
	})
	err = f.pass(ctx, t, items, couch.FeedOptions{})
	cause := context.Cause(ctx)
	cancel(nil)
	looks.Wait()
	if outer.Err() != nil {
		return 0, outer.Err()
	}
	if cause != nil {
		err = cause
	}
	lived := f.o.Now().Sub(began)
	alone := f.judge(t, err, lived)
	if err != nil && !alone {
		return 0, err
	}
	if alone {
		f.feedEnded(t, err, lived)
	}
	if lived < f.o.MinWait && t.rows.Load() == 0 {
		return f.o.MinWait, nil // a feed that ends at once
	}
	return f.o.MinWait / 10, nil
}

// feedEnded reports a feed that failed while, as far as is known, the rest of
// the source worked: the next round shows whether that is so, and delivers what
// the feed did not.
func (f *Follower) feedEnded(t *track, err error, lived time.Duration) {
	f.o.Log.Debug("changes feed failed; polling changes", "database", t.db.String(), "lived", lived, "err", err)
	if hook := f.o.Hooks.Failure; hook != nil && !t.verdict.polling {
		hook(t.db.String(), couch.Public(err))
	}
}

// pass passes on changes until they end.
func (f *Follower) pass(ctx context.Context, t *track, items chan<- item, o couch.FeedOptions) error {
	o.Alive = func() { t.signs.Add(1); f.state.alive(t.db) }
	for change, err := range f.o.Source.Changes(ctx, t.db, f.position(t.db).Seq, o) {
		if err != nil {
			return err
		}
		if t.rows.Add(1); o.Once {
			f.state.waits(t.db)
		}
		change.Doc = slices.Clone(change.Doc) // it is used by another goroutine
		select {
		case items <- item{db: t.db, change: change, came: f.o.Now()}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// upToDate records that everything that existed at the time asked is applied.
func (f *Follower) upToDate(t *track, asked time.Time) {
	f.retry.worked(t.db.String())
	f.state.upToDate(t.db, asked)
	if !t.failing.IsZero() {
		f.o.Log.Info("changes feed recovered", "database", t.db.String(), "after", f.o.Now().Sub(t.failing))
		t.failing, t.reason = time.Time{}, ""
	}
}

// feedFailed reports a failure: in the state at once, in the log once in a
// while.
func (f *Follower) feedFailed(t *track, err error, wait time.Duration) {
	f.fail(t.db, err)
	now := f.o.Now()
	if t.failing.IsZero() {
		t.failing = now
	}
	log := f.o.Log.Debug
	if reason := couch.Public(err); reason != t.reason || now.Sub(t.said) >= sayEvery {
		log, t.reason, t.said = f.o.Log.Warn, reason, now
	}
	log("changes do not arrive", "database", t.db.String(), "since", f.position(t.db).Seq, "retry_in", wait, "err", err)
}
