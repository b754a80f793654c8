package follower

import (
	"errors"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

const (
	badFeeds    = 3                // consecutive bad feeds that lead to polling
	trustedFeed = 10 * time.Minute // a feed that lives this long makes up for bad ones
	lifeSigns   = 3                // of a feed that is tried, in its first StaleAfter
)

// Public reasons for polling.
const (
	buffered = "its changes feed delivers nothing, as behind a buffering proxy"
	failing  = "its changes feed fails: " // followed by the error
)

// verdict is the assessment of the feeds of one database.
type verdict struct {
	bad     int  // consecutive
	polling bool // instead of following feeds
	tryAt   time.Time
}

// tries reports whether the next feed is to be followed.
func (v *verdict) tries(now time.Time) bool { return !v.polling || !now.Before(v.tryAt) }

// judge assesses a feed that ended and reports whether only the feed failed: the
// rest of the source worked when it began. A feed that was silent, withheld
// changes, or never worked is bad; after some bad feeds changes are polled, and
// a feed is tried now and then.
func (f *Follower) judge(t *track, end error, lived time.Duration) (alone bool) {
	v := &t.verdict
	switch {
	case end == nil, errors.Is(end, couch.ErrSeqUnknown), errors.Is(end, errRecreated):
	case errors.Is(end, errOlder), errors.Is(end, errHidden), errors.Is(end, errUnproven):
	default:
		alone = true
	}
	// The first sign of life is that it was opened.
	useless := alone && (t.signs.Load() <= 1 || lived < f.o.MinWait && t.rows.Load() == 0)
	silent := errors.Is(end, couch.ErrFrozen) || errors.Is(end, errHidden)
	bad := silent || useless
	if lived >= trustedFeed || !bad && t.signs.Load() > 0 && !v.polling {
		v.bad = 0
	}
	if bad {
		v.bad++
	}
	switch {
	case v.polling:
		v.tryAt = f.o.Now().Add(f.o.FeedRetry)
	case v.bad >= badFeeds:
		v.polling, v.tryAt = true, f.o.Now().Add(f.o.FeedRetry)
		why, said := buffered, "changes feeds bring nothing; polling changes. Does a proxy buffer? See docs/how-to/deploy.md"
		if !silent {
			why, said = failing+couch.Public(end), "changes feeds fail; polling changes"
		}
		f.o.Log.Warn(said, "database", t.db.String(), "every", f.o.FallbackPoll, "feed_tried_in", f.o.FeedRetry, "last_end", end)
		f.state.polls(t.db, why)
		f.hookPolling(t.db, true)
	}
	return alone
}

// trust ends polling when the feed that is tried shows signs of life.
func (f *Follower) trust(t *track, began time.Time) {
	v := &t.verdict
	if !v.polling || f.o.Now().Sub(began) < f.o.StaleAfter || t.signs.Load() < lifeSigns {
		return
	}
	v.polling, v.bad = false, badFeeds-1 // one more bad one returns to polling
	f.o.Log.Info("changes feed works again", "database", t.db.String())
	f.state.polls(t.db, "")
	f.hookPolling(t.db, false)
}

func (f *Follower) hookPolling(db couch.Database, on bool) {
	if f.o.Hooks.Polling != nil {
		f.o.Hooks.Polling(db.String(), on)
	}
}
