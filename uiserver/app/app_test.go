package app_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/uiserver/app"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

func options(t *testing.T, cacheURL string, args ...string) app.Options {
	t.Helper()
	o, err := app.ParseOptions(append([]string{"--listen", "127.0.0.1:0", "--cache-url", cacheURL}, args...), func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	o.Log, o.Version = slog.New(slog.DiscardHandler), "test"
	return o
}

// start runs a server with the given cache server until the test ends.
func start(t *testing.T, cacheURL string) (*app.App, string) {
	t.Helper()
	a, err := app.New(options(t, cacheURL))
	require.NoError(t, err)
	require.Empty(t, a.Addr())
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, a.Stop(context.Background())) })
	return a, "http://" + a.Addr()
}

func get(t *testing.T, address string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	res, err := transport.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, body
}

func TestServesPagesAssetsAndAPI(t *testing.T) {
	cache := testcache.New(t)
	_, url := start(t, cache.URL)

	res, plain := get(t, url+"/workflows")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'")
	assert.Empty(t, res.Header.Get("Content-Encoding"))
	assert.Contains(t, res.Header.Values("Vary"), "Accept-Encoding")

	res, packed := get(t, url+"/workflows", "Accept-Encoding", "gzip")
	assert.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	unpacked, err := io.ReadAll(zr)
	require.NoError(t, err)
	assert.Contains(t, string(unpacked), "<h1>Workflows</h1>")
	assert.Less(t, len(packed), len(plain)/4)

	_, after, found := strings.Cut(string(plain), `rel="stylesheet" href="`)
	require.True(t, found)
	style, _, _ := strings.Cut(after, `"`)
	res, _ = get(t, url+style)
	assert.Equal(t, "public, max-age=31536000, immutable", res.Header.Get("Cache-Control"))

	res, body := get(t, url+"/api/fetch?limit=1&status=acquired")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, cache.Generation, res.Header.Get("X-Generation"))
	_, direct := get(t, cache.URL+"/fetch?limit=1&status=acquired")
	assert.Equal(t, string(direct), string(body), "forwarded unchanged")

	for path, want := range map[string]string{"/livez": "ok", "/readyz": cache.Generation, "/version": `"Version":"test"`} {
		res, body := get(t, url+path)
		assert.Equal(t, http.StatusOK, res.StatusCode, path)
		assert.Contains(t, string(body), want)
	}
}

// A name with a slash reaches its page over a real connection.
func TestNamesOverTheWire(t *testing.T) {
	cache := testcache.New(t)
	_, url := start(t, cache.URL)
	res, body := get(t, url+"/workflows/slash%2Fin%252Fthe%20name%3Fx=1%23y")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Contains(t, strings.ReplaceAll(string(body), "<wbr>", ""), "slash/in%2Fthe name?x=1#y</h1>") // long names may break there
}

func TestReadiness(t *testing.T) {
	cache := testcache.New(t)
	a, url := start(t, cache.URL)
	listen := a.Addr()
	assert.NoError(t, health.Ask(t.Context(), listen, "/readyz"))

	cache.Answer(testcache.Everything, testcache.Loading(""))
	res, _ := get(t, url+"/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.ErrorContains(t, health.Ask(t.Context(), listen, "/readyz"), "503")
	res, _ = get(t, url+"/livez")
	assert.Equal(t, http.StatusOK, res.StatusCode, "it is live")

	require.NoError(t, a.Stop(t.Context()))
	assert.Error(t, health.Ask(t.Context(), listen, "/readyz"))
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	o := options(t, "http://127.0.0.1:1")
	o.Listen = taken.Addr().String()
	err = app.Run(t.Context(), o)
	assert.ErrorContains(t, err, "is in use by another program")
	assert.ErrorContains(t, err, taken.Addr().String())
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx, options(t, "http://127.0.0.1:1")) }()
	cancel()
	assert.NoError(t, <-done)
}

func TestStopTwice(t *testing.T) {
	a, err := app.New(options(t, "http://127.0.0.1:1"))
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	assert.NoError(t, a.Stop(t.Context()))
	assert.NoError(t, a.Stop(t.Context()))
}

func TestOptions(t *testing.T) {
	parse := func(env map[string]string, args ...string) (app.Options, error) {
		return app.ParseOptions(args, func(name string) string { return env[name] }, io.Discard)
	}
	o, err := parse(nil)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:8080", o.Listen)
	assert.Equal(t, "http://127.0.0.1:8081", o.CacheURL)

	o, err = parse(map[string]string{"WMSTATS_CACHE_URL": "http://cache:1", "WMSTATS_UI_LISTEN": "localhost:9"})
	require.NoError(t, err)
	assert.Equal(t, "http://cache:1", o.CacheURL)
	assert.Equal(t, "localhost:9", o.Listen)

	o, err = parse(map[string]string{"WMSTATS_CACHE_URL": "http://cache:1", "WMSTATS_UI_CACHE_URL": "http://mine:1"}, "--cache-url", "http://flag:1")
	require.NoError(t, err)
	assert.Equal(t, "http://flag:1", o.CacheURL, "a flag wins")

	_, err = parse(map[string]string{"WMSTATS_UI_INSECURE": "maybe"}, "--listen", "0.0.0.0:80", "--cache-url", "cache:1", "--log-level", "loud", "--log-format", "xml", "--links", "/nowhere", "extra")
	require.Error(t, err)
	for _, want := range []string{"WMSTATS_UI_INSECURE", "--insecure", "cache-url", "loud", "xml", "/nowhere", "extra"} {
		assert.ErrorContains(t, err, want, "all errors are reported together")
	}
	for _, listen := range []string{"0.0.0.0:80", ":80", "[::]:80", "192.0.2.1:80", "example.org:80"} {
		_, err = parse(nil, "--listen", listen)
		assert.ErrorContains(t, err, "--insecure", listen)
		_, err = parse(nil, "--listen", listen, "--insecure")
		assert.NoError(t, err, listen)
	}
}

func TestLinksFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "links.json")
	require.NoError(t, os.WriteFile(file, []byte(`[{"Label":"here","URL":"https://x.example/{workflow}"}]`), 0o600))
	cache := testcache.New(t)
	a, err := app.New(options(t, cache.URL, "--links", file))
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, a.Stop(context.Background())) })
	_, body := get(t, "http://"+a.Addr()+"/workflows/"+cache.Workflows[0].Workflow)
	assert.Contains(t, string(body), `href="https://x.example/`+cache.Workflows[0].Workflow+`"`)
}
