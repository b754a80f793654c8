package follower

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/mock/couchfake"
)

// rereadLog counts re-reads by their outcome.
type rereadLog struct {
	mu                     sync.Mutex
	done, failed, repaired int
}

func (l *rereadLog) note(repaired int, _ time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed++
	} else {
		l.done++
	}
	l.repaired += repaired
}

func (l *rereadLog) counts() (done, failed, repaired int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done, l.failed, l.repaired
}

// more waits until two more re-reads of a kind have ended: the second one began
// after the call.
func (l *rereadLog) more(r *rig, of func(done, failed int) int) {
	r.t.Helper()
	done, failed, _ := l.counts()
	from := of(done, failed)
	r.eventually("two more re-reads", func() bool { done, failed, _ := l.counts(); return of(done, failed) >= from+2 })
}

func good(done, _ int) int  { return done }
func bad(_, failed int) int { return failed }

// rereading is a rig with the real store that does re-reads all the time.
func rereading(t *testing.T, change ...func(*Options)) (*rig, *store.Store, *rereadLog) {
	t.Helper()
	s, l := realStore(t), &rereadLog{}
	r := newRig(t, append(change, func(o *Options) {
		o.Store, o.RereadEvery, o.Hooks.Reread = OfStore(s), 5*time.Millisecond, l.note
	})...)
	return r, s, l
}

// has reports whether the store has exactly the content of the source.
func (r *rig) has(s *store.Store, n int) bool {
	want := r.source(names(n)...)
	for _, id := range names(n) {
		for _, kind := range []join.Kind{join.Request, join.AgentReport, join.AgentInfo} {
			hash, known := s.KnownHash(kind, id)
			wanted, ok := want[key(kind, id)]
			if known != ok || hash != wanted {
				return false
			}
		}
	}
	return true
}

// The feed hides changes, and nothing else is wrong with it.
func TestARereadRepairsHiddenChanges(t *testing.T) {
	r, s, l := rereading(t)
	const n = 40
	r.fill(n)
	r.start()
	r.eventually("the first read", func() bool { return r.has(s, n) })
	l.more(r, good)
	_, _, repaired := l.counts()
	require.Zero(t, repaired, "nothing to repair")
	before := s.Info().Generation

	require.NoError(t, r.end.Refuse()) // the next feeds hide changes
	for _, db := range []string{requestDB, wmstatsDB} {
		r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + db + "/_changes"}, Kind: couchfake.EmptyDB})
	}
	r.put(requestDB, requestDoc("wf0", "completed", 9), requestDoc("wf1", "normal-archived", 9), requestDoc("wf40", "new", 1))
	r.put(wmstatsDB, workDoc("a1", "wf2", 77), workDoc("a2", "wf2", 1), infoDoc("a2", 1), infoDoc("a1", 2))
	require.True(t, r.srv.Delete(wmstatsDB, "a1-wf3"))
	require.True(t, r.srv.Delete(requestDB, "wf4"))
	const hidden = 9
	require.NoError(t, r.end.Accept())
	r.eventually("the repair", func() bool { return r.has(s, n+1) })
	l.more(r, good)
	_, _, repaired = l.counts()
	assert.Equal(t, hidden, repaired, "each counted once")
	assert.NotEqual(t, before, s.Info().Generation)
	r.eventually("fresh", func() bool { return !s.Source().Stale && s.Source().Complete })
}

