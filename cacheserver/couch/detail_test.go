package couch

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/raw"
)

func TestDetail(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{})
	fill(t, srv)
	putDesign(t, srv, wmstatsDB, "WMStatsErl3")
	put(t, srv, wmstatsDB, `{"_id":"job-2","type":"jobsummary","workflow":"r2","task":"/r2/T","state":"jobfailed","exitcode":8021,"site":"T2_X","acdc_url":"u","agent_name":"a1","errors":{"cmsRun1":[{"type":"A"},{"type":"B"}]}}`)

	got, err := c.Detail(t.Context(), "r2", []string{"a1-r2", "gone-r2"})
	require.NoError(t, err)
	body, ok := srv.Doc(requestDB, "r2")
	require.True(t, ok)
	req, err := raw.DecodeReqMgr(body)
	require.NoError(t, err)
	body, ok = srv.Doc(wmstatsDB, "a1-r2")
	require.True(t, ok)
	work, err := raw.DecodeReport(body)
	require.NoError(t, err)
	want := raw.Flatten(req, []*raw.ReportDoc{work})
	want.SetErrors([]schema.JobError{{Workflow: "r2", Task: "/r2/T", State: "jobfailed", ExitCode: 8021, Site: "T2_X", Agent: "a1", ErrorTypes: "A;B", Count: 2}}, "")
	assert.Equal(t, want, got)
}

func TestDetailReportsMissingParts(t *testing.T) {
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

func TestDetailWaitsForNoIndex(t *testing.T) { synctest.Test(t, testDetailWaitsForNoIndex) }

func testDetailWaitsForNoIndex(t *testing.T) {
	srv := filled(t, couchfake.Options{BuiltinViews: true})
	c := inMemory(t, srv, nil)
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

func TestLogEntries(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{})
	putDesign(t, srv, "wmstats_logdb", "LogDB")
	put(t, srv, "wmstats_logdb",
		`{"_id":"l1","request":"r1","identifier":"a1","thr":"JobSubmitter","type":"agent-error","messages":[{"ts":10.5,"msg":"older"},{"ts":30,"msg":"newest"}]}`,
		`{"_id":"l2","request":"r1","identifier":"svc","thr":"main","type":"info","messages":[{"ts":20,"msg":"middle"}]}`,
		`{"_id":"l3","request":"other","identifier":"svc","thr":"main","type":"info","messages":[{"ts":20,"msg":"no"}]}`)
	got, err := c.LogEntries(t.Context(), "r1")
	require.NoError(t, err)
	assert.Equal(t, []schema.LogEntry{
		{Workflow: "r1", Reporter: "a1", Thread: "JobSubmitter", Type: "agent-error", Time: 30, Message: "newest"},
		{Workflow: "r1", Reporter: "svc", Thread: "main", Type: "info", Time: 20, Message: "middle"},
		{Workflow: "r1", Reporter: "a1", Thread: "JobSubmitter", Type: "agent-error", Time: 10, Message: "older"},
	}, got)
	got, err = c.LogEntries(t.Context(), "nosuch")
	require.NoError(t, err)
	assert.Empty(t, got)

	put(t, srv, "wmstats_logdb", `{"_id":"l4","request":"r2","identifier":"a2","thr":"T","type":"error","messages":[]}`, `{"_id":"l5","messages":[]}`)
	var groups []schema.LogGroup
	require.NoError(t, c.AllLogEntries(t.Context(), func(workflow string) bool { return workflow != "other" }, func(entries []schema.LogEntry) error {
		g, ok := schema.GroupLogs(entries)
		assert.True(t, ok)
		groups = append(groups, g)
		return nil
	}))
	assert.Equal(t, []schema.LogGroup{
		{Workflow: "r1", Reporter: "a1", Thread: "JobSubmitter", Type: "agent-error", Count: 2, Time: 30, Message: "newest"},
		{Workflow: "r1", Reporter: "svc", Thread: "main", Type: "info", Count: 1, Time: 20, Message: "middle"},
	}, groups)
	stop := errors.New("stop")
	require.ErrorIs(t, c.AllLogEntries(t.Context(), func(string) bool { return true }, func([]schema.LogEntry) error { return stop }), stop)
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

// Behind the front end the view has another name; the one that answered is tried
// first the next time.
func TestJobViewByItsOtherName(t *testing.T) {
	var asked []string
	refused := 0
	c := answers(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("group_level") {
			asked = append(asked, strings.Split(r.URL.Path, "/")[3])
		}
		w.Header().Set("Content-Type", "application/json")
		if !strings.Contains(r.URL.Path, "_design/WMStats/") {
			refused++
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, `{"error":"not_found","reason":"missing"}`)
			return
		}
		_, _ = fmt.Fprint(w, "{\"rows\":[\r\n"+`{"key":["r2","/r2/T","jobfailed",1,"T2_X","u","a1",["A"]],"value":2},`+"\r\n"+
			`{"key":["r2","/r2/T","jobfailed",1,"T2_X","other","a1:9999",["A","A"]],"value":5}`+"\r\n]}\n")
	})
	for range 2 {
		got, err := c.JobErrors(t.Context(), "r2")
		require.NoError(t, err)
		assert.Equal(t, []schema.JobError{{Workflow: "r2", Task: "/r2/T", State: "jobfailed", ExitCode: 1, Site: "T2_X", Agent: "a1", ErrorTypes: "A", Count: 7}},
			got, "groups with equal records are merged")
	}
	assert.Equal(t, []string{"WMStats", "WMStats"}, asked)
	assert.Equal(t, 1, refused)
}

func TestSharesOfGroups(t *testing.T) {
	groups := func(counts ...int64) (list []jobGroup) {
		for _, n := range counts {
			list = append(list, jobGroup{JobError: schema.JobError{Count: n}})
		}
		return list
	}
	assert.Equal(t, []int{10, 1, 1}, shareOut(groups(50, 1, 1), 100))
	assert.Equal(t, []int{2, 1, 1}, shareOut(groups(50, 3, 1), 4))
	assert.Equal(t, []int{1, 1, 0}, shareOut(groups(50, 3, 1), 2))
	assert.Equal(t, []int{}, shareOut(groups(), 5))
	assert.Equal(t, []int{0}, shareOut(groups(0), 5))
}
