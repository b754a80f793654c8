package couch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/schema"
)

func TestDetail(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{})
	fill(t, srv)
	putDesign(t, srv, wmstatsDB, "WMStatsErl3")
	put(t, srv, wmstatsDB, `{"_id":"job-2","type":"jobsummary","workflow":"r2","task":"/r2/T","state":"jobfailed","exitcode":8021,"site":"T2_X","acdc_url":"u","agent_name":"a1","errors":{"cmsRun1":[{"type":"A"},{"type":"B"}]}}`)

	got, err := c.Detail(t.Context(), "r2", []string{"a1-r2", "gone-r2"})
	require.NoError(t, err)
	raw, ok := srv.Doc(requestDB, "r2")
	require.True(t, ok)
	req, err := schema.DecodeReqMgr(raw)
	require.NoError(t, err)
	raw, ok = srv.Doc(wmstatsDB, "a1-r2")
	require.True(t, ok)
	work, err := schema.DecodeAgent(raw)
	require.NoError(t, err)
	want := schema.Flatten(req, []*schema.AgentDoc{work})
	want.ErrorsState = "loaded"
	want.Errors = []schema.JobError{{Workflow: "r2", Task: "/r2/T", State: "jobfailed", ExitCode: 8021, Site: "T2_X", Agent: "a1", ErrorTypes: "A;B", Count: 2}}
	assert.Equal(t, want, got)
}

func TestDetailTellsWhatIsMissing(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{})
	fill(t, srv)
	state := func() string {
		d, err := c.Detail(t.Context(), "r1", nil)
		require.NoError(t, err)
		assert.NotNil(t, d.Errors)
		return d.ErrorsState
	}
	assert.Equal(t, "not_loaded", state(), "no view")
	putDesign(t, srv, wmstatsDB, "WMStatsErl3")
	assert.Equal(t, "none", state())
	fault := srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + wmstatsDB + "/_design"}, Kind: couchfake.FailStatus})
	assert.Equal(t, "failed", state())
	fault.Clear()

	require.True(t, srv.Delete(requestDB, "r1"))
	_, err := c.Detail(t.Context(), "r1", nil)
	require.ErrorIs(t, err, ErrGone)
	_, err = c.Detail(t.Context(), "nosuch", nil)
	require.ErrorIs(t, err, ErrNotFound)
	require.NotErrorIs(t, err, ErrGone)
	_, err = c.Detail(t.Context(), "", nil)
	require.ErrorIs(t, err, ErrNotFound)
	srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + requestDB}, Kind: couchfake.FailStatus})
	_, err = c.Detail(t.Context(), "r2", nil)
	require.ErrorIs(t, err, ErrServer)
}

func TestDetailWaitsForNoIndex(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{BuiltinViews: true}, func(o *Options) { o.CallTimeout = 300 * time.Millisecond })
	fill(t, srv)
	srv.Misbehave(couchfake.Fault{Match: couchfake.Match{Path: "/" + wmstatsDB + "/_design"}, Kind: couchfake.Freeze})
	d, err := c.Detail(t.Context(), "r2", nil)
	require.NoError(t, err)
	assert.Equal(t, "failed", d.ErrorsState)
}

func TestJobErrorsAnswerThatBreaksOff(t *testing.T) {
	row := `{"key":["r2","/r2/T","jobfailed",1,"T2_X","u","a1",["A"]],"value":2}`
	for name, c := range map[string]struct {
		body string
		kind error
	}{
		"error row": {"{\"rows\":[\r\n" + row + ",\r\n{\"error\":\"timeout\",\"reason\":\"x\"}\r\n]}\n", ErrRow},
		"cut":       {"{\"rows\":[\r\n" + row + ",\r\n", ErrCut},
		"cut later": {"{\"rows\":[\r\n" + row, ErrCut},
		"no JSON":   {"<html>", ErrForm},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := says(t, 200, c.body).JobErrors(t.Context(), "r2")
			require.ErrorIs(t, err, c.kind)
		})
	}
}

func TestJobErrorKeys(t *testing.T) {
	for name, c := range map[string]struct {
		key  string
		want schema.JobError
	}{
		"usual":        {`["w","/w/T","jobfailed",8021,"T2_X","u","a",["B","A"]]`, schema.JobError{Workflow: "w", Task: "/w/T", State: "jobfailed", ExitCode: 8021, Site: "T2_X", Agent: "a", ErrorTypes: "A;B", Count: 3}},
		"nulls":        {`["w","/w/T","submitfailed",null,null,null,null,[]]`, schema.JobError{Workflow: "w", Task: "/w/T", State: "submitfailed", Site: "(unknown)", Count: 3}},
		"objects":      {`["w","/w/T","s","99",{},"u","a","One"]`, schema.JobError{Workflow: "w", Task: "/w/T", State: "s", ExitCode: 99, Site: "(unknown)", Agent: "a", ErrorTypes: "One", Count: 3}},
		"short":        {`["w"]`, schema.JobError{Workflow: "w", Site: "(unknown)", Count: 3}},
		"unknown site": {`["w","t","s",1.5,"NA","u","a",[]]`, schema.JobError{Workflow: "w", Task: "t", State: "s", ExitCode: 1, Site: "(unknown)", Agent: "a", Count: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			var key []json.RawMessage
			require.NoError(t, json.Unmarshal([]byte(c.key), &key))
			assert.Equal(t, c.want, jobError(key, "3"))
		})
	}
}

func TestLogEntries(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{})
	putDesign(t, srv, "wmstats_logdb", "LogDB")
	put(t, srv, "wmstats_logdb",
		`{"_id":"l1","request":"r1","identifier":"a1","thr":"JobSubmitter","type":"agent-error","messages":[{"ts":10.5,"msg":"older"},{"ts":30,"msg":"newest"}]}`,
		`{"_id":"l2","request":"r1","identifier":"svc","thr":"main","type":"info","messages":[{"ts":20,"msg":"middle"}]}`,
		`{"_id":"l3","request":"other","identifier":"svc","thr":"main","type":"info","messages":[{"ts":20,"msg":"no"}]}`)
	got, err := c.LogEntries(t.Context(), "r1")
	require.NoError(t, err)
	assert.Equal(t, []LogEntry{
		{"r1", "a1", "JobSubmitter", "agent-error", 30, "newest"},
		{"r1", "svc", "main", "info", 20, "middle"},
		{"r1", "a1", "JobSubmitter", "agent-error", 10, "older"},
	}, got)
	got, err = c.LogEntries(t.Context(), "nosuch")
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestDetailLeavesOutAnUnusableAgentDocument(t *testing.T) {
	c := answers(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/" + requestDB + "/r2":
			w.Header().Set("ETag", `"1-a"`)
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, `{"_id":"r2","_rev":"1-a","RequestName":"r2","RequestStatus":"new"}`)
		case "/" + wmstatsDB + "/_all_docs":
			_, _ = fmt.Fprint(w, "{\"rows\":[\r\n"+
				`{"id":"x","key":"x","value":{"rev":"1-a"},"doc":{"_id":"x","type":"agent_request","status":{}}},`+"\r\n"+
				`{"id":"a1-r2","key":"a1-r2","value":{"rev":"1-a"},"doc":{"_id":"a1-r2","type":"agent_request","workflow":"r2","agent_url":"a1","status":{"success":4}}}`+"\r\n]}\n")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	d, err := c.Detail(t.Context(), "r2", []string{"x", "a1-r2"})
	require.NoError(t, err)
	require.Len(t, d.Agents, 1)
	assert.EqualValues(t, 4, d.Success)
}
