package tlsclient_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/tlsclient"
	"github.com/dmwm/wmstats/program/tlsclient/testca"
)

// world is a root authority with one below it, which issues everything.
type world struct{ root, issuer *testca.Identity }

func newWorld(t *testing.T) world {
	t.Helper()
	root := testca.Root(t, "root")
	return world{root, root.Issue(t, testca.Options{Name: "issuer", CA: true})}
}

func (w world) client(t *testing.T, o testca.Options) *testca.Identity {
	t.Helper()
	return w.issuer.Issue(t, o)
}

// serve starts a server with a certificate. It answers with the names of the client's
// certificates, and wants one if clients is not nil.
func serve(t *testing.T, id *testca.Identity, clients *testca.Identity, version uint16) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, cert := range r.TLS.PeerCertificates {
			_, _ = io.WriteString(w, cert.Subject.CommonName+",")
		}
	}))
	pair, err := tls.X509KeyPair([]byte(id.CertPEM()), []byte(id.KeyPEM(t)))
	require.NoError(t, err)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MaxVersion: version}
	if clients != nil {
		s.TLS.ClientCAs, s.TLS.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		s.TLS.ClientCAs.AddCert(clients.Cert)
	}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func ask(t *testing.T, via http.RoundTripper, address string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	resp, err := via.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func client(t *testing.T, f tlsclient.Files) *tlsclient.Client {
	t.Helper()
	c, err := tlsclient.New(tlsclient.Options{Files: f, Server: "CouchDB"})
	require.NoError(t, err)
	return c
}

func transport(t *testing.T, f tlsclient.Files) *tlsclient.Transport {
	t.Helper()
	via := client(t, f).Transport(&http.Transport{})
	t.Cleanup(via.CloseIdleConnections)
	return via
}

func TestReasons(t *testing.T) {
	w, other := newWorld(t), testca.Root(t, "other")
	local := []string{"127.0.0.1"}
	good := w.issuer.Issue(t, testca.Options{Name: "server", Hosts: local})
	alice := w.client(t, testca.Options{Name: "alice"})
	ca := testca.File(t, w.root.CertPEM())
	files := func(id *testca.Identity) tlsclient.Files {
		return tlsclient.Files{CA: ca, Cert: testca.File(t, id.CertPEM()), Key: testca.File(t, id.KeyPEM(t))}
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, c := range []struct {
			what    string
			address string
			files   tlsclient.Files
			want    error // nil: it is answered
		}{
			{"no certificate is wanted", serve(t, good, nil, version), tlsclient.Files{CA: ca}, nil},
			{"a certificate and its issuer", serve(t, good, w.root, version), files(alice), nil},
			{"the system's authorities", serve(t, good, nil, version), tlsclient.Files{}, tlsclient.ErrAuthority},
			{"another authority", serve(t, other.Issue(t, testca.Options{Hosts: local}), nil, version), tlsclient.Files{CA: ca}, tlsclient.ErrAuthority},
			{"a server's certificate has expired", serve(t, w.issuer.Issue(t, testca.Options{Hosts: local, Expires: -time.Minute}), nil, version), tlsclient.Files{CA: ca}, tlsclient.ErrExpired},
			{"another name", serve(t, w.issuer.Issue(t, testca.Options{Hosts: []string{"couch.example"}}), nil, version), tlsclient.Files{CA: ca}, tlsclient.ErrName},
			{"a client's certificate for a server", serve(t, w.issuer.Issue(t, testca.Options{Hosts: local, Client: true}), nil, version), tlsclient.Files{CA: ca}, tlsclient.ErrInvalid},
			{"no client certificate", serve(t, good, w.root, version), tlsclient.Files{CA: ca}, tlsclient.ErrRequired},
			{"a client certificate of another authority", serve(t, good, w.root, version), files(other.Issue(t, testca.Options{Name: "mallory"})), tlsclient.ErrRefused},
			{"an expired client certificate", serve(t, good, w.root, version), files(w.client(t, testca.Options{Expires: -time.Minute})), tlsclient.ErrOwnExpired},
			{"a server without TLS", strings.Replace(plain.URL, "http:", "https:", 1), tlsclient.Files{CA: ca}, tlsclient.ErrNotTLS},
		} {
			t.Run(c.what, func(t *testing.T) {
				text, err := ask(t, transport(t, c.files), c.address)
				if c.want == nil {
					require.NoError(t, err)
					if c.files.Cert != "" {
						assert.Equal(t, "alice,issuer,", text)
					}
					return
				}
				require.ErrorIs(t, err, c.want)
				assert.Equal(t, c.want.Error(), tlsclient.Public(err))
			})
		}
	}
	_, err := ask(t, transport(t, tlsclient.Files{}), "http://127.0.0.1:1")
	require.Error(t, err)
	assert.Empty(t, tlsclient.Public(err))
}

// TestAGridProxyIsSentWithItsIssuers: a server that accepts proxies needs the client
// that issued it, and that client's issuer, in this order.
func TestAGridProxyIsSentWithItsIssuers(t *testing.T) {
	w := newWorld(t)
	proxy := w.client(t, testca.Options{Name: "alice"}).Proxy(t, time.Hour)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, cert := range r.TLS.PeerCertificates {
			_, _ = io.WriteString(w, cert.Subject.String()+"\n")
		}
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := testca.File(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	text, err := ask(t, transport(t, tlsclient.Files{CA: ca, Cert: testca.File(t, proxy.GridFile(t))}), s.URL)
	require.NoError(t, err)
	names := strings.Split(text, "\n")
	require.Len(t, names, 4)
	assert.Contains(t, names[0], proxy.Cert.SerialNumber.String())
	assert.Equal(t, []string{"CN=alice", "CN=issuer", ""}, names[1:])
	assert.Equal(t, "alice", proxy.Issuers[0].Subject.CommonName)
}

// TestProxiesRefuse: nginx completes the handshake, and refuses the certificate in its
// answer. Other answers stay as they are.
func TestProxiesRefuse(t *testing.T) {
	for _, c := range []struct {
		status int
		kind   string
		body   string
		want   error
	}{
		{400, "text/html", "<html><center>No required SSL certificate was sent</center>", tlsclient.ErrRequired},
		{400, "text/html", "<html><center>The plain HTTP request was sent to HTTPS port</center>", tlsclient.ErrOnlyTLS},
		{400, "text/html", "<html><center>The SSL certificate error</center>", tlsclient.ErrRequired}, // none was sent
		{495, "text/plain", "", tlsclient.ErrRequired},
		{496, "text/plain", "", tlsclient.ErrRequired},
		{400, "text/html", strings.Repeat("x", 10_000), nil},
		{400, "application/json", `{"reason":"No required SSL certificate was sent"}`, nil},
		{500, "text/html", "No required SSL certificate was sent", nil},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		t.Cleanup(s.Close)
		text, err := ask(t, transport(t, tlsclient.Files{}), s.URL)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, "%d %s", c.status, c.body)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.body, text)
	}
}

