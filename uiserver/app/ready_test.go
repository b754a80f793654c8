package app_test

import (
	"context"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/uiserver/app"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

// Readiness reports files that can't be used, and stays ready with their last good
// content.
func TestReadinessReportsFiles(t *testing.T) {
	cache := testcache.New(t)
	users, own := secretFile(t, "# none\n"), secretFile(t, "own")
	a, err := app.New(options(t, cache.URL, "--token-file", users, "--cache-token-file", own))
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, a.Stop(context.Background())) })
	at := "http://" + a.Addr()
	says := func(want ...string) {
		t.Helper()
		res, body := get(t, at+"/readyz?verbose")
		assert.Equal(t, http.StatusOK, res.StatusCode)
		for _, line := range want {
			assert.Contains(t, string(body), line)
		}
	}
	says("[+] serving: ", "[+] cache server: ok, generation ", "[+] files: all in use\n")
	require.NoError(t, os.Remove(own))
	a.Reload()
	says("[~] files: the cache server token file can't be read; using the last good content\n")
	require.NoError(t, os.WriteFile(users, []byte("nonsense"), 0o600))
	a.Reload()
	says("[~] files: the credentials file is invalid; the cache server token file can't be read; ")
	require.NoError(t, os.WriteFile(own, []byte("new"), 0o600))
	require.NoError(t, os.WriteFile(users, []byte("# none"), 0o600))
	a.Reload()
	says("[+] files: ")

	cache.Answer(testcache.Everything, testcache.Loading(""))
	res, body := get(t, at+"/readyz?verbose")
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.Contains(t, string(body), "[-] cache server: ")
	assert.Contains(t, string(body), "[+] files: ")
}

// Load balancers that use HEAD get the same status.
func TestHealthByHead(t *testing.T) {
	cache := testcache.New(t)
	_, at := start(t, cache.URL)
	for _, path := range []string{"/livez", "/healthz", "/readyz", "/version"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, at+path, http.NoBody)
		require.NoError(t, err)
		res, err := http.DefaultTransport.RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, http.StatusOK, res.StatusCode, path)
	}
}
