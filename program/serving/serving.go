// Package serving is what both servers have in common as programs that answer
// HTTP: how long a client may take for each part of a request and of an answer,
// how a server stops without a client losing an answer, and what signals mean.
// It knows no routes and decides on no request.
package serving

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options of a Server. Header, Read, Part and Idle are needed: a zero value
// would be a client that may take for ever.
type Options struct {
	Handler http.Handler

	Header    time.Duration // longest wait for the header of a request
	Read      time.Duration // longest wait for the whole of a request
	Part      time.Duration // longest wait for a client to take a part (64 KB) of an answer
	Idle      time.Duration // between two requests of a connection
	MaxHeader int           // bytes of the header of a request

	Delay  time.Duration // how long the port stays open at least once draining begins
	Linger time.Duration // how long connections without a request are left open at most once draining begins

	Wrap        func(net.Listener) net.Listener                       // around the listener whose connections have deadlines; nil: nothing
	ConnContext func(ctx context.Context, c net.Conn) context.Context // as in http.Server
	ErrorLog    *log.Logger
}

// Linger is how long connections without a request are left open when drain is
// the longest wait for requests under way.
func Linger(drain time.Duration) time.Duration { return min(2*time.Second, drain/2) }

// Server answers at one port. Serve, then Shutdown.
type Server struct {
	o        Options
	http     *http.Server
	draining chan struct{}
	drain    sync.Once

	mu   sync.Mutex
	open map[*Conn]struct{}
}

// New makes a server; it opens no port.
func New(o Options) (*Server, error) {
	for name, d := range map[string]time.Duration{"Header": o.Header, "Read": o.Read, "Part": o.Part, "Idle": o.Idle} {
		if d <= 0 {
			return nil, fmt.Errorf("set up serving: Options.%s is missing", name)
		}
	}
	s := &Server{o: o, draining: make(chan struct{}), open: map[*Conn]struct{}{}}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: o.Header,
		ReadTimeout:       o.Read, // net/http ends it with the request: an answer may take longer
		// No WriteTimeout, which is for the whole of an answer: Conn has one for each part.
		IdleTimeout:    o.Idle,
		MaxHeaderBytes: o.MaxHeader,
		ConnContext:    o.ConnContext,
		ConnState:      s.note,
		ErrorLog:       o.ErrorLog,
	}
	return s, nil
}

// Serve answers what comes to l until Shutdown, which is no error.
func (s *Server) Serve(l net.Listener) error {
	l = Listener(l, s.o.Part)
	if s.o.Wrap != nil {
		l = s.o.Wrap(l)
	}
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Draining is closed when the server is going down: what would not end by
// itself has to end then.
func (s *Server) Draining() <-chan struct{} { return s.draining }

// Drain begins the end: each answer from now on is the last of its connection.
func (s *Server) Drain() { s.drain.Do(func() { close(s.draining) }) }

func (s *Server) isDraining() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// serve says when the connection ends after the answer.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.isDraining() {
		w.Header()["Connection"] = []string{"close"}
	}
	s.o.Handler.ServeHTTP(w, r)
}

// Shutdown drains: for a while (Delay, and up to Linger while connections
// wait for a request) requests are still answered, each with Connection: close,
// so that clients go elsewhere without losing an answer. Then the port is closed,
// and what is under way may end. When ctx ends first it is cut, and that is an error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	s.linger(ctx)
	s.closeSilent()
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests under way were cut: %w", errors.Join(err, s.http.Close()))
	}
	return nil
}

// linger waits for Delay, and then until no connection waits for a request, at
// most until Linger has passed. To close such a connection is to take the answer
// from a client that sends its request at the same moment.
func (s *Server) linger(ctx context.Context) {
	const look = 10 * time.Millisecond
	began := time.Now()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		passed := time.Since(began)
		if passed >= s.o.Delay && (passed >= s.o.Linger || s.waiting() == 0) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Close cuts everything at once.
func (s *Server) Close() error {
	s.Drain()
	if err := s.http.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// note keeps what net/http says of a connection.
func (s *Server) note(c net.Conn, state http.ConnState) {
	conn, ok := c.(interface{ base() *Conn })
	if !ok {
		return
	}
	base := conn.base()
	base.state.Store(int32(state))
	switch state {
	case http.StateNew:
		s.mu.Lock()
		s.open[base] = struct{}{}
		s.mu.Unlock()
	case http.StateClosed, http.StateHijacked:
		s.mu.Lock()
		delete(s.open, base)
		s.mu.Unlock()
	}
}

// waiting counts connections that may send a request at any moment.
func (s *Server) waiting() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		switch http.ConnState(c.state.Load()) {
		case http.StateNew, http.StateIdle:
			n++
		}
	}
	return n
}

// closeSilent closes connections that never sent anything: net/http would wait
// 5 s for them.
func (s *Server) closeSilent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if http.ConnState(c.state.Load()) == http.StateNew {
			_ = c.Close() // it is gone either way
		}
	}
}
