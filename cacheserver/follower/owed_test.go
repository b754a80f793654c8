package follower

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/mock/couchfake"
)

// byIDFaults are the ways in which the answer to a request by id lacks the
// document.
func byIDFaults() map[string]couchfake.Fault {
	return map[string]couchfake.Fault{
		"null":     {Kind: couchfake.NullDoc},
		"none":     {Kind: couchfake.NoDoc},
		"error":    {Kind: couchfake.DocError},
		"no JSON":  {Kind: couchfake.BrokenDoc},
		"another":  {Kind: couchfake.OtherDoc},
		"deleted":  {Kind: couchfake.DeletedDoc},
		"left out": {Kind: couchfake.OmitRow},
		"500":      {Kind: couchfake.FailStatus},
		"404":      {Kind: couchfake.NoDatabase},
		"cut":      {Kind: couchfake.CutInRow},
	}
}

// lock is a buffer for logs that are read while they are written.
type lock struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lock) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lock) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Neither the row nor the answer to the request has the document: its old record
// is kept; it is listed, counted and logged once, also after a restart, and is
// updated when the document arrives.
func TestOwedDocumentsAreRequestedUntilTheyArrive(t *testing.T) {
	for name, fault := range byIDFaults() {
		t.Run(name, func(t *testing.T) {
			var log lock
			bothWays(t, func(t *testing.T, r *rig) {
				r.follower.o.Log = slog.New(slog.NewTextHandler(&log, nil))
				r.follower.decoder.o.Log = r.follower.o.Log
				const n = 5
				r.fill(n)
				r.start()
				r.converges(n)
				before := r.store.content()
				require.NoError(t, r.end.Refuse())
				asked := fault
				asked.Match, asked.IDs = couchfake.Match{Method: "POST", Path: "/" + requestDB + "/_all_docs"}, []string{"wf1"}
				met := r.srv.Misbehave(asked)
				r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_changes"}, Kind: couchfake.NullDoc, IDs: []string{"wf1"}})
				require.NoError(t, r.end.Accept())
				r.put(requestDB, requestDoc("wf1", "running-open", 777), requestDoc("wf2", "running-open", 778))
				r.eventually("later changes", func() bool {
					k := key(join.Request, "wf2")
					return r.store.content()[k] == r.source("wf2")[k]
				})
				r.eventually("the request", func() bool { return met.Hits() > 2 })
				k := key(join.Request, "wf1")
				assert.Equal(t, before[k], r.store.content()[k], "the old record is kept")
				owed := r.follower.Quarantined()
				require.Len(t, owed, 1)
				assert.Equal(t, []any{"wf1", "requests", true}, []any{owed[0].ID, owed[0].Database, owed[0].Owed})
				assert.NotEmpty(t, owed[0].Reason)
				assert.True(t, strings.HasPrefix(owed[0].Rev, "2-"), owed[0].Rev)
				r.eventually("its count", func() bool { return r.store.state().Owed == 1 })
				assert.Zero(t, r.store.state().BadDocuments)

				r.reborn(nil)
				require.Len(t, r.follower.Quarantined(), 1, "it survives a restart")
				hits := met.Hits()
				r.start()
				r.eventually("another request", func() bool { return met.Hits() > hits })
				assert.Equal(t, before[k], r.store.content()[k])
				r.srv.Behave()
				r.converges(n)
				r.eventually("nothing is owed", func() bool { return len(r.follower.Quarantined()) == 0 && r.store.state().Owed == 0 })
				assert.Equal(t, 1, r.store.count(loads), "no full read")
			})
			said := strings.Count(log.String(), `msg="document missing in the row; requesting it by ID" id=wf1`)
			assert.Equal(t, 2, said, "once in each process: %s", log.String())
		})
	}
}

// The row has no document, and none exists: a purge leaves nothing else.
func TestGoneWithoutATombstone(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.fill(5)
		r.start()
		r.converges(5)
		require.NoError(t, r.end.Refuse())
		hold := r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: "POST", Path: "/" + requestDB + "/_all_docs"}, Kind: couchfake.NullDoc})
		r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_changes"}, Kind: couchfake.NullDoc})
		require.NoError(t, r.end.Accept())
		r.put(requestDB, requestDoc("wf1", "running-open", 777))
		r.eventually("it is owed", func() bool { return len(r.follower.Quarantined()) == 1 && hold.Hits() > 0 })
		require.Equal(t, 1, r.srv.Purge(requestDB, "wf1"))
		hold.Clear()
		r.converges(5)
		require.NotContains(t, r.store.content(), key(join.Request, "wf1"))
		r.eventually("nothing owed", func() bool { return len(r.follower.Quarantined()) == 0 })
	})
}

