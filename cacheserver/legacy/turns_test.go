package legacy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
)

// TestOneRequestcacheAtOnce: other clients wait for a limited time, then get
// Retry-After.
func TestOneRequestcacheAtOnce(t *testing.T) {
	r := newRig(t, func(o *Options) { o.WaitFor = 20 * time.Millisecond }, request("w", "completed", ""))
	r.store.set(func(s *storeFake) { s.refs["w"] = []join.ReportRef{{ID: "w1"}} })
	r.source.block, r.source.waits = make(chan struct{}), make(chan struct{}, 10)
	first := make(chan int)
	go func() { first <- r.get("requestcache").StatusCode }()
	<-r.source.waits
	got := r.get("requestcache")
	require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	require.NotEmpty(t, got.Header.Get("Retry-After"))
	close(r.source.block)
	require.Equal(t, http.StatusOK, <-first)
	r = newRig(t, func(o *Options) { o.AtOnce = -1 }, request("w", "completed", ""))
	r.refused("requestcache", 404, "207", "")
}

// stuck is the ResponseWriter of a client that reads nothing.
type stuck struct {
	header http.Header
	writes chan struct{} // receives a value when Write blocks
	free   chan struct{} // closed: Write no longer blocks
}

func (s *stuck) Header() http.Header { return s.header }
func (s *stuck) WriteHeader(int)     {}
func (s *stuck) Flush()              {}
func (s *stuck) Write(p []byte) (int, error) {
	select {
	case s.writes <- struct{}{}:
	default:
	}
	<-s.free
	return len(p), nil
}

// stuckClients starts n clients that read nothing of their answers. free lets them
// read, and returns when all answers have ended.
func (r *rig) stuckClients(n int, call string) (free func()) {
	r.h.whole = 1 // answers are not buffered
	var done sync.WaitGroup
	end := make(chan struct{})
	for range n {
		w := &stuck{header: http.Header{}, writes: make(chan struct{}, 1), free: end}
		req := httptest.NewRequest(http.MethodGet, Prefix+"/"+call, http.NoBody)
		done.Go(func() { r.h.ServeHTTP(w, req) })
		<-w.writes
	}
	return func() { close(end); done.Wait() }
}

// longRequests returns documents that are longer than one write.
func longRequests() (docs []string) {
	for i := range 300 {
		docs = append(docs, request(fmt.Sprintf("n%03d", i), "assigned", fmt.Sprintf(`,"Text":%q`, strings.Repeat("x", 2<<10))))
	}
	return docs
}

// TestSlowReadersKeepNobodyWaiting: more clients than concurrent scans read nothing
// of their answers, and others still get theirs.
func TestSlowReadersKeepNobodyWaiting(t *testing.T) {
	r := newRig(t, nil, longRequests()...)
	free := r.stuckClients(scansAtOnce+1, "filtered_requests?mask=RequestName&mask=Text")
	r.want("filtered_requests?mask=RequestName&RequestName=n007", `{"RequestName":"n007"}`)
	require.Equal(t, http.StatusOK, r.get("globallocks").StatusCode)
	free()
}

// TestAnswersWithReportsAreLimited: each such answer holds memory while its client
// reads slowly. Further ones get Retry-After; other calls are answered.
func TestAnswersWithReportsAreLimited(t *testing.T) {
	r := newRig(t, func(o *Options) { o.WaitFor = 20 * time.Millisecond }, longRequests()...)
	free := r.stuckClients(joinsAtOnce, "filtered_requests")
	for _, call := range []string{"filtered_requests", "filtered_requests?RequestName=n007&mask=AgentJobInfo"} {
		r.refused(call, 503, "401", "at once")
		require.NotEmpty(t, r.get(call).Header.Get("Retry-After"))
	}
	r.want("filtered_requests?mask=RequestName&RequestName=n007", `{"RequestName":"n007"}`)
	require.Equal(t, http.StatusOK, r.get("globallocks").StatusCode)
	free()
	require.Equal(t, http.StatusOK, r.get("filtered_requests?RequestName=n007").StatusCode)
}

// TestMasksAreLimited: a row has a value for each mask, even if the request has not.
func TestMasksAreLimited(t *testing.T) {
	r := newRig(t, nil, request("a", "new", ""))
	masks := func(n int) (query string) {
		for i := range n {
			query += fmt.Sprintf("&mask=P%d", i)
		}
		return query
	}
	require.Equal(t, http.StatusOK, r.get("filtered_requests?"+masks(maxMasks-1)).StatusCode) // and RequestName
	r.refused("filtered_requests?"+masks(maxMasks), 400, "302", "mask")
	require.Equal(t, http.StatusOK, r.get("filtered_requests?"+strings.Repeat("&mask=P", 2*maxMasks)).StatusCode, "one value")
}

// TestFiltersAreLimited: a filter costs a search in each request. The number of its
// values costs nothing: there is a limit on the length of the query.
func TestFiltersAreLimited(t *testing.T) {
	r := newRig(t, nil, request("a", "new", `,"P":["x","y"]`))
	filters := func(n int, each string) (query string) {
		for i := range n {
			query += fmt.Sprintf(each, i)
		}
		return query
	}
	require.Equal(t, http.StatusOK, r.get("filtered_requests?mask=P"+filters(maxFilters, "&P%d=x")).StatusCode)
	r.refused("filtered_requests?mask=P"+filters(maxFilters+1, "&P%d=x"), 400, "302", "properties")
	r.want("filtered_requests?mask=P"+filters(9_000, "&P=%d")+"&P=y", `{"RequestName":"a","P":["x","y"]}`)
}

// TestBufferedAnswersAreLimited: clients that do not read their answers hold little
// memory together. Beyond the limit answers are sent while they are built, without
// an ETag, but they are complete.
func TestBufferedAnswersAreLimited(t *testing.T) {
	r := newRig(t, nil, longRequests()...)
	r.h.mostHeld = 1 << 20
	released := func() bool { return r.h.held.Load() == 0 } // after the last byte has arrived
	const call, clients = "filtered_requests?mask=RequestName&mask=Text", 5
	whole := r.get(call)
	require.NotEmpty(t, whole.Header.Get("Etag"))
	require.Eventually(t, released, time.Minute, time.Millisecond)

	var done sync.WaitGroup
	end := make(chan struct{})
	for range clients {
		w := &stuck{header: http.Header{}, writes: make(chan struct{}, 1), free: end}
		req := httptest.NewRequest(http.MethodGet, Prefix+"/"+call, http.NoBody)
		done.Go(func() { r.h.ServeHTTP(w, req) })
		<-w.writes
	}
	require.Less(t, r.h.held.Load(), r.h.mostHeld+clients*4*pieceBytes)
	streamed := r.get(call)
	require.Empty(t, streamed.Header.Get("Etag"))
	require.Equal(t, "100", streamed.Trailer.Get("X-Rest-Status"))
	require.Equal(t, whole.body, streamed.body)
	close(end)
	done.Wait()
	require.Eventually(t, released, time.Minute, time.Millisecond)
	require.NotEmpty(t, r.get(call).Header.Get("Etag"))
}
