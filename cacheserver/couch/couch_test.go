package couch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
)

const (
	requestDB = "reqmgr_workload_cache"
	wmstatsDB = "wmstats"
)

// standIn starts a CouchDB stand-in and returns it with a client.
func standIn(t testing.TB, o couchfake.Options, change ...func(*Options)) (*couchfake.Server, *Client) {
	t.Helper()
	srv := couchfake.New(o)
	end, err := couchfake.Listen("127.0.0.1:0", srv)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.NoError(t, end.Refuse())
	})
	for _, db := range []string{requestDB, wmstatsDB, "wmstats_logdb"} {
		require.NoError(t, srv.Create(db))
	}
	return srv, dial(t, end.URL(), change...)
}

func put(t testing.TB, srv *couchfake.Server, db string, docs ...string) {
	t.Helper()
	for _, doc := range docs {
		require.NoError(t, srv.Put(db, []byte(doc)))
	}
}

func ids[R Row | Change](rows []R) []string {
	names := []string{}
	for _, r := range rows {
		switch r := any(r).(type) {
		case Row:
			names = append(names, r.ID)
		case Change:
			names = append(names, r.ID)
		}
	}
	return names
}

// fill puts some documents of each kind into the stand-in.
func fill(t testing.TB, srv *couchfake.Server) {
	put(t, srv, requestDB,
		`{"_id":"r1","RequestName":"r1","RequestStatus":"new"}`,
		`{"_id":"r2","RequestName":"r2","RequestStatus":"running-open"}`,
		`{"_id":"r3","RequestName":"r3","RequestStatus":"normal-archived"}`)
	put(t, srv, wmstatsDB,
		`{"_id":"a1-r2","type":"agent_request","workflow":"r2","agent_url":"a1","timestamp":1}`,
		`{"_id":"a1","type":"agent_info","agent_url":"a1","timestamp":1}`,
		`{"_id":"job-1","type":"jobsummary","workflow":"r2","task":"/r2/T","state":"jobfailed","exitcode":8021,"site":"T2_X","acdc_url":"u","agent_name":"a1","errors":{"cmsRun1":[{"type":"B"},{"type":"A"}]}}`)
}

// putDesign puts design documents into a database in the loader's form.
func putDesign(t testing.TB, srv *couchfake.Server, db string, names ...string) {
	t.Helper()
	docs, err := design.Documents()
	require.NoError(t, err)
	found := 0
	for _, d := range docs {
		if d.DB == db && slices.Contains(names, strings.TrimPrefix(d.ID, "_design/")) {
			require.NoError(t, srv.Put(db, d.JSON))
			found++
		}
	}
	require.Len(t, names, found)
}

