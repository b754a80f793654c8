package follower

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/mock/couchfake"
)

var polling = func(o *Options) { o.PollInterval = 3 * time.Millisecond }

// bothWays runs a test with feeds and with polling only.
func bothWays(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	bothWaysOf(t, newRig, test)
}

// bothWaysWithoutPatience is bothWays with short timeouts, for faults in which
// the source is silent.
func bothWaysWithoutPatience(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	bothWaysOf(t, func(t testing.TB, change ...func(*Options)) *rig { return newRig(t, append(change, impatient(t))...) }, test)
}

func bothWaysOf(t *testing.T, makeRig func(t testing.TB, change ...func(*Options)) *rig, test func(t *testing.T, r *rig)) {
	t.Helper()
	t.Run("feeds", func(t *testing.T) { test(t, makeRig(t)) })
	t.Run("polling", func(t *testing.T) { test(t, makeRig(t, polling)) })
}

func TestLoadThenFollow(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.fill(600) // more than one Add
		r.start()
		r.converges(600)
		assert.Equal(t, 1, r.store.count(loads))
		assert.Equal(t, r.client.PublicURL(), r.store.state().Source)

		r.put(requestDB, requestDoc("wf600", "new", 1), requestDoc("wf1", "completed", 2))
		r.put(wmstatsDB, workDoc("a2", "wf1", 9), infoDoc("a2", 3), jobDoc("job-2"))
		require.True(t, r.srv.Delete(wmstatsDB, "a1-wf2"))
		require.True(t, r.srv.Delete(wmstatsDB, "job-1"))
		require.True(t, r.srv.Delete(wmstatsDB, "a1"))
		require.True(t, r.srv.Delete(requestDB, "wf3"))
		r.put(requestDB, requestDoc("wf4", "aborted-archived", 2))
		r.converges(601)
		assert.Equal(t, 1, r.store.count(loads), "no full read for changes")
		assert.NotContains(t, r.store.content(), key(join.Request, "wf4"))
		r.eventually("ticks", func() bool { return r.store.count(func(s *storeFake) int { return s.ticks }) > 2 })
	})
}

func TestUnchangedContentIsNotDecoded(t *testing.T) {
	r := newRig(t)
	r.fill(20)
	r.start()
	r.converges(20)
	before := r.store.count(decoded)
	for i := range 20 {
		doc := strings.Replace(workDoc("a1", fmt.Sprintf("wf%d", i), i), `"timestamp":17`, `"timestamp":18`, 1)
		r.put(wmstatsDB, doc)
	}
	r.put(wmstatsDB, workDoc("a2", "wf1", 1)) // a later change: all before it were seen
	r.eventually("the last one", func() bool { _, ok := r.store.KnownHash(join.AgentReport, "a2-wf1"); return ok })
	r.converges(20)
	assert.Equal(t, before+1, r.store.count(decoded))
}

func TestPositionMovesOnlyAfterTheWork(t *testing.T) {
	r := newRig(t)
	r.fill(3)
	r.start()
	r.converges(3)
	number := func() int64 { // one position may be written in several forms
		n, ok := r.follower.Positions()[couch.Requests].Seq.Number()
		require.True(t, ok)
		return n
	}
	first := number()
	r.put(requestDB, requestDoc("wf3", "new", 1))
	r.converges(4)
	r.eventually("the position", func() bool { return number() > first })
	now := r.follower.Positions()[couch.Requests]
	changes := 0
	for _, err := range r.client.Changes(t.Context(), couch.Requests, now.Seq, couch.FeedOptions{Once: true}) {
		require.NoError(t, err)
		changes++
	}
	assert.Equal(t, 1, changes, "only the end of the feed follows the position")
}

