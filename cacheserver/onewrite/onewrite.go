// Package onewrite lets a handler of net/http send header and body with one
// system call. net/http writes the header by itself and the body after it: two
// calls, two segments and two wake-ups of the reader, which is a quarter of the
// cost of a page that is ready. Here the listener's connections hold the header
// back until the body comes and send both with one writev.
//
// net/http stays in charge of everything that makes a connection right: reading
// requests, keep-alive, HTTP/1.0, HEAD, pipelining, time-outs, shutdown and the
// counting of the body against its length. This package only delays what
// net/http has written, and may add lines to the header that need no map. It
// knows no routes and no content. Where there is no such connection (TLS,
// HTTP/2, a test recorder), From returns nil and the handler writes as usual.
package onewrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/dmwm/wmstats/program/serving"
)

// Conn is a connection that can hold back what is written. Like every
// connection of net/http it is written by one goroutine at a time.
type Conn struct {
	*serving.Conn

	holding bool
	held    []byte      // written while holding, not yet sent
	body    net.Buffers // what ReadFrom is called with by Send
	chunks  [][]byte    // of the writev, used again for the next
	rest    net.Buffers // of chunks: what is not yet sent
}

// Listener makes the connections of l, which is one of package serving, such
// that handlers can hold them. Those of another listener stay as they are.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept waits for the next connection. The error is that of the listener below.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if below, ok := c.(*serving.Conn); ok && err == nil {
		return &Conn{Conn: below}, nil
	}
	return c, err //nolint:wrapcheck // net/http tells temporary errors from others
}

type contextKey struct{}

// Context is the http.Server's ConnContext: it lets handlers find the connection.
func Context(ctx context.Context, c net.Conn) context.Context {
	if held, ok := c.(*Conn); ok {
		return context.WithValue(ctx, contextKey{}, held)
	}
	return ctx
}

// From returns the connection of a request, nil when it is not one of this package.
func From(ctx context.Context) *Conn {
	c, _ := ctx.Value(contextKey{}).(*Conn)
	return c
}

// errNotHeader says that what net/http wrote does not end like a header.
var (
	errNotHeader = errors.New("what was held back is not a header")
	end          = []byte("\r\n\r\n")
)

// Write sends, or holds back.
func (c *Conn) Write(p []byte) (int, error) {
	if c.holding {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	if len(c.held) > 0 {
		if _, err := c.sendHeld(nil); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// ReadFrom sends src, after what was held back and with it in one call when
// src is a net.Buffers, which it empties. It returns the bytes of src alone.
func (c *Conn) ReadFrom(src io.Reader) (int64, error) {
	if body, ok := src.(*net.Buffers); ok {
		sent, err := c.sendHeld(*body)
		*body = nil
		return sent, err
	}
	if len(c.held) > 0 {
		if _, err := c.sendHeld(nil); err != nil {
			return 0, err
		}
	}
	n, err := io.Copy(c.Conn, src)
	if err != nil {
		return n, fmt.Errorf("send what is read: %w", err)
	}
	return n, nil
}

// sendHeld sends what was held and then body, and returns how much of body.
func (c *Conn) sendHeld(body [][]byte) (int64, error) {
	header := int64(len(c.held))
	c.chunks = append(append(c.chunks[:0], c.held), body...)
	c.rest = c.chunks
	sent, err := c.Conn.WriteBuffers(&c.rest)
	clear(c.chunks) // nothing of the body stays with an idle connection
	c.rest = nil
	if cap(c.chunks) > mostChunks {
		c.chunks = nil
	}
	c.held = c.held[:0]
	if cap(c.held) > mostHeld {
		c.held = nil
	}
	return max(0, sent-header), err //nolint:wrapcheck // the caller says what it was
}

// Bounds of what an idle connection keeps for its next response.
const (
	mostChunks = 256
	mostHeld   = 8 << 10
)

// writer is what net/http's writer of an HTTP/1 response can do.
type writer interface {
	http.ResponseWriter
	io.ReaderFrom
	FlushError() error
}

// Fits says whether Send can write with w: whether it is net/http's own.
func Fits(w http.ResponseWriter) bool {
	_, ok := w.(writer)
	return ok
}

// Send writes the body of a response after w.WriteHeader, with the header in one
// call. lines, and more of them, are added to the header: each is "Name: value\r\n", of a name that
// neither the header map has nor net/http sets itself. The map must have the
// Content-Length of the body; without chunks there is no body (HEAD). sent counts
// bytes of the body. After an error the
// connection is of no more use: the handler must end it as net/http documents,
// by a panic with http.ErrAbortHandler.
func (c *Conn) Send(w http.ResponseWriter, lines, more []byte, chunks [][]byte) (sent int64, err error) {
	raw, ok := w.(writer)
	if !ok {
		return 0, fmt.Errorf("send with one write: not with %T", w)
	}
	c.holding = true
	err = raw.FlushError()
	c.holding = false
	if err != nil {
		return 0, fmt.Errorf("write a header: %w", err)
	}
	if len(lines)+len(more) > 0 {
		if !bytes.HasSuffix(c.held, end) {
			return 0, fmt.Errorf("add lines to a header: %w", errNotHeader)
		}
		c.held = append(append(append(c.held[:len(c.held)-2], lines...), more...), "\r\n"...)
	}
	if len(chunks) == 0 {
		_, err = c.sendHeld(nil)
	} else {
		c.body = chunks
		sent, err = raw.ReadFrom(&c.body)
		c.body = nil
	}
	if err != nil {
		return sent, fmt.Errorf("send a response: %w", err)
	}
	return sent, nil
}