func TestReadTakesTheBestWay(t *testing.T) {
	active := []string{"new", "running-open"}
	t.Run("views", func(t *testing.T) {
		srv, c := standIn(t, couchfake.Options{})
		fill(t, srv)
		putDesign(t, srv, requestDB, "ReqMgr")
		putDesign(t, srv, wmstatsDB, "WMStatsErl7")
		rows, way, err := rowsOf(t.Context(), c, Requests, active...)
		require.NoError(t, err)
		assert.Equal(t, "view ReqMgr/bystatus", way)
		assert.ElementsMatch(t, []string{"r1", "r2"}, ids(rows))
		rows, way, err = rowsOf(t.Context(), c, WMStats)
		require.NoError(t, err)
		assert.Equal(t, "views WMStatsErl7/latestRequest and agentInfo", way)
		assert.ElementsMatch(t, []string{"a1-r2", "a1"}, ids(rows))
	})
	t.Run("no design documents", func(t *testing.T) {
		srv, c := standIn(t, couchfake.Options{})
		fill(t, srv)
		rows, way, err := rowsOf(t.Context(), c, Requests, active...)
		require.NoError(t, err)
		assert.Equal(t, "Mango query by status", way)
		assert.ElementsMatch(t, []string{"r1", "r2"}, ids(rows))
		assert.Equal(t, `1-`, rows[0].Rev[:2])
		rows, way, err = rowsOf(t.Context(), c, WMStats)
		require.NoError(t, err)
		assert.Equal(t, "changes from the beginning, selected by type", way)
		assert.ElementsMatch(t, []string{"a1-r2", "a1"}, ids(rows))
	})
	t.Run("neither Mango nor selectors", func(t *testing.T) {
		srv, c := standIn(t, couchfake.Options{})
		fill(t, srv)
		srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: "POST", Path: "/" + requestDB + "/_find"}, Kind: couchfake.FailStatus, Status: 405})
		srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Method: "POST", Path: "/" + wmstatsDB + "/_changes"}, Kind: couchfake.FailStatus, Status: 501})
		for db, want := range map[Database][]string{Requests: {"r1", "r2", "r3"}, WMStats: {"a1-r2", "a1", "job-1"}} {
			rows, way, err := rowsOf(t.Context(), c, db, active...)
			require.NoError(t, err)
			assert.Equal(t, "scan of all documents", way)
			assert.ElementsMatch(t, want, ids(rows))
		}
	})
	t.Run("a view server that gives up", func(t *testing.T) {
		// As CouchDB 3.5.0 answered when a document of 7.5 MB blocked the view.
		const gaveUp = `{"error":"os_process_error","reason":"OS process timed out."}`
		c := answers(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if strings.Contains(r.URL.Path, "/_design/") {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = fmt.Fprint(w, gaveUp)
				return
			}
			_, _ = fmt.Fprint(w, "{\"docs\":[\r\n{\"_id\":\"r1\",\"_rev\":\"1-a\"}\r\n]}\n")
		})
		rows, way, err := rowsOf(t.Context(), c, Requests, active...)
		require.NoError(t, err)
		assert.Equal(t, "Mango query by status", way)
		assert.Equal(t, []string{"r1"}, ids(rows))
	})
	t.Run("one failure does not lead to a more expensive way", func(t *testing.T) {
		srv, c := standIn(t, couchfake.Options{BuiltinViews: true})
		fill(t, srv)
		srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB + "/_design"}, Kind: couchfake.FailStatus, Status: 500, Times: 1})
		_, way, err := rowsOf(t.Context(), c, Requests, active...)
		require.NoError(t, err)
		assert.Equal(t, "view ReqMgr/bystatus", way)
	})
	t.Run("nor does a failure of the whole server", func(t *testing.T) {
		srv, c := standIn(t, couchfake.Options{BuiltinViews: true})
		fill(t, srv)
		fault := srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB}, Kind: couchfake.FailStatus, Status: 500})
		_, _, err := rowsOf(t.Context(), c, Requests, active...)
		require.ErrorIs(t, err, ErrServer)
		assert.Equal(t, 3, fault.Hits(), "the view, and whether the database answers, once for each decision")
	})
}

func TestErrorsHaveKinds(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		kind   error
		public string
	}{
		"401":        {401, `{"error":"unauthorized","reason":"Name or password is incorrect."}`, ErrUnauthorized, "the database server refuses the credentials"},
		"403":        {403, `{"error":"forbidden","reason":"no"}`, ErrForbidden, "the database server denies read access"},
		"database":   {404, `{"error":"not_found","reason":"Database does not exist."}`, ErrNoDatabase, "a database does not exist"},
		"since":      {400, `{"error":"bad_request","reason":"Malformed sequence supplied in 'since' parameter."}`, ErrSeqUnknown, "the database server no longer knows the position; a full read is needed"},
		"500":        {500, `oops`, ErrServer, "the database server answers with status 500"},
		"503":        {503, ``, ErrServer, "the database server answers with status 503"},
		"login page": {200, `<html>`, ErrForm, "the answer is not that of a CouchDB server"},
	} {
		t.Run(name, func(t *testing.T) {
			cl := says(t, c.status, c.body)
			_, err := changesOf(t.Context(), cl, Requests, "5-x", FeedOptions{Once: true})
			require.ErrorIs(t, err, c.kind)
			assert.Equal(t, c.public, Public(err))
			assert.NotContains(t, err.Error(), "127.0.0.1")
			if !errors.Is(c.kind, ErrSeqUnknown) {
				_, err = cl.Position(t.Context(), Requests)
				require.ErrorIs(t, err, c.kind)
				_, err = cl.Name(t.Context())
				require.ErrorIs(t, err, c.kind)
			}
		})
	}
}

