package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
)

func verbose(t *testing.T, addr string) string {
	t.Helper()
	_, body := get(t, addr, "/readyz?verbose")
	return body
}

func rewrite(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// TestThePasswordIsChanged: the source's password and then the file change
// while the server runs. There is no full read, nothing is locked, and
// readiness reports the state.
func TestThePasswordIsChanged(t *testing.T) {
	for _, told := range []bool{false, true} {
		fake, at := couch(t)
		put(t, fake, "reqmgr_workload_cache", request("w1", "running-open", 1))
		var log logBuffer
		o := options(t, at, &log)
		o.Patience.MinWait, o.Patience.Heartbeat = 5*time.Millisecond, 20*time.Millisecond
		a := start(t, o)
		ready(t, a.Addr())
		assert.Contains(t, verbose(t, a.Addr()), "[+] login: ")
		assert.Contains(t, verbose(t, a.Addr()), "[+] files: all in use")

		fake.SetLogin("reader", "another")
		// The feeds stay open; reads on demand are refused.
		status, _ := get(t, a.Addr(), "/fetch/w1")
		assert.Equal(t, http.StatusBadGateway, status)
		assert.Contains(t, verbose(t, a.Addr()), "[~] login: the database server has refused the user or the password since ")

		rewrite(t, o.CouchPasswordFile, "another\n")
		if told {
			a.Reload()
		}
		require.Eventually(t, func() bool { status, _ := get(t, a.Addr(), "/fetch/w1"); return status == http.StatusOK }, waitFor, 20*time.Millisecond)
		assert.Contains(t, verbose(t, a.Addr()), "[+] login: ")
		put(t, fake, "reqmgr_workload_cache", request("w1", "running-open", 2))
		require.Eventually(t, func() bool { w, _ := workflow(t, a.Addr(), "w1"); return w.Priority == 2 }, waitFor, tick)
		assert.Zero(t, fake.Logins().Locked)
		assert.Equal(t, 1, strings.Count(log.String(), "full read finished"))
		assert.NotContains(t, log.String(), "another")
	}
}

// TestAWrongPasswordAtTheStart: the server waits for the correct one.
func TestAWrongPasswordAtTheStart(t *testing.T) {
	fake, at := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("w1", "running-open", 1))
	var log logBuffer
	o := options(t, at, &log)
	o.Patience.MinWait = 5 * time.Millisecond
	rewrite(t, o.CouchPasswordFile, "wrong")
	a := start(t, o)
	require.Eventually(t, func() bool { return strings.Contains(verbose(t, a.Addr()), "[~] login") }, waitFor, tick)
	require.Eventually(t, func() bool {
		return strings.Contains(verbose(t, a.Addr()), "[~] source: stale: the database server refuses the credentials")
	}, waitFor, tick)
	assert.NotContains(t, verbose(t, a.Addr()), "up to date")
	require.Eventually(t, func() bool { // each database is read separately
		status, body := get(t, a.Addr(), "/fetch")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "requests: the database server refuses the credentials")
	}, waitFor, tick)
	rewrite(t, o.CouchPasswordFile, password)
	ready(t, a.Addr())
	assert.Zero(t, fake.Logins().Locked)
	assert.LessOrEqual(t, fake.Logins().Wrong, 3)
}

// TestFilesThatCantBeUsed: the last valid content stays in use, and readiness
// reports it.
func TestFilesThatCantBeUsed(t *testing.T) {
	fake, at := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("w1", "running-open", 1))
	var log logBuffer
	o := options(t, at, &log)
	o.Alerts = filepath.Join(t.TempDir(), "alerts.yaml")
	rewrite(t, o.Alerts, "rules:\n  site_error: {above: 50%}\n")
	a := start(t, o)
	ready(t, a.Addr())
	rewrite(t, o.CouchPasswordFile, "")
	rewrite(t, o.Alerts, "rules:\n  site_eror: {above: 50%}\n")
	a.Reload()
	require.Eventually(t, func() bool {
		v := verbose(t, a.Addr())
		return strings.Contains(v, "[~] files: the CouchDB password file is empty; the alert thresholds file is invalid; using the last good content")
	}, waitFor, tick)
	status, _ := get(t, a.Addr(), "/fetch/w1")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, log.String(), "did you mean")
	status, _ = get(t, a.Addr(), "/readyz")
	assert.Equal(t, http.StatusOK, status)
}

