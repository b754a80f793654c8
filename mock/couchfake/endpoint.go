package couchfake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// Endpoint serves a handler on one address and can refuse connections there for
// a while: Refuse closes the listener and the connections, Accept listens on
// the same port again.
type Endpoint struct {
	handler http.Handler
	addr    string

	mu    sync.Mutex
	taken bool // the port is known to be one that can be listened on
	srv   *http.Server
	done  chan error
}

// patience is how long an endpoint waits for its port.
const patience = time.Minute

// Listen starts to serve handler on addr, "127.0.0.1:0" for a free port.
func Listen(addr string, handler http.Handler) (*Endpoint, error) {
	e := &Endpoint{handler: handler, addr: addr}
	return e, e.Accept()
}

// Addr returns host and port, the same for the endpoint's whole life.
func (e *Endpoint) Addr() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.addr
}

// URL returns the address as a client takes it, without a final slash.
func (e *Endpoint) URL() string { return "http://" + e.Addr() }

// Accept listens (again). It does nothing if the endpoint is listening already.
func (e *Endpoint) Accept() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.srv != nil {
		return nil
	}
	ln, err := e.listen()
	if err != nil {
		return fmt.Errorf("listen on %s: %w", e.addr, err)
	}
	e.addr, e.taken = ln.Addr().String(), true
	e.srv = &http.Server{Handler: e.handler, ReadHeaderTimeout: time.Minute}
	e.done = make(chan error, 1)
	go func(srv *http.Server, done chan<- error) { done <- srv.Serve(ln) }(e.srv, e.done)
	return nil
}

// listen waits for a port that was this endpoint's: while it refused connections,
// the system may have assigned it to another program.
func (e *Endpoint) listen() (net.Listener, error) {
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		ln, err := net.Listen("tcp", e.addr) //nolint:noctx // an endpoint lives until Close, not as long as a context
		if !e.taken || !errors.Is(err, syscall.EADDRINUSE) || time.Since(began) > patience {
			return ln, err
		}
	}
}

// Refuse closes the listener and every connection: clients see a reset, then
// "connection refused". It returns when nothing is served any more.
func (e *Endpoint) Refuse() error { return e.stop((*http.Server).Close) }

// Close stops serving for good. Answers in progress may end until ctx does.
func (e *Endpoint) Close(ctx context.Context) error {
	return e.stop(func(srv *http.Server) error {
		if err := srv.Shutdown(ctx); err != nil {
			return errors.Join(err, srv.Close())
		}
		return nil
	})
}

func (e *Endpoint) stop(how func(*http.Server) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.srv == nil {
		return nil
	}
	err := how(e.srv)
	if serveErr := <-e.done; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	e.srv = nil
	if err != nil {
		return fmt.Errorf("stop serving %s: %w", e.addr, err)
	}
	return nil
}