func TestErrorsOfConnections(t *testing.T) {
	end, err := couchfake.Listen("127.0.0.1:0", http.NotFoundHandler())
	require.NoError(t, err)
	require.NoError(t, end.Refuse())
	c := dial(t, "http://user:hidden@"+end.Addr())
	_, err = c.Position(t.Context(), Requests)
	require.ErrorIs(t, err, ErrUnreachable)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.Equal(t, "connection to the database server refused", Public(err))
	assert.NotContains(t, err.Error(), "hidden")
	_, err = changesOf(t.Context(), c, Requests, "", FeedOptions{})
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.NotContains(t, err.Error(), "hidden")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = changesOf(ctx, c, Requests, "", FeedOptions{})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "the read was stopped", Public(err))
	assert.Equal(t, "the source can't be read", Public(errors.New("http://user:secret@host/path")))
}

func TestACallThatTakesTooLongEnds(t *testing.T) {
	c := answers(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}, func(o *Options) { o.CallTimeout = 30 * time.Millisecond })
	_, err := c.Position(t.Context(), WMStats)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, "the database server took too long", Public(err))
}

func TestNewReportsAllInvalidOptions(t *testing.T) {
	for url, want := range map[string][]string{
		"":                              {"must be http"},
		"ftp://u:secret@host":           {"must be http"},
		"http://u:secret@[":             {"can't be parsed"},
		"http://h?u=secret":             {"query or fragment"},
		"http://127.0.0.1:5984/ok/here": nil,
	} {
		_, err := New(Options{URL: url, Heartbeat: -1})
		for _, w := range append(want, "Heartbeat must not be negative") {
			require.ErrorContains(t, err, w, url)
		}
		assert.NotContains(t, err.Error(), "secret")
	}
	_, err := New(Options{URL: "http://h", Password: "x"})
	require.ErrorContains(t, err, "without a user")
}

func TestNameAndPosition(t *testing.T) {
	_, plain := standIn(t, couchfake.Options{})
	name, err := plain.Name(t.Context())
	require.NoError(t, err)
	assert.Equal(t, plain.PublicURL(), name)

	var day atomic.Int64 // databases are told apart by the second of their creation
	srv, c := standIn(t, couchfake.Options{User: "u", Password: "p", Vendor: map[string]any{"name": "mock", "seed": 7},
		Now: func() time.Time { return time.Unix(86400*day.Add(1), 0) }},
		func(o *Options) { o.User, o.Password = "u", "p" })
	name, err = c.Name(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "mock seed 7", name)

	first, err := c.Position(t.Context(), Requests)
	require.NoError(t, err)
	put(t, srv, requestDB, `{"_id":"r1"}`)
	second, err := c.Position(t.Context(), Requests)
	require.NoError(t, err)
	assert.NotEqual(t, first.Seq, second.Seq)
	assert.Equal(t, first.Instance, second.Instance)
	changes, err := changesOf(t.Context(), c, Requests, first.Seq, FeedOptions{Once: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"r1", ""}, ids(changes), "the last change only moves the position")
	srv.Drop(requestDB)
	_, err = c.Position(t.Context(), Requests)
	require.ErrorIs(t, err, ErrNoDatabase)
	put(t, srv, requestDB, `{"_id":"r1"}`)
	third, err := c.Position(t.Context(), Requests)
	require.NoError(t, err)
	assert.NotEqual(t, first.Instance, third.Instance)
}