// The state is stale, with a reason that is safe to publish.
func TestDocumentsOwedForLongMakeTheStateStale(t *testing.T) {
	r := newRig(t)
	r.fill(5)
	long := time.Now().Add(-time.Hour)
	r.follower.quarantine.restore([]Quarantined{{ID: "wf1", Database: "requests", Owed: true, First: long, Last: long}})
	hold := r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: "POST", Path: "/" + requestDB + "/_all_docs"}, Kind: couchfake.OmitRow})
	r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_design"}, Kind: couchfake.OmitRow, IDs: []string{"wf1"}})
	r.start()
	r.eventually("stale", func() bool { return r.store.was("a document has changed in the data source and can't be read") })
	hold.Clear()
	r.converges(5)
	assert.Contains(t, r.store.content(), key(join.Request, "wf1"))
}

// A full read after a lost position does not return a document, and the request
// for it fails: it is kept and owed, and removed when the source states that it
// is gone.
func TestAFullReadKeepsUnconfirmedDocuments(t *testing.T) {
	for name, fault := range byIDFaults() {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, r *rig) {
				const n = 10
				r.fill(n)
				r.start()
				r.converges(n)
				r.reborn(nil)
				r.follower.forget()
				for db, ids := range map[string][]string{requestDB: {"wf1", "wf2"}, wmstatsDB: {"a1-wf1", "a1-wf2", "a1"}} {
					r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + db + "/_design"}, Kind: couchfake.OmitRow, IDs: ids})
					asked := fault
					asked.Match, asked.IDs = couchfake.Match{Method: "POST", Path: "/" + db + "/_all_docs"}, ids
					r.srv.Misbehave(asked)
				}
				r.start()
				r.eventually("the full read", func() bool { return r.store.count(loads) == 2 })
				assert.Equal(t, r.source(names(n)...), r.store.content())
				r.eventually("owed", func() bool { return len(r.follower.Quarantined()) == 5 })
				r.put(requestDB, requestDoc("wf2", "running-open", 42)) // the feed delivers it
				r.eventually("one less", func() bool { return len(r.follower.Quarantined()) == 4 })
				r.srv.Behave()
				r.converges(n)
				r.eventually("nothing owed", func() bool { return len(r.follower.Quarantined()) == 0 })
			})
		})
	}
}

// TestDocumentsAreRequestedInParts of 200.
func TestDocumentsAreRequestedInParts(t *testing.T) { inBubble(t, testDocumentsAreRequestedInParts) }

func testDocumentsAreRequestedInParts(t *testing.T, r *bubble) {
	const n, left = 1000, 450
	r.fill(n)
	r.start()
	r.converges(n)
	r.reborn(nil)
	r.follower.forget()
	ids := []string{}
	for i := range left {
		ids = append(ids, fmt.Sprintf("wf%d", 2*i))
	}
	r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_design"}, Kind: couchfake.OmitRow, IDs: ids})
	count := r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: "POST", Path: "/" + requestDB + "/_all_docs"}, Kind: couchfake.TurnRows})
	for i := range 20 {
		require.True(t, r.srv.Delete(requestDB, ids[i]))
	}
	r.put(requestDB, requestDoc("wf40", "normal-archived", 1))
	r.start()
	r.converges(n)
	require.Equal(t, 2, r.store.count(loads))
	assert.Equal(t, 3, count.Hits())
}

