package couch

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/schema"
)

// inBubble runs a test in a synctest bubble, whose time moves only by waiting.
func inBubble(f func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) { synctest.Test(t, f) }
}

// However a way of reading is absent or too slow, the next available one is
// used, and all documents come.
func TestEachAbsenceLeadsToTheNextWay(t *testing.T) {
	const (
		reqView, find   = "/" + requestDB + "/_design/ReqMgr", "/" + requestDB + "/_find"
		erlView, alias  = "/" + wmstatsDB + "/_design/WMStatsErl7", "/" + wmstatsDB + "/_design/WMStats/"
		changes         = "/" + wmstatsDB + "/_changes"
		byType          = "changes from the beginning, selected by type"
		otherName       = "views WMStats/latestRequest and agentInfo"
		latest, perhaps = erlView + "/_view/latestRequest", erlView + "/_view/agentInfo"
	)
	for _, chain := range []struct {
		db    Database
		faint []string // paths that are absent
		way   string
		want  []string
	}{
		{Requests, []string{reqView}, "Mango query by status", []string{"r1", "r2"}},
		{Requests, []string{reqView, find}, "scan of all documents", []string{"r1", "r2", "r3"}},
		{WMStats, []string{latest}, otherName, []string{"a1-r2", "a1"}},
		{WMStats, []string{perhaps}, otherName, []string{"a1-r2", "a1"}},
		{WMStats, []string{erlView, alias}, byType, []string{"a1-r2", "a1"}},
		{WMStats, []string{erlView, alias, changes}, "scan of all documents", []string{"a1-r2", "a1", "job-1"}},
	} {
		for _, absence := range couchfake.Absences() {
			t.Run(chain.way+"/"+absence.Name, inBubble(func(t *testing.T) {
				srv := secured(t, couchfake.Options{})
				c := inMemory(t, srv, pointer("right"))
				for _, path := range chain.faint {
					absence.Fault.Match.Path = path
					srv.Misbehave(absence.Fault)
				}
				rows, way, err := rowsOf(t.Context(), c, chain.db, "new", "running-open")
				require.NoError(t, err)
				if want := chain.way; absence.Fails && want == otherName {
					assert.Equal(t, byType, way, "the other name is the same view")
				} else {
					assert.Equal(t, want, way)
				}
				seen := map[string]bool{}
				for _, id := range ids(rows) {
					seen[id] = true // documents that came before a failure come again
				}
				for _, id := range chain.want {
					assert.True(t, seen[id], id)
				}
				assert.Len(t, seen, len(chain.want))
				assert.Equal(t, LoginState{}, c.Login(), "the login is good")
			}))
		}
	}
}

// CouchDB's error differs from that of one that never existed.
func TestADeletedDesignDocument(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{})
	fill(t, srv)
	putDesign(t, srv, requestDB, "ReqMgr")
	putDesign(t, srv, wmstatsDB, "WMStatsErl7")
	require.True(t, srv.Delete(requestDB, "_design/ReqMgr"))
	require.True(t, srv.Delete(wmstatsDB, "_design/WMStatsErl7"))
	rows, way, err := rowsOf(t.Context(), c, Requests, "new", "running-open")
	require.NoError(t, err)
	assert.Equal(t, "Mango query by status", way)
	assert.ElementsMatch(t, []string{"r1", "r2"}, ids(rows))
	rows, way, err = rowsOf(t.Context(), c, WMStats)
	require.NoError(t, err)
	assert.Equal(t, "changes from the beginning, selected by type", way)
	assert.ElementsMatch(t, []string{"a1-r2", "a1"}, ids(rows))
}

