package couchfake_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// as sends a request with a name and a password.
func (s *server) as(user, password, path string) (status int, reason string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.URL()+path, http.NoBody)
	require.NoError(s.t, err)
	req.SetBasicAuth(user, password)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	return resp.StatusCode, readAll(s.t, resp.Body).Get("reason").String()
}

func TestPasswordChange(t *testing.T) {
	s := start(t, couchfake.Options{User: "wm", Password: "old"})
	s.put("db", numbered(3)...)
	status, _ := s.as("wm", "old", "/db")
	require.Equal(t, http.StatusOK, status)
	s.SetLogin("wm", "new")
	status, reason := s.as("wm", "old", "/db")
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Equal(t, "Name or password is incorrect.", reason)
	status, _ = s.as("wm", "new", "/db")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, couchfake.Logins{Wrong: 1}, s.Logins())
}

// TestLockout: as in CouchDB, five wrong passwords lock the name for five
// minutes from the first, for the right password too; requests while it is
// locked do not prolong it.
func TestLockout(t *testing.T) {
	now := time.Now()
	s := start(t, couchfake.Options{User: "wm", Password: "right", Now: func() time.Time { return now }})
	for range 5 {
		status, _ := s.as("wm", "wrong", "/")
		require.Equal(t, http.StatusUnauthorized, status)
	}
	now = now.Add(4*time.Minute + 59*time.Second)
	status, reason := s.as("wm", "right", "/")
	assert.Equal(t, http.StatusForbidden, status)
	assert.Equal(t, "Account is temporarily locked due to multiple authentication failures", reason)
	assert.Equal(t, couchfake.Logins{Wrong: 5, Locked: 1}, s.Logins())
	status, _ = s.as("other", "wrong", "/")
	assert.Equal(t, http.StatusUnauthorized, status, "another name is not locked")
	now = now.Add(time.Second)
	status, _ = s.as("wm", "right", "/")
	assert.Equal(t, http.StatusOK, status)
}

func TestLockoutEndsWithTheNewPassword(t *testing.T) {
	s := start(t, couchfake.Options{User: "wm", Password: "right", Lockout: 1})
	status, _ := s.as("wm", "wrong", "/")
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = s.as("wm", "right", "/")
	require.Equal(t, http.StatusForbidden, status)
	s.SetLogin("wm", "new")
	status, _ = s.as("wm", "new", "/")
	assert.Equal(t, http.StatusOK, status)
}

// TestIndexBuild: the first query begins the build, queries that wait too long
// get a timeout, and _active_tasks reports the progress.
func TestIndexBuild(t *testing.T) {
	s := start(t, couchfake.Options{BuiltinViews: true})
	s.put("requests", `{"_id":"a","RequestStatus":"new"}`, `{"_id":"b","RequestStatus":"new"}`)
	assert.Empty(t, s.get("/_active_tasks").Array())
	s.BuildIndex(couchfake.IndexBuild{Database: "requests", Design: "ReqMgr", Takes: time.Hour, Timeout: time.Millisecond})
	assert.Empty(t, s.get("/_active_tasks").Array(), "nobody has requested it")
	status, body := s.do("GET", "/requests/_design/ReqMgr/_view/bystatus?limit=0", "")
	require.Equal(t, http.StatusInternalServerError, status)
	assert.Equal(t, "timeout", gjson.Get(body, "error").String())
	assert.Equal(t, int64(0), s.get("/requests/_design/ReqMgr/_view/bystatus?update=false").Get("total_rows").Int())
	tasks := s.get("/_active_tasks").Array()
	require.Len(t, tasks, 2, "one for each shard")
	assert.Equal(t, "indexer", tasks[0].Get("type").String())
	assert.Equal(t, "_design/ReqMgr", tasks[0].Get("design_document").String())
	assert.Regexp(t, `^shards/[0-9a-f]{8}-[0-9a-f]{8}/requests\.\d+$`, tasks[1].Get("database").String())
	assert.Equal(t, int64(1), tasks[0].Get("total_changes").Int())
	s.BuildIndex(couchfake.IndexBuild{Database: "requests", Design: "ReqMgr", Takes: 10 * time.Millisecond})
	assert.Equal(t, int64(2), s.get("/requests/_design/ReqMgr/_view/bystatus").Get("total_rows").Int(), "the query waits for the index")
	assert.Empty(t, s.get("/_active_tasks").Array())
}

func TestIndexBuildIsSharedByTheNameOfTheFrontEnd(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", `{"_id":"_design/WMStatsErl7","views":{"latestRequest":{"map":"x"}}}`)
	s.BuildIndex(couchfake.IndexBuild{Database: "db", Design: "WMStatsErl7", Takes: time.Hour, Timeout: time.Millisecond})
	status, _ := s.do("GET", "/db/_design/WMStats/_view/latestRequest", "")
	assert.Equal(t, http.StatusInternalServerError, status)
}

func TestActiveTasksAreForAdministrators(t *testing.T) {
	s := start(t, couchfake.Options{User: "wm", Password: "pw", NotAdmin: true})
	status, reason := s.as("wm", "pw", "/_active_tasks")
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Equal(t, "You are not a server admin.", reason)
	assert.Equal(t, couchfake.Logins{}, s.Logins())
}

// TestDeletedDesignDocument: CouchDB's reason differs from the one for a design
// document that never existed.
func TestDeletedDesignDocument(t *testing.T) {
	s := start(t, couchfake.Options{})
	s.put("db", `{"_id":"_design/ReqMgr","views":{"bystatus":{"map":"x"}}}`)
	s.get("/db/_design/ReqMgr/_view/bystatus")
	require.True(t, s.Delete("db", "_design/ReqMgr"))
	status, body := s.do("GET", "/db/_design/ReqMgr/_view/bystatus", "")
	assert.Equal(t, http.StatusNotFound, status)
	assert.JSONEq(t, `{"error":"not_found","reason":"deleted"}`, body)
}

func TestFaultsThatRefuse(t *testing.T) {
	s := start(t, couchfake.Options{BuiltinViews: true})
	s.put("db", `{"_id":"a","RequestStatus":"new"}`)
	view := "/db/_design/ReqMgr/_view/bystatus"
	for _, tc := range []struct {
		fault  couchfake.Fault
		status int
		body   string
	}{
		{couchfake.Fault{Kind: couchfake.TimeOut}, 500, `{"error":"timeout","reason":"The request could not be processed in a reasonable amount of time."}`},
		{couchfake.Fault{Kind: couchfake.Forbid}, 403, `{"error":"forbidden","reason":"You are not allowed to access this db."}`},
		{couchfake.Fault{Kind: couchfake.FailStatus, Status: 501, Error: "not_implemented", Reason: "no"}, 501, `{"error":"not_implemented","reason":"no"}`},
		{couchfake.Fault{Kind: couchfake.FailStatus}, 500, `{"error":"internal_server_error","reason":"made to fail"}`},
	} {
		tc.fault.Match.Path = view
		active := s.Misbehave(tc.fault)
		status, body := s.do("GET", view, "")
		assert.Equal(t, tc.status, status)
		assert.JSONEq(t, tc.body, body)
		active.Clear()
		s.get(view)
	}
}
