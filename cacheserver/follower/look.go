package follower

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

const (
	looksToBelieve = 3               // a fall counts when this many checks show it: copies in a cluster differ
	purgeSettles   = 2 * time.Minute // for this long after a purge, copies may differ in documents
)

// watch counts the results of checks of a database.
type watch struct {
	looks  int // consecutive, that show a fall
	first  time.Time
	purged time.Time // the last purge
}

// fell records the result of a check and reports whether a fall counts.
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

// sooner returns the wait before the next check: short while there may be a
// fall.
func (w *watch) sooner(interval, look time.Duration) time.Duration {
	if w.looks > 0 {
		return min(interval, look)
	}
	return interval
}

// look reads the position of a database and compares it with earlier ones. If
// the database is in an older state, it is followed from there (older is true),
// and a re-read is due; errRecreated means another database.
func (f *Follower) look(ctx context.Context, t *track) (now couch.Position, older bool, err error) {
	now, err = f.o.Source.Position(ctx, t.db)
	if err != nil {
		return now, false, err
	}
	f.state.alive(t.db)
	at := f.o.Now()
	known := f.position(t.db)
	if n, ok := known.Seq.Number(); ok && known.Updates > 0 { // changes since the last check count too
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
		f.readAgain(dueRead{purge, t.db.String()}) // before the position shows that it was seen
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

// looks checks a database while its feed is followed, until ctx ends or the
// database has changes that the feed does not deliver. An error ends the feed.
func (f *Follower) looks(ctx context.Context, t *track, items chan<- item, began time.Time) error {
	hidden := false
	for t.rows.Store(0); f.retry.news(f.o.LookEvery).await(ctx); {
		quiet := t.rows.Swap(0) == 0
		f.trust(t, began)
		missing, err := f.lookFor(ctx, t, items, quiet)
		switch {
		case errors.Is(err, errRecreated) || errors.Is(err, errOlder) || errors.Is(err, couch.ErrSeqUnknown):
			return err
		case err != nil: // the state decides how long that may last
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

// lookFor reports whether a database has a change for us that has not arrived.
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
		if !quiet { // the best moment is after a batch was applied
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
		if last != "" { // so that nothing is searched twice
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

// prove requests one change after the position, with the filter of the feed. If
// there is none, last is a position up to which there is none.
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
