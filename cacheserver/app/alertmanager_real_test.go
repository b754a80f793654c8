package app_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/dmwm/wmstats/cacheserver/app"
)

// inbox is where Alertmanager sends its messages.
type inbox struct {
	url string

	mu       sync.Mutex
	messages []message
}

// message is what a webhook receives.
type message struct {
	Receiver    string
	Status      string
	GroupLabels map[string]string
	Alerts      []struct {
		Status string
		Labels map[string]string
	}
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.messages = append(in.messages, m)
	}))
	t.Cleanup(server.Close)
	in.url = server.URL
	return in
}

// count returns how many messages there were, and about how many firing and
// resolved alerts of a rule they were.
func (in *inbox) count(rule string) (messages, firing, resolved int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, m := range in.messages {
		of := 0
		for _, a := range m.Alerts {
			if a.Labels["rule"] != rule {
				continue
			}
			of++
			if a.Status == "firing" {
				firing++
			} else {
				resolved++
			}
		}
		if of > 0 {
			messages++
		}
	}
	return messages, firing, resolved
}

// impatient returns the shipped configuration with messages to the inbox
// instead of people, and without long waits.
func impatient(t *testing.T, in *inbox) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(shipped, "wmstats.yml"))
	require.NoError(t, err)
	var config map[string]any
	require.NoError(t, yaml.Unmarshal(text, &config))
	delete(config, "templates")
	for _, r := range config["receivers"].([]any) {
		receiver := r.(map[string]any)
		for key := range receiver {
			if key != "name" {
				delete(receiver, key)
			}
		}
		receiver["webhook_configs"] = []any{map[string]any{"url": in.url}}
	}
	var hurry func(route map[string]any)
	hurry = func(route map[string]any) {
		route["group_wait"], route["group_interval"] = "1s", "1s"
		routes, _ := route["routes"].([]any)
		for _, r := range routes {
			hurry(r.(map[string]any))
		}
	}
	hurry(config["route"].(map[string]any))
	out, err := yaml.Marshal(config)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	require.NoError(t, os.WriteFile(file, out, 0o600))
	return file
}

var listeningOn = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// startAlertmanager runs the real program, and skips the test where it is not
// installed.
func startAlertmanager(t *testing.T, config string) (url string) {
	t.Helper()
	if testing.Short() {
		t.Skip("processes")
	}
	bin, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		if bin, err = exec.LookPath("alertmanager"); err != nil {
			t.Skip("needs alertmanager (Debian: prometheus-alertmanager)")
		}
	}
	cmd := exec.CommandContext(t.Context(), bin, "--config.file="+config, "--storage.path="+t.TempDir(),
		"--web.listen-address=127.0.0.1:0", "--cluster.listen-address=")
	errors, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	address, ended, log := make(chan string, 1), make(chan struct{}), &logBuffer{}
	go func() {
		defer close(ended)
		for scan := bufio.NewScanner(errors); scan.Scan(); {
			fmt.Fprintln(log, scan.Text())
			if m := listeningOn.FindStringSubmatch(scan.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = cmd.Wait()
	})
	select {
	case at := <-address:
		return "http://" + at
	case <-ended:
		require.Fail(t, "it ended", log.String())
		return ""
	}
}

// held is an alert as Alertmanager has it.
type held struct {
	Labels       map[string]string
	StartsAt     time.Time
	Fingerprint  string
	GeneratorURL string
	Status       struct {
		State       string
		InhibitedBy []string
	}
}

// alertsAt returns the alerts that Alertmanager has, by rule and object.
func alertsAt(t *testing.T, url string) map[string]held {
	t.Helper()
	status, body := get(t, strings.TrimPrefix(url, "http://"), "/api/v2/alerts")
	require.Equal(t, http.StatusOK, status, body)
	var list []held
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	out := map[string]held{}
	for _, a := range list {
		out[strings.Join(strings.Fields(a.Labels["rule"]+" "+a.Labels["workflow"]+" "+a.Labels["agent"]), " ")] = a
	}
	return out
}

// postingTo returns options of a server that posts each 2 seconds: its alerts end
// 8 seconds after the last post, which a busy machine must not reach.
func postingTo(t *testing.T, couchURL string, alertmanagers ...string) app.Options {
	t.Helper()
	o := options(t, couchURL, &logBuffer{})
	o.Alertmanager.URLs, o.Alertmanager.Every, o.Alertmanager.PublicURL = alertmanagers, 2*time.Second, "https://example.org/wmstats"
	return o
}

// posts returns how many posts of a server were accepted.
func posts(t *testing.T, a *app.App) int {
	t.Helper()
	families, err := a.Metrics().Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "wmstats_alertmanager_posts_total" {
			for _, m := range f.GetMetric() {
				if m.GetLabel()[0].GetValue() == "done" {
					return int(m.GetCounter().GetValue())
				}
			}
		}
	}
	require.Fail(t, "no such metric")
	return 0
}

// agentInfo is an agent's document on itself.
func agentInfo(agent string, at time.Time) string {
	return fmt.Sprintf(`{"_id":%q,"type":"agent_info","agent_url":%q,"agent":"WMAgent","agent_team":"production","agent_version":"2.3.0","timestamp":%d,"status":"ok","down_components":[]}`, agent, agent, at.Unix())
}

// counts is an old report of an agent on a workflow.
func counts(agent, name string) string {
	doc := strings.ReplaceAll(agentRequest(name, 3), "vocms1.cern.ch:9999", agent)
	return strings.Replace(doc, `"agent-`, `"`+agent+`-`, 1)
}

