package follower

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// errRecreated says that a database is another one than before.
var errRecreated = errors.New("database was made anew")

// errUnchanged says that a poll found nothing to ask for.
var errUnchanged = errors.New("nothing new")

// follow follows both databases until ctx ends or everything has to be read
// again. All of its goroutines are gone when it returns.
func (f *Follower) follow(ctx context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	items := make(chan item, 256)
	var feeds sync.WaitGroup
	for _, db := range followed() {
		feeds.Go(func() {
			if err := f.feed(ctx, db, items); err != nil {
				cancel(fmt.Errorf("%w: %w", errReload, err))
			}
		})
	}
	if f.o.RereadEvery > 0 {
		feeds.Go(func() { f.rereads(ctx) })
	}
	if f.byID != nil {
		feeds.Go(func() { f.askForOwed(ctx, items) })
	}
	if err := f.gather(ctx, items); err != nil {
		cancel(fmt.Errorf("%w: %w", errReload, err))
	}
	feeds.Wait()
	if cause := context.Cause(ctx); errors.Is(cause, errReload) {
		f.o.Log.Warn("everything is read again", "err", cause)
		reason := "a database was made anew; everything is read again"
		if !errors.Is(cause, errRecreated) {
			reason = couch.Public(cause)
		}
		f.forget()
		f.state.reloading(reason)
	}
}

// feed follows one database, and comes back when its feed ends or fails. It
// returns an error only when the position is of no use any more.
func (f *Follower) feed(ctx context.Context, db couch.Database, items chan<- item) error {
	for ctx.Err() == nil {
		before, began := f.position(db).Seq, f.o.Now()
		err := f.feedOnce(ctx, db, items)
		// What came is applied before it is asked for again.
		if !settle(ctx, items) {
			return nil
		}
		if errors.Is(err, couch.ErrSeqUnknown) || errors.Is(err, errRecreated) {
			return err
		}
		if f.position(db).Seq != before || f.o.Now().Sub(began) > f.o.MaxWait {
			f.retry.worked(db.String())
		}
		var next turn
		switch {
		case err == nil || errors.Is(err, errUnchanged):
			f.retry.worked(db.String())
			next.wait = max(f.o.PollInterval, f.o.MinWait/10)
			f.o.Log.Debug("changes feed ended", "database", db.String(), "since", before, "next_in", next.wait)
		default:
			next = f.retry.failed(db.String(), err)
			f.fail(db, err)
			f.o.Log.Warn("changes feed failed", "database", db.String(), "since", f.position(db).Seq, "retry_in", next.wait, "err", err)
		}
		next.await(ctx)
	}
	return nil
}

// feedOnce passes on the changes of one feed until it ends.
func (f *Follower) feedOnce(ctx context.Context, db couch.Database, items chan<- item) error {
	from := f.position(db)
	now, err := f.o.Source.Position(ctx, db)
	if err != nil {
		return err
	}
	if !from.Same(now) {
		return errRecreated
	}
	f.counted(db, now.Documents)
	f.state.alive(db)
	polling := f.o.PollInterval > 0
	if polling && now.Seq == from.Seq {
		return errUnchanged
	}
	ctx, cancel := context.WithCancelCause(ctx)
	again := f.lookAgain(ctx, db, from, cancel)
	defer again.wait()
	defer cancel(nil)
	options := couch.FeedOptions{Once: polling, Alive: func() { f.state.alive(db); again.once() }}
	for change, err := range f.o.Source.Changes(ctx, db, from.Seq, options) {
		if err != nil {
			return lookedAgain(ctx, err)
		}
		change.Doc = slices.Clone(change.Doc) // it goes to another goroutine
		select {
		case items <- item{db: db, change: change, came: f.o.Now()}:
		case <-ctx.Done():
			return lookedAgain(ctx, ctx.Err())
		}
	}
	return lookedAgain(ctx, nil)
}

// second is the second look at a database, once its feed is open: it may have
// been made anew between the first look and the feed, which would then wait
// for ever behind a position of the database that is gone.
type second struct {
	once func() // starts it, the first time only
	wait func() // until it has ended
}

func (f *Follower) lookAgain(ctx context.Context, db couch.Database, from couch.Position, end context.CancelCauseFunc) second {
	var running sync.WaitGroup
	look := func() {
		// A server that does not answer here fails the feed too.
		if now, err := f.o.Source.Position(ctx, db); err == nil && !from.Same(now) {
			end(errRecreated)
		}
	}
	return second{once: sync.OnceFunc(func() { running.Go(look) }), wait: running.Wait}
}

// lookedAgain is the error of a feed, or what ended it.
func lookedAgain(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errRecreated) {
		return errRecreated
	}
	return err
}
