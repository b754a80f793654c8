package app_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/jetstream"
	"github.com/dmwm/wmstats/mock/couchfake"
)

// engine is a NATS server inside the test, without a port.
func engine(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{ServerName: "engine", JetStream: true, StoreDir: t.TempDir(), DontListen: true, NoLog: true, NoSigs: true})
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(waitFor))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// member is one of several servers that answer as one.
type member struct {
	*app.App

	name   string
	engine *jetstream.Log
	cancel func()
}

// group starts members over one CouchDB and one engine.
type group struct {
	t      *testing.T
	engine *server.Server
	couch  string
	log    *logBuffer
}

func (g *group) start(name string, change ...func(o *app.Options)) *member {
	g.t.Helper()
	o := options(g.t, g.couch, g.log)
	o.Log = slog.New(slog.NewTextHandler(g.log, nil)).With("server", name)
	m := &member{name: name}
	o.Patience.LookEvery = 100 * time.Millisecond
	o.Replicas.Name, o.Replicas.Replay, o.Replicas.SnapshotEvery = name, time.Second, 200*time.Millisecond
	o.Replicas.Engine = func(group string) (replica.Log, error) {
		var err error
		m.engine, err = jetstream.New(jetstream.Options{Group: group, Name: name, Log: o.Log, Dial: []nats.Option{nats.InProcessServer(g.engine)}})
		return m.engine, err
	}
	for _, c := range change {
		c(&o)
	}
	var err error
	m.App, err = app.New(g.t.Context(), o)
	require.NoError(g.t, err)
	require.NoError(g.t, m.Start(g.t.Context()))
	stopped := false
	m.cancel = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), waitFor)
		defer cancel()
		http.DefaultClient.CloseIdleConnections()
		require.NoError(g.t, m.Stop(ctx))
		if m.engine != nil {
			require.NoError(g.t, m.engine.Close())
		}
	}
	g.t.Cleanup(m.cancel)
	return m
}

// newest returns the generation of a member's list.
func (m *member) newest(t *testing.T) (id string, number int) {
	t.Helper()
	resp := m.ask(t, "/fetch?limit=1")
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", -1
	}
	id = resp.Header.Get("X-Generation")
	_, digits, _ := strings.Cut(id, "-")
	number, err := strconv.Atoi(digits)
	require.NoError(t, err)
	return id, number
}

func (m *member) ask(t *testing.T, path string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.Addr()+path, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	return resp
}

// asked are the answers that must be equal, each of one generation.
var asked = []string{
	"/fetch?limit=all&format=ndjson", "/campaign?", "/sites?", "/agent?", "/release?", "/stats?by=status,campaign&sum=Failure,Running",
	"/fetch?limit=5&sort=-Priority&facets=status,campaign,site", "/facet/site?",
}

// hashes returns a hash of each answer of a generation; nil: it is not kept.
func (m *member) hashes(t *testing.T, generation string) (out []string) {
	t.Helper()
	for _, path := range asked {
		resp := m.ask(t, path+"&gen="+generation)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		switch resp.StatusCode {
		case http.StatusGone:
			return nil
		case http.StatusOK:
			require.Equal(t, generation, resp.Header.Get("X-Generation"), path)
		default:
			require.Fail(t, "unexpected", "%s: %d %s", path, resp.StatusCode, body)
		}
		out = append(out, fmt.Sprintf("%s %d %x", path, len(body), sha256.Sum256(body)))
	}
	return out
}

// settle waits until all members have the same newest generation, at least min.
func settle(t *testing.T, members []*member, least int) (id string, number int) {
	t.Helper()
	require.Eventually(t, func() bool {
		id, number = members[0].newest(t)
		if number < least {
			return false
		}
		for _, m := range members[1:] {
			if other, _ := m.newest(t); other != id {
				return false
			}
		}
		return true
	}, waitFor, 20*time.Millisecond)
	return id, number
}

func leader(t *testing.T, members []*member) int {
	t.Helper()
	at := -1
	require.Eventually(t, func() bool {
		at = slices.IndexFunc(members, func(m *member) bool { return m.metric(t, "wmstats_log_leader") == 1 })
		return at >= 0
	}, waitFor, 20*time.Millisecond)
	return at
}

func (m *member) metric(t *testing.T, name string) float64 {
	t.Helper()
	families, err := m.Metrics().Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			if c := f.GetMetric()[0].GetCounter(); c != nil {
				return c.GetValue()
			}
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	require.Fail(t, "no metric", name)
	return 0
}

// world writes random documents.
type world struct {
	t    *testing.T
	fake *couchfake.Server
	rng  *rand.Rand
	n    int
}

func (w *world) batch() {
	statuses := []string{"new", "assigned", "acquired", "running-open", "running-closed", "completed"}
	for range 1 + w.rng.IntN(12) {
		name := fmt.Sprintf("wf%03d", w.rng.IntN(150))
		w.n++
		switch k := w.rng.IntN(20); {
		case k == 0:
			w.fake.Delete("reqmgr_workload_cache", name)
		case k == 1:
			w.fake.Delete("wmstats", "agent-"+name)
		case k == 2:
			put(w.t, w.fake, "wmstats", fmt.Sprintf(`{"_id":"bad-%d","type":"agent_request","agent_url":"vocms1.cern.ch","n":%d}`, w.rng.IntN(20), w.n))
		case k == 3:
			put(w.t, w.fake, "reqmgr_workload_cache", fmt.Sprintf(`{"_id":%q,"RequestName":%q,"RequestStatus":"new","RequestTransition":%d}`, name, name, w.n))
		case k < 12:
			put(w.t, w.fake, "reqmgr_workload_cache", request(name, statuses[w.rng.IntN(len(statuses))], w.n))
		default:
			put(w.t, w.fake, "wmstats", agentRequest(name, w.n))
		}
	}
}

