package app_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/program/tlsclient"
	"github.com/dmwm/wmstats/program/tlsclient/testca"
)

func TestOptionsOfTLS(t *testing.T) {
	grid := map[string]string{"X509_USER_PROXY": "/tmp/proxy"}
	for _, address := range [][]string{{"--couch-url", "https://h"}, {"--requestcache", "https://h/requestcache"}, {"--couch-url", "https://h", "--t0"}} {
		o, err := parse(grid, address...)
		require.NoError(t, err)
		assert.Equal(t, tlsclient.Files{Cert: "/tmp/proxy"}, o.CouchTLS)
	}
	o, err := parse(grid, "--couch-url", "http://h", "--t0")
	require.NoError(t, err)
	assert.Empty(t, o.CouchTLS)
	assert.Equal(t, "t0_request", o.RequestDB)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--couch-url", "http://h", "--couch-ca", "f"}, "https://"},
		{[]string{"--requestcache", "dump.json", "--couch-cert", "f"}, "https://"},
		{[]string{"--couch-url", "https://h", "--couch-key", "f"}, "--couch-key needs --couch-cert"},
		{[]string{"--couch-url", "https://h", "--couch-user", "u", "--couch-token-file", "f"}, "--couch-token-file replaces"},
		{[]string{"--couch-url", "https://u:hidden@h", "--couch-token-file", "f"}, "--couch-token-file replaces"},
	} {
		_, err := parse(nil, c.args...)
		require.ErrorContains(t, err, c.want)
		assert.NotContains(t, err.Error(), "hidden")
	}
	for _, change := range []func(*app.Options){
		func(o *app.Options) { o.CouchTLS.CA = filepath.Join(t.TempDir(), "none") },
		func(o *app.Options) { o.CouchTLS.Cert = testca.File(t, "secret text") },
		func(o *app.Options) { o.CouchTokenFile = testca.File(t, "two words") },
	} {
		bad := app.Defaults()
		bad.CouchURL = "https://127.0.0.1:1"
		change(&bad)
		_, err := app.New(t.Context(), bad)
		require.ErrorContains(t, err, "--couch-")
		assert.NotContains(t, err.Error(), "secret text")
		assert.NotContains(t, err.Error(), "two words")
	}
}

// TestATokenIsChanged: a refused token is replaced while the server runs.
func TestATokenIsChanged(t *testing.T) {
	fake := couchfake.New(couchfake.Options{BuiltinViews: true, Now: time.Now})
	for _, db := range []string{"reqmgr_workload_cache", "wmstats"} {
		require.NoError(t, fake.Create(db))
	}
	put(t, fake, "reqmgr_workload_cache", request("w1", "running-open", 1))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer good-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		require.NoError(t, fake.Close())
		server.CloseClientConnections()
		server.Close()
	})
	var log logBuffer
	o := options(t, server.URL, &log)
	o.CouchUser, o.CouchPasswordFile, o.CouchTokenFile = "", "", testca.File(t, "old-token\n")
	o.Patience.MinWait = 5 * time.Millisecond
	a := start(t, o)
	require.Eventually(t, func() bool { return strings.Contains(verbose(t, a.Addr()), "refuses the credentials") }, waitFor, tick)
	require.NoError(t, os.WriteFile(o.CouchTokenFile, []byte("good-token\n"), 0o600))
	ready(t, a.Addr())
	rewrite(t, o.CouchTokenFile, "two words\n")
	a.Reload()
	assert.Contains(t, verbose(t, a.Addr()), "[~] files: the source token file is invalid")
	for _, secret := range []string{"old-token", "good-token", "two words"} {
		assert.NotContains(t, log.String(), secret)
	}
}
