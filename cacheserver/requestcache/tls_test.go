package requestcache_test

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/requestcache"
	"github.com/dmwm/wmstats/program/tlsclient"
	"github.com/dmwm/wmstats/program/tlsclient/testca"
)

// TestTLS: a URL of https is read with the given authority and token, and a failure of
// TLS is named.
func TestTLS(t *testing.T) {
	root := testca.Root(t, "root")
	id := root.Issue(t, testca.Options{Hosts: []string{"127.0.0.1"}})
	pair, err := tls.X509KeyPair([]byte(id.CertPEM()), []byte(id.KeyPEM(t)))
	require.NoError(t, err)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer mine" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(small))
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.StartTLS()
	t.Cleanup(s.Close)
	source := open(t, s.URL)
	err = look(t, source)
	require.ErrorIs(t, err, tlsclient.ErrAuthority)
	assert.Equal(t, "the old server is unreachable: its certificate is not from a known authority", couch.Public(err))
	assert.Equal(t, "tls_authority", couch.Reason(couch.Public(err)))

	secure, err := tlsclient.New(tlsclient.Options{Files: tlsclient.Files{CA: testca.File(t, root.CertPEM())}})
	require.NoError(t, err)
	source = open(t, s.URL, func(o *requestcache.Options) { o.TLS = secure })
	require.ErrorIs(t, look(t, source), couch.ErrUnauthorized)
	source = open(t, s.URL, func(o *requestcache.Options) {
		o.TLS, o.Token = secure, func() string { return "mine" }
	})
	require.NoError(t, look(t, source))
}