// purge removes documents without a trace in the changes feed.
func (w *world) purge(n int) {
	var ids []string
	for i := 0; len(ids) < n; i++ {
		if id := fmt.Sprintf("wf%03d", i); w.holds("reqmgr_workload_cache", id) {
			ids = append(ids, id)
		}
	}
	require.Equal(w.t, n, w.fake.Purge("reqmgr_workload_cache", ids...))
}

func (w *world) holds(db, id string) bool {
	_, ok := w.fake.Doc(db, id)
	return ok
}

// recreate replaces the agents' database by one with nearly the same documents: no
// position of the old one is valid.
func (w *world) recreate() {
	var docs []string
	for i := range 150 {
		if doc, ok := w.fake.Doc("wmstats", fmt.Sprintf("agent-wf%03d", i)); ok && i%20 != 0 {
			docs = append(docs, revision.ReplaceAllString(string(doc), ""))
		}
	}
	require.True(w.t, w.fake.Drop("wmstats"))
	require.NoError(w.t, w.fake.Create("wmstats"))
	put(w.t, w.fake, "wmstats", docs...)
}

var revision = regexp.MustCompile(`"_rev":"[^"]*",?`)

// canonical returns JSON with its keys in order, and other texts as they are.
func canonical(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(out)
}

// TestReplicasHaveTheSameGenerations lets three servers apply one log while
// documents change at random, members restart, and leaders stop: each generation
// that two of them keep has the same bytes in both.
func TestReplicasHaveTheSameGenerations(t *testing.T) {
	fake, url := couch(t)
	w := &world{t: t, fake: fake, rng: rand.New(rand.NewPCG(1, 2))}
	for range 20 {
		w.batch()
	}
	var log logBuffer
	g := &group{t: t, engine: engine(t), couch: url, log: &log}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.String())
		}
	})
	members := []*member{g.start("a"), g.start("b"), g.start("c")}
	for _, m := range members {
		ready(t, m.Addr())
	}
	seen, compared, began := map[string]bool{}, 0, time.Now()
	compare := func() {
		id, _ := settle(t, members, 0)
		seen[id] = true
		for id := range seen {
			var want []string
			for _, m := range members {
				got := m.hashes(t, id)
				if got == nil {
					continue
				}
				if want == nil {
					want = got
					continue
				}
				require.Equal(t, want, got, "%s of %s", id, m.name)
				compared++
			}
		}
	}
	for i := range 200 {
		w.batch()
		put(t, fake, "reqmgr_workload_cache", request("marker", "acquired", i))
		at := w.rng.IntN(3)
		require.Eventually(t, func() bool {
			found, _ := workflow(t, members[at].Addr(), "marker")
			return found.Priority == int64(i)
		}, waitFor, tick)
		id, _ := members[at].newest(t)
		seen[id] = true
		switch {
		case i == 60:
			w.purge(3)
		case i == 110:
			w.recreate()
		case i%40 == 20: // a take-over
			at := leader(t, members)
			members[at].cancel()
			members[at] = g.start(members[at].name)
			ready(t, members[at].Addr())
		case i%40 == 39:
			at := (leader(t, members) + 1) % 3
			members[at].cancel()
			members[at] = g.start(members[at].name)
			ready(t, members[at].Addr())
		}
		if i%25 == 24 {
			compare()
		}
	}
	compare()
	alone := g.start("alone", func(o *app.Options) { o.Replicas = app.Defaults().Replicas })
	ready(t, alone.Addr())
	for _, path := range []string{
		"/fetch?limit=all&format=ndjson", "/campaign", "/sites", "/wmstatsserver/data/filtered_requests?RequestStatus=acquired&mask=RequestPriority",
		"/wmstatsserver/data/requestcache", "/wmstatsserver/data/globallocks",
	} {
		var want string
		require.Eventually(t, func() (ok bool) {
			status, body := get(t, alone.Addr(), path)
			want = body
			return status == http.StatusOK
		}, waitFor, tick, path)
		for _, m := range members {
			require.Eventually(t, func() bool { _, got := get(t, m.Addr(), path); return canonical(got) == canonical(want) }, waitFor, 50*time.Millisecond, "%s of %s", path, m.name)
		}
	}
	require.Greater(t, compared, 200)
	require.Greater(t, len(seen), 100)
	t.Log("generations", len(seen), "compared", compared, "took", time.Since(began))
	// So are answers without a generation.
	for _, path := range []string{"/quarantine", "/history?by=status"} {
		require.Eventually(t, func() bool {
			_, want := get(t, members[0].Addr(), path)
			return slices.IndexFunc(members, func(m *member) bool { _, got := get(t, m.Addr(), path); return got != want }) < 0
		}, waitFor, 20*time.Millisecond, path)
	}
}

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
	resp := members[0].ask(t, "/fetch?gen=other-7")
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusGone, resp.StatusCode)
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

	alone, err := app.New(t.Context(), options(t, "http://127.0.0.1:1", &log))
	require.NoError(t, err)
	families, err := alone.Metrics().Gather()
	require.NoError(t, err)
	for _, f := range families {
		require.False(t, strings.HasPrefix(f.GetName(), "wmstats_log_"), f.GetName())
	}
	require.NoError(t, alone.Stop(t.Context()))
}
