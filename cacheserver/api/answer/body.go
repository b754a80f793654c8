package answer

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
)

// made is a body in its coding, as a whole. Its chunks may belong to the store,
// or to a cache: they are not to be changed.
type made struct {
	chunks [][]byte
	size   int64
	lent   bool // the chunks are the store's: to hold them takes no memory
}

// madeBefore returns a compressed body from the cache: its tag names the content,
// so that it can never have a second value.
func (s *Sender) madeBefore(tag string) made {
	kept, _ := s.o.Cache.Get("body/" + tag)
	body, _ := kept.(made)
	return body
}

// make makes the whole body within the budget of the request, and keeps a
// compressed one for those who ask for the same content.
func (s *Sender) make(ctx context.Context, a *Answer, coding, tag string) (body made, err error) {
	write := func(w io.Writer) error {
		_, err := a.Body.WriteTo(&spendingWriter{budget.From(ctx), w})
		return err //nolint:wrapcheck // it says what was done
	}
	var to collector
	if coding == negotiate.Identity {
		if chunks, size, ok := a.Body.Chunks(); ok {
			return made{chunks, size, a.lent}, nil
		}
		err = write(&to)
		return to.made, err
	}
	if err := s.compressor.Compress(render.Coding(coding), &to, write); err != nil {
		return body, err //nolint:wrapcheck // it says what was done
	}
	s.keepMade(a, tag, &to)
	return to.made, nil
}

func (s *Sender) keepMade(a *Answer, tag string, to *collector) {
	if to.size > biggestKept || a.Fresh {
		return
	}
	to.trim()
	s.o.Cache.Set("body/"+tag, to.made, to.size)
}

// collector gathers what is written to it in chunks, so that growing copies
// nothing.
type collector struct {
	made
	most int64 // more than that is not gathered; 0: no bound
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

// trim lets go of the room behind the last chunk.
func (t *collector) trim() {
	if last := len(t.chunks) - 1; last >= 0 {
		t.chunks[last] = bytes.Clone(t.chunks[last])
	}
}

// Steps of making a body: of each record, and of each of its bytes, which are
// compressed or copied.
const (
	recordSteps = 1000
	byteSteps   = 10
)

// spendingWriter spends the budget of the request on what is written through
// it: a body may be a page of 10 000 records, or a list that has no pages.
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

// livingWriter ends what is written through it with the client: what it writes
// to may take in a lot before it notices.
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

// Encode encodes records for a Body, and returns the Version of their content,
// within the budget of the request.
func Encode[T any](ctx context.Context, records []T) (encoded [][]byte, version uint64, err error) {
	spent := budget.From(ctx)
	encoded = make([][]byte, len(records))
	ends := make([]int, len(records))
	var arena []byte
	for i := range records {
		if !spent.Spend(recordSteps) {
			return nil, 0, fmt.Errorf("encode a list: %w", spent.Stopped())
		}
		arena = append(schema.AppendJSON(arena, &records[i]), '\n') // the newline keeps records apart in the hash
		ends[i] = len(arena)
	}
	start := 0
	for i, end := range ends {
		encoded[i] = arena[start : end-1 : end-1]
		start = end
	}
	return encoded, xxhash.Sum64(arena), nil
}
