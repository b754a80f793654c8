package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/schema"
)

const (
	waitFor  = time.Minute
	tick     = 2 * time.Millisecond
	password = "s3cret-of-couch"
)

// couch is a stand-in with both databases that requires a password.
func couch(t *testing.T) (fake *couchfake.Server, url string) { return couchAt(t, time.Now) }

func couchAt(t *testing.T, now func() time.Time) (fake *couchfake.Server, url string) {
	t.Helper()
	fake = couchfake.New(couchfake.Options{User: "reader", Password: password, BuiltinViews: true, Now: now})
	for _, db := range []string{"reqmgr_workload_cache", "wmstats"} {
		require.NoError(t, fake.Create(db))
	}
	server := httptest.NewServer(fake)
	t.Cleanup(func() {
		require.NoError(t, fake.Close())
		server.CloseClientConnections()
		server.Close()
	})
	return fake, server.URL
}

func put(t *testing.T, fake *couchfake.Server, db string, docs ...string) {
	t.Helper()
	for _, d := range docs {
		require.NoError(t, fake.Put(db, []byte(d)))
	}
}

func request(name, status string, priority int) string {
	return fmt.Sprintf(`{"_id":%q,"RequestName":%q,"RequestType":"TaskChain","RequestStatus":%q,"RequestPriority":%d,"Campaign":"Run3",
		"RequestTransition":[{"Status":"new","UpdateTime":1795000000},{"Status":%q,"UpdateTime":1795000100}]}`, name, name, status, priority, status)
}

func agentRequest(name string, success int) string {
	return fmt.Sprintf(`{"_id":"agent-%s","type":"agent_request","workflow":%q,"agent_url":"vocms1.cern.ch:9999","agent":"WMAgent","timestamp":1795000200,
		"status":{"success":%d,"inWMBS":100},"sites":{"T2_CH_CERN":{"success":%d}},
		"tasks":{"/%s/GEN":{"jobtype":"Production","status":{"success":%d},"sites":{"T2_CH_CERN":{"success":%d}}}}}`, name, name, success, success, name, success, success)
}

// logBuffer is a log that may be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// options are those of a test, with its own port.
func options(t *testing.T, couchURL string, log io.Writer) app.Options {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte(password+"\n"), 0o600))
	o := app.Defaults()
	o.Listen, o.CouchURL, o.CouchUser, o.CouchPasswordFile = "127.0.0.1:0", couchURL, "reader", file
	o.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return o
}

func start(t *testing.T, o app.Options) *app.App {
	t.Helper()
	a, err := app.New(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), waitFor)
		defer cancel()
		http.DefaultClient.CloseIdleConnections() // waits for open connections
		assert.NoError(t, a.Stop(ctx))
	})
	return a
}

func get(t *testing.T, addr, path string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(raw)
}

func ready(t *testing.T, addr string) {
	t.Helper()
	require.Eventually(t, func() bool { status, _ := get(t, addr, "/readyz"); return status == 200 }, waitFor, tick)
}

func workflow(t *testing.T, addr, name string) (w schema.Workflow, ok bool) {
	t.Helper()
	status, body := get(t, addr, "/fetch?name="+name)
	require.Equal(t, 200, status, body)
	var list []schema.Workflow
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	if len(list) == 0 {
		return w, false
	}
	return list[0], true
}

