package answers

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"syscall"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/onewrite"
	"github.com/dmwm/wmstats/program/serving"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/scripts/bench/figures"
)

// nowhere is a response that only counts, to measure the handler alone.
type nowhere struct {
	header http.Header
	status int
	bytes  int64
}

func (w *nowhere) Header() http.Header              { return w.header }
func (w *nowhere) WriteHeader(status int)           { w.status = status }
func (w *nowhere) Write(p []byte) (int, error)      { w.bytes += int64(len(p)); return len(p), nil }
func (w *nowhere) SetWriteDeadline(time.Time) error { return nil }

// answer sends a request to the handler and returns the length of the body.
func answer(ctx context.Context, h http.Handler, path string) (int64, error) {
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody)
	req.Header.Set("Accept-Encoding", "gzip")
	w := &nowhere{header: http.Header{}}
	h.ServeHTTP(w, req)
	if w.status != http.StatusOK {
		return 0, fmt.Errorf("%s: status %d", path, w.status)
	}
	return w.bytes, nil
}

// cpuUsed is the processor time of this process for f.
func cpuUsed(f func() error) (time.Duration, error) {
	used := func() (time.Duration, error) {
		var u syscall.Rusage
		err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
	}
	before, err := used()
	if err != nil {
		return 0, fmt.Errorf("processor time: %w", err)
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := used()
	return after - before, err
}

// naive builds a page the usual way: it encodes the records and compresses them
// for each request. It returns the length.
func naive(records []schema.Workflow) (int, error) {
	text, err := json.Marshal(records)
	if err != nil {
		return 0, fmt.Errorf("encode: %w", err)
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, 6)
	if err != nil {
		return 0, fmt.Errorf("compress: %w", err)
	}
	if _, err := z.Write(text); err != nil {
		return 0, fmt.Errorf("compress: %w", err)
	}
	if err := z.Close(); err != nil {
		return 0, fmt.Errorf("compress: %w", err)
	}
	return out.Len(), nil
}

// maker has the API and the records that the group made measures.
type maker struct {
	s       *served
	handler http.Handler
	records []schema.Workflow
}

func newMaker(ctx context.Context, n int) (*maker, error) {
	s, err := newServed(ctx, n)
	if err != nil {
		return nil, err
	}
	a, err := api.New(api.Options{Store: s.store, Details: details{}}) //nolint:contextcheck // handlers take the context of their request; no cache: only the store is measured
	if err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	m := &maker{s: s, handler: a.Handler(), records: make([]schema.Workflow, 0, n)}
	generation, _ := s.store.Newest()
	all, err := generation.Select(ctx, wire.Query{})
	if err != nil {
		return nil, fmt.Errorf("read the records: %w", err)
	}
	for _, encoded := range all.Page(0, n) { //nolint:contextcheck // reading a page of a result of Select costs nothing
		var w schema.Workflow
		if err := json.Unmarshal(encoded, &w); err != nil {
			return nil, fmt.Errorf("read the records: %w", err)
		}
		m.records = append(m.records, w)
	}
	return m, nil
}

func (r *run) made(ctx context.Context) error {
	m, err := newMaker(ctx, r.Sizes[0])
	if err != nil {
		return err
	}
	if err := r.firstByte(ctx, m, "first time"); err != nil {
		return err
	}
	for _, format := range []string{"json", "ndjson"} {
		if err := m.s.warm(ctx, format); err != nil {
			return err
		}
	}
	for _, limit := range []int{100, 1000} {
		if err := r.pages(ctx, m, limit); err != nil {
			return err
		}
	}
	if err := r.whole(ctx, m); err != nil {
		return err
	}
	return r.firstByte(ctx, m, "again")
}

// pages measures pages that nobody has requested before: each is requested once
// in a generation, then there is a new one.
func (r *run) pages(ctx context.Context, m *maker, limit int) error {
	var simple, aligned, across []float64
	var short, long int64
	const sample = 20
	n := len(m.records)
	for range r.Rounds {
		used, err := cpuUsed(func() error {
			for i := range sample {
				size, err := naive(m.records[i*limit%(n-limit) : i*limit%(n-limit)+limit])
				long += int64(size)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		simple = append(simple, float64(used)/sample)
		for _, way := range []struct {
			to    *[]float64
			shift int
		}{{&aligned, 0}, {&across, 17}} {
			m.s.change(1)
			if err := m.s.warm(ctx, "json"); err != nil {
				return err
			}
			runtime.GC()
			count := 0
			used, err := cpuUsed(func() error {
				for idx := way.shift; idx+limit <= n; idx += limit {
					size, err := answer(ctx, m.handler, fmt.Sprintf("/fetch?idx=%d&limit=%d", idx, limit))
					if err != nil {
						return err
					}
					if count++; way.shift == 0 && count <= sample {
						short += size
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			*way.to = append(*way.to, float64(used)/float64(count))
		}
	}
	name := fmt.Sprintf("page of %d", limit)
	r.line(name+": naive, processor", figures.Median(simple)/1e3, "us", "")
	r.line(name+": aligned, processor", figures.Median(aligned)/1e3, "us", "")
	r.line(name+": at any offset, processor", figures.Median(across)/1e3, "us", "")
	r.line(name+": aligned, part of naive", figures.Median(simple)/figures.Median(aligned), "1/x", "at least 150")
	r.line(name+": at any offset, part of naive", figures.Median(simple)/figures.Median(across), "1/x", "at least 8")
	r.line(name+": aligned, bytes to gzip -6", float64(short)/float64(long), "x", "at most 1.10")
	return nil
}

const wholeList = "/fetch?limit=all&format=ndjson"

// whole measures the list of all records.
func (r *run) whole(ctx context.Context, m *maker) error {
	used, err := cpuUsed(func() error { _, err := naive(m.records); return err })
	if err != nil {
		return err
	}
	var mine, memory []float64
	const times = 10
	for range r.Rounds * times {
		m.s.change(1) // nobody has requested the list of this generation
		if err := m.s.warm(ctx, "ndjson"); err != nil {
			return err
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		each, err := cpuUsed(func() error { _, err := answer(ctx, m.handler, wholeList); return err })
		if err != nil {
			return err
		}
		runtime.ReadMemStats(&after)
		mine, memory = append(mine, float64(each)), append(memory, float64(after.TotalAlloc-before.TotalAlloc))
	}
	r.line("limit=all: naive, processor", float64(used)/1e6, "ms", "")
	r.line("limit=all: processor", figures.Median(mine)/1e6, "ms", "")
	r.line("limit=all: part of naive", float64(used)/figures.Median(mine), "1/x", "at least 150")
	r.line("limit=all: memory of one request, all allocations", figures.Median(memory)/1e6, "MB", "under 8")
	return nil
}

// firstByte measures the time until the first byte of the list of all records.
func (r *run) firstByte(ctx context.Context, m *maker, when string) error {
	server := listen(m.handler)
	defer server.Close()
	_, first, err := fetch(ctx, server.URL+wholeList)
	if err != nil {
		return err
	}
	r.line("limit=all: first byte, "+when, float64(first)/1e6, "ms", "under 10")
	return nil
}

// listen serves a handler on loopback as the cache server does.
func listen(h http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	server.Listener = onewrite.Listener(serving.Listener(server.Listener, time.Minute))
	server.Config.ConnContext = onewrite.Context
	server.Start()
	return server
}
