package app_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/app"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// guardedCache is a cache server that requires a token and records the headers of
// its requests.
type guardedCache struct {
	url string

	mu   sync.Mutex
	seen http.Header
}

func newGuardedCache(t *testing.T) *guardedCache {
	t.Helper()
	target, err := url.Parse(testcache.New(t).URL)
	require.NoError(t, err)
	behind := httputil.NewSingleHostReverseProxy(target)
	g := &guardedCache{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.seen = r.Header.Clone()
		g.mu.Unlock()
		if who := r.Header.Get("Authorization"); who != "Bearer own" && who != "Bearer alice" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="wmstats"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

func (g *guardedCache) asked(name string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen.Values(name)
}

func run(t *testing.T, cacheURL string, args ...string) string {
	t.Helper()
	a, err := app.New(options(t, cacheURL, args...))
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, a.Stop(context.Background())) })
	return "http://" + a.Addr()
}

// Pages use the token of this server. The API is forwarded with the token of the
// client, or of this server if the client has none.
func TestOwnToken(t *testing.T) {
	cache := newGuardedCache(t)
	own := secretFile(t, "own\n")
	at := run(t, cache.url, "--cache-token-file", own)
	res, _ := get(t, at+"/workflows", "Authorization", "Bearer nobody")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, []string{"Bearer own"}, cache.asked("Authorization"))
	res, _ = get(t, at+"/readyz")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	for given, want := range map[string]int{"Bearer alice": 200, "Bearer mallory": 401, "": 200} {
		headers := []string{}
		if given != "" {
			headers = []string{"Authorization", given}
		}
		res, _ = get(t, at+"/api/fetch", headers...)
		assert.Equal(t, want, res.StatusCode, given)
		if want == 401 {
			assert.Equal(t, `Bearer realm="wmstats"`, res.Header.Get("WWW-Authenticate"))
		}
	}
	without := run(t, cache.url)
	res, _ = get(t, without+"/api/fetch")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	res, _ = get(t, without+"/api/fetch", "Authorization", "Bearer alice")
	assert.Equal(t, http.StatusOK, res.StatusCode)
}

// Credentials that this server checks are not forwarded; its own token is.
func TestIdentityOfTheUIServer(t *testing.T) {
	cache := newGuardedCache(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	require.NoError(t, err)
	users := secretFile(t, "bob:"+string(hash)+"\n")
	at := run(t, cache.url, "--listen", "0.0.0.0:0", "--htpasswd-file", users, "--cache-token-file", secretFile(t, "own"),
		"--identity-header", "X-Remote-User", "--trusted-peers", "192.0.2.1")
	at = strings.Replace(at, "[::]", "127.0.0.1", 1)
	for _, path := range []string{"/", "/workflows", "/api/fetch", "/version", "/nowhere"} {
		res, body := get(t, at+path, "X-Remote-User", "bob")
		require.Equal(t, http.StatusUnauthorized, res.StatusCode, path)
		assert.Contains(t, res.Header.Get("WWW-Authenticate"), "Basic realm=")
		if strings.HasPrefix(path, "/api/") {
			assert.Equal(t, wire.MediaProblem, res.Header.Get("Content-Type"))
			assert.Contains(t, string(body), "unauthorized")
		}
	}
	res, _ := get(t, at+"/livez")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth("bob", "secret")
	basic := r.Header.Get("Authorization")
	for _, path := range []string{"/workflows", "/api/fetch"} {
		res, _ = get(t, at+path, "Authorization", basic, "X-Remote-User", "root")
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		assert.Equal(t, []string{"Bearer own"}, cache.asked("Authorization"))
	}
	assert.Equal(t, []string{"bob"}, cache.asked("X-Remote-User"), "the authenticated name")
}

// A client can't impersonate a user to a cache server that trusts this server.
func TestOnlyHeadersOfTheAPIAreForwarded(t *testing.T) {
	cache := newGuardedCache(t)
	at := run(t, cache.url, "--trusted-peers", "192.0.2.1")
	sent := []string{"Authorization", "Bearer alice", "X-Remote-User", "root", "Cookie", "a=b", "X-Forwarded-For", "203.0.113.1", "If-None-Match", `"x"`}
	res, _ := get(t, at+"/api/fetch", sent...)
	require.Equal(t, http.StatusOK, res.StatusCode)
	assert.Empty(t, cache.asked("X-Remote-User"))
	assert.Empty(t, cache.asked("Cookie"))
	assert.Equal(t, []string{`"x"`}, cache.asked("If-None-Match"))
	assert.Equal(t, []string{"127.0.0.1"}, cache.asked("X-Forwarded-For"), "X-Forwarded-For of an untrusted peer is dropped")
	trusting := run(t, cache.url) // loopback is trusted
	get(t, trusting+"/api/fetch", sent...)
	assert.Equal(t, []string{"203.0.113.1, 127.0.0.1"}, cache.asked("X-Forwarded-For"))
}

func TestRateOfTheUIServer(t *testing.T) {
	cache := testcache.New(t)
	at := run(t, cache.URL, "--rate-limit", "0.01", "--rate-burst", "2")
	const client = "198.51.100.7"
	for range 2 {
		res, _ := get(t, at+"/version", "X-Forwarded-For", client)
		require.Equal(t, http.StatusOK, res.StatusCode)
	}
	for _, path := range []string{"/workflows", "/api/fetch"} {
		res, _ := get(t, at+path, "X-Forwarded-For", client)
		assert.Equal(t, http.StatusTooManyRequests, res.StatusCode)
		assert.NotEmpty(t, res.Header.Get("Retry-After"))
	}
	res, _ := get(t, at+"/version", "X-Forwarded-For", "198.51.100.8")
	assert.Equal(t, http.StatusOK, res.StatusCode)
}

func TestInvalidAccessOptions(t *testing.T) {
	_, err := app.ParseOptions([]string{
		"--rate-limit", "-1", "--rate-burst", "x", "--trusted-peers", "here", "--identity-header", "X",
	}, func(string) string { return "" }, io.Discard)
	require.Error(t, err)
	for _, part := range []string{"rate-limit", "rate-burst", "trusted-peers"} {
		assert.ErrorContains(t, err, part)
	}
	o := options(t, "http://127.0.0.1:1", "--cache-token-file", filepath.Join(t.TempDir(), "none"))
	_, err = app.New(o)
	assert.ErrorContains(t, err, "token for the cache server")
}
