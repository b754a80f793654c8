// Package onewrite lets a handler of net/http send header and body with one
// system call. net/http writes the header first and the body after it: two
// calls, two segments and two wake-ups of the reader, a quarter of the cost of
// a page from the answer cache. Here the connections of the listener hold the
// header back until the body follows and send both with one writev.
//
// net/http remains responsible for everything else: reading requests,
// keep-alive, HTTP/1.0, HEAD, pipelining, timeouts, shutdown and checking the
// body against its length. This package only delays what net/http has written,
// and may add header lines without a map. It does not depend on routes or
// content. Where there is no such connection (TLS, HTTP/2, a test recorder),
// From returns nil and the handler writes as usual.
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

// Conn is a connection that can hold back written data. Like every connection
// of net/http it is written by one goroutine at a time.
type Conn struct {
	*serving.Conn

	holding bool
	held    []byte      // written while holding, not yet sent
	body    net.Buffers // argument of ReadFrom when Send calls it
	chunks  [][]byte    // argument of the writev, reused
	rest    net.Buffers // of chunks: the part not yet sent
}

// Listener wraps l, which must be one of package serving, so that handlers can
// hold back writes. Connections of any other listener are not changed.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept waits for the next connection. Errors are those of the wrapped
// listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if below, ok := c.(*serving.Conn); ok && err == nil {
		return &Conn{Conn: below}, nil
	}
	return c, err //nolint:wrapcheck // net/http must recognize temporary errors
}

type contextKey struct{}

// Context is for http.Server.ConnContext: it lets handlers find the
// connection.
func Context(ctx context.Context, c net.Conn) context.Context {
	if held, ok := c.(*Conn); ok {
		return context.WithValue(ctx, contextKey{}, held)
	}
	return ctx
}

// From returns the connection of a request, or nil if it is not one of this
// package.
func From(ctx context.Context) *Conn {
	c, _ := ctx.Value(contextKey{}).(*Conn)
	return c
}

// errNotHeader reports that the held bytes do not end like a header.
var (
	errNotHeader = errors.New("the held bytes are not a header")
	end          = []byte("\r\n\r\n")
)

// Write sends the data, or holds it back.
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

// ReadFrom sends src after the held bytes. If src is a net.Buffers, both are
// sent with one call and src is emptied. It returns the number of bytes of src
// only.
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
		return n, fmt.Errorf("send a body: %w", err)
	}
	return n, nil
}

// sendHeld sends the held bytes and then body. It returns how many bytes of
// body were sent.
func (c *Conn) sendHeld(body [][]byte) (int64, error) {
	header := int64(len(c.held))
	c.chunks = append(append(c.chunks[:0], c.held), body...)
	c.rest = c.chunks
	sent, err := c.Conn.WriteBuffers(&c.rest)
	clear(c.chunks) // an idle connection keeps no reference to the body
	c.rest = nil
	if cap(c.chunks) > mostChunks {
		c.chunks = nil
	}
	c.held = c.held[:0]
	if cap(c.held) > mostHeld {
		c.held = nil
	}
	return max(0, sent-header), err //nolint:wrapcheck // the caller adds what failed
}

// Limits of the buffers that an idle connection keeps for its next response.
const (
	mostChunks = 256
	mostHeld   = 8 << 10
)

// writer is the interface of net/http's writer of an HTTP/1 response.
type writer interface {
	http.ResponseWriter
	io.ReaderFrom
	FlushError() error
}

// Fits reports whether Send can write with w: whether it is net/http's own.
func Fits(w http.ResponseWriter) bool {
	_, ok := w.(writer)
	return ok
}

// Send writes the body of a response after w.WriteHeader, in one call with the
// header. lines and more are added to the header: each is "Name: value\r\n",
// with a name that neither the header map contains nor net/http sets. The map
// must have the Content-Length of the body; without chunks there is no body
// (HEAD). sent counts bytes of the body. After an error the connection can't
// be used any more: the handler must abort as net/http documents, by a panic
// with http.ErrAbortHandler.
func (c *Conn) Send(w http.ResponseWriter, lines, more []byte, chunks [][]byte) (sent int64, err error) {
	raw, ok := w.(writer)
	if !ok {
		return 0, fmt.Errorf("send with one write: %T is not supported", w)
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