func TestFaultsAtTheStart(t *testing.T) {
	every := couchfake.Match{}
	design := couchfake.Match{Path: "/" + requestDB + "/_design"}
	for name, c := range map[string]struct {
		fault  couchfake.Fault
		reason string // "": another way, or a retry, succeeds
	}{
		"500":                {couchfake.Fault{Match: every, Kind: couchfake.FailStatus, Times: 3}, "status 500"},
		"401":                {couchfake.Fault{Match: every, Kind: couchfake.Deny, Times: 2}, "credentials"},
		"no database":        {couchfake.Fault{Match: couchfake.Match{Path: "/" + wmstatsDB}, Kind: couchfake.NoDatabase, Times: 2}, "does not exist"},
		"cut in a row":       {couchfake.Fault{Match: design, Kind: couchfake.CutInRow, Rows: 2, Skip: 1, Times: 2}, "cut"},
		"cut in the head":    {couchfake.Fault{Match: design, Kind: couchfake.Cut, Bytes: 10, Times: 2}, "cut"},
		"error row":          {couchfake.Fault{Match: design, Kind: couchfake.ErrorRow, Rows: 2, Times: 2}, ""},
		"error row, the end": {couchfake.Fault{Match: design, Kind: couchfake.ErrorRow, Rows: 2, Stop: true, Times: 2}, ""},
		"frozen in a row":    {couchfake.Fault{Match: design, Kind: couchfake.FreezeInRow, Rows: 2, Skip: 1, Times: 1}, ""},
		"frozen":             {couchfake.Fault{Match: design, Kind: couchfake.Freeze, Times: 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			freezes := c.fault.Kind == couchfake.Freeze || c.fault.Kind == couchfake.FreezeInRow
			var change []func(*Options)
			if freezes {
				change = append(change, impatient(t))
			}
			r := newRig(t, change...)
			r.fill(5)
			r.srv.Misbehave(c.fault)
			r.start()
			r.converges(5)
			if c.reason != "" {
				assert.True(t, r.store.was(c.reason), "%+v", r.store.states)
			} else if !freezes { // these depend on time
				assert.False(t, r.store.was(""), "%+v", r.store.states)
			}
			assert.Equal(t, 1, r.store.count(loads))
		})
	}
}

func TestFaultsWhileFollowing(t *testing.T) {
	feed := couchfake.Match{Path: "/" + requestDB + "/_changes"}
	for name, c := range map[string]struct {
		fault  couchfake.Fault
		reason string // "": no failure
	}{
		"500":             {couchfake.Fault{Match: feed, Kind: couchfake.FailStatus, Times: 3}, "status 500"},
		"401":             {couchfake.Fault{Match: feed, Kind: couchfake.Deny, Times: 2}, "credentials"},
		"cut in a row":    {couchfake.Fault{Match: feed, Kind: couchfake.CutInRow, Rows: 1, Times: 3}, "cut"},
		"frozen in a row": {couchfake.Fault{Match: feed, Kind: couchfake.FreezeInRow, Rows: 1, Times: 1}, "silent"},
		"error row":       {couchfake.Fault{Match: feed, Kind: couchfake.ErrorRow, Rows: 1, Stop: true, Times: 2}, "middle of an answer"},
		"feeds that end":  {couchfake.Fault{Match: feed, Kind: couchfake.EndFeed, Rows: 2}, ""},
		"replays":         {couchfake.Fault{Match: feed, Kind: couchfake.Replay, Rows: 5}, ""},
		"reordering":      {couchfake.Fault{Match: feed, Kind: couchfake.Reorder}, ""},
		"rewound seqs":    {couchfake.Fault{Match: feed, Kind: couchfake.RewindSeqs}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			both := bothWays
			if c.fault.Kind == couchfake.FreezeInRow {
				both = bothWaysWithoutPatience
			}
			both(t, func(t *testing.T, r *rig) {
				r.fill(5)
				r.start()
				r.converges(5)
				// End the current feed, so that the next one meets the fault.
				require.NoError(t, r.end.Refuse())
				fault := c.fault
				if c.reason != "" {
					fault.Times = 0 // a feed or a check may meet it first, which is not an error
				}
				met := r.srv.Misbehave(fault)
				for i := range 10 {
					r.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i), "assigned", 100+i))
				}
				require.NoError(t, r.end.Accept())
				if c.reason != "" {
					r.eventually("the reason "+c.reason, func() bool { return r.store.was(c.reason) })
					met.Clear()
				}
				r.converges(10)
				r.put(requestDB, requestDoc("wf0", "acquired", 1))
				r.converges(10)
				assert.Equal(t, 1, r.store.count(loads), "no full read")
			})
		})
	}
}

func TestServerNotThere(t *testing.T) {
	r := newRig(t)
	r.fill(3)
	require.NoError(t, r.end.Refuse())
	r.start()
	r.eventually("refused at the start", func() bool { return r.store.was("connection to the database server refused") })
	assert.False(t, r.store.state().Complete)
	require.NoError(t, r.end.Accept())
	r.converges(3)
	loaded := r.store.count(loads)

	require.NoError(t, r.end.Refuse())
	r.eventually("stale", func() bool { return r.store.state().Stale })
	last := r.store.state().CheckTime
	assert.Len(t, r.store.content(), 7, "records are kept")
	r.put(requestDB, requestDoc("wf3", "new", 1))
	require.NoError(t, r.end.Accept())
	r.converges(4)
	r.eventually("both databases answer", func() bool { return r.store.state().CheckTime.After(last) })
	assert.Equal(t, loaded, r.store.count(loads), "no full read")
}