// A view without rows leads to the next way if the database has documents; if it
// has none, the view is right.
func TestAnEmptyView(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{})
	putDesign(t, srv, requestDB, "ReqMgr")
	putDesign(t, srv, wmstatsDB, "WMStatsErl7")
	for db, want := range map[Database]string{Requests: "view ReqMgr/bystatus", WMStats: "views WMStatsErl7/latestRequest and agentInfo"} {
		rows, way, err := rowsOf(t.Context(), c, db, "new", "running-open")
		require.NoError(t, err)
		assert.Equal(t, want, way, "only design documents exist")
		assert.Empty(t, rows)
	}
	fill(t, srv)
	srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_design/"}, Kind: couchfake.EmptyDB})
	agents := srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + wmstatsDB + "/_design/WMStatsErl7/_view/agentInfo"}, Kind: couchfake.EmptyDB})
	rows, way, err := rowsOf(t.Context(), c, Requests, "new", "running-open")
	require.NoError(t, err)
	assert.Equal(t, "Mango query by status", way)
	assert.ElementsMatch(t, []string{"r1", "r2"}, ids(rows))
	rows, way, err = rowsOf(t.Context(), c, WMStats)
	require.NoError(t, err)
	assert.Equal(t, "views WMStats/latestRequest and agentInfo", way)
	assert.Subset(t, ids(rows), []string{"a1-r2", "a1"})
	agents.Clear()
	// No request has one of the statuses: the view is not empty.
	srv.Behave()
	rows, way, err = rowsOf(t.Context(), c, Requests, "acquired")
	require.NoError(t, err)
	assert.Equal(t, "view ReqMgr/bystatus", way)
	assert.Empty(t, rows)
}

// Details come without the view of failing jobs, and log entries without theirs.
func TestAbsentViewsOnDemand(t *testing.T) {
	for _, absence := range couchfake.Absences() {
		t.Run(absence.Name, inBubble(func(t *testing.T) {
			srv := secured(t, couchfake.Options{})
			c := inMemory(t, srv, pointer("right"))
			put(t, srv, "wmstats_logdb", `{"_id":"l1","request":"r2","identifier":"a1","thr":"main","type":"info","messages":[{"ts":20,"msg":"said"}]}`)
			absence.Fault.Match.Path = "/" + wmstatsDB + "/_design/WMStatsErl3"
			srv.Misbehave(absence.Fault)
			absence.Fault.Match.Path = "/wmstats_logdb/_design/"
			srv.Misbehave(absence.Fault)
			if absence.Fault.Kind != couchfake.Freeze { // then no time is left for another
				groups, err := c.JobErrors(t.Context(), "r2")
				require.NoError(t, err, "the other name of the view")
				require.Len(t, groups, 1)
				samples, total, err := c.JobSamples(t.Context(), "r2", func(schema.JobError) bool { return true }, 5)
				require.NoError(t, err)
				assert.Len(t, samples, 1)
				assert.Equal(t, int64(1), total)
			}
			entries, err := c.LogEntries(t.Context(), "r2")
			require.NoError(t, err)
			require.Len(t, entries, 1)
			assert.Equal(t, "said", entries[0].Message)
			// No name of the view of failing jobs works: the other details
			// come.
			absence.Fault.Match.Path = "/" + wmstatsDB + "/_design"
			srv.Misbehave(absence.Fault)
			d, err := c.Detail(t.Context(), "r2", []string{"a1-r2"})
			require.NoError(t, err)
			assert.Contains(t, []string{"not_loaded", "failed"}, d.ErrorsState)
		}))
	}
}

func TestAnEmptyViewOfLogEntries(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{})
	putDesign(t, srv, "wmstats_logdb", "LogDB")
	put(t, srv, "wmstats_logdb", `{"_id":"l1","request":"r2","identifier":"a1","thr":"main","type":"info","messages":[{"ts":20,"msg":"said"}]}`)
	srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/wmstats_logdb/_design/"}, Kind: couchfake.EmptyDB})
	entries, err := c.LogEntries(t.Context(), "r2")
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

// Changes come without the filter; if changes fail without it too, the filter is
// not marked as unsupported.
func TestAFilterThatIsRefused(t *testing.T) {
	for _, kind := range []couchfake.Kind{couchfake.Forbid, couchfake.Deny} {
		srv, c := standIn(t, couchfake.Options{})
		fill(t, srv)
		down := srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + wmstatsDB + "/_changes"}, Kind: kind})
		_, err := changesOf(t.Context(), c, WMStats, "", FeedOptions{Once: true})
		require.Error(t, err)
		down.Clear()
		changes, err := changesOf(t.Context(), c, WMStats, "", FeedOptions{Once: true})
		require.NoError(t, err)
		assert.NotContains(t, ids(changes), "job-1", "the selector is used again")
		srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: "POST", Path: "/" + wmstatsDB + "/_changes"}, Kind: kind})
		changes, err = changesOf(t.Context(), c, WMStats, "", FeedOptions{Once: true})
		require.NoError(t, err)
		assert.Contains(t, ids(changes), "job-1")
	}
}
