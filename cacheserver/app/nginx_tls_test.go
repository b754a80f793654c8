package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/program/tlsclient"
	"github.com/dmwm/wmstats/program/tlsclient/testca"
	"github.com/dmwm/wmstats/schema/wire"
)

// securedCouch is a CouchDB behind an nginx that wants a client certificate.
type securedCouch struct {
	fake         *couchfake.Server
	url          string
	root, issuer *testca.Identity
	ca           string // file with the root

	mu    sync.Mutex
	feeds map[string]int // open feeds by the subject of the client
}

// newSecuredCouch starts both. server is the nginx's certificate, by default one for
// the address.
func newSecuredCouch(t *testing.T, server func(root, issuer *testca.Identity) *testca.Identity) *securedCouch {
	t.Helper()
	s := &securedCouch{fake: couchfake.New(couchfake.Options{BuiltinViews: true, Now: time.Now}), feeds: map[string]int{}}
	for _, db := range []string{"reqmgr_workload_cache", "wmstats"} {
		require.NoError(t, s.fake.Create(db))
	}
	behind := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		require.NoError(t, s.fake.Close())
		behind.CloseClientConnections()
		behind.Close()
	})
	s.root = testca.Root(t, "root")
	s.issuer = s.root.Issue(t, testca.Options{Name: "issuer", CA: true})
	s.ca = testca.File(t, s.root.CertPEM())
	id := s.issuer.Issue(t, testca.Options{Name: "couch", Hosts: []string{"127.0.0.1"}})
	if server != nil {
		id = server(s.root, s.issuer)
	}
	dir := t.TempDir()
	socket, listen := listening(t)
	proxyProgram(t, "nginx", fmt.Sprintf(`daemon off; user root; pid %[1]s/pid; error_log stderr;
events {}
http {
  access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  server {
    listen %[2]s ssl; ssl_certificate %[3]s; ssl_certificate_key %[4]s;
    ssl_verify_client on; ssl_client_certificate %[5]s; ssl_verify_depth 4;
    location / { proxy_pass %[6]s; proxy_set_header X-Client $ssl_client_s_dn; proxy_buffering off; proxy_read_timeout 1h; proxy_http_version 1.1; }
  }
}
`, dir, listen, testca.File(t, id.CertPEM()), testca.File(t, id.KeyPEM(t)), s.ca, behind.URL), socket, "-p", dir, "-c")
	s.url = "https://" + listen
	return s
}

func (s *securedCouch) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("feed") == "continuous" {
		client := r.Header.Get("X-Client")
		s.count(client, 1)
		defer s.count(client, -1)
	}
	s.fake.ServeHTTP(w, r)
}

func (s *securedCouch) count(client string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feeds[client] += n
}

func (s *securedCouch) open(client string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.feeds[client]
}

func (s *securedCouch) client(t *testing.T, name string, expires time.Duration) *testca.Identity {
	t.Helper()
	return s.issuer.Issue(t, testca.Options{Name: name, Expires: expires})
}

func (s *securedCouch) options(t *testing.T, log *logBuffer, id *testca.Identity) app.Options {
	t.Helper()
	o := options(t, s.url, log)
	o.CouchUser, o.CouchPasswordFile = "", ""
	o.CouchTLS.CA = s.ca
	if id != nil {
		o.CouchTLS.Cert, o.CouchTLS.Key = testca.File(t, id.CertPEM()), testca.File(t, id.KeyPEM(t))
	}
	o.Patience.MinWait, o.Patience.Heartbeat, o.Patience.LookEvery = 5*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	return o
}

// TestACertificateIsRotated: nginx verifies the certificate up to the root. When the
// files change, the feeds move to connections with the new one, without a full read.
func TestACertificateIsRotated(t *testing.T) {
	s := newSecuredCouch(t, nil)
	put(t, s.fake, "reqmgr_workload_cache", request("w1", "running-open", 1))
	var log logBuffer
	alice, bob := s.client(t, "alice", 0), s.client(t, "bob", 48*time.Hour)
	o := s.options(t, &log, alice)
	a := start(t, o)
	ready(t, a.Addr())
	require.Eventually(t, func() bool { return s.open("CN=alice") == 2 }, waitFor, tick)
	assert.Contains(t, verbose(t, a.Addr()), "[+] certificate: expires at "+alice.Cert.NotAfter.UTC().Format(time.RFC3339))
	assert.Equal(t, alice.Cert.NotAfter.Unix(), aboutOf(t, a.Addr()).CertificateExpires)

	testca.Write(t, o.CouchTLS.Cert, bob.CertPEM())
	testca.Write(t, o.CouchTLS.Key, bob.KeyPEM(t))
	require.Eventually(t, func() bool { return s.open("CN=bob") == 2 && s.open("CN=alice") == 0 }, waitFor, tick)
	assert.Contains(t, verbose(t, a.Addr()), "[~] certificate: expires at "+bob.Cert.NotAfter.UTC().Format(time.RFC3339))
	assert.Contains(t, log.String(), "expires soon")
	assert.InDelta(t, bob.Cert.NotAfter.Unix(), metric(t, a.Addr(), "wmstats_source_certificate_expires_timestamp_seconds"), 0)
	put(t, s.fake, "reqmgr_workload_cache", request("w1", "running-open", 2))
	require.Eventually(t, func() bool { w, _ := workflow(t, a.Addr(), "w1"); return w.Priority == 2 }, waitFor, tick)
	assert.Equal(t, 1, strings.Count(log.String(), "full read finished"))
	assert.NotContains(t, log.String(), "level=WARN msg=\"changes")

	testca.Write(t, o.CouchTLS.Key, "nothing")
	a.Reload()
	require.Eventually(t, func() bool { return strings.Contains(verbose(t, a.Addr()), "the source key file is invalid") }, waitFor, tick)
	assert.Equal(t, 2, s.open("CN=bob"))
}

