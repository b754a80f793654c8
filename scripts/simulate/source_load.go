package simulate

import (
	"cmp"
	"net/http"
	"strings"
	"sync"
	"time"
)

// mostAsked is the number of requests in a minute above which there are far too many.
const mostAsked = 2000

// load counts the requests of a minute.
type load struct {
	mu     sync.Mutex
	minute time.Time
	count  int
	most   int
	all    int
}

// add counts a request and reports whether there are far too many.
func (l *load) add() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now().Truncate(time.Minute); !now.Equal(l.minute) {
		l.minute, l.count = now, 0
	}
	l.count++
	l.all++
	l.most = max(l.most, l.count)
	return l.count > mostAsked
}

// peak returns the maximum number of requests in a minute.
func (l *load) peak() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most
}

// total returns the number of requests.
func (l *load) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// serve answers a request and adds it to the trace.
func (s *source) serve(w http.ResponseWriter, r *http.Request) {
	if s.load.add() { // otherwise simulated time would not advance
		select {
		case <-time.After(time.Minute):
		case <-s.closing:
		}
	}
	n := &noted{ResponseWriter: w}
	defer func() {
		query := r.URL.RawQuery
		if i := strings.Index(query, "since="); i >= 0 {
			query = query[:i] + "since=" + head(query[i+6:], 8)
		}
		s.trace.add("%-4s %s %s -> %d", r.Method, r.URL.Path, head(query, 80), n.status)
	}()
	s.fake.ServeHTTP(n, r)
}

func head(text string, n int) string { return text[:min(n, len(text))] }

// noted records the status of an answer for the trace.
type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

func (n *noted) Write(p []byte) (int, error) {
	n.status = cmp.Or(n.status, http.StatusOK)
	return n.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController use the connection.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }
