package couchfake_test

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// benchDocs is about 60 MB of request documents of 20 KB.
func benchDocs(n int) [][]byte {
	docs := make([][]byte, n)
	for i := range docs {
		docs[i] = requestDoc(i, 20_000)
	}
	return docs
}

// BenchmarkRead measures how fast the stand-in sends to a reader that discards
// the bytes: it must not be the bottleneck of a measured reader.
func BenchmarkRead(b *testing.B) {
	docs := benchDocs(3000)
	for _, held := range []struct {
		name  string
		plain bool
	}{{"packed", false}, {"plain", true}} {
		fake := couchfake.New(couchfake.Options{BuiltinViews: true, Uncompressed: held.plain})
		require.NoError(b, fake.Put("db", docs...))
		end, err := couchfake.Listen("127.0.0.1:0", fake)
		require.NoError(b, err)
		for _, read := range []struct{ name, path, body string }{
			{"all_docs", "/db/_all_docs?include_docs=true", ""},
			{"changes", "/db/_changes?include_docs=true", ""},
			{"changes-selector", "/db/_changes?include_docs=true&filter=_selector", `{"selector":{"RequestStatus":"running-open"}}`},
			{"view", "/db/_design/ReqMgr/_view/bystatus?include_docs=true&key=%22running-open%22", ""},
		} {
			b.Run(read.name+"/"+held.name, func(b *testing.B) {
				method := http.MethodGet
				if read.body != "" {
					method = http.MethodPost
				}
				for b.Loop() {
					req, err := http.NewRequest(method, end.URL()+read.path, strings.NewReader(read.body))
					require.NoError(b, err)
					req.Header.Set("Content-Type", "application/json")
					resp, err := http.DefaultClient.Do(req)
					require.NoError(b, err)
					n, err := io.Copy(io.Discard, resp.Body)
					require.NoError(b, err)
					require.NoError(b, resp.Body.Close())
					b.SetBytes(n)
				}
			})
		}
		require.NoError(b, fake.Close())
		require.NoError(b, end.Close(context.Background()))
	}
}

// BenchmarkPut measures loading in process, and reports the heap per document.
func BenchmarkPut(b *testing.B) {
	docs := benchDocs(3000)
	var size int64
	for _, d := range docs {
		size += int64(len(d))
	}
	for _, held := range []struct {
		name  string
		plain bool
	}{{"packed", false}, {"plain", true}} {
		b.Run(held.name, func(b *testing.B) {
			b.SetBytes(size)
			var fake *couchfake.Server
			for b.Loop() {
				fake = couchfake.New(couchfake.Options{Uncompressed: held.plain})
				require.NoError(b, fake.Put("db", docs...))
			}
			var full, empty runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&full)
			runtime.KeepAlive(fake) // its last use: the next collection frees it
			runtime.GC()
			runtime.ReadMemStats(&empty)
			b.ReportMetric(float64(full.HeapAlloc-empty.HeapAlloc)/float64(len(docs)), "heap-B/doc")
		})
	}
}

// BenchmarkViewBuild measures the first query of a view over 3000 documents.
func BenchmarkViewBuild(b *testing.B) {
	docs := benchDocs(3000)
	for b.Loop() {
		b.StopTimer()
		fake := couchfake.New(couchfake.Options{BuiltinViews: true})
		require.NoError(b, fake.Put("db", docs...))
		b.StartTimer()
		req, err := http.NewRequest(http.MethodGet, "/db/_design/ReqMgr/_view/bystatus?limit=0", nil)
		require.NoError(b, err)
		fake.ServeHTTP(&discard{}, req)
	}
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{ h http.Header }

func (d *discard) Header() http.Header {
	if d.h == nil {
		d.h = http.Header{}
	}
	return d.h
}
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
