// Package answer sends the answers of the API, every one of them the same way:
// body, coding, ETag, answers made before, write. A handler says what it answers
// with (Answer), and nothing else writes to a client but streams of events and
// /metrics. Revalidation (If-None-Match) and the promise to keep a generation
// are here alone.
//
//	body    chunks of encoded records, known as a whole or written as they are made
//	coding  segments that the store has compressed already, else zstd, gzip or none
//	ETag    names the content in one representation, whatever its generation
//	made    a compressed body is kept under its ETag, an answer under the words of its request
//	write   header and body in one system call where the connection can do so
//
// It knows no routes, no queries and no records.
package answer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema/wire"
)

// Generation is what an answer is cut from. Values are compared: the same one
// has to be the same value.
type Generation interface {
	ID() string
	Time() time.Time
	// Promise says that an answer gave an address of another page of the
	// generation, so that it is to be kept for some time from now on.
	Promise()
}

// Segments are a body that the store has compressed in parts, or can.
type Segments interface {
	// Ready says whether Chunks returns at once, with few parts to make.
	Ready() bool
	// Chunks are the whole body as one gzip member and its length; ok is false
	// when it can't be made of parts.
	Chunks() (chunks [][]byte, size int64, ok bool)
	// Send writes what Chunks returns, each part as soon as it is made.
	Send(w io.Writer) error
}

// Cache keeps values that can be made again; cost is in bytes.
type Cache interface {
	Get(key string) (value any, ok bool)
	Set(key string, value any, cost int64)
}

// Options of a Sender. All are needed but Enter.
type Options struct {
	Seed  uint64                                         // hash of what all representations depend on
	Cache Cache                                          // of compressed bodies
	Bytes int64                                          // of answers that are kept by their requests
	Stale func() (reason string, stale bool)             // whether the source does not answer, and why
	Enter func(c echo.Context) (leave func(), err error) // before an answer that is streamed; nil: any number of them
	Now   func() time.Time
}

// Sender sends answers. It is safe for concurrent use.
type Sender struct {
	o          Options
	compressor *render.Compressor
	buffers    bufferPool
	kept       answerCache
}

// New makes a Sender.
func New(o Options) (*Sender, error) {
	if o.Cache == nil || o.Stale == nil || o.Now == nil {
		return nil, errors.New("answer: Cache, Stale and Now are needed")
	}
	return &Sender{o: o, compressor: render.NewCompressor(), buffers: newBufferPool(), kept: answerCache{most: o.Bytes}}, nil
}

// Answer is what a handler answers with. The zero value of each field is good.
type Answer struct {
	Body     render.Body
	Segments Segments    // the same body, compressed by the store; nil: there is none
	Format   wire.Format // of the body
	Media    string      // Content-Type; "": that of Format
	File     string      // name of the file when it is to be saved, without ending

	Version uint64   // hash of the content of the records of Body
	Fields  []string // that the records are cut to
	Same    []byte   // not nil: names the content in place of Head and Tail of Body, which tell more than is news

	Generation Generation // whose data it is; nil: of none
	Pinned     bool       // it will never be another: the request names all that it depends on
	Promises   bool       // Link, or Next in the body, leads to another page of Generation
	Total      string     // X-Total-Count; "": not told
	Link       string

	Status int    // 0: 200
	Plain  string // Cache-Control of an answer that nobody compares or compresses; "": it is no such answer
	Fresh  bool   // another body each time: not kept
	Stream bool   // written as it is made, without a length

	Began   time.Time // when the request came
	Key     Key       // what to keep the answer under; the zero one: not at all
	Expires time.Time // until when it may be kept; zero: as long as its generation

	lent bool // the records of Body are the store's
}

const (
	// smallest is the size below which bodies are not compressed: setting up a
	// compressor costs more than sending 4 KB.
	smallest = 4 << 10
	// biggestKept is the size up to which a compressed body goes into the cache.
	biggestKept = 4 << 20
)

// Send sends an answer, or 304 if the client has it.
func (s *Sender) Send(c echo.Context, a Answer) error {
	if a.Stream {
		leave, err := s.enter(c)
		if err != nil {
			return err
		}
		defer leave()
	}
	if a.Promises {
		a.Generation.Promise()
	}
	filter := s.o.Now().Sub(a.Began)
	s.describe(c.Response().Header(), &a)
	if a.Plain != "" {
		chunks, size, _ := a.Body.Chunks()
		return s.write(c, &a, made{chunks: chunks, size: size}, filter)
	}
	coding, body := s.choose(c, &a)
	tag := s.etag(&a, coding)
	s.compare(c.Response().Header(), &a, tag, coding)
	if body.chunks == nil && coding != negotiate.Identity {
		body = s.madeBefore(tag)
	}
	if body.chunks == nil && holds(c, tag) {
		return unchanged(c)
	}
	ctx := c.Request().Context()
	if body.chunks == nil && a.Stream {
		budget.From(ctx).End() // from here on it goes at the pace of the reader
		return s.stream(c, &a, coding, tag, filter)
	}
	if body.chunks == nil {
		var err error
		if body, err = s.make(ctx, &a, coding, tag); err != nil {
			return err
		}
	}
	budget.From(ctx).End()
	s.keep(c, &a, tag, body)
	if holds(c, tag) {
		return unchanged(c)
	}
	return s.write(c, &a, body, filter)
}

