package testcache

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
)

// Front is a proxy in front of the cache server of a world, one per test.
type Front struct {
	*World
	URL   string // of the front; World.URL is the cache server's own
	Close func() // stops the front; called at the end of the test

	target *url.URL // of World.URL

	mu     sync.Mutex
	seen   []string // paths with queries, in order of arrival
	faults []fault
}

// fault answers some paths instead of the cache server.
type fault struct {
	pattern string // of path.Match, over the escaped path
	handler http.Handler
}

// New starts a front for the shared world. It stops at the end of the test.
func New(t testing.TB) *Front {
	t.Helper()
	return To(t, Shared(t))
}

// To starts a front for a world.
func To(t testing.TB, w *World) *Front {
	t.Helper()
	f := &Front{World: w}
	var err error
	f.target, err = url.Parse(f.World.URL)
	require.NoError(t, err)
	proxy := f.pass()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.handler(r, proxy).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.URL, f.Close = server.URL, server.Close
	return f
}

// handler records a request and returns its handler: the last fault that matches,
// or the cache server.
func (f *Front) handler(r *http.Request, well http.Handler) http.Handler {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, r.URL.RequestURI())
	for _, one := range slices.Backward(f.faults) {
		if ok, err := path.Match(one.pattern, r.URL.EscapedPath()); ok || err != nil || one.pattern == Everything {
			return one.handler
		}
	}
	return well
}

// Seen returns the requests so far, as path?query.
func (f *Front) Seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seen)
}

// Everything is the pattern that matches all paths.
const Everything = "/**"

// Answer makes a handler answer the paths that match a pattern, in which * is any
// text without a slash.
func (f *Front) Answer(pattern string, handler http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, fault{pattern, handler})
}

// Behave removes all faults.
func (f *Front) Behave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// Refuse answers the paths that match a pattern with a problem.
func (f *Front) Refuse(pattern string, p *wire.Problem) { f.Answer(pattern, Problem(p)) }

// RefuseDemand refuses all data read from CouchDB on demand.
func (f *Front) RefuseDemand(p *wire.Problem) {
	for _, pattern := range []string{"/errors", "/fetch/*/errors", "/fetch/*/jobs", "/fetch/*/logs"} {
		f.Refuse(pattern, p)
	}
}

// Tell changes what the cache server reports about its data.
func (f *Front) Tell(t testing.TB, change func(*schema.CacheInfo)) {
	t.Helper()
	client, err := cacheclient.New(cacheclient.Options{BaseURL: f.World.URL})
	require.NoError(t, err)
	defer client.Close()
	pulse, err := client.Pulse(t.Context(), 0)
	require.NoError(t, err)
	change(&pulse.CacheInfo)
	f.Answer("/pulse", JSON(pulse))
}

// Change forwards a request and changes some keys of the object in the answer.
func (f *Front) Change(keys map[string]any) http.Handler {
	proxy := f.pass()
	proxy.ModifyResponse = func(res *http.Response) error {
		body := map[string]any{}
		if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
			return err
		}
		maps.Copy(body, keys)
		text, err := json.Marshal(body)
		res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		res.Header.Set("Content-Length", strconv.Itoa(len(text)))
		return err
	}
	return proxy
}

// Without forwards a request without a parameter, as if the server ignored it.
func (f *Front) Without(param string) http.Handler {
	return f.pass(func(r *httputil.ProxyRequest) {
		query := r.Out.URL.Query()
		query.Del(param)
		r.Out.URL.RawQuery = query.Encode()
	})
}

// pass forwards requests to the cache server.
func (f *Front) pass(changes ...func(*httputil.ProxyRequest)) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(f.target)
		r.Out.Header.Del("Accept-Encoding") // so that the answer can be changed
		for _, change := range changes {
			change(r)
		}
	}}
}

// Problem answers with a problem.
func Problem(p *wire.Problem) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", wire.MediaProblem)
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p)
	})
}

// JSON answers with a JSON body.
func JSON(body any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", wire.MediaJSON)
		_ = json.NewEncoder(w).Encode(body)
	})
}

// Loading answers like a cache server whose first full read has not finished.
func Loading(progress string) http.Handler { return Problem(wire.NotReadyYet(progress)) }

// Broken answers with a 500 without a problem.
func Broken() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", http.StatusInternalServerError) })
}

// Hanging sends a truncated answer.
func Hanging() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("{"))
	})
}

// Endless sends until the client disconnects.
func Endless() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for text := []byte(strings.Repeat("[", 32<<10)); r.Context().Err() == nil; {
			if _, err := w.Write(text); err != nil {
				return
			}
		}
	})
}
