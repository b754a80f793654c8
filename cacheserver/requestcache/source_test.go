package requestcache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/sourcetest"
)

func lacks() map[sourcetest.Fact]string {
	return map[sourcetest.Fact]string{
		sourcetest.Empty:       "an empty answer comes from an old server that has not filled its cache",
		sourcetest.AgentInfo:   "the answer has no agents' health",
		sourcetest.Jobs:        "the answer has no jobs",
		sourcetest.OldSeq:      "answers have no history: only the last two are compared",
		sourcetest.NewDatabase: "the source has no databases",
		sourcetest.Tombstones:  "deleted documents leave no trace",
		sourcetest.FailuresOf:  "the answer has no jobs and no messages",
		sourcetest.OddRows:     "the answer has documents, not rows",
		sourcetest.SingleDocs:  "the old server does not serve single documents",
	}
}

// TestSourceOfAFile runs the conformance suite over a file that is replaced.
func TestSourceOfAFile(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Backend {
		path := filepath.Join(t.TempDir(), "requestcache.json")
		old := newOldServer()
		old.written = writer(t, path)
		return sourcetest.Backend{
			Source: open(t, path), Writer: old, Lacks: lacks(),
			Again: func(t *testing.T) follower.Source { return open(t, path) },
		}
	})
}

// TestSourceOfAURL runs it over a server that supports ETags.
func TestSourceOfAURL(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Backend {
		var mu sync.Mutex
		var text []byte
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			etag := fmt.Sprintf(`"%x"`, xxhash.Sum64(text))
			if r.Header.Get("If-None-Match") == etag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			w.Header().Set("ETag", etag)
			_, _ = w.Write(text)
		}))
		t.Cleanup(srv.Close)
		old := newOldServer()
		old.written = func(answer []byte) {
			mu.Lock()
			defer mu.Unlock()
			text = answer
		}
		return sourcetest.Backend{
			Source: open(t, srv.URL), Writer: old, Lacks: lacks(),
			Again: func(t *testing.T) follower.Source { return open(t, srv.URL) },
		}
	})
}