// No document is taken as read; full reads are repeated until all arrive.
func TestTooManyOwedDocuments(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.follower.quarantine.most = 3
		r.fill(20)
		r.start()
		r.converges(20)
		require.NoError(t, r.end.Refuse())
		r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: "POST", Path: "/" + requestDB + "/_all_docs"}, Kind: couchfake.NullDoc})
		for _, path := range []string{"/_changes", "/_design"} {
			r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + path}, Kind: couchfake.NullDoc})
		}
		require.NoError(t, r.end.Accept())
		before := r.store.content()
		for i := range 10 {
			r.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i), "assigned", 100+i))
		}
		r.eventually("stale", func() bool { return r.store.was("failed in the middle of an answer") })
		assert.Len(t, r.follower.Quarantined(), 3)
		assert.Equal(t, before, r.store.content())
		r.srv.Behave()
		r.converges(20)
		r.eventually("nothing owed", func() bool { return len(r.follower.Quarantined()) == 0 })
	})
}

// An answer to a request from before a newer row, and the answer of a copy that
// lags.
func TestOlderAnswersSettleNothing(t *testing.T) { synctest.Test(t, olderAnswers) }

func olderAnswers(t *testing.T) {
	q := newQuarantine(10)
	w := quarantineKey{"requests", "w"}
	at := time.Unix(1000, 0)
	owe := func(rev string) (serial uint64) {
		fresh, ok := q.owe(Quarantined{ID: "w", Database: "requests", Rev: rev, Last: at})
		require.True(t, ok)
		require.Equal(t, q.serial == 1, fresh)
		return q.serial
	}
	first := owe("2-a")
	second := owe("3-b")
	assert.False(t, q.asks(w, first))
	q.settle(w, first)
	assert.True(t, q.asks(w, second))
	for rev, believed := range map[string]bool{"2-a": false, "3-b": true, "3-a": true, "4-c": true, "x": true, "": true, "10-a": true} {
		assert.Equal(t, believed, q.doubts(w, couch.Row{ID: "w", Rev: rev, Doc: []byte("{}")}) == "", rev)
		assert.Equal(t, believed, q.doubts(w, couch.Row{ID: "w", Rev: rev, Deleted: true}) == "", rev)
	}
	time.Sleep(owedSoon)
	assert.Empty(t, q.doubts(w, couch.Row{ID: "w", Rev: "2-a", Doc: []byte("{}")}), "of a database that was restored")
	assert.NotEmpty(t, q.doubts(w, couch.Row{ID: "w", Missing: true}), "it existed")
	assert.Empty(t, q.doubts(w, couch.Row{ID: "w", Missing: true}), "confirmed by a second answer")
	assert.Empty(t, q.doubts(quarantineKey{"requests", "other"}, couch.Row{ID: "other", Missing: true}))
	q.refused(w, first, "old", at.Add(time.Hour))
	q.refused(w, second, "new", at.Add(time.Minute))
	require.Len(t, q.list(), 1)
	assert.Equal(t, Quarantined{ID: "w", Database: "requests", Rev: "3-b", Reason: "new", First: at, Last: at.Add(time.Minute), Count: 2, Owed: true}, q.list()[0])
	q.settle(w, second)
	assert.Empty(t, q.list())

	b := newBatch()
	row := func(rev string, debt uint64) item {
		return item{db: couch.Requests, change: couch.Change{Row: couch.Row{ID: "w", Rev: rev}}, debt: debt}
	}
	b.add(row("feed", 0))
	b.add(row("answer", 7))
	assert.Equal(t, "feed", b.rows[0].change.Rev, "a feed's version is newer than an answer")
	b = newBatch()
	b.add(row("answer", 7))
	assert.False(t, b.empty())
	b.add(row("feed", 0))
	require.Len(t, b.rows, 1)
	assert.Equal(t, "feed", b.rows[0].change.Rev)
	assert.Zero(t, b.rows[0].debt)
	assert.Empty(t, b.positions, "an answer does not move the position")
}

