package answer

import (
	"context"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/cacheserver/api/negotiate"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
)

// madeBefore returns a compressed body from the cache: its tag identifies the
// content, so it can never have a second value.
func (s *Sender) madeBefore(tag string) made {
	cached, _ := s.o.Cache.Get("body/" + tag)
	body, _ := cached.(made)
	return body
}

// make builds the whole body within the budget of the request, and caches a
// compressed one for later requests for the same content.
func (s *Sender) make(ctx context.Context, a *Answer, coding, tag string) (body made, err error) {
	write := func(w io.Writer) error {
		_, err := a.Body.WriteTo(&spendingWriter{budget.From(ctx), w})
		return err //nolint:wrapcheck // the error says what failed
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
		return body, err //nolint:wrapcheck // the error says what failed
	}
	s.keepMade(a, tag, &to)
	return to.made, nil
}

func (s *Sender) keepMade(a *Answer, tag string, to *collector) {
	if to.size > biggestCached || a.Fresh {
		return
	}
	to.trim()
	s.o.Cache.Set("body/"+tag, to.made, to.size)
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
		arena = append(schema.AppendJSON(arena, &records[i]), '\n') // the newline separates records in the hash
		ends[i] = len(arena)
	}
	start := 0
	for i, end := range ends {
		encoded[i] = arena[start : end-1 : end-1]
		start = end
	}
	return encoded, xxhash.Sum64(arena), nil
}
