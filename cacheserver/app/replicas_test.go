package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/cacheserver/replica"
)

// TestWhatAReplicaSays is about headers and readiness while the log is away, and
// about generations that a server does not have yet.
func TestWhatAReplicaSays(t *testing.T) {
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "running-open", 10))
	var log logBuffer
	g := &group{t: t, engine: engine(t), couch: url, log: &log}
	members := []*member{g.start("a"), g.start("b")}
	for _, m := range members {
		ready(t, m.Addr())
	}
	id, number := settle(t, members, 1)
	epoch, _, _ := strings.Cut(id, "-")

	later := fmt.Sprintf("%s-%d", epoch, number+1000)
	for _, path := range []string{"/fetch?gen=" + later, "/changes?since=" + later} {
		resp := members[0].ask(t, path)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, []string{"503", "1"}, []string{strconv.Itoa(resp.StatusCode), resp.Header.Get("Retry-After")}, path)
	}
	status, _ := get(t, members[0].Addr(), "/readyz")
	require.Equal(t, http.StatusOK, status, "it is not behind")
	resp := members[0].ask(t, "/fetch?gen=other-7")
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusGone, resp.StatusCode)
	require.Contains(t, resp.Header.Get("X-Generation"), epoch+"-", "whose server answered")
	require.Equal(t, 1.0, members[0].metric(t, "wmstats_log_leader")+members[1].metric(t, "wmstats_log_leader"))

	// A feed continues at another server.
	put(t, fake, "reqmgr_workload_cache", request("wf2", "running-open", 10))
	require.Eventually(t, func() bool { _, ok := workflow(t, members[1].Addr(), "wf2"); return ok }, waitFor, tick)
	status, body := get(t, members[1].Addr(), "/changes?since="+id)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `"wf2"`)
	require.NotContains(t, body, "reset")

	g.engine.Shutdown()
	g.engine.WaitForShutdown()
	for _, m := range members {
		require.Eventually(t, func() bool {
			resp := m.ask(t, "/fetch")
			_ = resp.Body.Close()
			return resp.StatusCode == http.StatusOK && resp.Header.Get("X-Stale-Reason") == "the log does not answer"
		}, waitFor, 50*time.Millisecond)
		status, text := get(t, m.Addr(), "/readyz?verbose")
		require.Equal(t, http.StatusOK, status, text)
		require.Contains(t, text, "[~] log: the log does not answer")
	}
}

// dial connects to an engine.
func dial(t *testing.T, s *server.Server) natsjs.JetStream {
	t.Helper()
	conn, err := nats.Connect("", nats.InProcessServer(s))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := natsjs.New(conn)
	require.NoError(t, err)
	return js
}

// TestAnEngineWithoutRoom: while the engine refuses to store more, servers serve what
// they have and say why; what has changed meanwhile is in the log as soon as there is room.
func TestAnEngineWithoutRoom(t *testing.T) {
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "running-open", 10))
	var log logBuffer
	g := &group{t: t, engine: engineWith(t, 8<<20), couch: url, log: &log}
	members := []*member{g.start("a"), g.start("b")}
	for _, m := range members {
		ready(t, m.Addr())
	}
	was, _ := settle(t, members, 1)
	js := dial(t, g.engine)
	_, err := js.CreateStream(t.Context(), natsjs.StreamConfig{Name: "other", Subjects: []string{"other"}})
	require.NoError(t, err)
	filled := func() bool {
		for size := 1 << 19; size > 0; size /= 2 {
			for err = nil; err == nil; {
				_, err = js.Publish(t.Context(), "other", make([]byte, size))
			}
		}
		return strings.Contains(log.String(), "the log has no room")
	}
	require.Eventually(t, filled, waitFor, tick) // snapshots that are removed leave room
	for i := range 10 {
		put(t, fake, "reqmgr_workload_cache", request(fmt.Sprintf("new%d", i), "running-open", 10))
	}
	for _, m := range members {
		require.Eventually(t, func() bool {
			filled()
			resp := m.ask(t, "/fetch")
			_ = resp.Body.Close()
			return resp.StatusCode == http.StatusOK && resp.Header.Get("X-Stale-Reason") == "the log has no room"
		}, waitFor, tick)
		status, text := get(t, m.Addr(), "/readyz?verbose")
		require.Equal(t, http.StatusOK, status, text)
		require.Contains(t, text, "[~] log: the log has no room")
	}
	require.NoError(t, js.DeleteStream(t.Context(), "other"))
	for _, m := range members {
		require.Eventually(t, func() bool {
			resp := m.ask(t, "/fetch")
			_ = resp.Body.Close()
			return resp.Header.Get("X-Stale") == ""
		}, waitFor, tick)
		for i := range 10 {
			require.Eventually(t, func() bool { _, ok := workflow(t, m.Addr(), fmt.Sprintf("new%d", i)); return ok }, waitFor, tick)
		}
		_, body := get(t, m.Addr(), "/changes?since="+was)
		require.NotContains(t, body, "reset")
	}
}

