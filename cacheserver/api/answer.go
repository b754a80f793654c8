package api

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

const (
	// smallest is the size below which bodies are not compressed: setting up a
	// compressor costs more than sending 4 KB.
	smallest = 4 << 10
	// biggestKept is the size up to which a compressed body goes into the cache.
	biggestKept = 4 << 20
	// writeSize is what is gathered before it goes to the connection.
	writeSize = 64 << 10
)

// answer is a representation that is ready to be written.
type answer struct {
	format  wire.Format
	media   string // Content-Type; "" is that of format
	body    render.Body
	version uint64   // hash of the content of the records
	keys    []string // projection, part of the ETag
	pinned  bool
	stream  bool   // written as it is made, without a length
	name    string // of the file when it is to be saved, without ending
	began   time.Time
	filter  time.Duration

	question question  // what to note the answer under, if it can be noted
	expires  time.Time // until when the note is good; zero: as long as its generation

	stitched *stitched // nil: the body can't be made of kept segments
}

// stitched is a body as one gzip member of segments of the store.
type stitched struct {
	list       *store.List
	idx, count int
	format     wire.Format
}

// write sends the answer, or 304 if the client has it.
func (a *API) write(c echo.Context, ans answer) error {
	h := c.Response().Header()
	coding, parts, size := a.chooseCoding(c, &ans)
	tag := a.etag(&ans, coding)
	if ans.media == "" {
		ans.media = ans.format.ContentType()
	}
	// One piece of memory for all of them.
	values := [...]string{tag, "Accept, Accept-Encoding", cacheControl(ans.pinned), ans.media, "nosniff", coding}
	h["Etag"], h["Vary"], h["Cache-Control"] = values[:1:1], values[1:2:2], values[2:3:3]
	if parts == nil && holds(c, tag) {
		return c.NoContent(http.StatusNotModified)
	}
	h["Content-Type"], h["X-Content-Type-Options"] = values[3:4:4], values[4:5:5]
	if ans.name != "" {
		h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", ans.name+"."+string(ans.format)))
	}
	if coding != negotiate.Identity {
		h["Content-Encoding"] = values[5:]
	}
	ctx := c.Request().Context()
	if parts != nil || ans.stream {
		budget.From(ctx).End() // from here on it goes at the pace of the reader
	}
	switch {
	case parts != nil:
		return a.deliver(c, &ans, parts, size)
	case ans.stream && ans.stitched != nil && coding == negotiate.Gzip:
		return a.streamStitched(c, &ans)
	case ans.stream:
		return a.stream(c, &ans, render.Coding(coding), tag)
	case coding != negotiate.Identity:
		return a.sendCompressed(c, &ans, render.Coding(coding), tag)
	}
	if parts, size, ok := ans.body.Pieces(); ok {
		budget.From(ctx).End()
		return a.deliver(c, &ans, parts, size)
	}
	var whole bytes.Buffer
	if err := writeWithin(ctx, &ans.body, &whole); err != nil {
		return err
	}
	budget.From(ctx).End()
	return a.deliver(c, &ans, [][]byte{whole.Bytes()}, int64(whole.Len()))
}

// chooseCoding picks how the body is compressed, and the stitched parts when
// they are the way: they cost nothing, so they come before zstd. Many segments
// that nobody made yet are no parts: they are sent one by one.
func (a *API) chooseCoding(c echo.Context, ans *answer) (coding string, parts [][]byte, size int64) {
	given := c.Request().Header["Accept-Encoding"]
	if len(given) == 0 || !ans.body.AtLeast(smallest) {
		return negotiate.Identity, nil, 0
	}
	accept := strings.Join(given, ",")
	if st := ans.stitched; st != nil && negotiate.Coding(accept, negotiate.Gzip, negotiate.Zstd) == negotiate.Gzip {
		if ans.stream && !st.list.Ready(st.idx, st.count, st.format) {
			return negotiate.Gzip, nil, 0
		}
		if parts, size, ok := st.list.Stitched(st.idx, st.count, st.format); ok {
			return negotiate.Gzip, parts, size
		}
	}
	ans.stitched = nil
	return negotiate.Coding(accept, negotiate.Zstd, negotiate.Gzip), nil, 0
}

// etag names the content in one representation. It does not depend on the
// generation, so that a page that nobody changed stays valid. Compressed ones
// are weak: the same content may be compressed to other bytes another time.
func (a *API) etag(ans *answer, coding string) string {
	var d xxhash.Digest
	d.Reset()
	var n [8]byte
	number := func(v uint64) {
		binary.LittleEndian.PutUint64(n[:], v)
		_, _ = d.Write(n[:]) // never fails
	}
	text := func(s []byte) {
		number(uint64(len(s)))
		_, _ = d.Write(s)
	}
	number(a.seed)
	number(ans.version)
	number(uint64(ans.body.Count))
	text(ans.body.Head)
	text(ans.body.Tail)
	text([]byte(ans.format))
	text([]byte(ans.media))
	for _, k := range ans.keys {
		text([]byte(k))
	}
	const longest = 64
	tag := make([]byte, 0, longest)
	if coding != negotiate.Identity {
		tag = append(tag, "W/"...)
	}
	tag = strconv.AppendUint(append(tag, '"'), d.Sum64(), 16)
	if coding != negotiate.Identity {
		tag = append(append(tag, '-'), coding...)
	}
	return string(append(tag, '"'))
}

