package e2e

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
	uiapp "github.com/dmwm/wmstats/uiserver/app"
)

const (
	requestDB = "reqmgr_workload_cache"
	wmstatsDB = "wmstats"
	logDB     = "wmstats_logdb"
)

// patience bounds every wait for a condition. It is long, because it only decides
// how late a failure is reported.
const patience = time.Minute

// system is a stand-in with both servers.
type system struct {
	couch    *couchfake.Server
	endpoint *couchfake.Endpoint
	cache    string // URL of the cache server
	ui       string // URL of the UI server
	docs     []gen.Doc
	requests []gen.Doc               // the documents of docs that tests change
	agents   []gen.Doc               // the same for agent reports
	tune     func(*cacheapp.Options) // changes the options; may be nil
}

// newSystem fills a stand-in with the documents of a world, starts both servers on
// it, and waits until they are ready.
func newSystem(t *testing.T, o gen.Options, tune ...func(*cacheapp.Options)) *system {
	t.Helper()
	s := newCouch(t, o)
	if len(tune) > 0 {
		s.tune = tune[0]
	}
	s.cache = s.startCache(t).url
	s.ui = startUI(t, s.cache)
	return s
}

// newCouch fills a stand-in; no server runs yet.
func newCouch(t *testing.T, o gen.Options) *system {
	t.Helper()
	world, err := gen.New(o)
	require.NoError(t, err)
	s := &system{couch: couchfake.New(couchfake.Options{BuiltinViews: true})}
	t.Cleanup(func() { require.NoError(t, s.couch.Close()) })
	require.NoError(t, s.couch.Create(requestDB))
	require.NoError(t, s.couch.Create(wmstatsDB))
	for doc := range world.AllParallel() {
		s.docs = append(s.docs, doc)
		// Some documents are broken on purpose; no database would accept them.
		if err := s.couch.Put(doc.DB, doc.JSON); err != nil {
			t.Logf("not stored: %v", err)
		}
	}
	s.endpoint, err = couchfake.Listen("127.0.0.1:0", s.couch)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.endpoint.Close(ctx))
	})
	return s
}

type cacheServer struct {
	url  string
	stop func()
}

// startCache starts one more cache server on the stand-in and waits until it
// is ready.
func (s *system) startCache(t *testing.T) cacheServer {
	t.Helper()
	c := s.launchCache(t)
	waitStatus(t, c.url+"/readyz", http.StatusOK) // also at the root if it has a base path
	return c
}

// launchCache does not wait: the source may be unavailable.
func (s *system) launchCache(t *testing.T) cacheServer {
	t.Helper()
	o := cacheapp.Defaults()
	o.Listen, o.CouchURL, o.Log = "127.0.0.1:0", s.endpoint.URL(), slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	o.Patience = cacheapp.Patience{
		Heartbeat: 200 * time.Millisecond, ReadIdle: 20 * time.Second,
		MinWait: 5 * time.Millisecond, MaxWait: 100 * time.Millisecond, HoldWait: 50 * time.Millisecond,
	}
	if s.tune != nil {
		s.tune(&o)
	}
	app, err := cacheapp.New(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, app.Start(t.Context()))
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		http.DefaultClient.CloseIdleConnections() // stop waits for open connections
		require.NoError(t, app.Stop(ctx))
	}
	t.Cleanup(stop)
	return cacheServer{url: "http://" + app.Addr(), stop: stop}
}

func startUI(t *testing.T, cache string, more ...string) string {
	t.Helper()
	o, err := uiapp.ParseOptions(append([]string{"--listen", "127.0.0.1:0", "--cache-url", cache, "--log-level", "error"}, more...),
		func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	o.LogTo = testWriter{t}
	app, err := uiapp.New(o)
	require.NoError(t, err)
	require.NoError(t, app.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		http.DefaultClient.CloseIdleConnections() // stop waits for open connections
		require.NoError(t, app.Stop(ctx))
	})
	return "http://" + app.Addr()
}

// testWriter writes a server's log to the test's output.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// answer is a whole HTTP answer.
type answer struct {
	status int
	header http.Header
	body   []byte
	url    string // of the answer, after redirects
}

func get(t *testing.T, url string, header ...string) answer {
	t.Helper()
	a, err := try(t.Context(), url, header...)
	require.NoError(t, err)
	return a
}

func try(ctx context.Context, url string, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body, resp.Request.URL.String()}, err
}

// getJSON decodes a 200 answer.
func getJSON[T any](t *testing.T, url string) T {
	t.Helper()
	a := get(t, url)
	require.Equal(t, http.StatusOK, a.status, "%s: %s", url, a.body)
	var v T
	require.NoError(t, json.Unmarshal(a.body, &v), url)
	return v
}

func waitStatus(t *testing.T, url string, status int) {
	t.Helper()
	eventually(t, func() bool {
		a, err := try(t.Context(), url)
		return err == nil && a.status == status
	}, "%s answers %d", url, status)
}

func eventually(t *testing.T, condition func() bool, format string, args ...any) {
	t.Helper()
	require.Eventuallyf(t, condition, patience, 5*time.Millisecond, format, args...)
}

// all reads every workflow record of a cache server.
func all(t *testing.T, cache string) []schema.Workflow {
	t.Helper()
	return getJSON[[]schema.Workflow](t, cache+"/fetch?limit=all&format=json")
}
