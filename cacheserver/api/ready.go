package api

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/cacheserver/onewrite"
	"github.com/dmwm/wmstats/schema/wire"
)

// ready is an answer of which nothing is left to be made: its header as lines
// and its body as pieces, most of which belong to the store. It is immutable
// and shared by all requests that get it.
type ready struct {
	tag       string
	header    []headerValue // in the order of names; in room as far as they fit
	room      [10]headerValue
	lines     []byte    // header as it is sent
	unchanged []byte    // the same for a 304
	length    [1]string // Content-Length
	pieces    [][]byte
	expires   time.Time // when a part of it will be read again; zero: never
	whole     bool      // limit=all: who reads it has to ask for a turn
	cost      int64     // bytes that noting it takes; set where it is noted
}

func (r *ready) good(now time.Time) bool { return r.expires.IsZero() || now.Before(r.expires) }

type headerValue struct {
	name  string
	value []string
}

// ofBody are the names that describe a body, which a 304 has none of.
var ofBody = []string{"Content-Type", "Content-Encoding", "Content-Disposition", "X-Content-Type-Options"}

// newReady takes the header that the handlers have filled. What belongs to one
// request only (its id, its times, whether its connection ends) is left out.
func newReady(h http.Header, pieces [][]byte, size int64) *ready {
	r := &ready{tag: h.Get("Etag"), length: [1]string{strconv.FormatInt(size, 10)}, pieces: pieces}
	r.header = r.room[:0]
	length := 0
	for name, value := range h {
		if name == wire.HeaderRequestID || name == "Connection" || len(value) != 1 {
			continue
		}
		r.header = append(r.header, headerValue{name, value})
		length += len(name) + len(value[0]) + len(": \r\n")
	}
	slices.SortFunc(r.header, func(a, b headerValue) int { return strings.Compare(a.name, b.name) })
	lines := make([]byte, 0, 2*length)
	for _, f := range r.header {
		lines = appendLine(lines, f.name, f.value[0])
	}
	r.lines = lines
	for _, f := range r.header {
		if !slices.Contains(ofBody, f.name) {
			lines = appendLine(lines, f.name, f.value[0])
		}
	}
	r.unchanged = lines[len(r.lines):]
	r.lines = slices.Clip(r.lines)
	return r
}

// appendLine writes one line of a header. As in net/http, nothing in a value
// can end the line.
func appendLine(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ": "...)
	for i := range len(value) {
		b := value[i]
		if b == '\r' || b == '\n' {
			b = ' '
		}
		dst = append(dst, b)
	}
	return append(dst, "\r\n"...)
}

// deliver sends a body that is there in pieces, and notes the answer for those
// who ask the same.
func (a *API) deliver(c echo.Context, ans *answer, pieces [][]byte, size int64) error {
	r := newReady(c.Response().Header(), pieces, size)
	r.expires, r.whole = ans.expires, ans.stream
	if ans.question.of != nil && (!ans.stream || ans.stitched != nil) { // what else is long is the cache's to keep
		a.recent.put(ans.question, r)
	}
	return a.serve(c, r, ans.began, ans.filter)
}

// serveInTurn is serve for an answer that was noted: whole lists are counted.
func (a *API) serveInTurn(c echo.Context, r *ready, began time.Time) error {
	if r.whole {
		leave, err := a.enterStream(c)
		if err != nil {
			return err
		}
		defer leave()
	}
	return a.serve(c, r, began, 0)
}

// serve sends an answer, or 304 if the client has it: header and body in one
// write where the connection can do so.
func (a *API) serve(c echo.Context, r *ready, began time.Time, filter time.Duration) error {
	res := c.Response()
	h := res.Header()
	unchanged := holds(c, r.tag)
	conn := onewrite.From(c.Request().Context())
	if conn == nil || !onewrite.Fits(res.Writer) {
		return a.serveByMap(c, r, unchanged, began, filter)
	}
	id, last := h[wire.HeaderRequestID], h["Connection"]
	clear(h)
	if last != nil { // the server is going down, see package serving
		h["Connection"] = last
	}
	lines := a.lines.get()
	defer a.lines.put(lines)
	status, body := http.StatusOK, r.pieces
	if unchanged {
		status, body = http.StatusNotModified, nil
		*lines = append(*lines, r.unchanged...)
	} else {
		h["Content-Length"] = r.length[:]
		*lines = append(*lines, r.lines...)
		*lines = append(append(*lines, wire.HeaderTiming...), ": "...)
		*lines = append(appendTiming(*lines, filter, a.o.Now().Sub(began)-filter), "\r\n"...)
	}
	if len(id) == 1 {
		*lines = appendLine(*lines, wire.HeaderRequestID, id[0])
	}
	if isHead(c) {
		body = nil
	}
	res.WriteHeader(status)
	sent, err := conn.Send(res.Writer, onewrite.Response{Lines: *lines, Body: body})
	res.Size += sent
	return err //nolint:wrapcheck // it says what was being done
}

// holds says whether the client named the tag as what it has.
func holds(c echo.Context, tag string) bool {
	given := c.Request().Header["If-None-Match"]
	return len(given) > 0 && negotiate.Matches(strings.Join(given, ","), tag)
}

// serveByMap is serve where header and body can't go in one write.
func (a *API) serveByMap(c echo.Context, r *ready, unchanged bool, began time.Time, filter time.Duration) error {
	h := c.Response().Header()
	for _, f := range r.header {
		if unchanged && slices.Contains(ofBody, f.name) {
			delete(h, f.name)
			continue
		}
		h[f.name] = f.value
	}
	if unchanged {
		c.Response().WriteHeader(http.StatusNotModified)
		return nil
	}
	h["Content-Length"] = r.length[:]
	a.describeTiming(c, began, filter)
	c.Response().WriteHeader(http.StatusOK)
	if isHead(c) {
		return nil
	}
	if len(r.pieces) == 1 && len(r.pieces[0]) <= writeSize {
		if _, err := c.Response().Write(r.pieces[0]); err != nil {
			return fmt.Errorf("send a body: %w", err)
		}
		return nil
	}
	return a.buffered(c, func(w io.Writer) error {
		for _, piece := range r.pieces {
			if _, err := w.Write(piece); err != nil {
				return fmt.Errorf("send a body: %w", err)
			}
		}
		return nil
	})
}

// linePool keeps the room in which the lines of headers are put together.
type linePool struct{ pool *sync.Pool }

func newLinePool() linePool {
	return linePool{&sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}}
}

func (p linePool) get() *[]byte {
	b, ok := p.pool.Get().(*[]byte)
	if !ok {
		return new([]byte)
	}
	return b
}

func (p linePool) put(b *[]byte) {
	*b = (*b)[:0]
	p.pool.Put(b)
}
