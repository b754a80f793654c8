package answer

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/dmwm/wmstats/cacheserver/budget"
)

// made is a whole body in its coding. Its chunks may belong to the store, or
// to a cache: they must not be changed.
type made struct {
	chunks [][]byte
	size   int64
	lent   bool // the chunks belong to the store: holding them takes no memory
}

const (
	// smallest is the size below which bodies are not compressed: setting up a
	// compressor costs more than sending 4 KB.
	smallest = 4 << 10
	// biggestCached is the maximum size of a compressed body in the cache.
	biggestCached = 4 << 20
)

// collector gathers written data in chunks, so that growing copies nothing.
type collector struct {
	made
	most int64 // maximum bytes; 0: no limit
}

// Write never fails.
func (t *collector) Write(p []byte) (int, error) {
	n := len(p)
	if t.size += int64(n); t.most > 0 && t.size > t.most {
		t.chunks = nil
		return n, nil
	}
	for len(p) > 0 {
		last := len(t.chunks) - 1
		if last < 0 || len(t.chunks[last]) == cap(t.chunks[last]) {
			room := min(writeSize, max(smallest, int(t.size)))
			t.chunks, last = append(t.chunks, make([]byte, 0, room)), last+1
		}
		k := min(len(p), cap(t.chunks[last])-len(t.chunks[last]))
		t.chunks[last], p = append(t.chunks[last], p[:k]...), p[k:]
	}
	return n, nil
}

// trim releases the room behind the last chunk.
func (t *collector) trim() {
	if last := len(t.chunks) - 1; last >= 0 {
		t.chunks[last] = bytes.Clone(t.chunks[last])
	}
}

// Steps of building a body: for each record, and for each of its bytes, which
// are compressed or copied.
const (
	recordSteps = 1000
	byteSteps   = 10
)

// spendingWriter charges written bytes to the budget of the request: a body
// may be a page of 10 000 records, or a list without pages.
type spendingWriter struct {
	budget *budget.Budget
	w      io.Writer
}

func (s *spendingWriter) Write(p []byte) (int, error) {
	if !s.budget.Spend(recordSteps + byteSteps*len(p)) {
		return 0, fmt.Errorf("make a body: %w", s.budget.Stopped())
	}
	return s.w.Write(p) //nolint:wrapcheck // as if it were w
}

// livingWriter fails when the client has left: the underlying writer may
// buffer a lot before it notices.
type livingWriter struct {
	ctx context.Context //nolint:containedctx // of the request that is written to
	w   io.Writer
}

func (l *livingWriter) Write(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, fmt.Errorf("send a body: %w", err)
	}
	return l.w.Write(p) //nolint:wrapcheck // as if it were w
}

// writeSize is the number of bytes gathered for one write to the connection.
const writeSize = 64 << 10

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
