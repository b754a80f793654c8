package couch

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// partial returns a stand-in with n documents of interest in each database, of
// which reads by some ways return only a part, and a client.
func partial(t *testing.T, n int, db Database, gone ...string) (*couchfake.Server, *shortened, *Client) {
	t.Helper()
	srv := couchfake.New(couchfake.Options{BuiltinViews: true})
	short := &shortened{srv, func(*http.Request) bool { return false }, 0}
	client := inMemory(t, short, nil)
	types := []string{typeAgentInfo, typeAgentRequest, typeAgentRequest}
	for i := range n {
		require.NoError(t, srv.Put(requestDB, fmt.Appendf(nil, `{"_id":"w%d","RequestName":"w%d","RequestStatus":"new"}`, i, i)))
		require.NoError(t, srv.Put(wmstatsDB, fmt.Appendf(nil, `{"_id":"vocms%d.cern.ch","type":%q,"workflow":"w%d","agent_url":"a%d"}`, i, types[i%3], i, i)))
	}
	require.NoError(t, srv.Put(requestDB, []byte(`{"_id":"old","RequestName":"old","RequestStatus":"normal-archived"}`)))
	require.NoError(t, srv.Put(wmstatsDB, []byte(`{"_id":"job","type":"jobsummary","workflow":"w1"}`)))
	require.NoError(t, srv.Put(wmstatsDB, []byte(`{"_id":"dead","type":"agent_request","workflow":"w1","agent_url":"a1"}`)))
	require.True(t, srv.Delete(wmstatsDB, "dead"))
	for _, path := range gone {
		srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + client.DatabaseName(db) + path}, Kind: couchfake.FailStatus, Status: http.StatusNotImplemented})
	}
	return srv, short, client
}

// wanted returns the ids of the documents of partial.
func wanted(db Database, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf(map[Database]string{Requests: "w%d", WMStats: "vocms%d.cern.ch"}[db], i))
	}
	slices.Sort(ids)
	return ids
}

// whole reads everything, requests missing documents by id, and returns the ids
// of all documents of interest that came.
func whole(t *testing.T, c *Client, db Database) (ids []string, way string, lacking int) {
	t.Helper()
	rows, way, err := rowsOf(t.Context(), c, db, "new")
	require.NoError(t, err)
	found, ask := map[string]bool{}, []string{}
	for _, r := range rows {
		switch {
		case r.Lacking():
			ask = append(ask, r.ID)
		case strings.Contains(string(r.Doc), `"new"`), strings.Contains(string(r.Doc), `"agent_`):
			found[r.ID] = true
		}
	}
	require.NoError(t, c.ByID(t.Context(), db, ask, func(r Row) error {
		require.NotEmpty(t, r.Doc, r.ID)
		found[r.ID] = true
		return nil
	}))
	return slices.Sorted(maps.Keys(found)), way, len(ask)
}

// waysOf lists the ways of each database, and what has to be missing for each to
// be used.
var waysOf = []struct {
	db   Database
	name string
	path string // of the answers that contain the documents
	gone []string
}{
	{Requests, "view", "/_design/", nil},
	{Requests, "Mango", "/_find", []string{"/_design/"}},
	{Requests, "scan", "/_all_docs", []string{"/_design/", "/_find"}},
	{WMStats, "view", "/_design/", nil},
	{WMStats, "changes", "/_changes", []string{"/_design/"}},
	{WMStats, "scan", "/_all_docs", []string{"/_design/", "/_changes"}},
}

// Answers of each way are well formed and leave documents out, whatever number
// they report. All ids are listed, and missing documents can be read by id.
func TestEachReadIsCheckedAgainstAList(t *testing.T) {
	const n = 24
	left := []string{"w3", "w4", "vocms3.cern.ch", "vocms4.cern.ch", "vocms7.cern.ch"}
	for _, w := range waysOf {
		for name, fault := range map[string]couchfake.Fault{
			"half of them":   {Kind: couchfake.HalveDB},
			"some left out":  {Kind: couchfake.OmitRow, IDs: left},
			"without faults": {Kind: couchfake.Delay},
		} {
			if w.name == "scan" && fault.Kind == couchfake.OmitRow {
				continue // it has fewer rows than it reports: a failure
			}
			t.Run(fmt.Sprint(w.db, " by ", w.name, ", ", name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv, _, c := partial(t, n, w.db, w.gone...)
					method := http.MethodPost
					if w.path == "/_design/" || w.name == "scan" { // but not of requests by id
						method = ""
					}
					if w.name == "scan" {
						method = http.MethodGet
					}
					fault.Match = couchfake.Match{Method: method, Path: "/" + c.DatabaseName(w.db) + w.path}
					at := srv.Misbehave(fault)
					got, way, lacking := whole(t, c, w.db)
					assert.Positive(t, at.Hits())
					assert.Equal(t, wanted(w.db, n), got)
					assert.Contains(t, way, w.name)
					if fault.Kind == couchfake.Delay {
						assert.Zero(t, lacking)
					} else {
						assert.Positive(t, lacking)
					}
				})
			})
		}
	}
}

