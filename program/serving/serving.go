// Package serving is the HTTP server of both programs. It limits the time of a client
// for each part of a request and of an answer, stops without losing answers, and
// handles signals. It knows no routes and makes no access decisions.
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

// Options of a Server. Header, Read, Part and Idle are required: zero would mean no
// limit.
type Options struct {
	Handler http.Handler

	Header    time.Duration // longest wait for the header of a request
	Read      time.Duration // longest wait for the whole request
	Part      time.Duration // longest wait for a client to read a part (64 KB) of an answer
	Idle      time.Duration // longest time between two requests of a connection
	MaxHeader int           // largest header of a request in bytes

	Delay  time.Duration // shortest time that the port stays open after draining begins
	Linger time.Duration // longest time that idle connections stay open after draining begins

	Wrap        func(net.Listener) net.Listener                       // wraps the listener whose connections have deadlines; nil: nothing
	ConnContext func(ctx context.Context, c net.Conn) context.Context // as in http.Server
	ErrorLog    *log.Logger
}

// Linger returns how long idle connections stay open if drain is the longest wait for
// active requests.
func Linger(drain time.Duration) time.Duration { return min(2*time.Second, drain/2) }

// Server serves one port. Call Serve, then Shutdown.
type Server struct {
	o        Options
	http     *http.Server
	draining chan struct{}
	drain    sync.Once

	mu   sync.Mutex
	open map[*Conn]struct{}
}

// New returns a server. It opens no port.
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
		ReadTimeout:       o.Read, // ends with the request; an answer may take longer
		// No WriteTimeout, which would limit a whole answer: Conn limits each part.
		IdleTimeout:    o.Idle,
		MaxHeaderBytes: o.MaxHeader,
		ConnContext:    o.ConnContext,
		ConnState:      s.note,
		ErrorLog:       o.ErrorLog,
	}
	return s, nil
}

// Serve serves l until Shutdown, which is not an error.
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

// Draining returns a channel that is closed when the server shuts down: long polls and
// streams must end then.
func (s *Server) Draining() <-chan struct{} { return s.draining }

// Drain begins the shutdown: each answer from now on is the last of its connection.
func (s *Server) Drain() { s.drain.Do(func() { close(s.draining) }) }

func (s *Server) isDraining() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// serve announces that the connection ends after the answer.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.isDraining() {
		w.Header()["Connection"] = []string{"close"}
	}
	s.o.Handler.ServeHTTP(w, r)
}

// Shutdown drains the server. At first (for Delay, and up to Linger while there are
// idle connections) it still answers requests, with Connection: close, so that clients
// go elsewhere without losing an answer. Then it closes the port and waits for active
// requests. If ctx ends first, they are cut, which is an error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	s.linger(ctx)
	s.closeSilent()
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests under way were cut: %w", errors.Join(err, s.http.Close()))
	}
	return nil
}

// linger waits for Delay, and then until there are no idle connections, at most for
// Linger. Closing an idle connection could lose the answer to a request that its
// client sends at the same moment.
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

// Close closes all connections immediately.
func (s *Server) Close() error {
	s.Drain()
	if err := s.http.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// note records the state of a connection.
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

// waiting counts idle connections, which may send a request at any moment.
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

// closeSilent closes connections that never sent anything, for which net/http would
// wait 5 s.
func (s *Server) closeSilent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if http.ConnState(c.state.Load()) == http.StateNew {
			_ = c.Close() // errors do not matter: it is closed either way
		}
	}
}
