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
	"errors"
	"io"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/schema/wire"
)

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

// Options of a Sender. All are needed but Enter.
type Options struct {
	Seed  uint64                                         // hash of what all representations depend on
	Cache cache.Keeper                                   // of compressed bodies
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
	cache      answerCache
}

// New makes a Sender.
func New(o Options) (*Sender, error) {
	if o.Cache == nil || o.Stale == nil || o.Now == nil {
		return nil, errors.New("answer: Cache, Stale and Now are needed")
	}
	return &Sender{o: o, compressor: render.NewCompressor(), buffers: newBufferPool(), cache: answerCache{most: o.Bytes}}, nil
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