// TestFiles: which files can be used, and what the errors say.
func TestFiles(t *testing.T) {
	w := newWorld(t)
	alice := w.client(t, testca.Options{Name: "alice"})
	proxy := alice.Proxy(t, time.Hour)
	legacy := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x")})
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	for _, c := range []struct {
		what, cert, key string
		fault           string // "": it can be used
	}{
		{"two files", alice.CertPEM(), alice.KeyPEM(t), ""},
		{"one file", alice.CertPEM() + alice.KeyPEM(t), "", ""},
		{"the key first", alice.KeyPEM(t) + alice.CertPEM(), "", ""},
		{"a grid proxy", proxy.GridFile(t), "", ""},
		{"text between the blocks", "subject=alice\n" + proxy.GridFile(t), "", ""},
		{"the issuer first", proxy.IssuersPEM() + proxy.OwnPEM(), proxy.KeyPEM(t), "must belong together"},
		{"the key of another", alice.CertPEM(), proxy.KeyPEM(t), "must belong together"},
		{"no key", alice.CertPEM(), "", "no private key"},
		{"no certificate", alice.KeyPEM(t), "", "no certificate"},
		{"an encrypted key", alice.CertPEM() + string(encrypted), "", "its key is encrypted"},
		{"an older encrypted key", alice.CertPEM(), string(legacy), "its key is encrypted"},
		{"nothing", "", "", "no certificate"},
	} {
		f := tlsclient.Files{Cert: testca.File(t, c.cert)}
		if c.key != "" {
			f.Key = testca.File(t, c.key)
		}
		one, err := tlsclient.New(tlsclient.Options{Files: f, Server: "CouchDB"})
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault, c.what)
			assert.NotContains(t, err.Error(), "BEGIN", c.what)
			continue
		}
		require.NoError(t, err, c.what)
		assert.Empty(t, one.Faults())
		assert.True(t, one.HasFiles())
	}
	assert.Equal(t, proxy.Cert.NotAfter, client(t, tlsclient.Files{Cert: testca.File(t, proxy.GridFile(t))}).Expires())
	short := w.root.Issue(t, testca.Options{Name: "short", CA: true, Expires: time.Hour})
	long := short.Issue(t, testca.Options{Name: "long"})
	assert.Equal(t, short.Cert.NotAfter, client(t, tlsclient.Files{Cert: testca.File(t, long.CertPEM()+long.KeyPEM(t))}).Expires(), "the first in the chain that expires")
	assert.True(t, client(t, tlsclient.Files{}).Expires().IsZero())
	assert.False(t, client(t, tlsclient.Files{}).HasFiles())
	for _, text := range []string{"", "x", alice.KeyPEM(t), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		_, err := tlsclient.New(tlsclient.Options{Files: tlsclient.Files{CA: testca.File(t, text)}, Server: "CouchDB"})
		require.ErrorContains(t, err, "CouchDB authorities", text)
	}
	_, err := tlsclient.New(tlsclient.Options{Files: tlsclient.Files{Cert: filepath.Join(t.TempDir(), "none")}, Server: "CouchDB"})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// clock is a fake clock.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// TestRotation: new connections use changed files, and files that do not belong
