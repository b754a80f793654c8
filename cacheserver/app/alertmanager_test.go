package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
)

// shipped is the folder of the configuration for Alertmanager.
const shipped = "../../deploy/alertmanager"

// TestAlertmanagerCredentials: the password and the token are read again when
// their files change.
func TestAlertmanagerCredentials(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		set    func(o *app.AlertmanagerOptions, file string)
		accept func(r *http.Request, secret string) bool
	}{
		"password": {
			func(o *app.AlertmanagerOptions, file string) { o.User, o.PasswordFile = "wmstats", file },
			func(r *http.Request, secret string) bool {
				user, password, ok := r.BasicAuth()
				return ok && user == "wmstats" && password == secret
			},
		},
		"token": {
			func(o *app.AlertmanagerOptions, file string) { o.TokenFile = file },
			func(r *http.Request, secret string) bool { return r.Header.Get("Authorization") == "Bearer "+secret },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			accepted := make(chan string, 1000)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, secret := range []string{"f1rst", "sec0nd"} {
					if test.accept(r, secret) {
						accepted <- secret
						return
					}
				}
				w.WriteHeader(http.StatusUnauthorized)
			}))
			defer server.Close()
			fake, at := couch(t)
			put(t, fake, "reqmgr_workload_cache", request("w1", "failed", 1))
			file := filepath.Join(t.TempDir(), "secret")
			rewrite(t, file, "f1rst\n")
			o := postingTo(t, at, server.URL)
			var log logBuffer
			o.Log = options(t, at, &log).Log
			test.set(&o.Alertmanager, file)
			a := start(t, o)
			require.Equal(t, "f1rst", <-accepted)
			rewrite(t, file, "sec0nd\n")
			a.Reload()
			require.Eventually(t, func() bool { return <-accepted == "sec0nd" }, waitFor, tick)
			rewrite(t, file, "")
			a.Reload()
			assert.Contains(t, verbose(t, a.Addr()), "[~] files: the Alertmanager secret file is empty")
			assert.Equal(t, 0, strings.Count(log.String(), "f1rst")+strings.Count(log.String(), "sec0nd"))
		})
	}
}

// TestAlertmanagerOptions: invalid options are reported together, without a
// password in an address.
func TestAlertmanagerOptions(t *testing.T) {
	parse := func(variables map[string]string, args ...string) (app.Options, error) {
		return app.ParseOptions(append([]string{"--couch-url", "http://c:5984"}, args...), func(name string) string { return variables[name] }, &strings.Builder{})
	}
	o, err := parse(map[string]string{"WMSTATS_ALERTMANAGER_URL": "http://a:9093,http://b:9093"})
	require.NoError(t, err)
	assert.Equal(t, []string{"http://a:9093", "http://b:9093"}, o.Alertmanager.URLs)
	o, err = parse(map[string]string{"WMSTATS_ALERTMANAGER_URL": "http://a:9093"}, "--alertmanager-url", "http://c:9093", "--alertmanager-url=https://d/am", "--public-url", "https://h/wmstats")
	require.NoError(t, err)
	assert.Equal(t, []string{"http://c:9093", "https://d/am"}, o.Alertmanager.URLs)
	_, err = parse(nil, "--alertmanager-url", "http://x:s3cret@a", "--public-url", "https://s3cret@h", "--alertmanager-every", "10ms",
		"--alertmanager-user", "u", "--alertmanager-token-file", "f")
	require.Error(t, err)
	for _, want := range []string{"--alertmanager-url: want an address without user", "--public-url: want an address without user", "--alertmanager-every \"10ms\"", "need each other", "replaces --alertmanager-user"} {
		assert.Contains(t, err.Error(), want)
	}
	assert.NotContains(t, err.Error(), "s3cret")
	_, err = parse(nil, "--alertmanager-token-file", "f")
	require.ErrorContains(t, err, "need --alertmanager-url")
	var config strings.Builder
	_, err = app.ParseOptions([]string{"--couch-url", "http://c", "--alertmanager-url", "http://a", "--alertmanager-url", "http://x:s3cret@b", "--print-config"}, func(string) string { return "" }, &config)
	require.Error(t, err)
	assert.NotContains(t, config.String(), "s3cret")
}

// TestShippedAlertmanagerConfiguration: amtool accepts the configuration, and
// the texts name what people need.
func TestShippedAlertmanagerConfiguration(t *testing.T) {
	amtool, err := exec.LookPath("amtool")
	if err != nil {
		t.Skip("needs amtool (Debian: prometheus-alertmanager)")
	}
	run := func(args ...string) string {
		t.Helper()
		var errors strings.Builder
		cmd := exec.CommandContext(t.Context(), amtool, args...)
		cmd.Stderr = &errors
		out, err := cmd.Output()
		require.NoError(t, err, errors.String())
		return string(out)
	}
	run("check-config", filepath.Join(shipped, "wmstats.yml"))
	for labels, want := range map[string]string{
		"alertname=WMStats rule=failed team=production severity=error":       "operators",
		"alertname=WMStats rule=failed team=relval severity=error":           "relval",
		"alertname=WMStats rule=old_data severity=error":                     "shift",
		"alertname=WMStats rule=agent_error team=production severity=error":  "shift",
		"alertname=WMStats rule=site_error team=production severity=warning": "operators",
		"alertname=Other": "nobody",
	} {
		args := append([]string{"config", "routes", "test", "--config.file=" + filepath.Join(shipped, "wmstats.yml")}, strings.Fields(labels)...)
		assert.Equal(t, want, strings.TrimSpace(run(args...)), labels)
	}
	type m = map[string]any
	one := func(status, workflow string) m {
		return m{
			"status": status, "startsAt": "2026-11-30T10:00:00Z", "endsAt": "2026-11-30T11:00:00Z", "generatorURL": "https://h/workflows/" + workflow,
			"labels": m{"rule": "failed", "workflow": workflow, "campaign": "Run3"}, "annotations": m{"summary": "in status failed", "cause": "failed since 10:00", "who": "team x", "status": "failed", "priority": "110000"},
		}
	}
	common := m{"rule": "failed", "team": "production", "instance": "T0", "severity": "error"}
	data, err := json.Marshal(m{
		"status": "firing", "alerts": []m{one("firing", "w1"), one("firing", "w2"), one("resolved", "w3")}, "commonLabels": common,
		"commonAnnotations": m{"query": "https://h/api/fetch?alert=failed"}, "externalURL": "http://am",
	})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "data.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	for text, want := range map[string][]string{
		"subject": {"[WMStats T0] 2 failed, team production"},
		"link":    {"http://am"},
		"text":    {"Now (2):", "w1\n  in status failed\n  cause: failed since 10:00\n  who: team x\n  status failed, priority 110000, campaign Run3\n  since 2026-11-30 10:00 UTC\n  https://h/workflows/w1\n", "Over (1):", "w3\n", "over at 2026-11-30 11:00 UTC", "All of this rule: https://h/api/fetch?alert=failed"},
		"chat":    {"<https://h/workflows/w1|w1>: in status failed (failed since 10:00), team x\n", "Over: w3"},
	} {
		got := run("template", "render", "--template.glob="+filepath.Join(shipped, "wmstats.tmpl"), "--template.data="+file, `--template.text={{ template "wmstats.`+text+`" . }}`)
		for _, w := range want {
			assert.Contains(t, got, w, text)
		}
	}
}
