package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/program/access/identity"
)

func tokenFile(t *testing.T) (path, token string) {
	t.Helper()
	token, line, err := identity.NewToken("script")
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(path, []byte(line+"\n"), 0o600))
	return path, token
}

func getAs(t *testing.T, addr, path, token string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, http.NoBody)
	require.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp
}

// On loopback no authentication is required, so only the machine's own names
// are answered.
func TestStrangeNamesAreRefused(t *testing.T) {
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "running-open", 1))
	var log logBuffer
	o := options(t, url, &log)
	o.Metrics = "127.0.0.1:0"
	a := start(t, o)
	ready(t, a.Addr())
	under := func(addr, path, host string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, http.NoBody)
		require.NoError(t, err)
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	for _, path := range []string{"/", "/fetch", "/v1/fetch", "/fetch/wf1", "/pulse", "/nowhere", "/version"} {
		assert.Equal(t, http.StatusMisdirectedRequest, under(a.Addr(), path, "evil.example"), path)
		assert.NotEqual(t, http.StatusMisdirectedRequest, under(a.Addr(), path, "localhost:8081"), path)
	}
	assert.Equal(t, http.StatusOK, under(a.Addr(), "/livez", "evil.example"))
	assert.Equal(t, http.StatusMisdirectedRequest, under(a.MetricsAddr(), "/metrics", "evil.example"))
	assert.Equal(t, http.StatusOK, under(a.MetricsAddr(), "/metrics", "localhost"))
}

// With a file of tokens other machines may reach the server, and it does not
// warn about --insecure; health stays open, and metrics have their own port if
// configured.
func TestIdentityOfTheServer(t *testing.T) {
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "running-open", 1))
	var log logBuffer
	o := options(t, url, &log)
	path, token := tokenFile(t)
	o.Listen, o.Access.TokenFile, o.Metrics = "0.0.0.0:0", path, "127.0.0.1:0"
	a := start(t, o)
	ready(t, a.Addr())
	for _, path := range []string{"/livez", "/readyz"} {
		assert.Equal(t, http.StatusOK, getAs(t, a.Addr(), path, "").StatusCode, path)
	}
	for _, path := range []string{"/fetch", "/", "/version", "/nowhere"} {
		resp := getAs(t, a.Addr(), path, "")
		assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, path)
		assert.Equal(t, `Bearer realm="wmstats"`, resp.Header.Get("WWW-Authenticate"))
	}
	assert.Equal(t, http.StatusOK, getAs(t, a.Addr(), "/fetch", token).StatusCode)
	assert.Equal(t, http.StatusNotFound, getAs(t, a.Addr(), "/metrics", token).StatusCode)
	assert.Equal(t, http.StatusOK, getAs(t, a.MetricsAddr(), "/metrics", "").StatusCode)
	assert.Equal(t, http.StatusNotFound, getAs(t, a.MetricsAddr(), "/fetch", "").StatusCode)
	assert.NotContains(t, log.String(), "--insecure")
	assert.NotContains(t, log.String(), token)
}

func TestInsecureIsSaid(t *testing.T) {
	_, url := couch(t)
	var log logBuffer
	o := options(t, url, &log)
	o.Listen = "0.0.0.0:0"
	_, err := app.New(t.Context(), o)
	require.ErrorContains(t, err, "--insecure")
	o.Insecure = true
	start(t, o)
	assert.Contains(t, log.String(), "without authentication on a non-loopback address (--insecure)")
}

func TestAccessOptions(t *testing.T) {
	o, err := parse(map[string]string{"WMSTATS_RATE_LIMIT": "2.5", "WMSTATS_IDENTITY_HEADER": "X-Remote-User"},
		"--couch-url", "http://h", "--listen", ":8081", "--trusted-peers", "10.0.0.0/8,::1", "--rate-burst", "7", "--metrics", "open",
		"--max-feeds", "5", "--max-body", "1KiB", "--write-timeout", "3s")
	require.NoError(t, err, "authentication allows a non-loopback address")
	want := app.Defaults()
	want.CouchURL, want.Listen = "http://h", ":8081"
	want.Access.Rate, want.Access.Burst, want.Access.IdentityHeader, want.Access.TrustedPeers = 2.5, 7, "X-Remote-User", "10.0.0.0/8,::1"
	want.Metrics, want.Limits.MaxFeeds, want.Limits.MaxBody, want.WriteTimeout = "open", 5, 1024, 3*time.Second
	assert.Equal(t, want, o)
	_, err = parse(nil, "--couch-url", "http://h", "--trusted-peers", "10.0.0.0/99", "--identity-header", "X-U", "--rate-limit", "-1",
		"--streams-per-client", "0", "--idle-timeout", "-1s", "--metrics", "me", "--rate-burst", "many", "--max-body", "0")
	require.Error(t, err)
	for _, part := range []string{"10.0.0.0/99", "--rate-limit", "--streams-per-client", "--idle-timeout", "--metrics", "--rate-burst", "--max-body"} {
		assert.ErrorContains(t, err, part)
	}
	_, err = parse(nil, "--couch-url", "http://h", "--identity-header", "X-U")
	assert.ErrorContains(t, err, "needs --trusted-peers")
	_, err = parse(nil, "--couch-url", "http://h", "--rate-limit", "NaN")
	assert.ErrorContains(t, err, "want a number")
	bad := app.Defaults()
	bad.CouchURL, bad.Access.TokenFile = "http://127.0.0.1:1", filepath.Join(t.TempDir(), "none")
	_, err = app.New(t.Context(), bad)
	assert.ErrorContains(t, err, "set up identities")
}

// Behind CMS's front end, the user is in its signed headers. The signature is that of
// openssl for the key "secret" and these two headers.
func TestTheFrontEndSigns(t *testing.T) {
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "running-open", 1))
	var log logBuffer
	o := options(t, url, &log)
	o.Access.FrontendHMAC = filepath.Join(t.TempDir(), "hmac")
	_, err := app.New(t.Context(), o)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(o.Access.FrontendHMAC, nil, 0o600))
	_, err = app.New(t.Context(), o)
	require.ErrorContains(t, err, "it is empty")
	require.NoError(t, os.WriteFile(o.Access.FrontendHMAC, []byte("secret"), 0o600))
	a := start(t, o)
	ready(t, a.Addr())
	ask := func(path string, headers ...string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.Addr()+path, http.NoBody)
		require.NoError(t, err)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Add(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	alice := []string{"cms-authn-login", "alice", "cms-authz-admin", "group:reqmgr", "cms-authn-hmac", "cd7ed3192f6dc7082922e9a2d3651cc57454538a"}
	assert.Equal(t, http.StatusOK, ask("/fetch", alice...))
	assert.Equal(t, http.StatusOK, ask("/wmstatsserver/data/info", alice...))
	assert.Equal(t, http.StatusNotFound, ask("/fetch/none", alice...))
	assert.Contains(t, log.String(), `client=alice roles="[admin=group:reqmgr]"`)
	for _, headers := range [][]string{nil, {"cms-auth-status", "NONE"}, alice[:4], append(alice[:len(alice):len(alice)], "cms-authn-login", "bob"), append(alice[:len(alice):len(alice)], "cms-auth-status", "NONE")} {
		assert.Equal(t, http.StatusUnauthorized, ask("/fetch", headers...), "%q", headers)
		assert.Equal(t, http.StatusForbidden, ask("/wmstatsserver/data/info", headers...), "%q", headers)
	}
}
