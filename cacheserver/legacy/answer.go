package legacy

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/table/stitch"
	"github.com/dmwm/wmstats/schema/wire"
)

const (
	heldBytes  = 64 << 20 // length of all buffered answers together; beyond that they are sent while they are built
	wholeBytes = 8 << 20  // an answer up to this length is buffered and sent with an ETag
	longAnswer = 2        // an answer expected to be this many times as long is never buffered
	pieceBytes = 64 << 10 // length of the text that is compressed in one step
	keptBytes  = 2 << 20  // longer buffers are not reused
)

// answer is a successful answer under construction: rows in the old server's line
// format. It is buffered up to a limit; beyond that it is sent while it is built.
type answer struct {
	c      *call
	text   []byte         // not yet compressed
	member *stitch.Member // nil: no compression
	out    []byte         // not yet sent
	held   int64          // capacity of out, counted in Handler.held
	rows   int
	sent   bool // the header has been sent
	failed error
}

// begin starts the answer. about is an estimate of its uncompressed length in
// bytes, 0 if unknown: a long answer is not buffered.
func (c *call) begin(about int64) *answer {
	a := &answer{c: c}
	if b, ok := c.h.buffers.Get().(*buffers); ok {
		a.text, a.out = b.text, b.out
	}
	if c.coded {
		const ratio = 8
		about /= ratio
		a.member = stitch.NewMember(0)
	}
	c.answer = a
	if about > longAnswer*int64(c.h.whole) {
		a.send()
	}
	a.text = append(a.text, "{\"result\": [\n"...)
	return a
}

// buffers are those of a finished answer.
type buffers struct{ text, out []byte }

// recycle passes the buffers to the next answer.
func (a *answer) recycle() {
	if cap(a.text)+cap(a.out) <= keptBytes {
		a.c.h.buffers.Put(&buffers{a.text[:0], a.out[:0]})
	}
}

// only reports whether the answer is complete because the request is a HEAD and
// the header has been sent.
func (a *answer) only() bool { return a.sent && a.c.r.Method == http.MethodHead }

// separate starts a new row.
func (a *answer) separate() {
	if a.rows == 0 {
		a.text = append(a.text, ' ')
	} else {
		a.text = append(a.text, ',')
	}
	a.rows++
}

// row writes a row.
func (a *answer) row(row []byte) error {
	a.separate()
	if err := a.write(row); err != nil {
		return err
	}
	return a.write(newline)
}

var newline = []byte("\n")

// write appends text.
func (a *answer) write(text []byte) error {
	a.text = append(a.text, text...)
	if len(a.text) >= pieceBytes {
		a.flush()
	}
	return a.failed
}

// segment appends several rows. text begins after the separator of the first row.
// deflated is the same text compressed, used if the answer is compressed.
func (a *answer) segment(text []byte, deflated *stitch.Segment, rows int) error {
	if rows == 0 {
		return a.failed
	}
	a.separate()
	a.rows += rows - 1
	if a.member == nil || deflated == nil {
		return a.write(text)
	}
	a.flush()
	a.member.Add(deflated)
	a.take()
	return a.failed
}

// flush compresses the text, if needed, and appends it to out.
func (a *answer) flush() {
	switch {
	case len(a.text) == 0 || a.failed != nil:
		return
	case a.member == nil:
		a.out = append(a.out, a.text...)
	case len(a.text) == 1: // a separator
		a.member.Add(stitch.Store(string(a.text)))
	default:
		piece, err := stitch.CompressFast(a.text)
		if err != nil {
			a.failed = fmt.Errorf("compress an answer: %w", err)
			return
		}
		a.member.Add(piece)
	}
	a.text = a.text[:0]
	a.take()
}

// take appends compressed chunks to out, and sends out if the answer is too long
// to be buffered.
func (a *answer) take() {
	if a.member != nil {
		for _, part := range a.member.Take() {
			a.out = append(a.out, part...)
		}
	}
	if !a.sent && a.hold() {
		a.send()
	}
	if !a.sent {
		return
	}
	a.pass()
	if len(a.out) == 0 && cap(a.out) > 4*pieceBytes {
		a.out = nil // a long stream needs no long buffer
		a.release()
	}
}

// hold counts the buffered bytes. It reports whether there are too many, of this
// answer or of all together: clients that read slowly must not fill the memory.
func (a *answer) hold() (full bool) {
	more := int64(cap(a.out)) - a.held
	a.held += more
	return a.c.h.held.Add(more) > a.c.h.mostHeld || len(a.out) > a.c.h.whole
}

// release ends the count of buffered bytes.
func (a *answer) release() {
	if a != nil {
		a.c.h.held.Add(-a.held)
		a.held = 0
	}
}

// send sends the header of an answer that is sent while it is built.
func (a *answer) send() {
	a.sent = true
	h := a.header()
	h.Set("Trailer", "X-Rest-Status")
	a.c.w.WriteHeader(http.StatusOK)
}

// pass sends out.
func (a *answer) pass() {
	if len(a.out) == 0 || a.failed != nil {
		return
	}
	if _, err := a.c.w.Write(a.out); err != nil {
		a.failed = fmt.Errorf("send an answer: %w", err)
	}
	a.out = a.out[:0]
}

// now flushes everything to the client, unless the answer is buffered.
func (a *answer) now() error {
	if !a.sent {
		return a.failed
	}
	a.flush()
	if err := http.NewResponseController(a.c.w).Flush(); err != nil && a.failed == nil {
		a.failed = fmt.Errorf("send an answer: %w", err)
	}
	return a.failed
}

// end completes the answer.
func (a *answer) end() error {
	a.text = append(a.text, "]}\n"...)
	a.flush()
	if a.member != nil && a.failed == nil {
		a.member.End()
		a.take()
	}
	if a.failed != nil {
		return a.failed
	}
	if a.sent {
		a.pass()
		a.c.w.Header().Set("X-Rest-Status", "100")
		return a.failed
	}
	h := a.header()
	etag := `"` + strconv.FormatUint(xxhash.Sum64(a.out), 16) + `"`
	h.Set("Etag", etag)
	a.sent = true
	if none := a.c.r.Header.Get("If-None-Match"); none == "*" || strings.Contains(none, etag) {
		a.c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Length", strconv.Itoa(len(a.out)))
	a.c.w.WriteHeader(http.StatusOK)
	if a.c.r.Method != http.MethodHead {
		a.pass()
	}
	return a.failed
}

// header sets the header of a successful answer.
func (a *answer) header() http.Header {
	h := a.c.w.Header()
	a.c.common(h)
	h.Set("Content-Type", a.c.media)
	h.Set("Vary", "Accept")
	if a.member != nil {
		h.Set("Vary", "Accept, Accept-Encoding")
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("X-Rest-Status", "100")
	return h
}

// common sets the header fields of every answer.
func (c *call) common(h http.Header) {
	h.Set("Cache-Control", "no-store, no-cache, must-revalidate, post-check=0, pre-check=0")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "Sun, 19 Nov 1978 05:00:00 GMT")
	h.Set("X-Rest-Time", strconv.FormatFloat(float64(c.h.o.Now().Sub(c.began))/float64(time.Microsecond), 'f', 3, 64)+" us")
	h.Set("X-Content-Type-Options", "nosniff")
	if g, ok := c.h.o.Store.Newest(); ok {
		h.Set(wire.HeaderGeneration, g.ID())
		h.Set(wire.HeaderGenerationTime, g.Time().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	}
	if s := c.h.o.Store.Source(); s.Stale {
		h.Set(wire.HeaderStale, "1")
		h.Set(wire.HeaderStaleReason, oneLine(s.Reason))
	}
}