// A server that finds an entry that it can't apply is not ready, and its answers say so
// and not that CouchDB is silent.
func TestAnEntryOfAnotherVersion(t *testing.T) {
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "running-open", 10))
	var log logBuffer
	g := &group{t: t, engine: engine(t), couch: url, log: &log}
	m := g.start("a")
	ready(t, m.Addr())
	js := dial(t, g.engine)
	streams := js.StreamNames(t.Context())
	for name := range streams.Name() {
		if group, ok := strings.CutPrefix(name, "WMSTATS_"); ok {
			_, err := js.Publish(t.Context(), "wmstats."+group+".log", []byte("\xffof the future"))
			require.NoError(t, err)
		}
	}
	require.NoError(t, streams.Err())
	const why = "this server stopped applying the log: an entry has an unknown version"
	require.Eventually(t, func() bool {
		resp := m.ask(t, "/fetch")
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK && resp.Header.Get("X-Stale") == "1" && resp.Header.Get("X-Stale-Reason") == why
	}, waitFor, 50*time.Millisecond)
	status, text := get(t, m.Addr(), "/readyz?verbose")
	require.Equal(t, http.StatusServiceUnavailable, status, text)
	require.Contains(t, text, "log: "+why)
}

// TestRulesComeByTheLog: servers with different files of alerts answer alike, by the
// file of the one that reads.
func TestRulesComeByTheLog(t *testing.T) {
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "assigned", 10)) // for long
	var log logBuffer
	g := &group{t: t, engine: engine(t), couch: url, log: &log}
	file := func(text string) (string, func(o *app.Options)) {
		path := filepath.Join(t.TempDir(), "alerts.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path, func(o *app.Options) { o.Alerts = path }
	}
	on, off := "rules:\n  assigned_stall: {on: true}\n", "rules:\n  assigned_stall: {on: false}\n"
	first, useFirst := file(off)
	_, useSecond := file(on)
	a := g.start("a", useFirst)
	ready(t, a.Addr())
	b := g.start("b", useSecond)
	ready(t, b.Addr())
	alerts := func(want int) {
		t.Helper()
		for _, m := range []*member{a, b} {
			require.Eventually(t, func() bool {
				w, _ := workflow(t, m.Addr(), "wf1")
				_, body := get(t, m.Addr(), "/attention?rule=assigned_stall")
				return len(w.Alerts) == want && strings.Contains(body, "wf1") == (want > 0)
			}, waitFor, 20*time.Millisecond, m.name)
		}
	}
	alerts(0)
	require.NoError(t, os.WriteFile(first, []byte(on), 0o600))
	a.Reload()
	alerts(1)
	require.NoError(t, os.WriteFile(first, []byte(off), 0o600))
	a.Reload()
	alerts(0)
	a.cancel() // b reads from now on, by its own file
	a = b
	alerts(1)
}

func TestReplicaOptions(t *testing.T) {
	none := func(string) string { return "" }
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"alone":                {[]string{}, ""},
		"several engines":      {[]string{"--log", "nats://a:4222,nats://b:4222", "--log-replicas", "1", "--name", "x"}, ""},
		"a file":               {[]string{"--log", "nats://a:4222", "--requestcache", "/x", "--couch-url", ""}, "--log works with --couch-url only"},
		"a checkpoint":         {[]string{"--log", "nats://a:4222", "--checkpoint", "/x"}, "--log and --checkpoint"},
		"an even number":       {[]string{"--log", "nats://a:4222", "--log-replicas", "2"}, "want 1, 3 or 5"},
		"credentials for none": {[]string{"--log-credentials-file", "/x"}, "--log-credentials-file needs --log"},
	} {
		o, err := app.ParseOptions(append([]string{"--couch-url", "http://127.0.0.1:1"}, c.args...), none, io.Discard)
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.want, name)
		require.NotNil(t, o)
	}
}