// TestAGridFile: one file has the certificate, its key, and its issuer. nginx refuses
// a true proxy, because its OpenSSL accepts none.
func TestAGridFile(t *testing.T) {
	s := newSecuredCouch(t, nil)
	put(t, s.fake, "reqmgr_workload_cache", request("w1", "running-open", 1))
	var log logBuffer
	alice := s.client(t, "alice", 0)
	o := s.options(t, &log, nil)
	o.CouchTLS.Cert = testca.File(t, alice.Proxy(t, 12*time.Hour).GridFile(t))
	a := start(t, o)
	require.Eventually(t, func() bool { return strings.Contains(verbose(t, a.Addr()), tlsclient.ErrRefused.Error()) }, waitFor, tick)
	testca.Write(t, o.CouchTLS.Cert, alice.GridFile(t))
	ready(t, a.Addr())
	require.Eventually(t, func() bool { return s.open("CN=alice") == 2 }, waitFor, tick)
}

// TestTLSFailuresAreNamed in the log and, without names of files and hosts, in public;
// the server recovers when the file is corrected.
func TestTLSFailuresAreNamed(t *testing.T) {
	local := []string{"127.0.0.1"}
	for _, c := range []struct {
		what   string
		server func(root, issuer *testca.Identity) *testca.Identity
		files  func(s *securedCouch, o *app.Options)
		want   error
		metric string
	}{
		{"no client certificate", nil, func(_ *securedCouch, o *app.Options) { o.CouchTLS.Cert, o.CouchTLS.Key = "", "" }, tlsclient.ErrRequired, "tls_certificate_required"},
		{"another authority of the client", nil, func(_ *securedCouch, o *app.Options) {
			id := testca.Root(t, "other").Issue(t, testca.Options{Name: "mallory"})
			o.CouchTLS.Cert, o.CouchTLS.Key = testca.File(t, id.CertPEM()), testca.File(t, id.KeyPEM(t))
		}, tlsclient.ErrRefused, "tls_certificate_refused"},
		{"an expired client certificate", nil, func(s *securedCouch, o *app.Options) {
			id := s.client(t, "alice", -time.Minute)
			o.CouchTLS.Cert, o.CouchTLS.Key = testca.File(t, id.CertPEM()), testca.File(t, id.KeyPEM(t))
		}, tlsclient.ErrOwnExpired, "tls_certificate_expired"},
		{"an issuer is missing", nil, func(s *securedCouch, o *app.Options) {
			id := s.client(t, "alice", 0)
			o.CouchTLS.Cert, o.CouchTLS.Key = testca.File(t, id.OwnPEM()), testca.File(t, id.KeyPEM(t))
		}, tlsclient.ErrRefused, "tls_certificate_refused"},
		{"another authority of the server", nil, func(_ *securedCouch, o *app.Options) {
			o.CouchTLS.CA = testca.File(t, testca.Root(t, "other").CertPEM())
		}, tlsclient.ErrAuthority, "tls_authority"},
		{"an expired certificate of the server", func(_, issuer *testca.Identity) *testca.Identity {
			return issuer.Issue(t, testca.Options{Hosts: local, Expires: -time.Minute})
		}, nil, tlsclient.ErrExpired, "tls_expired"},
		{"another name of the server", func(_, issuer *testca.Identity) *testca.Identity {
			return issuer.Issue(t, testca.Options{Hosts: []string{"couch.example"}})
		}, nil, tlsclient.ErrName, "tls_name"},
		{"http at a port of TLS", nil, func(s *securedCouch, o *app.Options) {
			o.CouchURL, o.CouchTLS = strings.Replace(s.url, "https", "http", 1), tlsclient.Files{}
		}, tlsclient.ErrOnlyTLS, "tls_needed"},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newSecuredCouch(t, c.server)
			put(t, s.fake, "reqmgr_workload_cache", request("w1", "running-open", 1))
			var log logBuffer
			alice := s.client(t, "alice", 0)
			o := s.options(t, &log, alice)
			if c.files != nil {
				c.files(s, &o)
			}
			a := start(t, o)
			reason := "the database server can't be reached: " + c.want.Error()
			require.Eventually(t, func() bool { return strings.Contains(verbose(t, a.Addr()), reason) }, waitFor, 20*time.Millisecond, "%s", reason)
			require.Eventually(t, func() bool { return strings.Contains(log.String(), c.want.Error()) }, waitFor, tick, "%s in the log", c.want)
			require.Eventually(t, func() bool {
				return metric(t, a.Addr(), `wmstats_follower_failures_total{db="requests",reason="`+c.metric+`"}`) > 0
			}, waitFor, tick)
			public := verbose(t, a.Addr()) + fmt.Sprint(aboutOf(t, a.Addr()).Errors)
			host, _, err := net.SplitHostPort(strings.TrimPrefix(s.url, "https://"))
			require.NoError(t, err)
			for _, hidden := range []string{".pem", os.TempDir(), host} {
				assert.NotContains(t, public, hidden)
			}
			if !errors.Is(c.want, tlsclient.ErrRefused) && !errors.Is(c.want, tlsclient.ErrOwnExpired) {
				return
			}
			testca.Write(t, o.CouchTLS.Cert, alice.CertPEM())
			testca.Write(t, o.CouchTLS.Key, alice.KeyPEM(t))
			a.Reload()
			ready(t, a.Addr())
		})
	}
}

func aboutOf(t *testing.T, addr string) (out wire.About) {
	t.Helper()
	_, body := get(t, addr, "/about")
	require.NoError(t, json.Unmarshal([]byte(body), &out))
	return out
}