func TestPositionLost(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.fill(5)
		r.start()
		r.converges(5)
		require.NoError(t, r.end.Refuse())
		require.True(t, r.srv.Delete(wmstatsDB, "a1-wf2"))
		r.put(requestDB, requestDoc("wf5", "new", 1))
		r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_changes"}, Kind: couchfake.ForgetSeqs, Times: 1})
		require.NoError(t, r.end.Accept())
		r.converges(6)
		assert.Equal(t, 2, r.store.count(loads))
		assert.True(t, r.store.was("no longer knows the position"))
	})
}

func TestDatabaseCreatedAgain(t *testing.T) {
	bothWays(t, func(t *testing.T, r *rig) {
		r.fill(5)
		r.start()
		r.converges(5)
		require.True(t, r.srv.Drop(requestDB))
		r.eventually("missing", func() bool { return r.store.was("does not exist") })
		for i := range 4 {
			r.put(requestDB, requestDoc(fmt.Sprintf("wf%d", i), "new", 7))
		}
		r.converges(5)
		assert.GreaterOrEqual(t, r.store.count(loads), 2)
		assert.True(t, r.store.was("created again"))
		r.put(requestDB, requestDoc("wf0", "assigned", 8))
		r.converges(5)
	})
}

func TestSourceSuddenlyEmpty(t *testing.T) {
	r := newRig(t)
	r.fill(10)
	r.start()
	r.converges(10)
	before := r.store.content()
	require.NoError(t, r.end.Refuse())
	forget := r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_changes"}, Kind: couchfake.ForgetSeqs, Times: 1})
	empty := r.srv.Misbehave(couchfake.Fault{Kind: couchfake.EmptyDB})
	require.NoError(t, r.end.Accept())
	r.eventually("held back", func() bool { return r.store.was("far fewer") })
	assert.True(t, maps.Equal(before, r.store.content()), "records are kept")
	assert.True(t, r.store.state().Stale)
	forget.Clear()
	empty.Clear()
	r.converges(10)
}

func TestBadDocuments(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Quarantine = 3 })
	good := func(n int) string {
		return fmt.Sprintf(`{"_id":"a2","type":"agent_request","workflow":"wf1","agent_url":"x","status":{"success":%d}}`, n)
	}
	bad := func(id string, n int) string {
		return fmt.Sprintf(`{"_id":%q,"type":"agent_request","status":{"success":%d}}`, id, n) // whose?
	}
	r.fill(5)
	r.put(wmstatsDB, good(1))
	r.start()
	r.converges(5)
	before, ok := r.store.KnownHash(join.AgentReport, "a2")
	require.True(t, ok)

	r.put(wmstatsDB, bad("a2", 1), workDoc("a1", "wf2", 77))
	r.eventually("the bad one in the list", func() bool { return len(r.follower.Quarantined()) == 1 })
	r.eventually("the good one after it", func() bool {
		k := key(join.AgentReport, "a1-wf2")
		return r.store.content()[k] == r.source("a1-wf2")[k]
	})
	kept, _ := r.store.KnownHash(join.AgentReport, "a2")
	assert.Equal(t, before, kept, "its old record is kept")
	q := r.follower.Quarantined()[0]
	assert.Equal(t, []any{"a2", "wmstats", "workflow", int64(1)}, []any{q.ID, q.Database, q.Path, q.Count})
	assert.NotEmpty(t, q.Reason)
	assert.NotEmpty(t, q.Rev)
	r.put(wmstatsDB, bad("a2", 2))
	r.eventually("its count", func() bool { return r.follower.Quarantined()[0].Count == 2 })
	r.eventually("the count of all", func() bool { return r.store.state().BadDocuments == 2 })

	// A full read also keeps the old record of an unusable document.
	require.NoError(t, r.end.Refuse())
	r.srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_changes"}, Kind: couchfake.ForgetSeqs, Times: 1})
	require.NoError(t, r.end.Accept())
	r.eventually("the second full read", func() bool { return r.store.count(loads) == 2 })
	kept, _ = r.store.KnownHash(join.AgentReport, "a2")
	assert.Equal(t, before, kept, "its old record is kept")

	r.put(wmstatsDB, good(2))
	r.converges(5)
	assert.Empty(t, r.follower.Quarantined(), "a good version removes it")
	for i := range 5 {
		r.put(wmstatsDB, bad(fmt.Sprintf("bad%d", i), 1))
	}
	r.eventually("the bound", func() bool {
		q := r.follower.Quarantined()
		return len(q) == 3 && slices.ContainsFunc(q, func(d Quarantined) bool { return d.ID == "bad4" })
	})
	require.True(t, r.srv.Delete(wmstatsDB, "bad4"))
	r.eventually("a deleted one to leave", func() bool { return len(r.follower.Quarantined()) == 2 })
}

