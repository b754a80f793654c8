package serving

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// part is how much of an answer a client has to take within the deadline. A
// slow reader may take as long as it likes for the whole.
const part = 64 << 10

// Conn is a connection on which each part of what is written has a deadline of
// its own, whoever writes: pages, lists, files, streams of events.
type Conn struct {
	net.Conn

	patience time.Duration
	state    atomic.Int32 // an http.ConnState
}

// Listener gives the connections of l such deadlines.
func Listener(l net.Listener, patience time.Duration) net.Listener { return &listener{l, patience} }

type listener struct {
	net.Listener

	patience time.Duration
}

// Accept waits for the next connection. The error is that of the listener below.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // net/http tells temporary errors from others
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		tellProgress(tcp)
	}
	return &Conn{Conn: c, patience: l.patience}, nil
}

func (c *Conn) base() *Conn { return c }

// Write sends p, in parts. A client that does not take one in time is cut: the
// error is os.ErrDeadlineExceeded, and the connection is of no more use.
func (c *Conn) Write(p []byte) (n int, err error) {
	for {
		end := min(len(p), n+part)
		if err := c.extend(); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(p[n:end])
		if n += m; err != nil || n == len(p) {
			return n, c.ended(err)
		}
	}
}

// WriteBuffers sends all of v, in as few system calls as there can be, and
// empties it. The rule is that of Write.
func (c *Conn) WriteBuffers(v *net.Buffers) (sent int64, err error) {
	for {
		if err := c.extend(); err != nil {
			return sent, err
		}
		n, err := v.WriteTo(c.Conn)
		if sent += n; err == nil || n < part || !errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, c.ended(err)
		}
	}
}

func (c *Conn) extend() error {
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return fmt.Errorf("set a deadline: %w", err)
	}
	return nil
}

// ended makes the end of a connection whose client takes nothing complete: what
// the system still holds for it is dropped when it is closed.
func (c *Conn) ended(err error) error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok && errors.Is(err, os.ErrDeadlineExceeded) {
		_ = tcp.SetLinger(0) // without it only the memory stays for longer
	}
	return err
}
