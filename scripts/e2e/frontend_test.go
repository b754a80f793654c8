package e2e

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/tlsclient/testca"
	comparison "github.com/dmwm/wmstats/scripts/compare"
)

// TestFrontEnd is the last step of docs/how-to/transition.md: both servers as
// processes, the stand-in as CouchDB, and nginx as CMS's front end. It wants a client
// certificate and names its owner in signed headers, which it overwrites in every
// request. Pages, the API and the old paths have one address.
func TestFrontEnd(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed: no front end to test with")
	}
	b := buildPrograms(t)
	s := newCouch(t, gen.Options{Seed: 5, Workflows: 200, Lean: true, NoEdges: true})
	dir := t.TempDir()
	save := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	const key = "key of the front end\n"
	token, line, err := identity.NewToken("uiserver")
	require.NoError(t, err)
	hmacFile := save("hmac", key)
	cache := startProgram(t, b.cache, "--couch-url", s.endpoint.URL(), "--base-path", "/wmstats-cache",
		"--frontend-hmac-file", hmacFile, "--token-file", save("tokens", line))
	ui := startProgram(t, b.ui, "--cache-url", "http://"+cache.addr, "--base-path", "/wmstats",
		"--frontend-hmac-file", hmacFile, "--cache-token-file", save("token", token))

	root := testca.Root(t, "root")
	authority := save("ca.pem", root.CertPEM())
	server := root.Issue(t, testca.Options{Name: "front end", Hosts: []string{"127.0.0.1"}})
	alice, bob := root.Issue(t, testca.Options{Name: "alice"}), root.Issue(t, testca.Options{Name: "bob"})
	front := startFrontEnd(t, frontEnd{
		ui: host(ui), authority: authority, cert: save("server.pem", server.CertPEM()), key: save("server.key", server.KeyPEM(t)),
		signature: signHeaders(key, "cms-authn-dn", "CN=alice", "cms-authn-login", "alice"),
	})

	ask := askerOf(t, root, alice, front)
	eventually(t, func() bool {
		status, _, err := ask("/wmstats/readyz")
		return err == nil && status == http.StatusOK
	}, "ready behind the front end")
	paths := []string{"/wmstats/", "/wmstats/workflows", "/wmstats/api/fetch?limit=1", "/wmstatsserver/data/info", "/wmstatsserver/data/filtered_requests?mask=RequestStatus"}
	expect := func(ask asker, status, old int, headers ...string) {
		t.Helper()
		for i, path := range paths {
			want := status
			if i >= 3 {
				want = old
			}
			got, body, err := ask(path, headers...)
			require.NoError(t, err)
			assert.Equal(t, want, got, "%s %q: %.300s", path, headers, body)
		}
	}
	t.Run("a good certificate", func(t *testing.T) {
		expect(ask, http.StatusOK, http.StatusOK)
		_, page, err := ask("/wmstats/")
		require.NoError(t, err)
		assert.Contains(t, page, `href="/wmstats/workflows`)
		cache.says("client=alice")
	})
	t.Run("no certificate", func(t *testing.T) {
		expect(askerOf(t, root, nil, front), http.StatusBadRequest, http.StatusBadRequest)
	})
	t.Run("a certificate of another authority", func(t *testing.T) {
		expect(askerOf(t, root, testca.Root(t, "other").Issue(t, testca.Options{Name: "alice"}), front), http.StatusBadRequest, http.StatusBadRequest)
	})
	t.Run("a certificate of somebody unknown", func(t *testing.T) {
		expect(askerOf(t, root, bob, front), http.StatusUnauthorized, http.StatusForbidden)
	})
	t.Run("forged headers are overwritten", func(t *testing.T) {
		expect(ask, http.StatusOK, http.StatusOK, "cms-authn-login", "mallory", "cms-authn-dn", "CN=mallory", "cms-authn-hmac", "00", "cms-auth-status", "NONE")
		assert.NotContains(t, cache.log.String(), "mallory")
		expect(askerOf(t, root, bob, front), http.StatusUnauthorized, http.StatusForbidden,
			"cms-authn-login", "alice", "cms-authn-dn", "CN=alice", "cms-auth-status", "OK",
			"cms-authn-hmac", signHeaders(key, "cms-authn-dn", "CN=alice", "cms-authn-login", "alice"))
	})
	t.Run("a forged role breaks the signature", func(t *testing.T) {
		expect(ask, http.StatusUnauthorized, http.StatusForbidden, "cms-authz-admin", "group:reqmgr")
	})
	t.Run("around the front end", func(t *testing.T) {
		direct := askerOf(t, root, nil, "http://"+host(ui))
		expect(direct, http.StatusUnauthorized, http.StatusForbidden)
		expect(direct, http.StatusUnauthorized, http.StatusForbidden, "cms-authn-login", "alice", "cms-authn-hmac", "00")
		status, _, err := askerOf(t, root, nil, "http://"+host(cache))("/wmstats-cache/fetch", "cms-authn-login", "alice")
		require.NoError(t, err)
		assert.Equal(t, http.StatusUnauthorized, status)
	})
	t.Run("compared through it", func(t *testing.T) {
		o := comparison.Defaults()
		o.Old, o.New, o.Pause = comparison.Old(front), front+"/wmstats/api", 0
		o.CA, o.Cert, o.Key = authority, save("alice.pem", alice.CertPEM()), save("alice.key", alice.KeyPEM(t))
		report, err := comparison.Run(t.Context(), o)
		require.NoError(t, err)
		assert.Zero(t, report.Unexplained, "%+v", report.Differences)
		assert.Greater(t, report.Old.Workflows, 150)
	})
}

