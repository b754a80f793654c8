package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/tlsclient/testca"
	"github.com/dmwm/wmstats/uiserver/app"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

// securedCache is a cache server behind TLS that wants a client certificate.
type securedCache struct {
	url          string
	root, issuer *testca.Identity

	mu     sync.Mutex
	client string // of the last request
}

func newSecuredCache(t *testing.T, host string) *securedCache {
	t.Helper()
	target, err := url.Parse(testcache.New(t).URL)
	require.NoError(t, err)
	behind := httputil.NewSingleHostReverseProxy(target)
	s := &securedCache{root: testca.Root(t, "root")}
	s.issuer = s.root.Issue(t, testca.Options{Name: "issuer", CA: true})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.client = r.TLS.PeerCertificates[0].Subject.CommonName
		s.mu.Unlock()
		behind.ServeHTTP(w, r)
	}))
	id := s.issuer.Issue(t, testca.Options{Name: "cache", Hosts: []string{host}})
	pair, err := tls.X509KeyPair([]byte(id.CertPEM()), []byte(id.KeyPEM(t)))
	require.NoError(t, err)
	clients := x509.NewCertPool()
	clients.AddCert(s.root.Cert)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *securedCache) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client
}

// TestTheCacheServerWantsACertificate: pages and API requests use it, and a changed one
// after a reload.
func TestTheCacheServerWantsACertificate(t *testing.T) {
	cache := newSecuredCache(t, "127.0.0.1")
	alice, bob := cache.issuer.Issue(t, testca.Options{Name: "alice"}), cache.issuer.Issue(t, testca.Options{Name: "bob", Expires: time.Hour})
	cert, key := testca.File(t, alice.CertPEM()), testca.File(t, alice.KeyPEM(t))
	a, err := app.New(options(t, cache.url, "--cache-ca", testca.File(t, cache.root.CertPEM()), "--cache-cert", cert, "--cache-key", key))
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, a.Stop(context.Background())) })
	at := "http://" + a.Addr()
	for _, path := range []string{"/workflows", "/api/fetch", "/wmstatsserver/data/info"} {
		res, _ := get(t, at+path)
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		assert.Equal(t, "alice", cache.last())
	}
	_, text := get(t, at+"/readyz?verbose")
	assert.Contains(t, string(text), "[+] certificate: expires at "+alice.Cert.NotAfter.UTC().Format(time.RFC3339))
	testca.Write(t, cert, bob.CertPEM())
	testca.Write(t, key, bob.KeyPEM(t))
	a.Reload()
	for _, path := range []string{"/workflows", "/api/fetch"} {
		res, _ := get(t, at+path)
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		assert.Equal(t, "bob", cache.last())
	}
	_, text = get(t, at+"/readyz?verbose")
	assert.Contains(t, string(text), "[~] certificate: expires at ")
	testca.Write(t, key, "nothing")
	a.Reload()
	_, text = get(t, at+"/readyz?verbose")
	assert.Contains(t, string(text), "[~] files: the cache server key file is invalid")
	res, _ := get(t, at+"/api/fetch")
	assert.Equal(t, http.StatusOK, res.StatusCode, "the last good one is in use")
}

// TestTLSFailuresOfTheCacheServerAreNamed without names of files.
func TestTLSFailuresOfTheCacheServerAreNamed(t *testing.T) {
	cache, other := newSecuredCache(t, "127.0.0.1"), newSecuredCache(t, "cache.example")
	for _, c := range []struct {
		cache  *securedCache
		ca     *testca.Identity
		reason string
	}{
		{cache, cache.root, "it requires a client certificate"},
		{cache, other.root, "its certificate is not from a known authority"},
		{other, other.root, "its certificate is for another host name"},
	} {
		at := run(t, c.cache.url, "--cache-ca", testca.File(t, c.ca.CertPEM()))
		_, text := get(t, at+"/readyz")
		assert.Equal(t, "cache server: not reached: "+c.reason+"\n", string(text))
		res, text := get(t, at+"/api/fetch")
		assert.Equal(t, http.StatusBadGateway, res.StatusCode)
		assert.Contains(t, string(text), c.reason)
		assert.NotContains(t, string(text), ".pem")
	}
}

func TestInvalidFilesOfTLS(t *testing.T) {
	none := func(string) string { return "" }
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--cache-url", "https://c", "--cache-key", "k"}, "--cache-key needs --cache-cert"},
		{[]string{"--cache-url", "http://c", "--cache-ca", "a"}, "https://"},
	} {
		_, err := app.ParseOptions(c.args, none, io.Discard)
		require.ErrorContains(t, err, c.want)
	}
	o, err := app.ParseOptions([]string{"--cache-url", "https://c", "--cache-ca", secretFile(t, "secret text")}, none, io.Discard)
	require.NoError(t, err)
	_, err = app.New(o)
	require.ErrorContains(t, err, "it has no certificate in PEM form")
	assert.NotContains(t, err.Error(), "secret text")
	var out strings.Builder
	_, err = app.ParseOptions([]string{"--cache-url", "https://c", "--cache-cert", secretFile(t, "secret text"), "--print-config"}, none, &out)
	require.Error(t, err)
	assert.NotContains(t, out.String(), "secret text")
}
