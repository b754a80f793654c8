package follower

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

const (
	looksToBelieve = 3               // a fall counts when so many looks show it: copies in a cluster differ
	purgeSettles   = 2 * time.Minute // so long after a purge the copies may differ in documents
)

// watch counts what the looks at a database show.
type watch struct {
	looks  int // in a row that show a fall
	first  time.Time
	purged time.Time // the last time that something was
}

// fell takes the sign of a look and says whether a fall counts.
func (w *watch) fell(sign string, at time.Time, over time.Duration) bool {
	if sign == "" {
		w.looks = 0
		return false
	}
	if w.looks++; w.looks == 1 {
		w.first = at
	}
	if w.looks < looksToBelieve || at.Sub(w.first) < over {
		return false
	}
	w.looks = 0
	return true
}

// sooner is the wait before the next look: not long while a fall may have been
// seen.
func (w *watch) sooner(interval, look time.Duration) time.Duration {
	if w.looks > 0 {
		return min(interval, look)
	}
	return interval
}

// look asks a database for its position and compares it with what was seen
// before. A database that is in an older state is followed from there (older is
// true), and everything is read again beside; errRecreated is another database.
func (f *Follower) look(ctx context.Context, t *track) (now couch.Position, older bool, err error) {
	now, err = f.o.Source.Position(ctx, t.db)
	if err != nil {
		return now, false, err
	}
	f.state.alive(t.db)
	at := f.o.Now()
	known := f.position(t.db)
	if n, ok := known.Seq.Number(); ok && known.Updates > 0 { // what came since the last look counts too
		known.Updates = max(known.Updates, n)
	}
	if at.Sub(t.watch.purged) < purgeSettles {
		known.Documents = now.Documents
	}
	signs := known.Signs(now)
	if signs.Anew != "" {
		return now, false, fmt.Errorf("%w: %s", errRecreated, signs.Anew)
	}
	if signs.Purged != "" {
		t.watch.purged = at
		f.o.Log.Warn("documents were purged; reading everything again", "database", t.db.String(), "moved", signs.Purged)
		f.readAgain(dueRead{purge, t.db.String()}) // before the position says that it was seen
		defer f.dueReads.ring()
		known.Documents, known.PurgeSeq = now.Documents, now.PurgeSeq
		signs = known.Signs(now)
	}
	if t.watch.fell(signs.Fell, at, f.o.FallAfter) {
		f.o.Log.Warn("the database is older than before; reading everything again", "database", t.db.String(), "moved", signs.Fell)
		f.readAgain(dueRead{fall, t.db.String()})
		f.setPosition(t.db, now)
		f.dueReads.ring()
		return now, true, nil
	}
	known.Updates, known.Documents = max(known.Updates, now.Updates), max(known.Documents, now.Documents)
	if known.PurgeSeq == "" {
		known.PurgeSeq = now.PurgeSeq
	}
	f.saw(t.db, known)
	return now, false, nil
}

// looks looks at a database while its feed is followed, until ctx ends or it
// has something that the feed does not bring. An error ends the feed.
func (f *Follower) looks(ctx context.Context, t *track, items chan<- item, began time.Time) error {
	hidden := false
	for t.rows.Store(0); f.retry.news(f.o.LookEvery).await(ctx); {
		quiet := t.rows.Swap(0) == 0
		f.trust(t, began)
		missing, err := f.lookFor(ctx, t, items, quiet)
		switch {
		case errors.Is(err, errRecreated) || errors.Is(err, errOlder) || errors.Is(err, couch.ErrSeqUnknown):
			return err
		case err != nil: // how long that may go on is the state's to say
			if ctx.Err() == nil {
				f.state.unlooked(t.db, couch.Public(err))
			}
			f.o.Log.Debug("could not check the database", "database", t.db.String(), "err", err)
			continue
		case !missing:
			hidden = false
			continue
		case quiet && hidden && t.rows.Load() == 0:
			return errHidden
		}
		hidden = quiet
		if f.o.Now().Sub(f.state.since(t.db)) > 5*f.o.LookEvery/2 {
			return errUnproven
		}
	}
	return nil
}

// lookFor says whether a database has a change for us that has not come.
func (f *Follower) lookFor(ctx context.Context, t *track, items chan<- item, quiet bool) (missing bool, err error) {
	asked := f.o.Now()
	now, older, err := f.look(ctx, t)
	if err != nil {
		return false, err
	}
	if older {
		t.older = &now
		return false, errOlder
	}
	if now.Seq == t.clear || now.Seq == f.position(t.db).Seq {
		f.upToDate(t, asked)
		return false, nil
	}
	tries := triesToProve
	if quiet {
		tries = 1
	}
	for range tries {
		if !quiet { // the best moment is when a batch was applied
			turn{wait: 3 * f.o.BatchWindow, wake: f.moved()}.await(ctx)
		}
		asked = f.o.Now()
		var last couch.Seq
		if missing, last, err = f.prove(ctx, t.db); err != nil {
			return false, err
		}
		if missing {
			continue
		}
		t.clear = now.Seq
		f.upToDate(t, asked)
		if last != "" { // nothing has to be searched twice
			select {
			case items <- item{db: t.db, change: couch.Change{Seq: last}, came: asked}:
			case <-ctx.Done():
			}
		}
		return false, nil
	}
	f.state.waits(t.db)
	return true, nil
}

// prove asks for one change after the position, with the filter of the feed. If
// there is none, last is a position behind which there is nothing either.
func (f *Follower) prove(ctx context.Context, db couch.Database) (missing bool, last couch.Seq, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.o.StaleAfter)
	defer cancel()
	options := couch.FeedOptions{Once: true, Limit: 1, NoDocs: true, Patience: f.o.StaleAfter}
	for change, err := range f.o.Source.Changes(ctx, db, f.position(db).Seq, options) {
		if err != nil {
			return false, "", err
		}
		if !change.End {
			return true, "", nil
		}
		last = change.Seq
	}
	return false, last, nil
}
