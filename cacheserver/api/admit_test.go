package api_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/schema/wire"
)

// known returns a checker that knows alice by a token and bob by a password.
func known(t *testing.T) (checker *identity.Checker, alice, bob string) {
	t.Helper()
	dir := t.TempDir()
	token, line, err := identity.NewToken("alice")
	require.NoError(t, err)
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	require.NoError(t, err)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	checker, err = identity.New(identity.Options{Tokens: write("tokens", line), Htpasswd: write("users", "bob:"+string(hash))})
	require.NoError(t, err)
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth("bob", "secret")
	return checker, "Authorization: Bearer " + token, "Authorization: " + r.Header.Get("Authorization")
}

// Without credentials only health checks are answered, on every route with and
// without /v1, on unknown paths and for unsupported methods; and the
// description of the API lists exactly the routes that need none.
func TestIdentity(t *testing.T) {
	f := newFixture(t, 40)
	checker, alice, bob := known(t)
	f.newAPI(func(o *api.Options) {
		o.Gate, o.Details = access.New(access.Options{Identity: checker}), &detailsFake{}
	})
	open := []string{"/livez", "/healthz", "/readyz"}
	index := f.get("/", alice)
	require.Equal(t, http.StatusOK, index.StatusCode)
	paths := []string{"/nowhere", "/fetch/x/y"}
	for _, m := range regexp.MustCompile(`(?m)^  (/\S*)`).FindAllStringSubmatch(string(index.body), -1) {
		paths = append(paths, pathOf(m[1]))
	}
	require.Contains(t, paths, "/metrics")
	for _, path := range paths {
		for _, prefix := range []string{"", "/v1"} {
			for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "DELETE"} {
				a := f.do(method, prefix+path)
				if slices.Contains(open, path) && method != "POST" && method != "DELETE" {
					assert.Less(t, a.StatusCode, 300, "%s %s", method, path)
					continue
				}
				require.Equal(t, http.StatusUnauthorized, a.StatusCode, "%s %s", method, prefix+path)
				assert.Equal(t, []string{`Bearer realm="wmstats"`, `Basic realm="wmstats", charset="UTF-8"`}, a.Header.Values("WWW-Authenticate"))
				assert.NotEmpty(t, a.Header.Get("X-Request-Id"))
			}
		}
	}
	p := f.get("/fetch").problem(t)
	assert.Equal(t, wire.SlugUnauthorized, p.Slug())
	for _, who := range []string{alice, bob} {
		assert.Len(t, f.list("/fetch?limit=40", who), 40)
		assert.Equal(t, http.StatusOK, f.get("/metrics", who).StatusCode)
		assert.Equal(t, http.StatusNotFound, f.get("/nowhere", who).StatusCode)
	}
	secret := strings.TrimPrefix(alice, "Authorization: Bearer ")
	assert.NotContains(t, f.log.String(), secret)

	doc := f.description(alice)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			free := op.Security != nil && len(*op.Security) == 0
			status := f.send(method, pathOf(path), `{"selector":{}}`).StatusCode
			assert.Equal(t, free, status == http.StatusOK, "%s %s: %d", method, path, status)
			assert.Equal(t, !free, op.Responses.Value("401") != nil, path)
		}
	}
	for name := range doc.Components.SecuritySchemes {
		assert.Contains(t, []string{"bearer", "basic"}, name)
	}
}

func TestMetricsForAll(t *testing.T) {
	f := newFixture(t, 3)
	checker, _, _ := known(t)
	f.newAPI(func(o *api.Options) {
		o.Gate, o.Metrics = access.New(access.Options{Identity: checker}), api.MetricsForAll
	})
	assert.Equal(t, http.StatusOK, f.get("/metrics").StatusCode)
	assert.Equal(t, http.StatusUnauthorized, f.get("/fetch").StatusCode)
	f.newAPI(func(o *api.Options) { o.Metrics = api.MetricsElsewhere })
	assert.Equal(t, http.StatusNotFound, f.get("/metrics").StatusCode)
	assert.NotContains(t, string(f.get("/").body), "/metrics")
}

// A client that sends too many requests is told when to retry; others are
// served meanwhile.
func TestRateLimit(t *testing.T) {
	f := newFixture(t, 3)
	f.newAPI(func(o *api.Options) {
		o.Gate = access.New(access.Options{Trusted: peers.Loopback(), Rate: 1.0 / 3600, Burst: 5}) // none returns while the test runs
	})
	const client, other = "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"
	for range 5 {
		require.Equal(t, http.StatusOK, f.get("/fetch", client).StatusCode)
	}
	for _, path := range []string{"/fetch", "/sites/T1_US_FNAL", "/nowhere", "/v1/pulse"} {
		a := f.get(path, client)
		require.Equal(t, http.StatusTooManyRequests, a.StatusCode, path)
		assert.Equal(t, wire.SlugRateLimited, ptr(a.problem(t)).Slug())
		wait, err := strconv.Atoi(a.Header.Get("Retry-After"))
		require.NoError(t, err)
		assert.Greater(t, wait, 3000)
		assert.LessOrEqual(t, wait, 3600)
	}
	assert.Equal(t, http.StatusOK, f.get("/livez", client).StatusCode)
	assert.Equal(t, http.StatusOK, f.get("/fetch", other).StatusCode)
	for range 20 {
		require.Equal(t, http.StatusOK, f.get("/fetch").StatusCode, "the front end itself is not limited")
	}
	f.counts(`wmstats_http_requests_total{code="429",method="GET",route="/fetch"} 1`, `wmstats_http_requests_total{code="429",method="GET",route="(unknown)"} 1`)
}

// Unknown paths are counted too, under one label.
func TestUnknownPathsAreCounted(t *testing.T) {
	f := newFixture(t, 3)
	for i := range 3 {
		f.get(fmt.Sprintf("/nowhere%d", i))
	}
	f.do("BREW", "/fetch")
	metrics := f.counts(`wmstats_http_requests_total{code="404",method="GET",route="(unknown)"} 3`, `wmstats_http_requests_total{code="405",method="other",route="(unknown)"} 1`)
	assert.NotContains(t, metrics, "nowhere")
	assert.NotContains(t, metrics, "BREW")
}

// A client may have two limit=all requests at a time, and another when one has
// ended.
func TestStreamsOfOneClientAreLimited(t *testing.T) {
	f := newFixture(t, 3000)
	f.newAPI(nil)
	const path, client, other = "/fetch?limit=all&format=ndjson", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"
	open := func() *http.Response { // its body is larger than the buffers of connections, and is not read
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+path, http.NoBody)
		require.NoError(t, err)
		req.Header.Set("X-Forwarded-For", "192.0.2.1")
		req.Header.Set("Accept-Encoding", "identity")
		client := &http.Client{Transport: &http.Transport{ReadBufferSize: 1 << 10}}
		t.Cleanup(client.CloseIdleConnections)
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	first := open()
	open()
	a := f.get(path, client)
	require.Equal(t, http.StatusTooManyRequests, a.StatusCode)
	assert.Equal(t, "1", a.Header.Get("Retry-After"))
	assert.Contains(t, a.problem(t).Detail, "limit=all")
	assert.Equal(t, http.StatusOK, f.get("/fetch", client).StatusCode, "pages are still served")
	assert.Equal(t, http.StatusOK, f.get(path, other).StatusCode)
	require.NoError(t, first.Body.Close())
	require.Eventually(t, func() bool { return f.get(path, client).StatusCode == http.StatusOK }, waitFor, tick)
}