// sendCompressed sends the body from the cache, or makes it and keeps it under
// its tag: a name of the content, so it can never have a second value.
func (a *API) sendCompressed(c echo.Context, ans *answer, coding render.Coding, tag string) error {
	key := "body/" + tag
	whole, ok := []byte(nil), false
	if kept, found := a.o.Cache.Get(key); found {
		whole, ok = kept.([]byte)
	}
	if !ok {
		var buf bytes.Buffer
		err := a.compressor.Compress(coding, &buf, func(w io.Writer) error { return writeWithin(c.Request().Context(), &ans.body, w) })
		if err != nil {
			return err
		}
		if whole = buf.Bytes(); len(whole) <= biggestKept {
			whole = bytes.Clone(whole) // without the room that the buffer grew by
			a.o.Cache.Set(key, whole, int64(len(whole)))
		}
	}
	budget.From(c.Request().Context()).End()
	return a.deliver(c, ans, [][]byte{whole}, int64(len(whole)))
}

// stream writes a body of any length in constant memory. If it fails the caller
// ends the connection, so that a cut is visible. A compressed body that turns
// out not to be long is kept for the next who asks.
func (a *API) stream(c echo.Context, ans *answer, coding render.Coding, tag string) error {
	key := "pieces/" + tag
	if coding != negotiate.Identity {
		if kept, ok := a.o.Cache.Get(key); ok {
			if t, ok := kept.(*tee); ok {
				return a.deliver(c, ans, t.pieces, t.size)
			}
		}
	}
	a.describeTiming(c, ans.began, ans.filter)
	c.Response().WriteHeader(http.StatusOK)
	if isHead(c) {
		return nil
	}
	write := func(w io.Writer) error {
		_, err := ans.body.WriteTo(&livingWriter{c.Request().Context(), w})
		return err
	}
	if coding == negotiate.Identity {
		return a.buffered(c, write)
	}
	t := &tee{}
	err := a.buffered(c, func(w io.Writer) error {
		t.w = w
		return a.compressor.Compress(coding, t, write)
	})
	if err == nil && t.size <= biggestKept {
		t.w = nil
		t.trim()
		a.o.Cache.Set(key, t, t.size)
	}
	return err
}

// tee writes to w and keeps what it writes, until that is too much to be kept.
type tee struct {
	w      io.Writer
	pieces [][]byte
	size   int64
}

func (t *tee) Write(p []byte) (int, error) {
	if t.size += int64(len(p)); t.size > biggestKept {
		t.pieces = nil
	} else {
		t.pieces = appendPieces(t.pieces, p)
	}
	return t.w.Write(p) //nolint:wrapcheck // as if it were w
}

// trim lets go of the room behind the last piece.
func (t *tee) trim() {
	if last := len(t.pieces) - 1; last >= 0 {
		t.pieces[last] = bytes.Clone(t.pieces[last])
	}
}

// appendPieces appends p to pieces of equal capacity, so that growing copies nothing.
func appendPieces(pieces [][]byte, p []byte) [][]byte {
	for len(p) > 0 {
		last := len(pieces) - 1
		if last < 0 || len(pieces[last]) == cap(pieces[last]) {
			pieces, last = append(pieces, make([]byte, 0, writeSize)), last+1
		}
		n := min(len(p), cap(pieces[last])-len(pieces[last]))
		pieces[last], p = append(pieces[last], p[:n]...), p[n:]
	}
	return pieces
}

// streamStitched writes the segments of the store as they are made: the first
// is with the client before the second is begun.
func (a *API) streamStitched(c echo.Context, ans *answer) error {
	a.describeTiming(c, ans.began, ans.filter)
	c.Response().WriteHeader(http.StatusOK)
	if isHead(c) {
		return nil
	}
	return ans.stitched.list.StitchTo(c.Response(), ans.stitched.idx, ans.stitched.count, ans.stitched.format)
}

func (a *API) buffered(c echo.Context, write func(io.Writer) error) error {
	w := a.buffers.get(c.Response())
	defer a.buffers.put(w)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("send the rest of a body: %w", err)
	}
	return nil
}

func (a *API) describeTiming(c echo.Context, began time.Time, filter time.Duration) {
	var room [64]byte
	text := string(appendTiming(room[:0], filter, a.o.Now().Sub(began)-filter))
	c.Response().Header()[wire.HeaderTiming] = []string{text}
}

// appendTiming writes the value of Server-Timing, in milliseconds.
func appendTiming(dst []byte, filter, encode time.Duration) []byte {
	const digits = 3
	dst = append(dst, "filter;dur="...)
	dst = strconv.AppendFloat(dst, float64(filter)/float64(time.Millisecond), 'f', digits, 64)
	dst = append(dst, ", encode;dur="...)
	return strconv.AppendFloat(dst, float64(encode)/float64(time.Millisecond), 'f', digits, 64)
}

// bufferPool keeps the buffers in front of connections.
type bufferPool struct{ pool *sync.Pool }

func newBufferPool() bufferPool {
	return bufferPool{&sync.Pool{New: func() any { return bufio.NewWriterSize(io.Discard, writeSize) }}}
}

func (p bufferPool) get(w io.Writer) *bufio.Writer {
	b, ok := p.pool.Get().(*bufio.Writer)
	if !ok {
		return bufio.NewWriterSize(w, writeSize)
	}
	b.Reset(w)
	return b
}

func (p bufferPool) put(b *bufio.Writer) {
	b.Reset(io.Discard)
	p.pool.Put(b)
}

// writeJSON sends a small body that no cache should need to compare.
func (a *API) writeJSON(c echo.Context, status int, media string, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Type", media)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.Response().WriteHeader(status)
	if isHead(c) {
		return nil
	}
	if _, err := c.Response().Write(body); err != nil {
		return fmt.Errorf("send a body: %w", err)
	}
	return nil
}

// encode is json.Marshal with a newline and without escapes for HTML, as the
// records are written.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return buf.Bytes(), nil
}
