package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/app"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
)

// Below a base path every address that a client gets is below it too; checks, metrics
// and the API of the old server answer at the root as well, and nothing else does.
func TestBasePath(t *testing.T) {
	cache := testcache.New(t)
	at := run(t, cache.URL, "--base-path", "/cms/wmstats/")
	for path, want := range map[string]string{
		"/": "/cms/wmstats/", "/cms/wmstats": "/cms/wmstats/", "/cms/wmstats?a=b": "/cms/wmstats/?a=b",
		"/cms/wmstats/workflows.csv?cols=jobs":                    "/cms/wmstats/api/fetch?format=csv",
		"/cms/wmstats/fetch?limit=1":                              "/cms/wmstats/api/fetch?limit=1",
		"/cms/wmstats/problems/not-found":                         "/cms/wmstats/api/problems/not-found",
		"/cms/wmstats/workflows?f=status%3Anew":                   "/cms/wmstats/workflows?status=new",
		"/cms/wmstats/workflows?status=new&q=":                    "/cms/wmstats/workflows?status=new",
		"/cms/wmstats/workflows?q=" + cache.Workflows[0].Workflow: "/cms/wmstats/workflows/" + cache.Workflows[0].Workflow,
		"/cms/wmstats/workflows?idx=1000000":                      "/cms/wmstats/workflows?idx=",
		"/cms/wmstats/api?f=status%3Anew":                         "/cms/wmstats/api?status=new",
	} {
		res, _ := get(t, at+path)
		assert.Contains(t, []int{302, 303, 307}, res.StatusCode, path)
		assert.True(t, strings.HasPrefix(res.Header.Get("Location"), want), "%s: %s", path, res.Header.Get("Location"))
	}
	for _, path := range []string{"/livez", "/healthz", "/readyz", "/metrics", "/wmstatsserver/data/info", "/wmstatsserver/openapi.json"} {
		for _, base := range []string{"", "/cms/wmstats"} {
			res, _ := get(t, at+base+path)
			assert.Equal(t, http.StatusOK, res.StatusCode, base+path)
		}
	}
	for _, path := range []string{"/workflows", "/api/fetch", "/version", "/static/x", "/cms", "/cms/", "/cms/wmstatsx", "/cms/wmstats2/workflows"} {
		res, body := get(t, at+path)
		assert.Equal(t, http.StatusNotFound, res.StatusCode, path)
		assert.Contains(t, string(body), "below /cms/wmstats/", path)
	}
	for path, want := range map[string]string{"/nowhere": "no page at /cms/wmstats/nowhere", "/api": at + "/cms/wmstats/api/fetch", "/workflows": "&#39;" + at + "/cms/wmstats/api/fetch?"} {
		_, body := get(t, at+"/cms/wmstats"+path)
		assert.Contains(t, string(body), want)
	}
	res, body := get(t, at+"/cms/wmstats/api/fetchh")
	assert.Equal(t, http.StatusNotFound, res.StatusCode)
	assert.Contains(t, string(body), `"/cms/wmstats/api/fetch"`)
	assert.NoError(t, health.AskURL(t.Context(), at+"/cms/wmstats/readyz"))

	_, body = get(t, at+"/metrics")
	assert.Contains(t, string(body), `wmstats_ui_http_requests_total{code="200",route="/readyz"}`, "routes have no base path")
	assert.NotContains(t, string(body), "cms")
}

// linksOf requests the page of workflows and returns what its links begin with.
func linksOf(t *testing.T, at string, header ...string) string {
	t.Helper()
	res, body := get(t, at+"/workflows", header...)
	require.Equal(t, http.StatusOK, res.StatusCode)
	_, after, found := strings.Cut(string(body), `<form action="`)
	require.True(t, found)
	prefix, _, found := strings.Cut(after, `/workflows"`)
	require.True(t, found)
	return prefix
}

// Only a front end says below which path it shows the dashboard.
func TestForwardedPrefix(t *testing.T) {
	cache := testcache.New(t)
	trusting, strict := run(t, cache.URL), run(t, cache.URL, "--trusted-peers", "192.0.2.1")
	below := run(t, cache.URL, "--base-path", "/wmstats")
	for given, want := range map[string]string{"/wmstats": "/wmstats", "/cms/wmstats/": "/cms/wmstats", "//evil.example": "", "/a/../b": "", `/"><script>`: "", "/": ""} {
		assert.Equal(t, want, linksOf(t, trusting, "X-Forwarded-Prefix", given), given)
		assert.Empty(t, linksOf(t, strict, "X-Forwarded-Prefix", given), given)
	}
	assert.Equal(t, "/wmstats", linksOf(t, below+"/wmstats"))
	assert.Equal(t, "/outer", linksOf(t, below+"/wmstats", "X-Forwarded-Prefix", "/outer"), "it replaces the base path")
	for prefix, want := range map[string]string{"": "", "/front": "/front"} {
		res, _ := get(t, trusting+"/api/fetch?limit=1", "X-Forwarded-Prefix", prefix)
		assert.Contains(t, res.Header.Get("Link"), "<"+want+"/api/fetch?")
		res, _ = get(t, trusting+"/workflows?f=status%3Anew", "X-Forwarded-Prefix", prefix)
		assert.Equal(t, want+"/workflows?status=new", res.Header.Get("Location"))
	}
	res, _ := get(t, strict+"/api/fetch?limit=1", "X-Forwarded-Prefix", "/front")
	assert.Contains(t, res.Header.Get("Link"), "</api/fetch?")
}

// The gate is the same below a base path: health is open, everything else is not.
func TestBasePathIsGuarded(t *testing.T) {
	cache := testcache.New(t)
	at := run(t, cache.URL, "--base-path", "/wmstats", "--token-file", secretFile(t, ""))
	for path, want := range map[string]int{
		"/livez": 200, "/wmstats/livez": 200, "/metrics": 401, "/wmstats/metrics": 401, "/wmstats/": 401, "/wmstats/workflows": 401, "/wmstats/api/fetch": 401,
		"/wmstatsserver/data/info": 403, "/wmstats/wmstatsserver/data/info": 403,
	} {
		res, _ := get(t, at+path)
		assert.Equal(t, want, res.StatusCode, path)
	}
	res, body := get(t, at+"/wmstats/api/fetch")
	assert.Equal(t, wire.MediaProblem, res.Header.Get("Content-Type"))
	assert.True(t, json.Valid(body))
}

func TestInvalidBasePaths(t *testing.T) {
	for _, path := range []string{"wmstats", "/a//b", "/a/../b", "/a?b", "/a%2Fb", "/wmstatsserver", "/t0_reqmon/data", "/livez"} {
		_, err := app.ParseOptions([]string{"--base-path", path}, func(string) string { return "" }, io.Discard)
		assert.ErrorContains(t, err, "--base-path", path)
	}
	o, err := app.ParseOptions(nil, func(name string) string { return map[string]string{"WMSTATS_UI_BASE_PATH": "/wmstats/"}[name] }, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, "/wmstats", o.BasePath)
}