func TestDocuments(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{})
	fill(t, srv)
	require.True(t, srv.Delete(wmstatsDB, "a1"))
	rows, err := c.Documents(t.Context(), WMStats, []string{"a1-r2", "a1", "nosuch"}, bytes.Clone)
	require.NoError(t, err)
	require.Len(t, rows, 3)
	assert.Contains(t, string(rows[0].Doc), `"agent_request"`)
	assert.Equal(t, []bool{true, false}, []bool{rows[1].Deleted, rows[1].Missing})
	assert.Equal(t, "nosuch", rows[2].ID)
	assert.True(t, rows[2].Missing)
	rows, err = c.Documents(t.Context(), WMStats, nil, bytes.Clone)
	require.NoError(t, err)
	assert.Empty(t, rows)
}

// FuzzRows: no input makes the row parser panic or hang.
func FuzzRows(f *testing.F) {
	f.Add("{\"rows\":[\r\n{\"id\":\"a\"},\r\n{\"id\":\"b\"}\r\n]}\n")
	f.Add("{\"seq\":1,\"id\":\"x\",\"changes\":[]}\n{\"last_seq\":1}\n")
	f.Fuzz(func(_ *testing.T, answer string) {
		_, _, _, _ = collect(over(strings.NewReader(answer)))
		_ = over(strings.NewReader(answer)).continuousFeed(func(Change, error) bool { return true }, func() {}, func() bool { return false })
	})
}

func ExamplePublic() {
	fmt.Println(Public(&Error{Op: "read requests", Kind: ErrServer, Status: 502, Reason: "http://internal/path"}))
	// Output: the database server answers with status 502
}

// The server selects by the requested statuses: by the keys of the view,
// whatever the name of its design document, and by Mango's selector. Nothing
// else is transferred.
func TestReadSelectsStatusesAtTheServer(t *testing.T) {
	for way, design := range map[string]string{"view ReqMgr/bystatus": "", "view T0Request/bystatus": "T0Request", "Mango query by status": "None"} {
		t.Run(way, func(t *testing.T) {
			srv, client := standIn(t, couchfake.Options{BuiltinViews: true}, func(o *Options) { o.Design = design })
			for i, status := range []string{"new", "acquired", "Processing Done", "normal-archived", "acquired"} {
				put(t, srv, requestDB, fmt.Sprintf(`{"_id":"r%d","RequestStatus":%q}`, i, status))
			}
			for _, asked := range [][]string{{"acquired"}, {"new", "Processing Done"}, {"normal-archived", "new", "acquired"}} {
				found := map[string]bool{}
				used, err := client.Read(t.Context(), Requests, asked, func(r Row) error {
					var doc struct{ RequestStatus string }
					require.NoError(t, json.Unmarshal(r.Doc, &doc))
					require.Contains(t, asked, doc.RequestStatus, r.ID)
					found[doc.RequestStatus] = true
					return nil
				})
				require.NoError(t, err)
				assert.Equal(t, way, used)
				assert.Len(t, found, len(asked))
			}
		})
	}
}

// Each text for people has a short name for metrics, from a closed set.
func TestReasons(t *testing.T) {
	list := Reasons()
	for want, err := range map[string]error{
		"unauthorized": &Error{Kind: ErrUnauthorized}, "locked": &Error{Kind: ErrUnauthorized, Reason: "Account is temporarily locked due to multiple authentication failures"},
		"server": &Error{Kind: ErrServer, Status: 503}, "cut": &Error{Kind: ErrCut}, "connection_refused": &Error{Kind: ErrUnreachable, Err: syscall.ECONNREFUSED},
		"unreachable": &Error{Kind: ErrUnreachable}, "timeout": &Error{Kind: ErrUnreachable, Err: context.DeadlineExceeded}, "other": errors.New("anything"),
	} {
		assert.Equal(t, want, Reason(Public(err)))
		assert.Contains(t, list, want)
	}
	for _, f := range failures() {
		assert.Equal(t, f.reason, Reason(f.text))
	}
	assert.Len(t, list, len(failures())+2)
}
