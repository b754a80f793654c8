package app_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/app"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

// under sends a request with a Host header.
func under(t *testing.T, address, host string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	req.Host = host
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	return res.StatusCode
}

// A foreign page can't read this server through a browser under a host name that it
// made resolve to this server (DNS rebinding).
func TestUnknownHostsAreRefused(t *testing.T) {
	cache := testcache.New(t)
	at := run(t, cache.URL)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(at, "http://"))
	require.NoError(t, err)
	for _, path := range []string{"/", "/workflows", "/api/fetch", "/version", "/pulse", "/nowhere"} {
		assert.Equal(t, http.StatusMisdirectedRequest, under(t, at+path, "evil.example:"+port), path)
		assert.NotEqual(t, http.StatusMisdirectedRequest, under(t, at+path, "localhost:"+port), path)
	}
	assert.Equal(t, http.StatusOK, under(t, at+"/livez", "evil.example"), "health checks reveal nothing")

	named := run(t, cache.URL, "--hosts", "wmstats.example.org")
	assert.Equal(t, http.StatusOK, under(t, named+"/workflows", "wmstats.example.org"))
	assert.Equal(t, http.StatusMisdirectedRequest, under(t, named+"/workflows", "evil.example"))
	behind := run(t, cache.URL, "--trusted-peers", "127.0.0.1")
	assert.Equal(t, http.StatusOK, under(t, behind+"/workflows", "any.example"), "the front end checks host names")
	asking := run(t, cache.URL, "--token-file", secretFile(t, ""))
	assert.Equal(t, http.StatusUnauthorized, under(t, asking+"/workflows", "any.example"))
}

// A Connection header can remove headers, but not the authenticated user name.
func TestConnectionKeepsTheIdentity(t *testing.T) {
	cache := newGuardedCache(t)
	at := run(t, cache.url, "--cache-token-file", secretFile(t, "own"), "--identity-header", "cms-authn-login", "--trusted-peers", "127.0.0.1")
	for _, connection := range []string{"", "close", "cms-authn-login", "keep-alive, CMS-Authn-Login", "authorization, cms-authn-login, x-forwarded-for"} {
		res, _ := get(t, at+"/api/fetch", "Cms-Authn-Login", "bob", "Connection", connection)
		require.Equal(t, http.StatusOK, res.StatusCode)
		assert.Equal(t, []string{"bob"}, cache.asked("Cms-Authn-Login"), connection)
		assert.Equal(t, []string{"Bearer own"}, cache.asked("Authorization"), connection)
	}
}

// Invalid settings are reported at startup.
func TestInvalidFrontEnds(t *testing.T) {
	none := func(string) string { return "" }
	for _, args := range [][]string{
		{"--trusted-peers", "0.0.0.0/0"}, {"--trusted-peers", "10.0.0.1,::/0"}, {"--trusted-peers", "0.0.0.0/1,128.0.0.0/1"}, {"--trusted-peers", "::ffff:0.0.0.0/96"},
		{"--trusted-peers", "127.0.0.1", "--identity-header", "X Remote User"},
		{"--trusted-peers", "127.0.0.1", "--identity-header", "X-Remote-User:"},
		{"--trusted-peers", "127.0.0.1", "--identity-header", "X-Remote-Üser"},
		{"--trusted-peers", "127.0.0.1", "--identity-header", "Host"},
		{"--trusted-peers", "127.0.0.1", "--identity-header", "connection"},
		{"--trusted-peers", "127.0.0.1", "--identity-header", "Cookie"},
		{"--hosts", "http://x"},
	} {
		_, err := app.ParseOptions(args, none, io.Discard)
		assert.ErrorContains(t, err, strings.TrimPrefix(args[len(args)-2], "--"), "%q", args)
	}
	_, err := app.ParseOptions([]string{"--trusted-peers", "10.0.0.0/8,192.0.2.1", "--identity-header", "cms-authn-login"}, none, io.Discard)
	assert.NoError(t, err)
}

