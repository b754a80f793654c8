package app_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
)

// realCouch returns the server of COUCH_URL, and a prefix for the databases of
// this test.
func realCouch(t *testing.T) (at, prefix string) {
	t.Helper()
	at = strings.TrimSuffix(os.Getenv("COUCH_URL"), "/")
	if at == "" {
		t.Skip("COUCH_URL is not set: no real CouchDB to test with")
	}
	return at, "wmstats-test-" + strings.ToLower(rand.Text()[:12]) + "-"
}

// ofCouch sends a request to a real CouchDB and returns its answer.
func ofCouch(t *testing.T, method, address, body string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Less(t, resp.StatusCode, 300, "%v", answer)
	return answer
}

// simple returns n requests with one agent report each.
func simple(n, priority int) func(func(gen.Doc) bool) {
	return func(yield func(gen.Doc) bool) {
		for i := range n {
			name := fmt.Sprintf("wf%03d", i)
			if !yield(gen.Doc{DB: design.RequestDB, ID: name, JSON: []byte(request(name, "running-open", priority))}) ||
				!yield(gen.Doc{DB: design.WMStatsDB, ID: "agent-" + name, JSON: []byte(agentRequest(name, priority))}) {
				return
			}
		}
	}
}

// listed returns the records of a server by name.
func listed(t *testing.T, addr string) map[string]schema.Workflow {
	t.Helper()
	status, body := get(t, addr, "/fetch?format=json&limit=all")
	require.Equal(t, http.StatusOK, status, body)
	var list []schema.Workflow
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	byName := map[string]schema.Workflow{}
	for _, w := range list {
		byName[w.Workflow] = w
	}
	return byName
}

func staleReason(t *testing.T, addr string) string {
	t.Helper()
	_, body := get(t, addr, "/pulse")
	var info schema.CacheInfo
	require.NoError(t, json.Unmarshal([]byte(body), &info), body)
	return info.StaleReason
}

// TestIntegrationPurge: documents removed by _purge from a real CouchDB leave
// the lists within a minute, although the feed reports nothing.
func TestIntegrationPurge(t *testing.T) {
	at, prefix := realCouch(t)
	const n = 40
	fill(t, at, prefix, simple(n, 1))
	o := over(t, at, prefix)
	var log logBuffer
	o.Log = newTestLog(&log)
	a := start(t, o)
	ready(t, a.Addr())
	require.Len(t, listed(t, a.Addr()), n)
	revs := map[string][]string{}
	for i := range 3 {
		name := fmt.Sprintf("wf%03d", i)
		rev, _ := ofCouch(t, http.MethodGet, at+"/"+prefix+design.RequestDB+"/"+name, "")["_rev"].(string)
		revs[name] = []string{rev}
	}
	body, err := json.Marshal(revs)
	require.NoError(t, err)
	ofCouch(t, http.MethodPost, at+"/"+prefix+design.RequestDB+"/_purge", string(body))
	require.Eventually(t, func() bool { return len(listed(t, a.Addr())) == n-3 }, 2*time.Minute, 200*time.Millisecond, "%s", &log)
	require.Eventually(t, func() bool { return staleReason(t, a.Addr()) == "" }, waitFor, 200*time.Millisecond)
	assert.Contains(t, log.String(), "purge_seq from")
	assert.NotContains(t, log.String(), "is older than before")
}

// command runs one of the shell commands that stop, restore and start a real
// CouchDB.
func command(t *testing.T, variable, argument string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", os.Getenv(variable), "couch", argument)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Run(), "%s %s: %s", variable, argument, &said)
}

// TestIntegrationRestore: the data folder of a real CouchDB is restored to an
// older state. COUCH_STOP and COUCH_START are shell commands that return when
// it has stopped, or was started. COUCH_RESTORE is run while it is stopped:
// with "save" as its first argument ($1) it keeps a copy of the data folder,
// with "restore" it restores the copy.
func TestIntegrationRestore(t *testing.T) {
	at, prefix := realCouch(t)
	for _, variable := range []string{"COUCH_STOP", "COUCH_RESTORE", "COUCH_START"} {
		if os.Getenv(variable) == "" {
			t.Skip(variable + " is not set: a real CouchDB can't be stopped and restored")
		}
	}
	up := func() {
		command(t, "COUCH_START", "")
		u, err := url.Parse(at)
		require.NoError(t, err)
		u.User, u.Path = nil, "/_up"
		require.Eventually(t, func() bool {
			resp, err := http.Get(u.String()) //nolint:noctx // it has a limit
			if err != nil {
				return false
			}
			return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
		}, waitFor, 200*time.Millisecond)
	}
	const n = 40
	fill(t, at, prefix, simple(n, 1))
	o := over(t, at, prefix)
	command(t, "COUCH_STOP", "")
	command(t, "COUCH_RESTORE", "save")
	up()
	var log logBuffer
	o.Log = newTestLog(&log)
	a := start(t, o)
	ready(t, a.Addr())
	fill(t, at, prefix, simple(n, 2))
	fill(t, at, prefix, func(yield func(gen.Doc) bool) {
		yield(gen.Doc{DB: design.RequestDB, ID: "later", JSON: []byte(request("later", "running-open", 2))})
	})
	same := func(n, priority int) bool {
		all := listed(t, a.Addr())
		for _, w := range all {
			if w.Priority != int64(priority) {
				return false
			}
		}
		return len(all) == n
	}
	require.Eventually(t, func() bool { return same(n+1, 2) }, waitFor, 200*time.Millisecond)

	command(t, "COUCH_STOP", "")
	command(t, "COUCH_RESTORE", "restore")
	up()
	stale := false
	require.Eventually(t, func() bool {
		stale = stale || strings.Contains(staleReason(t, a.Addr()), "older state")
		return same(n, 1)
	}, 3*time.Minute, 200*time.Millisecond, "%s", &log)
	assert.True(t, stale, "the reason is logged")
	require.Eventually(t, func() bool { return staleReason(t, a.Addr()) == "" }, waitFor, 200*time.Millisecond)
	assert.Contains(t, log.String(), "is older than before")
	fill(t, at, prefix, simple(n, 3))
	require.Eventually(t, func() bool { return same(n, 3) }, waitFor, 200*time.Millisecond, "documents written after the restore")
}

// TestIntegrationBehindNginx: a real CouchDB behind nginx with default
// settings, with the intervals of production. Each write is visible within a
// minute, and within seconds once the buffering is detected.
func TestIntegrationBehindNginx(t *testing.T) {
	at, prefix := realCouch(t)
	const n = 5
	fill(t, at, prefix, simple(n, 1))
	o := over(t, at, prefix)
	u, err := url.Parse(at)
	require.NoError(t, err)
	proxied, err := url.Parse(nginx(t, "http://"+u.Host, ""))
	require.NoError(t, err)
	proxied.User = u.User
	o.CouchURL = proxied.String()
	a := start(t, o)
	ready(t, a.Addr())
	for i := range 2 {
		fill(t, at, prefix, simple(n, 10+i))
		require.Eventually(t, func() bool { return listed(t, a.Addr())["wf001"].Priority == int64(10+i) }, waitFor, 200*time.Millisecond)
	}
	require.Eventually(t, func() bool {
		_, verbose := get(t, a.Addr(), "/readyz?verbose")
		return strings.Contains(verbose, "polling requests")
	}, 5*time.Minute, time.Second)
	fill(t, at, prefix, simple(n, 20))
	require.Eventually(t, func() bool { return listed(t, a.Addr())["wf001"].Priority == 20 }, waitFor, 200*time.Millisecond)
}
