package follower

import (
	"errors"
	"time"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

const (
	badFeeds    = 3                // so many in a row lead to polling
	trustedFeed = 10 * time.Minute // a feed that lives so long makes up for bad ones
	lifeSigns   = 3                // of a feed that is tried, in its first StaleAfter
)

// buffered is the public reason for polling.
const buffered = "its changes feed brings nothing, as behind a proxy that buffers"

// verdict is what is thought of the feeds of one database.
type verdict struct {
	bad     int  // in a row
	polling bool // in place of feeds
	tryAt   time.Time
}

// tries says whether the next feed is to be followed.
func (v *verdict) tries(now time.Time) bool { return !v.polling || !now.Before(v.tryAt) }

// judge takes the end of a feed. One that was silent, or kept back what there
// was, is bad; after some of them changes are polled, and a feed is tried now
// and then.
func (f *Follower) judge(t *track, end error, lived time.Duration) {
	v := &t.verdict
	bad := errors.Is(end, couch.ErrFrozen) || errors.Is(end, errHidden)
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
		f.o.Log.Warn("changes feeds bring nothing; changes are polled. Does a proxy buffer? See docs/operations.md", "database", t.db.String(),
			"every", f.o.FallbackPoll, "feed_tried_in", f.o.FeedRetry, "last_end", end)
		f.state.polls(t.db, buffered)
		f.hookPolling(t.db, true)
	}
}

// trust ends polling when the feed that is tried shows life.
func (f *Follower) trust(t *track, began time.Time) {
	v := &t.verdict
	if !v.polling || f.o.Now().Sub(began) < f.o.StaleAfter || t.signs.Load() < lifeSigns {
		return
	}
	v.polling, v.bad = false, badFeeds-1 // one more bad one ends it again
	f.o.Log.Info("the changes feed works again; it is followed", "database", t.db.String())
	f.state.polls(t.db, "")
	f.hookPolling(t.db, false)
}

func (f *Follower) hookPolling(db couch.Database, on bool) {
	if f.o.Hooks.Polling != nil {
		f.o.Hooks.Polling(db.String(), on)
	}
}
