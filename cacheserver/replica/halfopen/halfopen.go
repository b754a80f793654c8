// Package halfopen passes TCP connections on to a server until they fall silent, for tests:
// then they stay open, and nothing passes in either direction. It does not look into
// what passes.
package halfopen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Link is where the connections are accepted. Create it with Listen.
type Link struct {
	to       string
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	left   int  // bytes from the server until the silence; negative: no end
	passed int  // bytes from the server
	silent int  // number of connections that are, and stay, silent
	passes bool // new connections pass in spite of a silence
	closed bool
	conns  []net.Conn
}

// Listen accepts connections to the address of a server.
func Listen(ctx context.Context, to string) (*Link, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	l := &Link{to: to, listener: listener, left: -1}
	l.running.Go(l.accept)
	return l, nil
}

// Addr returns the address of the link.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Silence makes all connections silent, and new ones, when this many more bytes have come
// from the server.
func (l *Link) Silence(after int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.passes = after, false
	if after == 0 {
		l.silent = len(l.conns)
	}
}

// Pass lets new connections pass, as when the path to the server is another one.
func (l *Link) Pass() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent, l.passes = len(l.conns), true
}

// Passed returns how many bytes have come from the server.
func (l *Link) Passed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.passed
}

// Close ends all connections.
func (l *Link) Close() {
	_ = l.listener.Close()
	l.mu.Lock()
	l.closed = true
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.mu.Unlock()
	l.running.Wait()
}

func (l *Link) accept() {
	for {
		from, err := l.listener.Accept()
		if err != nil {
			return
		}
		there, err := new(net.Dialer).DialContext(context.Background(), "tcp", l.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		l.pass(from, there)
	}
}

// pass passes a connection on.
func (l *Link) pass(from, there net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_, _ = from.Close(), there.Close()
		return
	}
	number := len(l.conns)
	l.conns = append(l.conns, from, there)
	l.running.Go(func() { l.copy(number, there, from, false) })
	l.running.Go(func() { l.copy(number, from, there, true) })
}

// copy passes one direction of a connection. When it is silent, no more is read: buffers
// fill, and neither side is told.
func (l *Link) copy(number int, to, from net.Conn, counts bool) {
	_, err := io.Copy(direction{l, number, to, counts}, from)
	if !errors.Is(err, errSilent) { // one side has ended
		_, _ = to.Close(), from.Close()
	}
}

var errSilent = errors.New("silent")

// direction is one direction of a connection.
type direction struct {
	l      *Link
	number int
	to     io.Writer
	counts bool
}

func (d direction) Write(data []byte) (int, error) {
	part, err := d.l.take(d, len(data))
	if part > 0 {
		if n, err := d.to.Write(data[:part]); err != nil {
			return n, err //nolint:wrapcheck // copy ends with it
		}
	}
	return part, err
}

// take returns how many bytes pass.
func (l *Link) take(d direction, n int) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.number < l.silent || l.left == 0 && !l.passes {
		return 0, errSilent
	}
	if !d.counts {
		return n, nil
	}
	if l.left < 0 || l.passes {
		l.passed += n
		return n, nil
	}
	part := min(n, l.left)
	l.left -= part
	l.passed += part
	if part < n {
		l.silent = len(l.conns)
		return part, errSilent
	}
	return part, nil
}
