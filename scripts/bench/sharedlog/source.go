package sharedlog

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dmwm/wmstats/mock/design"
)

// Requests are those that the source saw from one reader, or from servers that
// answer as one.
type Requests struct {
	FirstReads int // of all request documents
	Feeds      int // opened, of both databases
	AtOnce     int // most feeds of one database at the same time
	Checks     int // what a read is compared with, and whether a view's index is built
	Documents  int // single documents
	Bytes      int64
}

// server serves the source for one reader, and counts.
type server struct {
	addr string
	srv  *http.Server

	mu   sync.Mutex
	seen Requests
	open map[string]int // feeds, by database
}

// serve serves the source on a port of its own.
func serve(ctx context.Context, source http.Handler) (*server, error) {
	listen, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the source: %w", err)
	}
	s := &server{addr: listen.Addr().String(), open: map[string]int{}}
	s.srv = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.note(r)()
		source.ServeHTTP(&counted{ResponseWriter: w, s: s}, r)
	})}
	go func() { _ = s.srv.Serve(listen) }() // it ends when it is closed
	return s, nil
}

func (s *server) close() { _ = s.srv.Close() } // feeds never end on their own

// note counts a request; the returned function records its end.
func (s *server) note(r *http.Request) (end func()) {
	end = func() {}
	db, path, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	query := r.URL.Query()
	switch {
	case path == "_changes" && query.Get("feed") == "continuous":
		s.seen.Feeds++
		s.open[db]++
		s.seen.AtOnce = max(s.seen.AtOnce, s.open[db])
		end = func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.open[db]--
		}
	case strings.HasPrefix(path, "_") && (path == "_changes" || query.Get("limit") == "0"):
		s.seen.Checks++
	case path == "_design/ReqMgr/_view/bystatus":
		s.seen.FirstReads++
	case path != "" && !strings.HasPrefix(path, "_") && (db == design.RequestDB || db == design.WMStatsDB):
		s.seen.Documents++
	}
	return end
}

func (s *server) counts() Requests {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// counted counts the bytes of answers.
type counted struct {
	http.ResponseWriter

	s *server
}

func (c *counted) Write(data []byte) (int, error) {
	n, err := c.ResponseWriter.Write(data)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.seen.Bytes += int64(n)
	return n, err //nolint:wrapcheck // passes on the error of the answer
}

// Unwrap lets feeds flush.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }
