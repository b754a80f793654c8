package couch

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/program/tlsclient"
	"github.com/dmwm/wmstats/program/tlsclient/testca"
)

// TestAFeedMovesToTheNewCertificate: it ends without an error at the first sign of life
// after the files have changed, and the next one shows the new certificate.
func TestAFeedMovesToTheNewCertificate(t *testing.T) {
	fake := couchfake.New(couchfake.Options{})
	require.NoError(t, fake.Create("wmstats"))
	root := testca.Root(t, "root")
	var client atomic.Value
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client.Store(r.TLS.PeerCertificates[0].Subject.CommonName)
		fake.ServeHTTP(w, r)
	}))
	id := root.Issue(t, testca.Options{Hosts: []string{"127.0.0.1"}})
	pair, err := tls.X509KeyPair([]byte(id.CertPEM()), []byte(id.KeyPEM(t)))
	require.NoError(t, err)
	clients := x509.NewCertPool()
	clients.AddCert(root.Cert)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.StartTLS()
	t.Cleanup(func() {
		require.NoError(t, fake.Close())
		s.CloseClientConnections()
		s.Close()
	})
	alice, bob := root.Issue(t, testca.Options{Name: "alice"}), root.Issue(t, testca.Options{Name: "bob"})
	files := tlsclient.Files{CA: testca.File(t, root.CertPEM()), Cert: testca.File(t, alice.CertPEM()+alice.KeyPEM(t))}
	secure, err := tlsclient.New(tlsclient.Options{Files: files, Server: "CouchDB"})
	require.NoError(t, err)
	c, err := New(Options{URL: s.URL, TLS: secure, Heartbeat: 20 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })

	signs := 0
	alive := func() {
		if signs++; signs == 3 { // the feed is open
			assert.Equal(t, "alice", client.Load())
			testca.Write(t, files.Cert, bob.CertPEM()+bob.KeyPEM(t))
			secure.Reload()
		}
	}
	for _, err := range c.Changes(t.Context(), WMStats, "", FeedOptions{Alive: alive}) {
		require.NoError(t, err)
	}
	assert.GreaterOrEqual(t, signs, 3)
	_, err = c.Position(t.Context(), WMStats)
	require.NoError(t, err)
	assert.Equal(t, "bob", client.Load())
}

// TestABearerToken is sent with each request; a new one may read a resource that was refused.
func TestABearerToken(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer good" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"unauthorized","reason":"unknown token"}`))
			return
		}
		_, _ = w.Write([]byte(`{"db_name":"wmstats","update_seq":"1-x","doc_count":0,"doc_del_count":0}`))
	}))
	t.Cleanup(s.Close)
	var token atomic.Value
	token.Store("bad")
	c, err := New(Options{URL: s.URL, Token: func() string { return token.Load().(string) }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	for range placeTries + 1 {
		_, err = c.Position(t.Context(), WMStats)
		require.ErrorIs(t, err, ErrUnauthorized)
		require.NotContains(t, err.Error(), "bad")
	}
	token.Store("good")
	_, err = c.Position(t.Context(), WMStats)
	require.NoError(t, err)
	_, err = New(Options{URL: s.URL, User: "u", Token: func() string { return "" }})
	require.ErrorContains(t, err, "a token and a user")
}

// TestTLSReasons: each failure of TLS has a text for people and a name for metrics.
func TestTLSReasons(t *testing.T) {
	for _, r := range tlsclient.Reasons() {
		err := &Error{Op: "read", Kind: ErrUnreachable, Err: errors.Join(r.Err, errors.New("/etc/secret.pem"))}
		text := Public(err)
		assert.Equal(t, "the database server can't be reached: "+r.Err.Error(), text)
		assert.Equal(t, r.Name, Reason(text))
		assert.Contains(t, Reasons(), r.Name)
		assert.Equal(t, r.Name, Reason("the old server is unreachable: "+r.Err.Error()))
	}
}
