package apiproxy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/apiproxy"
)

// through starts an upstream and a proxy in front of it.
func through(t *testing.T, upstream http.HandlerFunc) string {
	t.Helper()
	behind := httptest.NewServer(upstream)
	t.Cleanup(behind.Close)
	return before(t, behind.URL)
}

func before(t *testing.T, address string) string {
	t.Helper()
	target, err := url.Parse(address)
	require.NoError(t, err)
	front := httptest.NewServer(apiproxy.New(apiproxy.Options{
		Upstream: target, Prefix: "/api", Transport: &http.Transport{DisableCompression: true}, Log: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(front.Close)
	return front.URL
}

func do(t *testing.T, method, address string, header http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	require.NoError(t, err)
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	require.NoError(t, err)
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestForwardsUnchanged(t *testing.T) {
	api := through(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Generation", "a-7")
		w.Header().Set("ETag", `"tag"`)
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("X-Hop", "not for you")
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("Accept-Encoding"), r.Header.Get("X-Forwarded-Prefix"))
	})
	for path, want := range map[string]string{
		"/api/fetch?status=a,b&site=!T1_*&x=%2C": "GET /fetch?status=a,b&site=!T1_*&x=%2C br /api",
		"/api/fetch/a%2Fb%3Fc%23d":               "GET /fetch/a%2Fb%3Fc%23d br /api",
		"/api/v1/sites/T2_CH_CERN?limit=3":       "GET /v1/sites/T2_CH_CERN?limit=3 br /api",
		"/api/facet/Status?prefix=r":             "GET /facet/Status?prefix=r br /api",
		"/api/errors?by=site":                    "GET /errors?by=site br /api",
		"/api/fetch/a%2Fb/jobs?limit=1":          "GET /fetch/a%2Fb/jobs?limit=1 br /api",
		"/api/v1/fetch/w/logs":                   "GET /v1/fetch/w/logs br /api",
	} {
		res := do(t, http.MethodGet, api+path, http.Header{"Accept-Encoding": {"br"}})
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		assert.Equal(t, want, string(body))
		assert.Equal(t, "a-7", res.Header.Get("X-Generation"))
		assert.Equal(t, `"tag"`, res.Header.Get("ETag"))
		assert.Empty(t, res.Header.Get("X-Hop"), "hop-by-hop headers are not forwarded")
	}
}

func TestOnlyDocumentedPathsAndMethods(t *testing.T) {
	api := through(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "forwarded") })
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/api/fetch", 200}, {"HEAD", "/api/pulse", 200}, {"OPTIONS", "/api/fetch", 200}, {"POST", "/api/find", 200}, {"QUERY", "/api/v1/find", 200},
		{"GET", "/api/status", 200}, {"GET", "/api/agent/x", 200},
		{"POST", "/api/fetch", 405}, {"DELETE", "/api/fetch/x", 405}, {"GET", "/api/find", 405},
		{"GET", "/api/metrics", 404}, {"GET", "/api/debug/pprof", 404}, {"GET", "/api/fetch/a/b", 404}, {"GET", "/api/fetch/", 404},
		{"GET", "/api/fetch/..%2Fmetrics/..", 404}, {"GET", "/api/fetch/%2e%2e", 404}, {"GET", "/api/", 404}, {"GET", "/api/v1", 404}, {"GET", "/api/ftech", 404},
	} {
		res := do(t, c.method, api+c.path, nil)
		assert.Equal(t, c.status, res.StatusCode, c.method+" "+c.path)
		if c.status != 200 {
			assert.Equal(t, wire.MediaProblem, res.Header.Get("Content-Type"), c.path)
		}
		if c.status == 405 {
			assert.NotEmpty(t, res.Header.Get("Allow"))
		}
	}
}

// A line that the cache server flushed arrives before the next one is written.
func TestStreams(t *testing.T) {
	next := make(chan struct{})
	api := through(t, func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "line %d\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	})
	res := do(t, http.MethodGet, api+"/api/changes?feed=sse", nil)
	lines := bufio.NewReader(res.Body)
	for i := range 3 {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("line %d\n", i), line)
		next <- struct{}{}
	}
	_, err := lines.ReadByte()
	assert.ErrorIs(t, err, io.EOF)
}

// An answer that the cache server cuts is also cut for the client.
func TestACutStaysVisible(t *testing.T) {
	api := through(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, `{"Workflow":"a"}`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	res := do(t, http.MethodGet, api+"/api/fetch?limit=all", nil)
	_, err := io.ReadAll(res.Body)
	assert.Error(t, err)
}

// The cache server writes links with the prefix it is given; they are forwarded
// unchanged.
func TestLinksLeadBackThroughThePrefix(t *testing.T) {
	api := through(t, func(w http.ResponseWriter, r *http.Request) {
		prefix := r.Header.Get("X-Forwarded-Prefix")
		w.Header().Add("Link", "<"+prefix+`/fetch?gen=a-1&idx=2>; rel="next"`)
		w.Header().Set("Location", prefix+"/fetch/x")
	})
	res := do(t, http.MethodGet, api+"/api/fetch", nil)
	assert.Equal(t, `</api/fetch?gen=a-1&idx=2>; rel="next"`, res.Header.Get("Link"))
	assert.Equal(t, "/api/fetch/x", res.Header.Get("Location"))
}

func TestUpstreamDown(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	address := gone.URL
	gone.Close()
	res := do(t, http.MethodGet, before(t, address)+"/api/fetch", nil)
	assert.Equal(t, http.StatusBadGateway, res.StatusCode)
	var problem wire.Problem
	require.NoError(t, json.NewDecoder(res.Body).Decode(&problem))
	assert.Equal(t, http.StatusBadGateway, problem.Status)
	assert.False(t, strings.Contains(problem.Detail, "127.0.0.1"), "addresses appear only in the log")
}

// If a client disconnects, its request at the cache server is canceled, also one
// with a body: expensive work must not continue without a client.
func TestAClientThatLeavesEndsItsRequest(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	api := through(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // as the cache server does
		close(began)
		<-r.Context().Done()
		close(ended)
	})
	for _, c := range []struct{ method, path, body string }{{http.MethodPost, "/api/find", `{"selector":{}}`}, {http.MethodGet, "/api/fetch?sort=PrepID", ""}} {
		ctx, leave := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, c.method, api+c.path, strings.NewReader(c.body))
		require.NoError(t, err)
		over := make(chan error)
		go func() {
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			over <- err
		}()
		<-began
		leave()
		require.ErrorIs(t, <-over, context.Canceled)
		<-ended
		began, ended = make(chan struct{}), make(chan struct{})
	}
}