func stop(t *testing.T, a *app.App) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, a.Stop(t.Context()))
}

// TestAlertmanagerOfTwoReplicas: the real Alertmanager takes the alerts of two
// servers as one. Each is reported once, and once more when it is over. A
// restarted server posts the same alerts.
func TestAlertmanagerOfTwoReplicas(t *testing.T) {
	t.Parallel() // it mostly waits
	in := newInbox(t)
	am := startAlertmanager(t, impatient(t, in))
	fake, at := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("w1", "failed", 1), request("w2", "failed", 2), request("w3", "running-open", 3))
	a, b := start(t, postingTo(t, at, am)), start(t, postingTo(t, at, am))
	firing := func(want int) {
		t.Helper()
		require.Eventually(t, func() bool { _, n, _ := in.count("failed"); return n >= want }, waitFor, 20*time.Millisecond)
	}
	firing(2)
	before := alertsAt(t, am)
	assert.Len(t, before, 2)
	assert.Equal(t, time.Unix(1795000100, 0).UTC(), before["failed w1"].StartsAt.UTC(), "the time of its status")
	assert.Equal(t, "https://example.org/wmstats/workflows/w1", before["failed w1"].GeneratorURL)
	more := func(servers ...*app.App) { // posts of each
		t.Helper()
		for _, s := range servers {
			from := posts(t, s)
			require.Eventually(t, func() bool { return posts(t, s) >= from+2 }, waitFor, 20*time.Millisecond)
		}
	}
	more(a, b)
	messages, n, resolved := in.count("failed")
	assert.Equal(t, []int{1, 2, 0}, []int{messages, n, resolved}, "one message, about two alerts")

	stop(t, b)
	more(a)
	b = start(t, postingTo(t, at, am))
	more(a, b)
	assert.Equal(t, before, alertsAt(t, am), "the same alerts, with the same start")
	messages, _, _ = in.count("failed")
	assert.Equal(t, 1, messages, "nothing new is reported")

	put(t, fake, "reqmgr_workload_cache", request("w1", "completed", 1))
	require.Eventually(t, func() bool { _, gone := alertsAt(t, am)["failed w1"]; return !gone }, waitFor, 20*time.Millisecond)
	require.Eventually(t, func() bool { _, _, over := in.count("failed"); return over == 1 }, waitFor, 20*time.Millisecond)
	more(a, b)
	_, _, over := in.count("failed")
	assert.Equal(t, 1, over)

	// All servers stop: nothing is over at that time, but 4 periods later.
	stop(t, a)
	stop(t, b)
	assert.Contains(t, alertsAt(t, am), "failed w2")
	require.Eventually(t, func() bool { return len(alertsAt(t, am)) == 0 }, waitFor, 20*time.Millisecond)
}

// TestAlertmanagerInhibits: while an agent is in error, the real Alertmanager
// with the shipped configuration reports the agent, and not the workflows whose
// counts it does not report. Those of another agent are reported.
func TestAlertmanagerInhibits(t *testing.T) {
	t.Parallel()
	in := newInbox(t)
	am := startAlertmanager(t, impatient(t, in))
	fake, at := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("w1", "running-open", 1), request("w2", "running-open", 2))
	long := time.Unix(1795000000, 0)
	put(t, fake, "wmstats", agentInfo("vocms1:9999", long), agentInfo("vocms2:9999", time.Now()))
	o := postingTo(t, at, am)
	// A change is posted at once. Between two posts alerts must not end, however busy
	// the machine is: they would be reported again.
	o.Alertmanager.Every = time.Minute
	o.Alerts = filepath.Join(t.TempDir(), "alerts.yaml")
	rewrite(t, o.Alerts, "rules: {stale_agent: {notify: true}, config_error: {notify: false}}\n")
	start(t, o)
	reported := func(rule string) func() bool {
		return func() bool { _, firing, _ := in.count(rule); return firing > 0 }
	}
	// The shipped configuration waits half a minute before it reports: until then it knows
	// that the agent is in error. This one hardly waits, so the agent comes first.
	require.Eventually(t, reported("agent_error"), waitFor, 20*time.Millisecond)
	put(t, fake, "wmstats", counts("vocms1:9999", "w1"), counts("vocms2:9999", "w2"))
	names := []string{"agent_error vocms1", "stale_agent w1 vocms1", "stale_agent w2 vocms2"}
	var got map[string]held
	require.Eventually(t, func() bool {
		got = alertsAt(t, am)
		return len(got) == len(names) && !slices.ContainsFunc(names, func(n string) bool { return got[n].Status.State == "unprocessed" })
	}, waitFor, 20*time.Millisecond, "%v", &got)
	for _, n := range names {
		require.Contains(t, got, n)
	}
	assert.Equal(t, "active", got[names[0]].Status.State)
	assert.Equal(t, "suppressed", got[names[1]].Status.State)
	assert.Equal(t, []string{got[names[0]].Fingerprint}, got[names[1]].Status.InhibitedBy)
	assert.Equal(t, "active", got[names[2]].Status.State)
	require.Eventually(t, reported("stale_agent"), waitFor, 20*time.Millisecond)
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, m := range in.messages {
		assert.Len(t, m.Alerts, 1, "%v", m)
		for _, a := range m.Alerts {
			assert.NotEqual(t, "w1", a.Labels["workflow"])
		}
		want := "operators"
		if m.GroupLabels["rule"] == "agent_error" {
			want = "shift"
		}
		assert.Equal(t, want, m.Receiver)
	}
	assert.Len(t, in.messages, 2, "each is reported once")
}
