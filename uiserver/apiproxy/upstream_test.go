package apiproxy_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/apiproxy"
)

// upstream is a cache server without a network, for tests with a fake clock.
type upstream func(*http.Request) (*http.Response, error)

func (u upstream) RoundTrip(r *http.Request) (*http.Response, error) { return u(r) }

func response(r *http.Request, media string, body io.Reader) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", Request: r, Header: http.Header{"Content-Type": {media}}, ContentLength: -1, Body: io.NopCloser(body)}
}

func forward(t *testing.T, u upstream, draining <-chan struct{}) http.Handler {
	t.Helper()
	return apiproxy.New(apiproxy.Options{
		Upstream: &url.URL{Scheme: "http", Host: "cache"}, Prefix: "/api", Transport: u, Log: slog.New(slog.DiscardHandler), Draining: draining,
	})
}

// recorder stores the start of an answer, and counts all of it.
type recorder struct {
	*httptest.ResponseRecorder
	size atomic.Int64
	most int64
	stop context.CancelFunc
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.size.Add(int64(len(p))) > r.most {
		r.stop() // the client disconnects
	}
	return len(p), nil
}

// waits returns its data and then blocks until the request ends.
type waits struct {
	r   io.Reader
	ctx context.Context
}

func (w waits) Read(p []byte) (int, error) {
	if n, err := w.r.Read(p); n > 0 || err == nil {
		return n, nil
	}
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}

func ask(h http.Handler, path string) (status int, body string, cut bool) {
	w := httptest.NewRecorder()
	defer func() {
		if recover() != nil { // net/http cuts an answer this way
			status, body, cut = w.Code, w.Body.String(), true
		}
	}()
	// ReverseProxy panics to cut an answer only within a server.
	ctx := context.WithValue(context.Background(), http.ServerContextKey, &http.Server{})
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody))
	return w.Code, w.Body.String(), false
}

// A cache server that does not answer leads to 502 after a timeout. If it stalls
// within an answer, the answer is cut.
func TestAHangingCacheServerIsGivenUp(t *testing.T) {
	hangs := func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
	for path, wait := range map[string]time.Duration{
		"/api/fetch?limit=all": 2 * time.Minute, "/api/changes?feed=longpoll": 7 * time.Minute, "/api/changes?feed=sse": 2 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			status, body, _ := ask(forward(t, hangs, nil), path)
			assert.Equal(t, http.StatusBadGateway, status)
			assert.Contains(t, body, "does not respond")
			assert.Equal(t, wait, time.Since(began), path)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		h := forward(t, func(r *http.Request) (*http.Response, error) {
			return response(r, "application/json", waits{strings.NewReader("[1,"), r.Context()}), nil
		}, nil)
		_, body, cut := ask(h, "/api/fetch?limit=all")
		assert.True(t, cut)
		assert.Equal(t, "[1,", body)
		assert.Equal(t, time.Minute, time.Since(began))
	})
}

// A forwarded stream ends with a last event when this server shuts down. A stream
// that is within an event just ends, and clients ignore the incomplete event.
func TestForwardedStreamsEndWithThisServer(t *testing.T) {
	for sent, want := range map[string]string{
		"":                                wire.LastEvent,
		"retry: 2000\n\n":                 "retry: 2000\n\n" + wire.LastEvent,
		"id: a\ndata: {}\n\nid: b\ndata:": "id: a\ndata: {}\n\nid: b\ndata:",
	} {
		synctest.Test(t, func(t *testing.T) {
			draining := make(chan struct{})
			h := forward(t, func(r *http.Request) (*http.Response, error) {
				return response(r, "text/event-stream", waits{strings.NewReader(sent), r.Context()}), nil
			}, draining)
			time.AfterFunc(10*time.Second, func() { close(draining) })
			began := time.Now()
			_, body, cut := ask(h, "/api/changes?feed=sse")
			assert.False(t, cut)
			assert.Equal(t, want, body)
			assert.Equal(t, 10*time.Second, time.Since(began))
		})
	}
}

// A long poll gets an immediate answer when this server shuts down.
func TestForwardedLongPollsEndWithThisServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		draining := make(chan struct{})
		h := forward(t, func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("timeout") == "0s" {
				return response(r, "application/json", strings.NewReader(`{"since":"`+r.URL.Query().Get("since")+`"}`)), nil
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, draining)
		time.AfterFunc(10*time.Second, func() { close(draining) })
		began := time.Now()
		status, body, _ := ask(h, "/api/changes?feed=longpoll&since=a-1&timeout=5m")
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, `{"since":"a-1"}`, body)
		assert.Equal(t, 10*time.Second, time.Since(began))
	})
}

// An endless answer is forwarded while its client reads, without buffering.
func TestAnEndlessAnswerIsPassedOn(t *testing.T) {
	h := forward(t, func(r *http.Request) (*http.Response, error) {
		return response(r, "application/x-ndjson", zeroes{r.Context()}), nil
	}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	w := &recorder{ResponseRecorder: httptest.NewRecorder(), most: 256 << 20, stop: cancel}
	kept := testing.AllocsPerRun(1, func() {
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/fetch?limit=all", http.NoBody))
	})
	assert.Greater(t, w.size.Load(), int64(256<<20))
	assert.Less(t, kept, 100_000.0, "only a few allocations per 32 KB")
	require.Error(t, ctx.Err())
}

type zeroes struct{ ctx context.Context }

func (z zeroes) Read(p []byte) (int, error) { clear(p); return len(p), z.ctx.Err() }