// The password in an invalid address of the cache server is never printed.
func TestThePasswordOfTheCacheServerIsNotPrinted(t *testing.T) {
	for _, bad := range []string{
		"http://u:PW@h/%zz", "http://u:PW@h:port", "u:PW@h", "ftp://u:PW@h", "http://u:PW@", "http:/u:PW@h", "http://u:PW@h/?q", "http://u:PW@[::1", "://u:PW@h", "http://u:PW @h",
	} {
		for _, args := range [][]string{{"--cache-url", bad}, {bad}, {"--cache-url", "http://h", bad}, {"--cache-url=" + bad, "--nothing"}, {"-h"}, {"--nothing"}} {
			for _, env := range []string{"", bad} {
				var out bytes.Buffer
				_, err := app.ParseOptions(args, func(name string) string {
					if name == "WMSTATS_CACHE_URL" {
						return env
					}
					return ""
				}, &out)
				if err != nil {
					assert.NotContains(t, err.Error(), "PW", args)
				}
				assert.NotContains(t, out.String(), "PW", args)
			}
		}
	}
}

// Every route sets X-Content-Type-Options; pages set more.
func TestEveryAnswerHasItsSecurityHeaders(t *testing.T) {
	cache := testcache.New(t)
	at := run(t, cache.URL)
	paths := []string{
		"/", "/attention", "/workflows", "/workflows/" + cache.Workflows[0].Workflow, "/workflows/nothing", "/campaigns", "/campaigns/x", "/releases", "/releases/x",
		"/sites", "/sites/x", "/agents", "/agents/x", "/errors", "/go", "/facet/Status", "/columns", "/selection", "/changed", "/api", "/about", "/pulse",
		"/livez", "/readyz", "/version", "/nowhere", "/workflows.json", "/fetch", "/fetch/x", "/problems/not-found", "/static/none.js",
		"/api/fetch", "/api/nothing", "/api/pulse", "/api/version", "/api/metrics",
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost, http.MethodDelete} {
		for _, path := range paths {
			req, err := http.NewRequestWithContext(t.Context(), method, at+path, nil)
			require.NoError(t, err)
			res, err := http.DefaultTransport.RoundTrip(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			assert.Equal(t, []string{"nosniff"}, res.Header.Values("X-Content-Type-Options"), "%s %s", method, path)
			if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") && !strings.HasPrefix(path, "/api/") {
				assert.NotEmpty(t, res.Header.Get("Content-Security-Policy"), "%s %s", method, path)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// Long input of a client is not repeated in full.
func TestLongInputsMakeShortPages(t *testing.T) {
	cache := testcache.New(t)
	at := run(t, cache.URL)
	sizes := map[string]int{}
	_, list := get(t, at+"/workflows")          // shown for an ignored filter
	for _, n := range []int{10, 5000, 60_000} { // net/http answers 431 for a longer header
		text := strings.Repeat("A", n)
		for _, path := range []string{
			"/workflows/", "/sites/", "/campaigns/", "/agents/", "/releases/", "/nothing", "/static/", "/fetch/", "/facet/", "/api/fetch/", "/api/nothing", "/api/sites/",
			"/workflows?q=", "/workflows?workflow=", "/workflows?campaign=x,", "/workflows?cols=", "/workflows?foo=", "/workflows?sort=", "/errors?site=", "/errors?exitcode=", "/go?q=",
			"/facet/Status?prefix=", "/selection?workflow=", "/api?path=", "/workflows/x?exitcode=", "/workflows/x?tasks=", "/columns?cols=", "/attention?rule=", "/changed?since=", "/sites/x?q=",
		} {
			res, body := get(t, at+path+text)
			if n == 10 {
				sizes[path] = max(len(body), len(list))
				continue
			}
			assert.Less(t, len(body), sizes[path]+40<<10, "%s and %d letters: %d", path, n, res.StatusCode)
			assert.Less(t, len(res.Header.Get("Location")), 70_000, path)
		}
	}
	res, body := get(t, at+"/workflows?q="+strings.Repeat("A", 20_000))
	assert.Equal(t, http.StatusRequestURITooLong, res.StatusCode)
	assert.Contains(t, string(body), "The address is too long")
	res, _ = get(t, at+"/workflows/"+strings.Repeat("A", wire.MaxValue))
	assert.Equal(t, http.StatusNotFound, res.StatusCode, "the longest possible name is accepted")
}
