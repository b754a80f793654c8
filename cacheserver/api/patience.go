package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/schema/wire"
)

// demandRead is what was read on demand. stale says that it is what was read
// last, in place of what the source can't give now; aged that the answer says
// when it was read.
type demandRead struct {
	ondemand.Value

	stale, aged bool
}

// readDemand reads on demand, for as long as the client wants to wait. When the
// source fails, or is slower than that, it gives what was read last under that
// name, if it is still kept: a source that is down takes away what is new, not
// what was known. Its errors are those of demandProblem, but for ErrAbsent, which
// the caller explains.
func (a *API) readDemand(c echo.Context, what string, call ondemand.Call) (d demandRead, err error) {
	ctx := c.Request().Context()
	patient := ctx
	if wait, ok := preferredWait(c.Request().Header); ok {
		var cancel context.CancelFunc
		patient, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	resume := budget.From(ctx).Pause()
	d.Value, err = a.demand.Get(patient, call)
	resume()
	switch {
	case err == nil, errors.Is(err, ondemand.ErrAbsent), ctx.Err() != nil:
		return d, err //nolint:wrapcheck // the caller tells these apart
	case patient.Err() != nil && errors.Is(err, context.DeadlineExceeded):
		err = wire.NewProblem(wire.SlugNotReady, "The source is being read for its "+what+"; ask again soon.")
	default:
		err = demandProblem(ctx, what, err)
	}
	switch p := wire.ProblemOf(err); {
	case p == nil:
	case p.Slug() == wire.SlugSourceFailed, p.Slug() == wire.SlugNotReady, p.Slug() == wire.SlugRateLimited:
		if last, ok := a.demand.Last(call); ok {
			a.log.DebugContext(ctx, "the last that was read is served", "kind", call.Kind, "err", err)
			return demandRead{Value: last, stale: true}, nil
		}
	}
	return d, err
}

// describeStale says in the header that what was read on demand is old. When all
// is, the reason for that takes its place.
func (a *API) describeStale(c echo.Context, d demandRead, what string) {
	if !d.stale {
		return
	}
	h := c.Response().Header()
	h.Set(wire.HeaderStale, "1")
	h.Set(wire.HeaderStaleReason, "the "+what+" could not be read again since "+answer.Timestamp(d.Time))
}

// preferredWait is how long the client wants to wait for what is read on demand
// (Prefer: wait=4, RFC 7240); ok is false when it does not say.
func preferredWait(h http.Header) (wait time.Duration, ok bool) {
	const most = 24 * time.Hour
	for _, line := range h["Prefer"] {
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(part, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			value, _, _ = strings.Cut(value, ";")
			if n, err := strconv.Atoi(strings.Trim(value, " \t\"")); err == nil && n >= 0 && n <= int(most/time.Second) {
				return time.Duration(n) * time.Second, true
			}
		}
	}
	return 0, false
}
