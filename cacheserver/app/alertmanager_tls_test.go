package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/program/tlsclient/testca"
)

// TestAlertmanagerCertificates: Alertmanager's certificate is verified with the
// authorities of the file, which may change while the server runs, and the
// client certificate is shown to it.
func TestAlertmanagerCertificates(t *testing.T) {
	t.Parallel()
	root := testca.Root(t, "root")
	server := root.Issue(t, testca.Options{Name: "alertmanager", Hosts: []string{"127.0.0.1"}})
	pair, err := tls.X509KeyPair([]byte(server.CertPEM()), []byte(server.KeyPEM(t)))
	require.NoError(t, err)
	authorities := x509.NewCertPool()
	authorities.AddCert(root.Cert)
	accepted := make(chan string, 1000)
	am := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		accepted <- r.TLS.PeerCertificates[0].Subject.CommonName
	}))
	am.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities, MinVersion: tls.VersionTLS12}
	am.StartTLS()
	defer am.Close()

	fake, at := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("w1", "failed", 1))
	client := root.Issue(t, testca.Options{Name: "wmstats"})
	o := postingTo(t, at, am.URL)
	var log logBuffer
	o.Log = options(t, at, &log).Log
	o.Alertmanager.TLS.CA = testca.File(t, testca.Root(t, "other").CertPEM())
	o.Alertmanager.TLS.Cert, o.Alertmanager.TLS.Key = testca.File(t, client.CertPEM()), testca.File(t, client.KeyPEM(t))
	a := start(t, o)
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "its certificate is not from a known authority") }, waitFor, tick)
	assert.Empty(t, accepted)
	rewrite(t, o.Alertmanager.TLS.CA, root.CertPEM())
	a.Reload()
	assert.Equal(t, "wmstats", <-accepted)
	rewrite(t, o.Alertmanager.TLS.CA, "no certificate")
	a.Reload()
	assert.Contains(t, verbose(t, a.Addr()), "[~] files: the Alertmanager authorities file is invalid")
}

// TestAlertmanagerOptionsOfTLS: invalid combinations and files are errors.
func TestAlertmanagerOptionsOfTLS(t *testing.T) {
	_, err := parse(nil, "--couch-url", "http://c", "--alertmanager-url", "http://a", "--alertmanager-url", "HTTPS://b", "--alertmanager-ca", "f")
	require.NoError(t, err, "one member speaks TLS")
	for want, args := range map[string][]string{
		"--alertmanager-ca, --alertmanager-cert and --alertmanager-key need an address": {"--alertmanager-url", "http://a", "--alertmanager-ca", "f"},
		"need an address that begins with https://":                                     {"--alertmanager-cert", "f"},
		"--alertmanager-key needs --alertmanager-cert":                                  {"--alertmanager-url", "https://a", "--alertmanager-key", "f"},
	} {
		_, err := parse(nil, append([]string{"--couch-url", "http://c"}, args...)...)
		require.ErrorContains(t, err, want)
	}
	o, err := parse(nil, "--couch-url", "http://127.0.0.1:1", "--alertmanager-url", "https://a", "--alertmanager-ca", testca.File(t, "secret text"))
	require.NoError(t, err)
	_, err = app.New(t.Context(), o)
	require.ErrorContains(t, err, "--alertmanager-ca")
	assert.NotContains(t, err.Error(), "secret text")
}
