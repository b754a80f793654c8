package answers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/scripts/bench/figures"
)

// details measures one workflow, and a client that reads many documents.
func (r *run) details(ctx context.Context) error {
	m, err := newMaker(ctx, 2000)
	if err != nil {
		return err
	}
	cache := keepAll{}
	a, err := api.New(api.Options{Store: m.s.store, Details: details{}, Cache: cache}) //nolint:contextcheck // handlers take the context of their request
	if err != nil {
		return fmt.Errorf("set up the API: %w", err)
	}
	for _, way := range []detailWay{
		{"requested again", func() string { return "" }},
		{"first time in a generation", func() string { m.s.change(1); return "" }},
		{"of a pinned generation", func() string { generation, _ := m.s.store.Newest(); return "gen=" + generation.ID() }},
	} {
		if err := r.oneDetail(ctx, a.Handler(), m, way); err != nil {
			return err
		}
	}
	return r.manyDocuments(ctx)
}

// detailWay is a way to request a workflow. before is called before each round,
// which requests every workflow once; it returns the query.
type detailWay struct {
	name   string
	before func() (query string)
}

// keepAll is a cache without limits.
type keepAll map[string]any

// Get returns a stored value.
func (k keepAll) Get(key string) (any, bool) { v, ok := k[key]; return v, ok }

// Set stores a value.
func (k keepAll) Set(key string, value any, _ int64) { k[key] = value }

func (r *run) oneDetail(ctx context.Context, h http.Handler, m *maker, way detailWay) error {
	const workflows, times = 200, 10
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	w := &nowhere{header: http.Header{}}
	ask := func() error {
		for i := range workflows {
			req.URL.Path = "/fetch/" + m.records[i].Workflow
			clear(w.header)
			w.status, w.bytes = 0, 0
			h.ServeHTTP(w, req)
			if w.status != http.StatusOK {
				return fmt.Errorf("detail: status %d", w.status)
			}
		}
		return nil
	}
	var took []float64
	var allocs []float64
	for round := range r.Rounds + 1 { // the first fills the cache
		var elapsed time.Duration
		var mallocs uint64
		for range times {
			req.URL.RawQuery = way.before()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			if err := ask(); err != nil {
				return err
			}
			elapsed += time.Since(began)
			runtime.ReadMemStats(&after)
			mallocs += after.Mallocs - before.Mallocs
		}
		if round > 0 {
			took = append(took, float64(elapsed)/workflows/times)
			allocs = append(allocs, float64(mallocs)/workflows/times)
		}
	}
	r.line("one workflow, "+way.name+": bytes", float64(w.bytes), "B", "")
	r.line("one workflow, "+way.name+": handler", figures.Median(took)/1e6, "ms", "at most 0.1")
	r.line("one workflow, "+way.name+": allocations", figures.Median(allocs), "", "at most 25")
	return nil
}

// manyDocuments is the old prototype's test: a client reads 1 500 documents of
// 12 KB, all of them with one request, over HTTP.
func (r *run) manyDocuments(ctx context.Context) error {
	const documents, size = 1500, 12_500
	s, err := newServed(ctx, documents)
	if err != nil {
		return err
	}
	if err := s.fatten(size); err != nil {
		return err
	}
	a, err := api.New(api.Options{Store: s.store, Details: details{}}) //nolint:contextcheck // handlers take the context of their request
	if err != nil {
		return fmt.Errorf("set up the API: %w", err)
	}
	server := listen(a.Handler())
	defer server.Close()
	path := fmt.Sprintf("/fetch?limit=%d", documents)
	bare, err := bareServer(ctx, server.URL+path)
	if err != nil {
		return err
	}
	defer bare.Close()
	var took, memory, alone []float64
	var length int64
	for round := range r.Rounds*4 + 1 {
		began := time.Now()
		if _, err := readAway(ctx, bare.URL); err != nil {
			return err
		}
		least := time.Since(began)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began = time.Now()
		length, err = readAway(ctx, server.URL+path)
		if err != nil {
			return err
		}
		elapsed := time.Since(began)
		runtime.ReadMemStats(&after)
		if round > 0 { // the first connects
			took, memory = append(took, float64(elapsed)), append(memory, float64(after.TotalAlloc-before.TotalAlloc))
			alone = append(alone, float64(least))
		}
	}
	r.line("1 500 documents: bytes of each", float64(length)/documents, "B", "")
	r.line("1 500 documents: all, read by a client", figures.Median(took)/1e6, "ms", "at most 7.5")
	r.line("1 500 documents: the same bytes in one piece, from net/http alone", figures.Median(alone)/1e6, "ms", "")
	r.line("1 500 documents: to net/http alone", figures.Median(took)/figures.Median(alone), "x", "")
	r.line("1 500 documents: memory, server and client, all allocations", figures.Median(memory)/1e6, "MB", "constant; the prototype: 102")
	return nil
}

// bareServer sends the body of url in one write. It measures net/http and the
// connection alone: the least time that any server can take on this machine.
func bareServer(ctx context.Context, url string) (*httptest.Server, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", url, err)
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client sees a short body
	})), nil
}

// readAway reads an answer and discards it.
func readAway(ctx context.Context, url string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", url, err)
	}
	defer resp.Body.Close()
	n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{resp.Body}, make([]byte, 256<<10))
	if err != nil {
		return n, fmt.Errorf("read %s: %w", url, err)
	}
	return n, nil
}

// fatten adds output datasets to every workflow until its record has size bytes.
func (s *served) fatten(size int) error {
	const name = "/Primary-Dataset-With-A-Long-Name/Campaign-Processing-String-With-Conditions-v1/TIER%04d"
	usual := int(s.store.Info().Bytes) / s.n
	perDataset := len(name) + len(`"",`) // the number of four digits is as long as its verb
	for i := range s.n {
		w, _ := s.source.Sides(i)
		for k := range (size - usual) / perDataset {
			w.OutputDatasets = append(w.OutputDatasets, fmt.Sprintf(name, k))
		}
		s.store.Apply([]join.Change{s.request(&w)})
	}
	return nil
}
