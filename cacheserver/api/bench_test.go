package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// discard is a response that goes nowhere, to measure the handler alone.
type discard struct {
	header http.Header
	status int
	bytes  int64
}

func (d *discard) Header() http.Header              { return d.header }
func (d *discard) WriteHeader(status int)           { d.status = status }
func (d *discard) Write(p []byte) (int, error)      { d.bytes += int64(len(p)); return len(p), nil }
func (d *discard) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkHandler is the cost of an answer without the network.
func BenchmarkHandler(b *testing.B) {
	const n = 20_000
	s, err := store.New(store.Options{Process: "b"})
	require.NoError(b, err)
	load := s.BeginLoad()
	load.Add(changes(0, n, 1))
	_, err = load.Commit()
	require.NoError(b, err)
	a, err := api.New(api.Options{Store: s, Details: &detailsFake{}, Cache: newMapCache()})
	require.NoError(b, err)
	for _, c := range []struct{ name, path, coding string }{
		{"page/stitched", "/fetch?idx=5000", "gzip"},
		{"page/unaligned", "/fetch?idx=5021", "gzip"},
		{"page/identity", "/fetch?idx=5000", "identity"},
		{"page/filtered", "/fetch?status=completed&site=T2_*", "gzip"},
		{"page/csv", "/fetch?format=csv", "gzip"},
		{"page/fields", "/fetch?fields=Status,Priority", "gzip"},
		{"all/ndjson", "/fetch?limit=all&format=ndjson", "gzip"},
		{"all/csv", "/fetch?limit=all&format=csv", "gzip"},
		{"detail", "/fetch/" + workflowName(7), "gzip"},
		{"campaigns", "/campaign", "gzip"},
	} {
		b.Run(c.name, func(b *testing.B) {
			req := httptest.NewRequest(http.MethodGet, c.path, http.NoBody)
			req.Header.Set("Accept-Encoding", c.coding)
			b.ReportAllocs()
			for b.Loop() {
				w := &discard{header: http.Header{}}
				a.Handler().ServeHTTP(w, req)
				if w.status != http.StatusOK {
					b.Fatal(w.status)
				}
				b.SetBytes(w.bytes)
			}
		})
	}
}