// Changes and deletions arrive all the time during a re-read; none of them
// counts as repaired.
func TestARereadLosesNothingOfTheFeed(t *testing.T) {
	r, s, l := rereading(t)
	const n = 60
	r.fill(n)
	r.start()
	for i := range 600 {
		wf := fmt.Sprintf("wf%d", i*7%n)
		switch i % 5 {
		case 0:
			r.put(requestDB, requestDoc(wf, "running-open", 1000+i))
		case 1:
			r.srv.Delete(wmstatsDB, "a1-"+wf)
		case 2:
			r.srv.Delete(requestDB, wf)
		default:
			r.put(wmstatsDB, workDoc("a1", wf, 1000+i))
		}
		if i%60 == 0 {
			l.more(r, good)
		}
	}
	r.eventually("the same as the source", func() bool { return r.has(s, n) })
	l.more(r, good)
	require.True(t, r.has(s, n), "and still is")
	_, _, repaired := l.counts()
	assert.Zero(t, repaired)
}

// Neither a re-read that is cut nor one that finds too little; the feeds
// continue meanwhile.
func TestAFailedRereadReplacesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		fault  couchfake.Fault
		allWay bool // not only views
		stale  bool
	}{
		"cut":    {couchfake.Fault{Kind: couchfake.CutInRow, Rows: 3}, false, false},
		"500":    {couchfake.Fault{Kind: couchfake.FailStatus}, true, false},
		"empty":  {couchfake.Fault{Kind: couchfake.EmptyDB}, true, true},
		"halved": {couchfake.Fault{Kind: couchfake.HalveDB}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, s, l := rereading(t)
			const n = 200
			r.fill(n)
			r.start()
			r.eventually("the first read", func() bool { return r.has(s, n) })
			ways := []couchfake.Match{{Path: "/" + requestDB + "/_design"}, {Path: "/" + wmstatsDB + "/_design"}}
			if c.allWay {
				ways = append(ways, couchfake.Match{Path: "/" + requestDB + "/_find"}, couchfake.Match{Path: "/" + requestDB + "/_all_docs"},
					couchfake.Match{Path: "/" + wmstatsDB + "/_all_docs"}, couchfake.Match{Path: "/" + wmstatsDB + "/_find"},
					couchfake.Match{Path: "/" + wmstatsDB, Feed: "normal"})
			}
			if c.stale { // otherwise the list by changes names what the views leave out
				ways = append(ways, couchfake.Match{Path: "/" + requestDB, Feed: "normal"})
			}
			for _, way := range ways {
				fault := c.fault
				fault.Match = way
				r.srv.Misbehave(fault)
			}
			l.more(r, bad)
			require.True(t, r.has(s, n))
			require.True(t, s.Source().Complete)
			if c.stale {
				require.Contains(t, s.Source().Reason, heldBackText)
			}
			r.put(requestDB, requestDoc("wf0", "completed", 9))
			r.eventually("the feed", func() bool { return r.has(s, n) })
			r.srv.Behave()
			l.more(r, good)
			r.eventually("fresh", func() bool { return !s.Source().Stale }) // the feeds have to retry too
			_, _, repaired := l.counts()
			assert.Zero(t, repaired)
		})
	}
}

// However the views are absent or too slow, the re-read runs, and changes that
// no feed delivered are repaired.
func TestARereadTakesTheNextWay(t *testing.T) {
	for _, absence := range couchfake.Absences() {
		t.Run(absence.Name, func(t *testing.T) {
			var change []func(*Options)
			if absence.Fault.Kind == couchfake.Freeze {
				change = append(change, impatient(t))
			}
			r, s, l := rereading(t, change...)
			r.fill(5)
			r.start()
			r.eventually("the first read", func() bool { return r.has(s, 5) })
			for _, db := range []string{requestDB, wmstatsDB} {
				absence.Fault.Match.Path = "/" + db + "/_design"
				r.srv.Misbehave(absence.Fault)
			}
			l.more(r, good)
			assert.True(t, r.has(s, 5))
			r.eventually("fresh", func() bool { return !s.Source().Stale })
		})
	}
}

