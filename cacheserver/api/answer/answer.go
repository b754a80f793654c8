// Package answer sends all answers of the API in the same way: body, coding,
// ETag, answer cache, write. A handler describes its answer (Answer), and
// nothing else writes to a client except event streams and /metrics.
// Revalidation (If-None-Match) and the promise to keep a generation are
// implemented only here.
//
//	body    chunks of encoded records, known as a whole or written while they are computed
//	coding  segments that the store has already compressed, else zstd, gzip or none
//	ETag    identifies the content in one representation, whatever its generation
//	cache   a compressed body is kept under its ETag, an answer under its cache key
//	write   header and body in one system call where the connection supports it
//
// The package does not depend on routes, queries or records.
package answer

import (
	"errors"
	"io"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/schema/wire"
)

// Segments are a body that the store has compressed in segments, or can
// compress.
type Segments interface {
	// Ready reports whether Chunks returns at once, with few segments to
	// compress.
	Ready() bool
	// Chunks returns the whole body as one gzip member and its length; ok is
	// false if it can't be built from segments.
	Chunks() (chunks [][]byte, size int64, ok bool)
	// Send writes the same bytes as Chunks, each segment as soon as it is
	// compressed.
	Send(w io.Writer) error
}

// Options of a Sender. All are required except Enter.
type Options struct {
	Seed  uint64                                         // hash of everything that all representations depend on
	Cache cache.Keeper                                   // of compressed bodies
	Bytes int64                                          // of the answer cache
	Stale func() (reason string, stale bool)             // whether the source does not answer, and why
	Enter func(c echo.Context) (leave func(), err error) // before an answer that is streamed; nil: no limit
	Now   func() time.Time
}

// Sender sends answers. It is safe for concurrent use.
type Sender struct {
	o          Options
	compressor *render.Compressor
	buffers    bufferPool
	cache      answerCache
}

// New returns a Sender.
func New(o Options) (*Sender, error) {
	if o.Cache == nil || o.Stale == nil || o.Now == nil {
		return nil, errors.New("answer: Cache, Stale and Now are required")
	}
	return &Sender{o: o, compressor: render.NewCompressor(), buffers: newBufferPool(), cache: answerCache{most: o.Bytes}}, nil
}

// Answer describes an answer of a handler. The zero value of each field is
// valid.
type Answer struct {
	Body     render.Body
	Segments Segments    // the same body, compressed by the store; nil: there is none
	Format   wire.Format // of the body
	Media    string      // Content-Type; "": that of Format
	File     string      // file name for a download, without extension

	Version uint64   // hash of the content of the records of Body
	Fields  []string // keys that the records are reduced to
	Same    []byte   // not nil: identifies the content instead of Head and Tail of Body, which change more often

	Generation Generation // generation of the data; nil: none
	Pinned     bool       // the answer to this request never changes: the request names all that it depends on
	Promises   bool       // Link, or Next in the body, leads to another page of Generation
	Total      string     // X-Total-Count; "": omitted
	Link       string

	Status int    // 0: 200
	Plain  string // Cache-Control of an answer without ETag and compression; "": not such an answer
	Fresh  bool   // another body each time: not kept
	Stream bool   // written while it is computed, without a length

	Began   time.Time // arrival of the request
	Key     Key       // cache key; the zero value: not cached
	Expires time.Time // until when it may be cached; zero: as long as its generation

	lent bool // the records of Body belong to the store
}
