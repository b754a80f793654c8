package api_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/schema/wire"
)

// value reads a metric without labels.
func value(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	require.Fail(t, "no metric", name)
	return 0
}

// standing is the context of a request that blocks while it works.
type standing struct {
	context.Context //nolint:containedctx // it is one
	looks           atomic.Int32
	stands          chan struct{} // closed when it does
	goOn            chan struct{}
}

func (s *standing) Err() error {
	if s.looks.Add(1) == 3 {
		close(s.stands)
		<-s.goOn
	}
	return s.Context.Err() //nolint:wrapcheck // as if it were it
}

// holdTurns lets n expensive requests of other clients block while working.
func (f *fixture) holdTurns(n int) (goOn func()) {
	f.t.Helper()
	again := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		ctx := &standing{Context: f.t.Context(), stands: make(chan struct{}), goOn: again}
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/find", strings.NewReader(regex(strings.Repeat(".*", 100)+fmt.Sprint("held", i))))
		req.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", i)
		wg.Go(func() { f.api.Handler().ServeHTTP(httptest.NewRecorder(), req) })
		<-ctx.stands
	}
	return func() { close(again); wg.Wait() }
}

// 64 clients with the worst of regular expressions: all else is answered,
// clients that find the queue full are told so, and when they leave nothing
// remains.
func TestManyExpensiveRequestsAtOnce(t *testing.T) {
	const clients, working, waiting = 64, 2, 64
	f, s := newFixture(t, 1000), &spent{}
	registry := prometheus.NewRegistry()
	f.newAPI(func(o *api.Options) {
		o.Registry, o.Queries = registry, api.QueryOptions{Timeout: time.Hour, Free: 1, AtOnce: working, PerClient: 1, Spent: s.note}
	})
	goOn := f.holdTurns(working)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	var wg sync.WaitGroup
	ask := func(i int) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+"/find", strings.NewReader(regex(strings.Repeat(".*", 1000)+fmt.Sprint("x", i))))
		if !assert.NoError(t, err) {
			return
		}
		if resp, err := transport.RoundTrip(req); err == nil {
			resp.Body.Close()
			assert.Fail(t, "an answer while all turns are held", resp.Status)
		}
	}
	for i := range clients {
		wg.Go(func() { ask(i) })
	}
	await(t, func() bool { return value(t, registry, "wmstats_queries_waiting") == waiting })
	assert.EqualValues(t, working, value(t, registry, "wmstats_queries"))
	for _, path := range []string{"/livez", "/readyz", "/version", "/openapi.json"} {
		assert.Equal(t, http.StatusOK, f.get(path).StatusCode, path)
	}
	assert.Equal(t, http.StatusOK, f.get("/fetch?limit=1").StatusCode, "a page costs nothing")
	one := f.send(http.MethodPost, "/find", regex("one more"))
	assert.Equal(t, http.StatusTooManyRequests, one.StatusCode)
	assert.NotEmpty(t, one.Header.Get("Retry-After"))
	assert.Contains(t, one.problem(t).Detail, "64 expensive requests in its queue")
	leave()
	wg.Wait()
	await(t, func() bool { return value(t, registry, "wmstats_queries_waiting") == 0 && s.count() >= clients })
	goOn()
	assert.Zero(t, value(t, registry, "wmstats_queries"))
	assert.Equal(t, http.StatusOK, f.send(http.MethodPost, "/find", regex("^pdmv")).StatusCode, "and then it continues")
}

// One client can't take all slots.
func TestExpensiveRequestsOfOneClient(t *testing.T) {
	f := newFixture(t, 1000)
	f.newAPI(func(o *api.Options) {
		o.Queries = api.QueryOptions{Timeout: time.Millisecond, Free: 1, AtOnce: 2, PerClient: 1}
		o.Now = f.clock.Now // the work itself has all the time
	})
	goOn := f.holdTurns(1) // of 192.0.2.0
	defer goOn()
	ask := func(addr string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/find", strings.NewReader(regex("^pdmv.*"+addr)))
		req.RemoteAddr = addr
		f.api.Handler().ServeHTTP(w, req)
		return w
	}
	again := ask("192.0.2.0:2")
	assert.Equal(t, http.StatusTooManyRequests, again.Code)
	assert.Contains(t, again.Body.String(), "yours waited for 1ms")
	assert.Equal(t, http.StatusOK, ask("192.0.2.9:1").Code)
}

// The server notices that the client of a request with a body has left,
// whether or not its resource reads the body.
func TestClientsThatLeaveAfterABodyAreNoticed(t *testing.T) {
	f := newFixture(t, 1000)
	registry := prometheus.NewRegistry()
	f.newAPI(func(o *api.Options) {
		o.Registry, o.Queries = registry, api.QueryOptions{Timeout: time.Hour, Free: 1, AtOnce: 1, PerClient: 1}
	})
	goOn := f.holdTurns(1)
	defer goOn()
	for _, request := range []string{
		"GET /fetch?q=v_9&sort=PrepID HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
		"GET /fetch?q=v_8&sort=PrepID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"GET /fetch?q=v_7&sort=PrepID HTTP/1.1\r\nHost: a\r\n\r\n",
		fmt.Sprintf("POST /find HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(regex("x.*y")), regex("x.*y")),
	} {
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(f.url, "http://"))
		require.NoError(t, err)
		_, err = conn.Write([]byte(request))
		require.NoError(t, err)
		await(t, func() bool { return value(t, registry, "wmstats_queries_waiting") == 1 })
		require.NoError(t, conn.Close())
		await(t, func() bool { return value(t, registry, "wmstats_queries_waiting") == 0 })
	}
}

// await waits for a condition.
func await(t *testing.T, is func() bool) {
	t.Helper()
	require.Eventually(t, is, time.Minute, time.Millisecond)
}

func slugOf(t *testing.T, a answerOf) wire.Slug {
	t.Helper()
	p := a.problem(t)
	return p.Slug()
}