func TestDocumentsBecomeAnswers(t *testing.T) {
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "running-open", 10), request("wf2", "acquired", 20))
	put(t, fake, "wmstats", agentRequest("wf1", 30))
	var log logBuffer
	a := start(t, options(t, url, &log))
	ready(t, a.Addr())

	w, ok := workflow(t, a.Addr(), "wf1")
	require.True(t, ok)
	assert.Equal(t, []any{"running-open", int64(10), int64(30), "Run3"}, []any{w.Status, w.Priority, w.Success, w.Campaign})
	assert.Equal(t, []string{"vocms1.cern.ch"}, w.Agents)
	assert.Equal(t, []string{"T2_CH_CERN"}, w.Sites)

	status, body := get(t, a.Addr(), "/fetch/wf1")
	require.Equal(t, 200, status, body)
	var detail schema.Detail
	require.NoError(t, json.Unmarshal([]byte(body), &detail))
	require.Len(t, detail.Tasks, 1)
	assert.Equal(t, int64(30), detail.Tasks[0].Success)
	assert.Len(t, detail.Transitions, 2)

	// Changes arrive without any request.
	put(t, fake, "reqmgr_workload_cache", request("wf3", "new", 5))
	put(t, fake, "wmstats", agentRequest("wf1", 31))
	require.Eventually(t, func() bool {
		w, _ := workflow(t, a.Addr(), "wf1")
		_, ok := workflow(t, a.Addr(), "wf3")
		return ok && w.Success == 31
	}, waitFor, tick)
	_, body = get(t, a.Addr(), "/fetch/wf1")
	assert.Contains(t, body, `"Success":31`)
	require.True(t, fake.Delete("reqmgr_workload_cache", "wf2"))
	require.Eventually(t, func() bool { _, ok := workflow(t, a.Addr(), "wf2"); return !ok }, waitFor, tick)

	// An invalid document is listed and affects nothing else.
	began := time.Now().Unix()
	seen := func(count int64) (q api.Quarantined) {
		require.Eventually(t, func() bool {
			_, body := get(t, a.Addr(), "/quarantine")
			var list []api.Quarantined
			require.NoError(t, json.Unmarshal([]byte(body), &list))
			if len(list) == 1 {
				q = list[0]
			}
			return q.Count == count
		}, waitFor, tick)
		return q
	}
	put(t, fake, "wmstats", `{"_id":"agent-of-nothing","type":"agent_request","agent_url":"vocms1.cern.ch"}`, agentRequest("wf3", 7))
	first := seen(1)
	assert.Equal(t, []string{"agent-of-nothing", "wmstats", "workflow"}, []string{first.ID, first.Database, first.Path})
	assert.GreaterOrEqual(t, first.FirstSeen, began)
	assert.Equal(t, first.FirstSeen, first.LastSeen)
	put(t, fake, "wmstats", `{"_id":"agent-of-nothing","type":"agent_request","agent_url":"vocms1.cern.ch","n":2}`)
	again := seen(2)
	assert.Equal(t, first.FirstSeen, again.FirstSeen)
	assert.GreaterOrEqual(t, again.LastSeen, first.LastSeen)
	assert.NotEqual(t, first.Rev, again.Rev)
	var metrics string
	require.Eventually(t, func() bool {
		_, metrics = get(t, a.Addr(), "/metrics")
		return strings.Contains(metrics, "\nwmstats_bad_documents 2\n")
	}, waitFor, tick)
	assert.Contains(t, metrics, `wmstats_follower_bad_documents_total{db="wmstats"} 2`)

	assert.Contains(t, metrics, `wmstats_follower_documents_total{db="requests"}`)
	for _, path := range []string{"/pulse", "/metrics", "/readyz?verbose", "/quarantine", "/version"} {
		_, body := get(t, a.Addr(), path)
		assert.NotContains(t, body, password, path)
	}
	assert.NotContains(t, log.String(), password)
}

func TestServesWhileTheSourceIsAway(t *testing.T) {
	var log logBuffer
	o := options(t, "http://reader2:"+password+"@127.0.0.1:1", &log)
	o.CouchUser, o.CouchPasswordFile = "", ""
	a := start(t, o)
	status, _ := get(t, a.Addr(), "/livez")
	assert.Equal(t, 200, status)
	status, body := get(t, a.Addr(), "/fetch")
	assert.Equal(t, 503, status)
	assert.Contains(t, body, "/problems/not-ready")
	require.Eventually(t, func() bool { _, body := get(t, a.Addr(), "/pulse"); return strings.Contains(body, `"Stale":true`) }, waitFor, tick)
	for _, path := range []string{"/pulse", "/readyz?verbose", "/fetch"} {
		_, body := get(t, a.Addr(), path)
		assert.NotContains(t, body, password, path)
	}
	assert.NotContains(t, log.String(), password)
}

