package legacy

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// storeFake returns the state and the reports that a test sets.
type storeFake struct {
	mu     sync.Mutex
	source store.SourceState
	refs   map[string][]join.ReportRef
}

func (s *storeFake) Newest() (*store.Generation, bool) { return nil, false }

func (s *storeFake) Source() store.SourceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source
}

func (s *storeFake) Reports(names []string) [][]join.ReportRef {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([][]join.ReportRef, len(names))
	for i, name := range names {
		out[i] = s.refs[name]
	}
	return out
}

func (s *storeFake) set(change func(s *storeFake)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// sourceFake holds documents by id; reading the document "!" fails.
type sourceFake struct {
	mu    sync.Mutex
	docs  map[string]string
	jobs  [][2]string // id and key
	reads int
	block chan struct{} // reads wait until it is closed; nil: they do not wait
	waits chan struct{} // receives a value for each read that waits
}

var errAway = errors.New("the source is away")

func (s *sourceFake) Documents(ctx context.Context, ids []string, keep func(doc []byte) []byte) ([][]byte, error) {
	if s.block != nil {
		s.waits <- struct{}{}
		select {
		case <-s.block:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	docs := make([][]byte, len(ids))
	for i, id := range ids {
		switch doc, ok := s.docs[id]; {
		case doc == "!":
			return nil, errAway
		case ok && doc != "":
			docs[i] = keep([]byte(doc))
		}
	}
	return docs, nil
}

// put sets a document; "" deletes it.
func (s *sourceFake) put(id, doc string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docs[id] = doc
}

// count returns the number of reads.
func (s *sourceFake) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

func (s *sourceFake) Requests(ctx context.Context, ids []string) ([][]byte, error) {
	return s.Documents(ctx, ids, bytes.Clone)
}

func (s *sourceFake) EachJob(_ context.Context, _ string, begin func(), fn func(id string, key []byte) error) error {
	begin()
	for _, j := range s.jobs {
		if err := fn(j[0], []byte(j[1])); err != nil {
			return err
		}
	}
	return nil
}

// rig is a handler behind a real HTTP server, with fakes around it.
type rig struct {
	t      *testing.T
	docs   *documents.Documents
	store  *storeFake
	source *sourceFake
	owed   []string
	now    time.Time
	log    bytes.Buffer
	reg    *prometheus.Registry
	url    string
	h      *Handler
}

func newRig(t *testing.T, change func(*Options), docs ...string) *rig {
	t.Helper()
	d, err := documents.New(documents.Options{Statuses: Statuses(false)})
	require.NoError(t, err)
	r := &rig{t: t, docs: d, source: &sourceFake{docs: map[string]string{}}, now: time.Unix(1_795_000_000, 0), reg: prometheus.NewRegistry()}
	r.store = &storeFake{source: store.SourceState{RequestsAsOf: r.now, AgentsAsOf: r.now}, refs: map[string][]join.ReportRef{}}
	kept, err := cache.New(16 << 20)
	require.NoError(t, err)
	t.Cleanup(kept.Close)
	o := Options{
		Documents: d, Store: r.store, Source: r.source, Owed: func(least time.Duration) []string { require.Equal(t, time.Minute, least); return r.owed },
		Cache: kept, Version: "v1", Registry: r.reg, Now: func() time.Time { return r.now }, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
	}
	if change != nil {
		change(&o)
	}
	h, err := New(o)
	require.NoError(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	r.url, r.h = server.URL, h
	if docs != nil {
		read := d.BeginRead()
		r.put(docs...)
		require.NoError(t, read.Commit(nil, func() bool { return false }))
	}
	return r
}

// put applies request documents.
func (r *rig) put(docs ...string) {
	r.t.Helper()
	for _, doc := range docs {
		var has struct {
			ID string `json:"_id"`
		}
		require.NoError(r.t, json.Unmarshal([]byte(doc), &has))
		r.docs.Apply([]documents.Change{{ID: has.ID, Doc: []byte(doc)}})
	}
}

func request(id, status, more string) string {
	return fmt.Sprintf(`{"_id":%q,"_rev":"1-a","RequestName":%q,"RequestStatus":%q%s}`, id, id, status, more)
}

type reply struct {
	*http.Response

	body string
	err  error
}

func (r *rig) ask(method, path string, header ...string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, nil)
	require.NoError(r.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil { // the connection was cut
		return reply{&http.Response{}, "", err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.Header.Get("Content-Encoding") == "gzip" && len(body) > 0 {
		zr, zerr := gzip.NewReader(bytes.NewReader(body))
		require.NoError(r.t, zerr)
		body, err = io.ReadAll(zr)
	}
	return reply{res, string(body), err}
}

func (r *rig) get(call string) reply {
	r.t.Helper()
	got := r.ask(http.MethodGet, Prefix+"/"+call, "Accept", "application/json")
	require.NoError(r.t, got.err)
	return got
}

// want checks the rows of an answer.
func (r *rig) want(call string, rows ...string) {
	r.t.Helper()
	got := r.get(call)
	require.Equal(r.t, http.StatusOK, got.StatusCode, "%s: %s", call, got.body)
	text := "{\"result\": [\n"
	for i, row := range rows {
		text += map[bool]string{true: " ", false: ","}[i == 0] + row + "\n"
	}
	require.Equal(r.t, text+"]}\n", got.body, call)
}

func (r *rig) refused(call string, status int, code, info string) {
	r.t.Helper()
	got := r.get(call)
	require.Equal(r.t, status, got.StatusCode, "%s: %s", call, got.body)
	require.Equal(r.t, code, got.Header.Get("X-Rest-Status"), call)
	require.Equal(r.t, fmt.Sprint(status), got.Header.Get("X-Error-Http"), call)
	require.Len(r.t, got.Header.Get("X-Error-Id"), 32)
	require.Contains(r.t, got.Header.Get("X-Error-Info"), info, call)
	require.Equal(r.t, "application/problem+json", got.Header.Get("Content-Type"))
}

func (r *rig) counter(api, from string) prometheus.Collector {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wmstats_legacy_requests_total", Help: "Requests to the old server's API, by call and by where the answer comes from: memory, source, or none if they were refused."}, []string{"api", "from"})
	var already prometheus.AlreadyRegisteredError
	require.ErrorAs(r.t, r.reg.Register(c), &already)
	vec, ok := already.ExistingCollector.(*prometheus.CounterVec)
	require.True(r.t, ok)
	return vec.WithLabelValues(api, from)
}
