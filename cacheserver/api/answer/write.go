package answer

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/onewrite"
	"github.com/dmwm/wmstats/schema/wire"
)

// write sends a whole body after a complete header: in one write where the
// connection supports it.
func (s *Sender) write(c echo.Context, a *Answer, body made, filter time.Duration) error {
	res := c.Response()
	res.Header()["Content-Length"] = []string{strconv.FormatInt(body.size, 10)}
	s.begin(c, a, filter)
	if isHead(c) {
		return nil
	}
	// A plain answer is short: net/http sends it in one call too, when the
	// handler has returned and the request is counted.
	if conn := onewrite.From(c.Request().Context()); conn != nil && a.Plain == "" && onewrite.Fits(res.Writer) {
		sent, err := conn.Send(res.Writer, nil, nil, body.chunks)
		res.Size += sent
		return err //nolint:wrapcheck // the error says what failed
	}
	return s.buffered(c, func(w io.Writer) error {
		for _, chunk := range body.chunks {
			if _, err := w.Write(chunk); err != nil {
				return fmt.Errorf("send a body: %w", err)
			}
		}
		return nil
	})
}

// writeCached sends a cached answer with the header lines that were built when
// it was cached: filling, copying and sorting a map of 14 names would cost
// net/http a quarter of a page (docs/explanation/decisions/0006).
func (s *Sender) writeCached(c echo.Context, conn *onewrite.Conn, cached *cachedAnswer, began time.Time) error {
	res := c.Response()
	h := res.Header()
	id, last := h[wire.HeaderRequestID], h["Connection"]
	clear(h)
	if last != nil { // the server is shutting down, see package serving
		h["Connection"] = last
	}
	h["Content-Length"] = cached.length
	var room [192]byte
	own := append(append(room[:0], wire.HeaderTiming...), ": "...)
	own = append(appendTiming(own, 0, s.o.Now().Sub(began)), "\r\n"...)
	if len(id) == 1 {
		own = appendLine(own, wire.HeaderRequestID, id[0])
	}
	chunks := cached.body.chunks
	if isHead(c) {
		chunks = nil
	}
	res.WriteHeader(http.StatusOK)
	sent, err := conn.Send(res.Writer, cached.lines, own, chunks)
	res.Size += sent
	return err //nolint:wrapcheck // the error says what failed
}

// stream writes a body of any length in constant memory. If it fails the
// caller aborts the connection, so that the client notices. A compressed body
// that turns out to be short is cached for the next request.
func (s *Sender) stream(c echo.Context, a *Answer, coding, tag string, filter time.Duration) error {
	s.begin(c, a, filter)
	if isHead(c) {
		return nil
	}
	if a.Segments != nil { // the first segment reaches the client before the second is started
		return a.Segments.Send(c.Response()) //nolint:wrapcheck // the error says what failed
	}
	plain := func(w io.Writer) error {
		_, err := a.Body.WriteTo(&livingWriter{c.Request().Context(), w})
		return err //nolint:wrapcheck // the error says what failed
	}
	if coding == negotiate.Identity {
		return s.buffered(c, plain)
	}
	to := &collector{most: biggestCached}
	err := s.buffered(c, func(w io.Writer) error {
		return s.compressor.Compress(render.Coding(coding), io.MultiWriter(to, w), plain) //nolint:wrapcheck // the error says what failed
	})
	if err == nil {
		s.keepMade(a, tag, to)
	}
	return err
}

// enter takes a slot among the answers that are streamed.
func (s *Sender) enter(c echo.Context) (leave func(), err error) {
	if s.o.Enter == nil {
		return func() {}, nil
	}
	return s.o.Enter(c)
}

// begin sends the status and the header.
func (s *Sender) begin(c echo.Context, a *Answer, filter time.Duration) {
	if a.Plain == "" {
		var room [64]byte
		c.Response().Header()[wire.HeaderTiming] = []string{string(appendTiming(room[:0], filter, s.o.Now().Sub(a.Began)-filter))}
	}
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	c.Response().WriteHeader(status)
}

// unchanged sends 304: the client has what the header describes.
func unchanged(c echo.Context) error {
	h := c.Response().Header()
	for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Disposition", "X-Content-Type-Options"} {
		delete(h, name)
	}
	c.Response().WriteHeader(http.StatusNotModified)
	return nil
}

func (s *Sender) buffered(c echo.Context, write func(io.Writer) error) error {
	w := s.buffers.get(c.Response())
	defer s.buffers.put(w)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("send the rest of a body: %w", err)
	}
	return nil
}