// The metrics of the log are 0 from the start, and absent without one.
func TestMetricsOfTheLog(t *testing.T) {
	names := []string{
		"wmstats_log_entry", "wmstats_log_behind_entries", "wmstats_log_leader", "wmstats_log_takeovers_total", "wmstats_log_refused_appends_total", "wmstats_log_snapshot_entry",
		"wmstats_log_snapshot_pause_seconds", "wmstats_log_without_leader_seconds",
	}
	var log logBuffer
	o := options(t, "http://127.0.0.1:1", &log)
	o.Replicas.Log = []string{"nats://127.0.0.1:1"}
	a, err := app.New(t.Context(), o)
	require.NoError(t, err)
	m := &member{App: a}
	for _, name := range names {
		require.Zero(t, m.metric(t, name), name)
	}
	require.NoError(t, a.Stop(t.Context()))

	// Servers of another log, as those of another version, have another label.
	o = options(t, "http://127.0.0.1:1", &log)
	o.Replicas.Log = []string{"nats://127.0.0.1:1"}
	o.T0 = true // a part of the log's name
	other, err := app.New(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, other.Stop(t.Context()))
	require.NotEmpty(t, m.logName(t))
	require.NotEqual(t, m.logName(t), (&member{App: other}).logName(t))

	alone, err := app.New(t.Context(), options(t, "http://127.0.0.1:1", &log))
	require.NoError(t, err)
	families, err := alone.Metrics().Gather()
	require.NoError(t, err)
	for _, f := range families {
		require.False(t, strings.HasPrefix(f.GetName(), "wmstats_log_"), f.GetName())
	}
	require.NoError(t, alone.Stop(t.Context()))
}

// Without --log a server has neither a connection to a log nor a goroutine for it.
func TestNothingOfALogWithoutOne(t *testing.T) {
	ofLog := func() (n int) { // those of other tests may still end
		buf := make([]byte, 8<<20)
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(stack, "nats-io/nats.go") || strings.Contains(stack, "cacheserver/replica.") {
				n++
			}
		}
		return n
	}
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "running-open", 10))
	before := ofLog()
	alone := start(t, options(t, url, io.Discard))
	ready(t, alone.Addr())
	status, _ := get(t, alone.Addr(), "/fetch?limit=1")
	require.Equal(t, http.StatusOK, status)
	require.LessOrEqual(t, ofLog(), before)
}

// standing is a log whose reader stands still, whatever the reason, while the lease
// continues.
type standing struct {
	replica.Log

	still chan struct{} // closed: it continues
	on    atomic.Bool
}

func (s *standing) Last(ctx context.Context) (uint64, error) {
	if s.on.Load() {
		<-s.still // also after ctx has ended
	}
	return s.Log.Last(ctx) //nolint:wrapcheck // passes on
}

// A server whose reader of the log stands still serves what it has, with that reason,
// and is not ready: another one is nearer.
func TestAReaderThatStands(t *testing.T) {
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "running-open", 10))
	var log logBuffer
	g := &group{t: t, engine: engine(t), couch: url, log: &log}
	a := g.start("a")
	ready(t, a.Addr())
	s := &standing{still: make(chan struct{})}
	b := g.start("b", func(o *app.Options) {
		open := o.Replicas.Engine
		o.Replicas.Engine = func(family, group string) (l replica.Log, err error) {
			s.Log, err = open(family, group)
			return s, err
		}
	})
	ready(t, b.Addr())
	goOn := sync.OnceFunc(func() { close(s.still) })
	t.Cleanup(goOn) // before b is stopped
	s.on.Store(true)
	stale := func(m *member) (reason string) {
		resp := m.ask(t, "/fetch")
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, resp.Header.Get("X-Stale") == "1", resp.Header.Get("X-Stale-Reason") != "")
		return resp.Header.Get("X-Stale-Reason")
	}
	const behind = "this server is behind the log"
	require.Eventually(t, func() bool {
		status, text := get(t, b.Addr(), "/readyz?verbose")
		return stale(b) == behind && status == http.StatusServiceUnavailable && strings.Contains(text, behind)
	}, waitFor, 50*time.Millisecond)
	put(t, fake, "reqmgr_workload_cache", request("wf2", "running-open", 10))
	require.Eventually(t, func() bool { _, ok := workflow(t, a.Addr(), "wf2"); return ok }, waitFor, tick)
	require.Empty(t, stale(a))
	status, text := get(t, a.Addr(), "/readyz?verbose")
	require.Equal(t, http.StatusOK, status, text)
	_, found := workflow(t, b.Addr(), "wf2")
	require.False(t, found)

	goOn()
	require.Eventually(t, func() bool {
		_, ok := workflow(t, b.Addr(), "wf2")
		status, _ := get(t, b.Addr(), "/readyz")
		return ok && status == http.StatusOK && stale(b) == ""
	}, waitFor, 50*time.Millisecond)
	settle(t, []*member{a, b}, 1)
}
