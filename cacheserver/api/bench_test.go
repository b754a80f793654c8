package api_test

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/onewrite"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/serving"
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

func benchAPI(b *testing.B, n int) *api.API {
	b.Helper()
	s, err := store.New(store.Options{Process: "b"})
	require.NoError(b, err)
	load := s.BeginLoad()
	load.Add(changes(0, n, 1))
	_, err = load.Commit()
	require.NoError(b, err)
	a, err := api.New(api.Options{Store: s, Details: &detailsFake{}, Cache: newMapCache()})
	require.NoError(b, err)
	return a
}

// BenchmarkServer is the cost of an answer with the whole server: one
// connection, a client that allocates nothing. Target: at most 20 allocations
// for a cached page; net/http alone needs 17 for an empty answer.
func BenchmarkServer(b *testing.B) {
	a := benchAPI(b, 20_000)
	server := httptest.NewUnstartedServer(a.Handler())
	server.Listener = onewrite.Listener(serving.Listener(server.Listener, time.Minute))
	server.Config.ConnContext = onewrite.Context
	server.Start()
	defer server.Close()
	for _, c := range []struct{ name, request string }{
		{"hot", "GET /fetch HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"},
		{"pinned", "GET /fetch?gen=b-1&idx=5000 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"},
		{"detail", "GET /fetch/" + workflowName(7) + " HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"},
		{"nothing", "OPTIONS /livez HTTP/1.1\r\nHost: x\r\n\r\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			require.NoError(b, err)
			defer conn.Close()
			request, buf := []byte(c.request), make([]byte, 1<<20)
			size := roundTrip(b, conn, request, buf)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				roundTrip(b, conn, request, buf)
			}
		})
	}
}

// roundTrip sends a request, reads the answer and returns its length.
func roundTrip(b *testing.B, conn net.Conn, request, buf []byte) int {
	_, err := conn.Write(request)
	require.NoError(b, err)
	n := 0
	for {
		k, err := conn.Read(buf[n:])
		if err != nil {
			b.Fatal(err)
		}
		n += k
		head := bytes.Index(buf[:n], []byte("\r\n\r\n"))
		if head < 0 {
			continue
		}
		length := 0
		if at := bytes.Index(buf[:head], []byte("Content-Length: ")); at >= 0 {
			for _, digit := range buf[at+len("Content-Length: "):] {
				if digit < '0' || digit > '9' {
					break
				}
				length = 10*length + int(digit-'0')
			}
		}
		if n >= head+4+length {
			return n
		}
	}
}

// BenchmarkHandler is the cost of an answer without the network.
func BenchmarkHandler(b *testing.B) {
	a := benchAPI(b, 20_000)
	for _, c := range []struct{ name, path, coding string }{
		{"page/stitched", "/fetch?idx=5000", "gzip"},
		{"page/pinned", "/fetch?gen=b-1&idx=5000", "gzip"},
		{"page/unaligned", "/fetch?idx=5021", "gzip"},
		{"page/identity", "/fetch?idx=5000", "identity"},
		{"page/filtered", "/fetch?status=completed&site=T2_*", "gzip"},
		{"page/csv", "/fetch?format=csv", "gzip"},
		{"page/fields", "/fetch?fields=Status,Priority", "gzip"},
		{"all/ndjson", "/fetch?limit=all&format=ndjson", "gzip"},
		{"all/csv", "/fetch?limit=all&format=csv", "gzip"},
		{"detail", "/fetch/" + workflowName(7), "gzip"},
		{"detail/pinned", "/fetch/" + workflowName(7) + "?gen=b-1", "identity"},
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