// Each document has its own wait, doubled each time; the documents of one
// database are requested together.
func TestRequestsByIDBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuarantine(10)
		began := time.Now()
		for i := range 5 {
			q.owe(Quarantined{ID: fmt.Sprint(i), Database: "requests", Last: began})
		}
		q.owe(Quarantined{ID: "x", Database: "wmstats", Last: began})
		picked := map[string]int{}
		for len(picked) < 6 {
			db, some, _ := q.due(2, time.Second, 8*time.Second)
			require.NotEmpty(t, some)
			require.LessOrEqual(t, len(some), 2)
			for _, a := range some {
				picked[a.id]++
				require.Equal(t, a.id == "x", db == "wmstats")
			}
		}
		for _, wait := range []time.Duration{1, 2, 4, 8, 8} {
			_, some, next := q.due(10, time.Second, 8*time.Second)
			require.Empty(t, some)
			require.Equal(t, wait*time.Second, time.Until(next))
			time.Sleep(time.Until(next))
			for range 2 {
				_, some, _ = q.due(10, time.Second, 8*time.Second)
				require.NotEmpty(t, some)
			}
		}
		q.owe(Quarantined{ID: "3", Database: "requests", Last: time.Now()})
		_, some, _ := q.due(10, time.Second, 8*time.Second)
		require.Len(t, some, 1, "a new row leads to a request at once")
		require.Equal(t, "3", some[0].id)
		n, since := q.owing()
		assert.Equal(t, 6, n)
		assert.True(t, since.Equal(began))
	})
}

// Owed documents have a limit of their own: unusable documents neither make room
// for them nor are removed to make room.
func TestOwedDocumentsHaveNoBound(t *testing.T) {
	q := newQuarantine(2)
	q.most = 4
	for i := range 6 {
		_, ok := q.owe(Quarantined{ID: fmt.Sprint("owed", i), Database: "requests", Last: time.Unix(int64(i), 0)})
		assert.Equal(t, i < 4, ok)
		q.add(Quarantined{ID: fmt.Sprint("bad", i), Database: "requests", Last: time.Unix(int64(i), 0)})
	}
	ids := []string{}
	for _, d := range q.list() {
		ids = append(ids, d.ID)
		assert.Equal(t, strings.HasPrefix(d.ID, "owed"), d.Owed)
	}
	slices.Sort(ids)
	want := []string{"bad4", "bad5", "owed0", "owed1", "owed2", "owed3"}
	assert.Equal(t, want, ids)
	again := newQuarantine(2)
	again.restore(q.list())
	assert.Equal(t, q.list(), again.list())
	q.add(Quarantined{ID: "owed1", Database: "requests", Last: time.Unix(9, 0)}) // it arrived, and can't be used
	assert.ElementsMatch(t, []string{"owed0", "owed2", "owed3"}, q.debts(couch.Requests))
	assert.Empty(t, q.debts(couch.WMStats))
	assert.EqualValues(t, 2, q.list()[0].Count)
}

// laggingSource answers requests with what it was once told.
type laggingSource struct {
	*couch.Client
	mu   sync.Mutex
	old  []couch.Row
	asks int
}

func (s *laggingSource) ByID(ctx context.Context, db couch.Database, ids []string, fn func(couch.Row) error) error {
	s.mu.Lock()
	old := s.old
	s.asks++
	s.mu.Unlock()
	if old == nil {
		return s.Client.ByID(ctx, db, ids, fn)
	}
	for _, row := range old {
		if slices.Contains(ids, row.ID) {
			if err := fn(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// A lagging copy answers a request with an older revision, or an older
// tombstone: neither is taken for the document that the row was about.
func TestACopyThatLags(t *testing.T) {
	source := &laggingSource{}
	r := newRig(t, func(o *Options) {
		source.Client, _ = o.Source.(*couch.Client)
		o.Source = source
	})
	r.fill(5)
	r.start()
	r.converges(5)
	require.NoError(t, r.end.Refuse())
	r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_changes"}, Kind: couchfake.NullDoc})
	source.mu.Lock()
	source.old = []couch.Row{{ID: "wf1", Rev: "1-a", Doc: []byte(requestDoc("wf1", "completed", 5))}, {ID: "wf2", Rev: "1-b", Deleted: true}}
	source.mu.Unlock()
	require.NoError(t, r.end.Accept())
	r.put(requestDB, requestDoc("wf1", "running-open", 777), requestDoc("wf2", "running-open", 778))
	before := r.store.content()
	r.eventually("both are owed", func() bool { return len(r.follower.Quarantined()) == 2 })
	asks := func() int { source.mu.Lock(); defer source.mu.Unlock(); return source.asks }
	asked := asks()
	r.eventually("asked", func() bool { return asks() > asked+4 })
	assert.Equal(t, before, r.store.content())
	assert.Len(t, r.follower.Quarantined(), 2)
	source.mu.Lock()
	source.old = nil
	source.mu.Unlock()
	r.converges(5)
}
