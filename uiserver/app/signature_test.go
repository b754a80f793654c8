package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/uiserver/app"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

// aliceSignature signs "cms-authn-login: alice" with the key "secret":
//
//	printf 'hfv5#cms-authn-loginalice' | openssl dgst -sha1 -hmac secret
const aliceSignature = "f03e63b38ec13d0849ad6aa8f556ba86000421e8"

// signedCache is a cache server that has the front end's key, and a token of the UI
// server. It records who asked last.
type signedCache struct {
	url, own string // address, and file with the token of the UI server

	mu   sync.Mutex
	name string
	seen http.Header
}

func newSignedCache(t *testing.T) *signedCache {
	t.Helper()
	own, line, err := identity.NewToken("uiserver")
	require.NoError(t, err)
	checker, err := identity.New(identity.Options{HMAC: secretFile(t, "secret"), Tokens: secretFile(t, line)})
	require.NoError(t, err)
	target, err := url.Parse(testcache.New(t).URL)
	require.NoError(t, err)
	behind, g := httputil.NewSingleHostReverseProxy(target), &signedCache{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, err := checker.Identify(r, netip.Addr{})
		g.mu.Lock()
		g.name, g.seen = name, r.Header.Clone()
		g.mu.Unlock()
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	g.url, g.own = server.URL, secretFile(t, own)
	return g
}

func (g *signedCache) last() (name string, header http.Header) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.name, g.seen
}

// TestTheSignatureIsPassedOn: the cache server verifies the front end's signature
// itself, and so knows the user. A request that another method has authenticated comes
// with the token of this server alone.
func TestTheSignatureIsPassedOn(t *testing.T) {
	cache := newSignedCache(t)
	script, line, err := identity.NewToken("script")
	require.NoError(t, err)
	at := run(t, cache.url, "--frontend-hmac-file", secretFile(t, "secret"), "--token-file", secretFile(t, line),
		"--cache-token-file", cache.own)
	for _, connection := range []string{"", "cms-authn-hmac", "CMS-Authn-Login, cms-authn-hmac, authorization"} {
		for _, path := range []string{"/api/fetch", "/wmstatsserver/data/info"} {
			res, body := get(t, at+path, "cms-authn-login", "alice", "cms-authn-hmac", aliceSignature, "cms-auth-status", "OK", "Connection", connection)
			require.Equal(t, http.StatusOK, res.StatusCode, "%s %s", path, body)
			name, _ := cache.last()
			assert.Equal(t, "alice", name, connection)
		}
	}
	res, _ := get(t, at+"/api/fetch", "Authorization", "Bearer "+script)
	require.Equal(t, http.StatusOK, res.StatusCode)
	name, header := cache.last()
	assert.Equal(t, "uiserver", name)
	assert.Empty(t, header.Values("Cms-Authn-Login"))
	res, _ = get(t, at+"/workflows", "cms-authn-login", "alice", "cms-authn-hmac", aliceSignature)
	require.Equal(t, http.StatusOK, res.StatusCode)
	name, _ = cache.last()
	assert.Equal(t, "uiserver", name, "pages are this server's own requests")

	for _, headers := range [][]string{
		nil, {"cms-authn-login", "alice"}, {"cms-authn-login", "bob", "cms-authn-hmac", aliceSignature},
		{"cms-authn-login", "alice", "cms-authn-hmac", aliceSignature, "cms-auth-status", "NONE"}, {"cms-auth-status", "NONE", "Authorization", "Bearer " + script},
	} {
		for path, status := range map[string]int{"/": 401, "/api/fetch": 401, "/wmstatsserver/data/info": 403} {
			res, _ := get(t, at+path, headers...)
			assert.Equal(t, status, res.StatusCode, "%s %q", path, headers)
		}
	}
}

// TestUnverifiedSignaturesAreNotPassedOn: without the key this server does not know
// the user, and a cache server that trusts it must not be told one.
func TestUnverifiedSignaturesAreNotPassedOn(t *testing.T) {
	cache := newSignedCache(t)
	at := run(t, cache.url, "--cache-token-file", cache.own)
	res, _ := get(t, at+"/api/fetch", "cms-authn-login", "alice", "cms-authn-hmac", aliceSignature, "cms-authz-admin", "group:x")
	require.Equal(t, http.StatusOK, res.StatusCode)
	name, header := cache.last()
	assert.Equal(t, "uiserver", name)
	for _, absent := range []string{"Cms-Authn-Login", "Cms-Authn-Hmac", "Cms-Authz-Admin"} {
		assert.Empty(t, header.Values(absent), absent)
	}
}

func TestTheSignedNameIsTakenOnce(t *testing.T) {
	_, err := app.ParseOptions([]string{"--frontend-hmac-file", "key", "--identity-header", "CMS-Authn-Login", "--trusted-peers", "10.0.0.1"},
		func(string) string { return "" }, io.Discard)
	require.ErrorContains(t, err, "--frontend-hmac-file takes the name from the signed headers")
}