func (s *Sender) enter(c echo.Context) (leave func(), err error) {
	if s.o.Enter == nil {
		return func() {}, nil
	}
	return s.o.Enter(c)
}

// describe sets the headers that tell which data these are, and of what form.
func (s *Sender) describe(h http.Header, a *Answer) {
	if a.Media == "" {
		a.Media = a.Format.ContentType()
	}
	h["Content-Type"], h["X-Content-Type-Options"] = []string{a.Media}, nosniff
	if a.Plain != "" {
		h["Cache-Control"] = []string{a.Plain}
	}
	if a.Total != "" {
		h[wire.HeaderTotal] = []string{a.Total}
	}
	if a.Link != "" {
		h[wire.HeaderLink] = []string{a.Link}
	}
	if a.File != "" {
		h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", a.File+"."+string(a.Format)))
	}
	if a.Generation == nil {
		return
	}
	h[wire.HeaderGeneration], h[wire.HeaderGenerationTime] = []string{a.Generation.ID()}, []string{Timestamp(a.Generation.Time())}
	if reason, stale := s.o.Stale(); stale {
		h.Set(wire.HeaderStale, "1")
		h.Set(wire.HeaderStaleReason, OneLine(reason))
	}
}

// compare sets the headers by which clients and proxies compare and keep.
func (s *Sender) compare(h http.Header, a *Answer, tag, coding string) {
	h["Etag"], h["Vary"], h["Cache-Control"] = []string{tag}, vary, keepButAsk
	if a.Pinned {
		h["Cache-Control"] = keep
	}
	if coding != negotiate.Identity {
		h["Content-Encoding"] = []string{coding}
	}
}

// Values of headers that all answers share; they are not to be changed.
var (
	nosniff    = []string{"nosniff"}
	vary       = []string{"Accept, Accept-Encoding"}
	keepButAsk = []string{"private, no-cache"}
	keep       = []string{"private, max-age=600, immutable"}
)

// choose picks how the body is compressed, and returns it where the store has
// it: that costs nothing, so it comes before zstd. Many segments that nobody has
// made yet are sent one by one: then Segments stays set.
func (s *Sender) choose(c echo.Context, a *Answer) (coding string, body made) {
	given := c.Request().Header["Accept-Encoding"]
	segments := a.Segments
	a.Segments, a.lent = nil, segments != nil
	if len(given) == 0 || !a.Body.AtLeast(smallest) {
		return negotiate.Identity, body
	}
	accept := strings.Join(given, ",")
	if segments != nil && negotiate.Coding(accept, negotiate.Gzip, negotiate.Zstd) == negotiate.Gzip {
		if a.Stream && !segments.Ready() {
			a.Segments = segments
			return negotiate.Gzip, body
		}
		if chunks, size, ok := segments.Chunks(); ok {
			return negotiate.Gzip, made{chunks, size, true}
		}
	}
	return negotiate.Coding(accept, negotiate.Zstd, negotiate.Gzip), body
}

// etag names the content in one representation. It does not depend on the
// generation, so that a page that nobody changed stays valid. Compressed ones
// are weak: the same content may be compressed to other bytes another time.
func (s *Sender) etag(a *Answer, coding string) string {
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
	number(s.o.Seed)
	number(a.Version)
	number(uint64(a.Body.Count))
	if a.Same != nil {
		text(a.Same)
	} else {
		text(a.Body.Head)
		text(a.Body.Tail)
	}
	text([]byte(a.Format))
	text([]byte(a.Media))
	for _, k := range a.Fields {
		text([]byte(k))
	}
	const longest = 64
	tag := make([]byte, 0, longest)
	if coding != negotiate.Identity || a.Same != nil {
		tag = append(tag, "W/"...)
	}
	tag = strconv.AppendUint(append(tag, '"'), d.Sum64(), 16)
	if coding != negotiate.Identity {
		tag = append(append(tag, '-'), coding...)
	}
	return string(append(tag, '"'))
}

// holds says whether the client named the tag as what it has.
func holds(c echo.Context, tag string) bool {
	given := c.Request().Header["If-None-Match"]
	return len(given) > 0 && negotiate.Matches(strings.Join(given, ","), tag)
}

// Timestamp is a time as the API writes it.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// OneLine makes a text fit for a header.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
}
