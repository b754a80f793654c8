package api

import (
	"context"
	"fmt"
	"io"

	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/budget"
)

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

// writeWithin writes a body within the budget of the request.
func writeWithin(ctx context.Context, body *render.Body, w io.Writer) error {
	_, err := body.WriteTo(&spendingWriter{budget.From(ctx), w})
	return err //nolint:wrapcheck // it says what was done
}