// together change nothing.
func TestRotation(t *testing.T) {
	w, other := newWorld(t), testca.Root(t, "other")
	alice, bob := w.client(t, testca.Options{Name: "alice"}), w.client(t, testca.Options{Name: "bob", Expires: time.Hour})
	address := serve(t, w.issuer.Issue(t, testca.Options{Hosts: []string{"127.0.0.1"}}), w.root, tls.VersionTLS13)
	moved := serve(t, other.Issue(t, testca.Options{Hosts: []string{"127.0.0.1"}}), w.root, tls.VersionTLS13)
	f := tlsclient.Files{CA: testca.File(t, w.root.CertPEM()), Cert: testca.File(t, alice.CertPEM()), Key: testca.File(t, alice.KeyPEM(t))}
	now := &clock{now: time.Now()}
	var log bytes.Buffer
	c, err := tlsclient.New(tlsclient.Options{Files: f, Server: "CouchDB", Now: now.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	via := c.Transport(&http.Transport{})
	t.Cleanup(via.CloseIdleConnections)
	who := func(address string) string {
		text, err := ask(t, via, address)
		require.NoError(t, err)
		return text
	}
	settle := func() { // a change counts when two looks have seen it
		for range 2 {
			now.advance(3 * time.Second)
			c.Number()
		}
	}
	require.Equal(t, "alice,issuer,", who(address))
	number := c.Number()
	testca.Write(t, f.Cert, bob.CertPEM())
	settle()
	require.Equal(t, "alice,issuer,", who(address))
	require.Equal(t, number, c.Number())
	require.Equal(t, []string{"the CouchDB certificate and key can't be used"}, c.Faults())
	require.NotContains(t, log.String(), "expires soon")
	testca.Write(t, f.Key, bob.KeyPEM(t))
	settle()
	require.Equal(t, "bob,issuer,", who(address))
	require.NotEqual(t, number, c.Number())
	require.Empty(t, c.Faults())
	require.Equal(t, bob.Cert.NotAfter, c.Expires())
	require.Contains(t, log.String(), "expires soon")

	_, err = ask(t, via, moved)
	require.ErrorIs(t, err, tlsclient.ErrAuthority)
	testca.Write(t, f.CA, w.root.CertPEM()+other.CertPEM())
	c.Reload()
	require.Equal(t, "bob,issuer,", who(moved))
	require.Equal(t, "bob,issuer,", who(address))
	testca.Write(t, f.CA, "")
	c.Reload()
	require.Equal(t, []string{"the CouchDB authorities file is empty"}, c.Faults())
	require.Equal(t, "bob,issuer,", who(moved))
	require.NotContains(t, log.String(), "PRIVATE")

	before := strings.Count(log.String(), "has expired")
	now.advance(25 * time.Hour)
	c.Number()
	c.Number()
	require.Equal(t, before+1, strings.Count(log.String(), "has expired"), "once a day")
}