func TestHugeDocument(t *testing.T) {
	r := newRig(t)
	// The stand-in needs seconds for such a document on a busy machine: use a
	// server's timeouts for feeds instead of the rig's 300 ms.
	client, err := couch.New(couch.Options{URL: r.end.URL()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	o := r.follower.o
	o.Source = client
	r.follower, err = New(o)
	require.NoError(t, err)
	lumis := strings.Repeat(`"380115":[[1,2],[3,4]],`, 900_000) // 20 MB
	huge := func(n int) string {
		return strings.Replace(requestDoc("wf0", "running-open", n), `"RequestStatus"`, `"LumiList":{`+lumis+`"1":[]},"RequestStatus"`, 1)
	}
	r.put(requestDB, huge(1), requestDoc("wf1", "new", 1))
	r.start()
	r.eventually("the first read", func() bool { return r.store.count(loads) == 1 }) // reading the documents takes long
	r.converges(2)
	r.put(requestDB, huge(2), requestDoc("wf1", "new", 2))
	r.eventually("the changes", func() bool { return r.store.count(decoded) == 4 })
	r.converges(2)
}

// TestNothingIsLost writes, rewrites and deletes while the server has one fault
// after another.
func TestNothingIsLost(t *testing.T) {
	test := func(t *testing.T, r *rig) {
		const n = 60
		r.fill(n)
		r.start()
		rnd := rand.New(rand.NewPCG(1, 2))
		changes := couchfake.Match{}
		faults := []couchfake.Fault{
			{Match: changes, Kind: couchfake.CutInRow, Rows: 2}, {Match: changes, Kind: couchfake.ErrorRow, Rows: 1},
			{Match: changes, Kind: couchfake.FailStatus}, {Match: changes, Kind: couchfake.Replay, Rows: 4},
			{Match: changes, Kind: couchfake.Reorder}, {Match: changes, Kind: couchfake.EndFeed, Rows: 1},
			{Match: changes, Kind: couchfake.Cut, Bytes: 700}, {Match: changes, Kind: couchfake.Deny},
			{Match: changes, Kind: couchfake.FreezeInRow, Rows: 3}, {Match: changes, Kind: couchfake.RewindSeqs},
		}
		for round := range 40 {
			if round%4 == 0 {
				r.srv.Behave()
				require.NoError(t, r.end.Refuse())
				fault := faults[round/4%len(faults)]
				fault.Times = 6
				r.srv.Misbehave(fault)
				require.NoError(t, r.end.Accept())
			}
			for range 20 {
				wf, v := fmt.Sprintf("wf%d", rnd.IntN(n)), rnd.IntN(1000)
				switch rnd.IntN(6) {
				case 0:
					r.srv.Delete(wmstatsDB, "a1-"+wf)
				case 1:
					r.put(requestDB, requestDoc(wf, "normal-archived", v))
				case 2:
					r.put(wmstatsDB, workDoc("a2", wf, v))
				case 3:
					r.put(wmstatsDB, workDoc("a1", wf, v))
				default:
					r.put(requestDB, requestDoc(wf, "running-closed", v))
				}
			}
		}
		r.srv.Behave()
		r.converges(n)
	}
	bothWaysWithoutPatience(t, test)
	t.Run("with re-reads all the time", func(t *testing.T) {
		test(t, newRig(t, impatient(t), func(o *Options) { o.RereadEvery = time.Millisecond }))
	})
}

func TestNewReportsAllInvalidOptions(t *testing.T) {
	_, err := New(Options{BatchWindow: -1, MinWait: time.Minute, MaxWait: time.Second, Workers: -1})
	for _, want := range []string{"Source", "Store", "BatchWindow", "MaxWait", "Workers"} {
		require.ErrorContains(t, err, want)
	}
}

func TestLastChangeOfADocumentWins(t *testing.T) {
	b := newBatch()
	for i, id := range []string{"a", "b", "a", ""} {
		b.add(item{db: couch.Requests, change: couch.Change{Row: couch.Row{ID: id, Rev: fmt.Sprint(i)}, Seq: couch.Seq(fmt.Sprint(i))}})
	}
	b.add(item{db: couch.WMStats, change: couch.Change{Row: couch.Row{ID: "a", Rev: "w"}, Seq: "w"}})
	require.Len(t, b.rows, 3)
	assert.Equal(t, "2", b.rows[0].change.Rev)
	assert.Equal(t, map[couch.Database]couch.Seq{couch.Requests: "3", couch.WMStats: "w"}, b.positions)
}
