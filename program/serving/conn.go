package serving

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// part is the amount of an answer that a client must read within the deadline. The
// time of a whole answer is not limited.
const part = 64 << 10

// Conn is a connection with a write deadline for each part of the data, for all kinds
// of answers: pages, lists, files, event streams.
type Conn struct {
	net.Conn

	patience time.Duration
	state    atomic.Int32 // an http.ConnState
}

// Listener returns a listener whose connections have such deadlines.
func Listener(l net.Listener, patience time.Duration) net.Listener { return &listener{l, patience} }

type listener struct {
	net.Listener

	patience time.Duration
}

// Accept waits for the next connection. The error is that of the wrapped listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // net/http checks for temporary errors
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		tellProgress(tcp)
	}
	return &Conn{Conn: c, patience: l.patience}, nil
}

func (c *Conn) base() *Conn { return c }

// Write writes p in parts. If a client does not read a part in time, the error is
// os.ErrDeadlineExceeded, and the connection can't be used any more.
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

// WriteBuffers writes all of v with as few system calls as possible, and empties v.
// The deadlines are those of Write.
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

// ended makes the system drop unsent data when the connection of a stalled client is
// closed.
func (c *Conn) ended(err error) error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok && errors.Is(err, os.ErrDeadlineExceeded) {
		_ = tcp.SetLinger(0) // if it fails, the data only stay in memory for longer
	}
	return err
}