// A view that ends after a number of rows, like one with a row limit in the
// server.
func TestAViewThatEndsEarly(t *testing.T) {
	const n = 12
	for _, db := range []Database{Requests, WMStats} {
		for rows := range 4 {
			for name, gone := range map[string][]string{
				"with a list": nil, "without changes": {"/_changes"}, "without a query": {"/_find"}, "without a list": {"/_changes", "/_find"},
			} {
				t.Run(fmt.Sprintf("%s, %d rows, %s", db, rows, name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						_, short, c := partial(t, n, db, gone...)
						short.rows = rows
						short.meets = func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/_view/") }
						got, way, _ := whole(t, c, db)
						assert.Equal(t, wanted(db, n), got)
						if name == "without a list" {
							assert.Contains(t, way, "scan", "the view's own number of rows shows it")
						}
					})
				})
			}
		}
	}
}

// Requesting many missing documents by id would cost as much as another read.
func TestAReadThatLacksManyTakesTheNextWay(t *testing.T) {
	const n = mostLacking + 10
	for db, next := range map[Database]string{Requests: "Mango", WMStats: "changes"} {
		t.Run(db.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, short, c := partial(t, n, db)
				short.rows = 3
				short.meets = func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/_view/") }
				got, way, lacking := whole(t, c, db)
				assert.Equal(t, wanted(db, n), got)
				assert.Contains(t, way, next)
				assert.Zero(t, lacking)
			})
		})
	}
}

// A list that fails, in any way, while the database answers does not fail the
// read.
func TestTheListFails(t *testing.T) {
	const n = 10
	for _, fault := range []couchfake.Fault{
		{Kind: couchfake.FailStatus}, {Kind: couchfake.FailStatus, Status: http.StatusNotImplemented}, {Kind: couchfake.Forbid}, {Kind: couchfake.Page},
		{Kind: couchfake.Cut, Bytes: 40}, {Kind: couchfake.CutInRow, Rows: 2}, {Kind: couchfake.ErrorRow, Rows: 2}, {Kind: couchfake.EndFeed, Rows: 0},
		{Kind: couchfake.TimeOut}, {Kind: couchfake.HalveDB}, {Kind: couchfake.EmptyDB}, {Kind: couchfake.RewindSeqs}, {Kind: couchfake.ForgetSeqs},
		{Kind: couchfake.NullSeq}, {Kind: couchfake.NullID}, {Kind: couchfake.TwiceRow}, {Kind: couchfake.Reorder}, {Kind: couchfake.FreezeAfter, Bytes: 30},
	} {
		for _, db := range []Database{Requests, WMStats} {
			for _, paths := range [][]string{{"/_changes"}, {"/_changes", "/_find"}} {
				t.Run(fmt.Sprint(db, " ", fault.Kind, fault.Status, " ", paths), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						srv, _, c := partial(t, n, db)
						for _, path := range paths {
							fault.Match = couchfake.Match{Path: "/" + c.DatabaseName(db) + path}
							defer srv.Misbehave(fault).Clear()
						}
						got, way, lacking := whole(t, c, db)
						assert.Equal(t, wanted(db, n), got)
						assert.Contains(t, way, "view")
						assert.Zero(t, lacking)
					})
				})
			}
		}
	}
}

// TestIDSet checks a set whose ids are all added before the first lookup.
func TestIDSet(t *testing.T) {
	s := newIDSet()
	assert.False(t, s.has("a"))
	for i := range 1000 {
		s.add(fmt.Sprint(i))
	}
	for i := range 1000 {
		assert.True(t, s.has(fmt.Sprint(i)))
		assert.False(t, s.has(fmt.Sprint(i, "x")))
	}
	s.add("a")
	s.add("7")
	assert.True(t, s.has("a"))
	assert.EqualValues(t, 1001, s.len())
}