// TestChangedThresholds: they apply to records, /attention and its rules
// without a full read.
func TestChangedThresholds(t *testing.T) {
	fake, at := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("w1", "assigned", 1))
	var log logBuffer
	o := options(t, at, &log)
	o.Alerts = filepath.Join(t.TempDir(), "alerts.yaml")
	rewrite(t, o.Alerts, "rules:\n  assigned_stall: {after: 8760h}\n")
	a := start(t, o)
	ready(t, a.Addr())
	w, _ := workflow(t, a.Addr(), "w1")
	require.Empty(t, w.Alerts)
	rewrite(t, o.Alerts, "rules:\n  assigned_stall: {after: 1s}\n")
	require.Eventually(t, func() bool { w, _ = workflow(t, a.Addr(), "w1"); return len(w.Alerts) == 1 }, waitFor, tick)
	assert.Equal(t, []string{"assigned_stall"}, w.Alerts)
	_, body := get(t, a.Addr(), "/attention")
	assert.Contains(t, body, "more than 1s in status assigned")
	_, body = get(t, a.Addr(), "/about")
	assert.Contains(t, body, `"By":"thresholds"`)
	rewrite(t, o.Alerts, "rules:\n  assigned_stall: {on: false}\n")
	a.Reload()
	require.Eventually(t, func() bool { w, _ = workflow(t, a.Addr(), "w1"); return len(w.Alerts) == 0 }, waitFor, tick)
	_, body = get(t, a.Addr(), "/attention")
	assert.NotContains(t, body, "assigned_stall")
}

// TestPasswordsThatOthersCanRead: a password in a URL is reported, and not
// repeated.
func TestPasswordsThatOthersCanRead(t *testing.T) {
	_, at := couch(t)
	for _, env := range []bool{false, true} {
		var log logBuffer
		args, vars := []string{"--listen", "127.0.0.1:0"}, map[string]string{}
		with := strings.Replace(at, "http://", "http://reader:"+password+"@", 1)
		if env {
			vars["WMSTATS_COUCH_URL"] = with
		} else {
			args = append(args, "--couch-url", with)
		}
		o, err := app.ParseOptions(args, func(name string) string { return vars[name] }, &log)
		require.NoError(t, err)
		o.Log = newTestLog(&log)
		start(t, o)
		assert.Contains(t, log.String(), "password in --couch-url")
		assert.NotContains(t, log.String(), password)
	}
	var log logBuffer
	start(t, options(t, at, &log))
	assert.NotContains(t, log.String(), "password in --")
}

func TestFilesAtTheStart(t *testing.T) {
	_, at := couch(t)
	for want, spoil := range map[string]func(o *app.Options){
		"it is empty":       func(o *app.Options) { rewrite(t, o.CouchPasswordFile, "\n") },
		"expected one line": func(o *app.Options) { rewrite(t, o.CouchPasswordFile, "a\nb\n") },
		"no such file":      func(o *app.Options) { o.CouchPasswordFile += "x" },
		"unknown rule": func(o *app.Options) {
			o.Alerts = filepath.Join(t.TempDir(), "a")
			rewrite(t, o.Alerts, "rules: {x: {}}")
		},
	} {
		o := options(t, at, &logBuffer{})
		spoil(&o)
		_, err := app.New(t.Context(), o)
		require.ErrorContains(t, err, want)
	}
}

// TestACheckpointFolderThatGoesAway: readiness reports it before the next
// write.
func TestACheckpointFolderThatGoesAway(t *testing.T) {
	fake, at := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("w1", "running-open", 1))
	o := options(t, at, &logBuffer{})
	folder := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.Mkdir(folder, 0o700))
	o.Checkpoint = filepath.Join(folder, "checkpoint")
	a := start(t, o)
	ready(t, a.Addr())
	assert.Contains(t, verbose(t, a.Addr()), "[+] checkpoint")
	require.NoError(t, os.RemoveAll(folder)) // nothing changes, so nothing is written
	assert.Contains(t, verbose(t, a.Addr()), "[~] checkpoint")
	assert.Contains(t, verbose(t, a.Addr()), "its folder does not exist")
}