func TestReadyFailsBeforeThePortCloses(t *testing.T) {
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "new", 10))
	var log logBuffer
	o := options(t, url, &log)
	o.DrainDelay = 5 * time.Second
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, o) }()
	addr := ""
	require.Eventually(t, func() bool {
		_, rest, said := strings.Cut(log.String(), "msg=serving addr=")
		addr, _, _ = strings.Cut(rest, " ")
		addr = strings.TrimSpace(addr)
		return said
	}, waitFor, tick)
	ready(t, addr)
	stop()
	require.Eventually(t, func() bool { status, _ := get(t, addr, "/readyz"); return status == 503 }, waitFor, tick)
	status, _ := get(t, addr, "/fetch")
	assert.Equal(t, 200, status, "requests that arrive meanwhile are still served")
	require.NoError(t, <-ended)
	_, err := net.DialTimeout("tcp", addr, time.Second)
	assert.Error(t, err, "the port is closed")
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, url := couch(t)
	o := options(t, url, io.Discard)
	o.Listen = l.Addr().String()
	err = app.Run(t.Context(), o)
	require.ErrorContains(t, err, o.Listen)
	assert.ErrorContains(t, err, "in use by another program")
}

func TestStopIsSafeAtAnyTime(t *testing.T) {
	_, url := couch(t)
	a, err := app.New(t.Context(), options(t, url, io.Discard))
	require.NoError(t, err)
	require.NoError(t, a.Stop(t.Context()), "never started")
	require.NoError(t, a.Stop(t.Context()), "again")

	a = start(t, options(t, url, io.Discard))
	require.NoError(t, a.Stop(t.Context()))
	require.NoError(t, a.Stop(t.Context()))
}

func TestNewTakesDownWhatItBuilt(t *testing.T) {
	_, url := couch(t)
	o := options(t, url, io.Discard)
	o.CouchPasswordFile += "-missing"
	_, err := app.New(t.Context(), o)
	require.ErrorContains(t, err, "read the CouchDB password")
	_, err = app.New(t.Context(), app.Options{})
	assert.Error(t, err)
}

func TestAlertsFile(t *testing.T) {
	fake, url := couch(t)
	old := strings.NewReplacer("1795000100", "1712350000", "1795000200", "1712350000") // alerts depend on the clock
	put(t, fake, "reqmgr_workload_cache", old.Replace(request("wf1", "running-open", 10)), old.Replace(request("wf2", "assigned", 20)))
	put(t, fake, "wmstats", old.Replace(agentRequest("wf1", 30)))
	o := options(t, url, new(logBuffer))
	o.Alerts = filepath.Join(t.TempDir(), "alerts.yaml")
	require.NoError(t, os.WriteFile(o.Alerts, []byte("rules: {stale_agent: {on: false}, assigned_stall: {after: 8760h}, status_stal: {}}"), 0o600))
	_, err := app.New(t.Context(), o)
	require.ErrorContains(t, err, `did you mean "status_stall"?`)

	require.NoError(t, os.WriteFile(o.Alerts, []byte("rules: {stale_agent: {on: false}, assigned_stall: {after: 1s}}"), 0o600))
	a := start(t, o)
	ready(t, a.Addr())
	w, _ := workflow(t, a.Addr(), "wf1")
	assert.NotContains(t, w.Alerts, "stale_agent", "off")
	_, body := get(t, a.Addr(), "/fetch/wf2")
	var detail schema.Detail
	require.NoError(t, json.Unmarshal([]byte(body), &detail))
	assert.Equal(t, []schema.Alert{{
		Workflow: "wf2", Rule: "assigned_stall", Reason: "in status assigned since 2024-04-05 20:46 UTC, the limit is 1s", Cause: "assigned since 2024-04-05 20:46 UTC", Since: 1712350002,
	}}, detail.AlertRecords)
	_, body = get(t, a.Addr(), "/attention")
	assert.Contains(t, body, `"Help":"more than 1s in status assigned","Count":1`)
	assert.NotContains(t, body, "stale_agent")
}