// host returns the address of a server without its path.
func host(p *program) string {
	address, _, _ := strings.Cut(p.addr, "/")
	return address
}

// signHeaders returns the signature of sorted headers: names and values in turn.
func signHeaders(key string, headers ...string) string {
	lengths, texts := "", ""
	for i := 0; i < len(headers); i += 2 {
		lengths += fmt.Sprintf("h%xv%x", len(headers[i]), len(headers[i+1]))
		texts += headers[i] + headers[i+1]
	}
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(lengths + "#" + texts))
	return hex.EncodeToString(mac.Sum(nil))
}

// frontEnd has the parts of the front end's configuration.
type frontEnd struct {
	ui                   string // address
	authority, cert, key string // files
	signature            string // of the headers of CN=alice
}

// startFrontEnd runs nginx. It can't sign, so it maps the one user that it knows to
// signed headers.
func startFrontEnd(t *testing.T, f frontEnd) (url string) {
	t.Helper()
	return "https://" + runNginx(t, func(addr string) string {
		return fmt.Sprintf(`
  map $ssl_client_s_dn $cms_user      { "CN=alice" alice; default ""; }
  map $ssl_client_s_dn $cms_signature { "CN=alice" %[2]s; default ""; }
  map $ssl_client_s_dn $cms_dn        { "CN=alice" $ssl_client_s_dn; default ""; }
  map $ssl_client_s_dn $cms_status    { "CN=alice" OK; default NONE; }
  server {
    listen %[1]s ssl;
    ssl_certificate %[3]s; ssl_certificate_key %[4]s;
    ssl_client_certificate %[5]s; ssl_verify_client on;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header cms-auth-status $cms_status;
    proxy_set_header cms-authn-login $cms_user;
    proxy_set_header cms-authn-dn $cms_dn;
    proxy_set_header cms-authn-hmac $cms_signature;
    location /wmstats/ { proxy_pass http://%[6]s; }
    location /wmstatsserver/ { proxy_pass http://%[6]s; }
    location / { return 404; }
  }`, addr, f.signature, f.cert, f.key, f.authority, f.ui)
	})
}

// asker sends a request to one address, and returns status and body.
type asker func(path string, headers ...string) (status int, body string, err error)

// askerOf returns an asker with a client certificate; nil: it has none.
func askerOf(t *testing.T, root, id *testca.Identity, address string) asker {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	config.RootCAs.AddCert(root.Cert)
	if id != nil {
		pair, err := tls.X509KeyPair([]byte(id.CertPEM()), []byte(id.KeyPEM(t)))
		require.NoError(t, err)
		// It is sent even if the front end does not know its authority.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	transport := &http.Transport{TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	return func(path string, headers ...string) (int, string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+path, http.NoBody)
		if err != nil {
			return 0, "", err
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}
}