// instance_start_time is the same, and the old position is unusable.
func TestADatabaseCreatedAgainInTheSameSecond(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		const n = 30
		r.fill(n)
		for i := range n {
			r.srv.Delete(wmstatsDB, fmt.Sprintf("a1-wf%d", i))
		}
		r.start()
		r.converges(n)
		require.NoError(t, r.end.Refuse())
		made, ok := r.srv.Stats(wmstatsDB)
		require.True(t, ok)
		require.True(t, r.srv.Drop(wmstatsDB))
		r.still.Store(made.Created.Unix())
		require.NoError(t, r.srv.Create(wmstatsDB))
		r.put(wmstatsDB, infoDoc("a2", 1)) // a1 and the job are gone without a tombstone
		require.NoError(t, r.end.Accept())
		r.converges(n)
		assert.True(t, r.store.was("older state"))
	})
}

// lateSource delivers the rows of the second and later reads only when told to.
type lateSource struct {
	*couch.Client
	mu     sync.Mutex
	reads  int
	taken  chan struct{} // one per waiting read
	onward chan struct{} // one per read that may continue
}

func (s *lateSource) Read(ctx context.Context, db couch.Database, statuses []string, fn func(couch.Row) error) (string, error) {
	var rows []couch.Row
	way, err := s.Client.Read(ctx, db, statuses, func(row couch.Row) error {
		row.Doc = slices.Clone(row.Doc)
		rows = append(rows, row)
		return nil
	})
	s.mu.Lock()
	s.reads++
	late := s.reads > len(followed())
	s.mu.Unlock()
	if late {
		s.taken <- struct{}{}
		select {
		case <-s.onward:
		case <-ctx.Done():
			return way, ctx.Err()
		}
	}
	for _, row := range rows {
		if err := fn(row); err != nil {
			return way, err
		}
	}
	return way, err
}

// A change that a feed delivers while rows of a re-read wait wins over those
// rows.
func TestAChangeIsNewerThanARowUnderWay(t *testing.T) {
	s, l := realStore(t), &rereadLog{}
	source := &lateSource{taken: make(chan struct{}, 2), onward: make(chan struct{}, 2)}
	r := newRig(t, func(o *Options) {
		source.Client, _ = o.Source.(*couch.Client)
		o.Source, o.Store, o.RereadEvery, o.Hooks.Reread = source, OfStore(s), 5*time.Millisecond, l.note
	})
	const n = 40
	r.fill(n)
	r.start()
	for range followed() {
		<-source.taken
	}
	r.put(requestDB, requestDoc("wf0", "completed", 9), requestDoc("wf1", "normal-archived", 9), requestDoc("wf40", "new", 1))
	r.put(wmstatsDB, workDoc("a1", "wf2", 77), workDoc("a2", "wf2", 1), infoDoc("a1", 5))
	require.True(t, r.srv.Delete(wmstatsDB, "a1-wf3"))
	require.True(t, r.srv.Delete(requestDB, "wf4"))
	r.eventually("the changes", func() bool { return r.has(s, n+1) })
	for range followed() {
		source.onward <- struct{}{}
	}
	r.eventually("the end of the re-read", func() bool { done, _, _ := l.counts(); return done == 1 })
	assert.True(t, r.has(s, n+1), "no other re-read has run that could have repaired this")
	_, _, repaired := l.counts()
	assert.Zero(t, repaired)
}

// TestRereadsThatRestartsDoNotPutOff: a process that starts from a checkpoint
// more often than everything is read again goes on with the interval of the
// process before.
func TestRereadsThatRestartsDoNotPutOff(t *testing.T) {
	var c rereadCount
	inBubble(t, func(t *testing.T, b *bubble) {
		b.begin(5)
		for range 24 {
			time.Sleep(time.Hour)
			b.reborn(nil)
			b.start()
		}
		b.until("fresh", time.Minute, b.fresh)
		assert.GreaterOrEqual(t, c.done(), 3, "of 24 hours")
		assert.LessOrEqual(t, c.done(), 5, "of 24 hours")
	}, counting(&c), func(o *Options) { o.RereadEvery = 6 * time.Hour })
}