// TestACheckpointWithoutAFolder: readiness reports it from the start.
func TestACheckpointWithoutAFolder(t *testing.T) {
	_, at := couch(t)
	var log logBuffer
	o := options(t, at, &log)
	o.Checkpoint = filepath.Join(t.TempDir(), "missing", "checkpoint")
	a := start(t, o)
	require.Eventually(t, func() bool {
		v := verbose(t, a.Addr())
		return strings.Contains(v, "[~] checkpoint") && strings.Contains(v, "its folder does not exist")
	}, waitFor, tick)
	assert.NotContains(t, verbose(t, a.Addr()), o.Checkpoint)
	assert.Contains(t, log.String(), "its folder does not exist")
}

// TestTheFirstReadIsShown: during the first full read, readiness, /about and
// the answers report the progress of each database, and never that the source
// answers.
func TestTheFirstReadIsShown(t *testing.T) {
	fake, at := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("w1", "running-open", 1), request("w2", "running-open", 1))
	put(t, fake, "wmstats", agentRequest("w1", 1))
	fake.BuildIndex(couchfake.IndexBuild{Database: "wmstats", Design: "WMStatsErl7", Takes: time.Hour})
	a := start(t, options(t, at, &logBuffer{}))
	const index = "wmstats: the database server builds the index of WMStatsErl7/latestRequest, 0 % are done"
	// Both databases are read in parallel.
	const line = "[~] source: reading requests: 2 documents have been read; " + index
	require.Eventually(t, func() bool { return strings.Contains(verbose(t, a.Addr()), line) }, waitFor, 10*time.Millisecond)
	assert.NotContains(t, verbose(t, a.Addr()), "up to date")
	status, body := get(t, a.Addr(), "/fetch")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, body, index)
	_, body = get(t, a.Addr(), "/about")
	assert.Contains(t, body, `"Index":"WMStatsErl7/latestRequest"`)
	assert.Contains(t, body, `"Database":"requests"`)
}

// TestOwnRulesFollowTheFile: a rule of the file is an alert of the records that
// match, at /attention and in the metrics; a faulty file changes nothing.
func TestOwnRulesFollowTheFile(t *testing.T) {
	fake, at := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("w1", "announced", 1), request("w2", "assigned", 1))
	var log logBuffer
	o := options(t, at, &log)
	o.Alerts = filepath.Join(t.TempDir(), "alerts.yaml")
	rewrite(t, o.Alerts, "own:\n- {name: over, query: statsu=announced}\n")
	_, err := app.New(t.Context(), o)
	require.ErrorContains(t, err, "line 2")
	require.ErrorContains(t, err, `did you mean "status"?`)
	const quiet = "rules:\n  assigned_stall: {on: false}\n"
	rewrite(t, o.Alerts, quiet)
	a := start(t, o)
	ready(t, a.Addr())
	alerts := func() string {
		w, _ := workflow(t, a.Addr(), "w1")
		return strings.Join(w.Alerts, ",")
	}
	require.Empty(t, alerts())
	rewrite(t, o.Alerts, quiet+"own:\n- {name: over, title: Long announced, query: status=announced&has=campaign, who: the release team}\n")
	require.Eventually(t, func() bool { return alerts() == "over" }, waitFor, tick)
	_, body := get(t, a.Addr(), "/attention?rule=over&format=ndjson")
	assert.Contains(t, body, `"Rule":"over","Title":"Long announced","Kind":"Workflow","Name":"w1"`)
	assert.Contains(t, body, `"Who":"the release team"`)
	assert.NotContains(t, body, `"w2"`)
	_, body = get(t, a.Addr(), "/fetch/w1")
	assert.Contains(t, body, `"Reason":"matches status=announced&has=campaign"`)
	_, body = get(t, a.Addr(), "/metrics")
	assert.Contains(t, body, `wmstats_attention{rule="over"} 1`)

	rewrite(t, o.Alerts, quiet+"own:\n- {name: over, query: status=announced, for: ever}\n")
	a.Reload()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "expected a time from 0s") }, waitFor, tick, log.String)
	assert.Equal(t, "over", alerts(), "the last good rules stay")
	rewrite(t, o.Alerts, quiet)
	require.Eventually(t, func() bool { return alerts() == "" }, waitFor, tick)
}
