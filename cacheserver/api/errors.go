package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/cacheserver/failures"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/schema/wire"
)

// writeError is the only place where an error becomes a response and a log
// line. The cause stays in the log; the client gets a problem.
func (a *API) writeError(c echo.Context, err error) {
	if c.Response().Header().Get(wire.HeaderRequestID) == "" {
		setRequestID(c)
	}
	p := a.problemOf(c, err)
	a.logProblem(c, p, err)
	if clientLeft(c.Request().Context(), err) && !c.Response().Committed {
		// Usually no one reads this answer. A client that closed only its own
		// side would take a short answer for the whole, so the connection is
		// aborted.
		a.queries.refused.WithLabelValues("left").Inc()
		c.Response().Status = statusClientLeft
		panic(http.ErrAbortHandler)
	}
	if c.Response().Committed {
		// The status has been sent. Aborting the connection is the only way
		// left to show that the body is truncated, and this panic is
		// net/http's documented way to do it.
		panic(http.ErrAbortHandler)
	}
	h := c.Response().Header()
	for _, name := range []string{"Etag", "Content-Encoding", "Content-Disposition", "Server-Timing", "Link"} {
		h.Del(name)
	}
	switch p.Slug() {
	case wire.SlugNotReady, wire.SlugSourceFailed:
		h.Set("Retry-After", "2")
	case wire.SlugGenerationExpired:
		if newest, ok := a.o.Store.Newest(); ok { // tells whose server this is
			h.Set(wire.HeaderGeneration, newest.ID())
		}
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if len(p.Challenges) > 0 {
		h["Www-Authenticate"] = p.Challenges
	}
	body, err := encode(p)
	if err == nil {
		err = a.sender.Send(c, answer.Answer{Status: p.Status, Media: wire.MediaProblem, Body: render.Text(body), Plain: "no-store"})
	}
	if err != nil {
		a.log.DebugContext(c.Request().Context(), "client disconnected", "err", err)
	}
}

func (a *API) logProblem(c echo.Context, p *wire.Problem, err error) {
	ctx, log := c.Request().Context(), a.log.With(
		"method", c.Request().Method, "route", c.Path(), "path", c.Request().URL.Path,
		"request_id", c.Response().Header().Get(wire.HeaderRequestID))
	client := a.o.Gate.Who(c.Request())
	var crash *panicError
	switch {
	case errors.Is(err, errDropped):
		log.With(client).InfoContext(ctx, "feed ended", "err", err)
	case errors.As(err, &crash):
		log.With(client).ErrorContext(ctx, "handler panicked", "err", err, "stack", string(crash.stack))
	case ctx.Err() != nil:
		log.DebugContext(ctx, "client disconnected", "err", err)
	case p.Slug() == wire.SlugInternal:
		log.With(client).ErrorContext(ctx, "request failed", "err", err, "cause", p.Cause)
	case p.Slug() == wire.SlugSourceFailed:
		log.With(client).WarnContext(ctx, "source failed", "detail", p.Detail, "cause", p.Cause)
	default:
		log.DebugContext(ctx, "request refused", "problem", p.Slug(), "detail", p.Detail)
	}
}

// statusClientLeft is counted in metrics for a request whose client left
// before the answer: not an error of the server. It is never sent.
const statusClientLeft = 499

// errorKinds is the only table from the errors that handlers may return to
// problems. An error without a row is a bug of the server: it is logged, and
// the client gets a 500.
func (a *API) errorKinds() []errorKind {
	return []errorKind{
		{"schema/wire.Problem", wire.ProblemOf},
		{"cacheserver/budget.ExceededError", typed(a.exceeded)},
		{"cacheserver/table.TooManyGroupsError", typed(func(err *table.TooManyGroupsError) *wire.Problem {
			return wire.TooExpensive(fmt.Sprintf("The answer would have more than %d groups. Add filters, or group by a field with fewer values.", err.Max))
		})},
		{"cacheserver/table.ArgumentError", typed(func(err *table.ArgumentError) *wire.Problem {
			return wire.BadValue(err.Field, err.Error())
		})},
		{"cacheserver/failures.TooManyGroupsError", typed(func(err *failures.TooManyGroupsError) *wire.Problem {
			return wire.TooExpensive(fmt.Sprintf("The answer would have more than %d groups of failing jobs. Add filters, or use fewer fields in by=.", err.Max))
		})},
		{"cacheserver/failures.ErrTooMany", value(failures.ErrTooMany, func() *wire.Problem {
			return wire.TooExpensive(fmt.Sprintf("There are more than %d combinations of workflow, exit code, site and state, the most this server can hold.", failures.MaxCells))
		})},
		{"cacheserver/timeline.TooManyError", typed(func(*timeline.TooManyError) *wire.Problem {
			return wire.TooExpensive(fmt.Sprintf("The answer would have more than %d points. Select names with name=, fewer points with points=, or a shorter time with since=.", timeline.MostPoints))
		})},
		{"cacheserver/timeline.ErrNotFollowed", value(timeline.ErrNotFollowed, func() *wire.Problem {
			return wire.NewProblem(wire.SlugNotFound, "One of the names has no history.")
		})},
		{"cacheserver/ondemand.ErrAbsent", value(ondemand.ErrAbsent, func() *wire.Problem {
			return wire.NotInSource("This source does not provide such data.")
		})},
		{"cacheserver/ondemand.ErrBusy", value(ondemand.ErrBusy, func() *wire.Problem {
			return wire.RateLimited("Too many reads are waiting for the source; retry soon.")
		})},
		{"cacheserver/ondemand.ErrBackoff", value(ondemand.ErrBackoff, func() *wire.Problem {
			return wire.SourceFailed("The source has failed several times in a row; retry soon.", ondemand.ErrBackoff)
		})},
		{"net/http.MaxBytesError", typed(func(err *http.MaxBytesError) *wire.Problem {
			return wire.NewProblem(wire.SlugTooLarge, fmt.Sprintf("The body may have at most %d bytes.", err.Limit))
		})},
	}
}

// typed returns a row for errors of type E.
func typed[E error](problem func(E) *wire.Problem) func(error) *wire.Problem {
	return func(err error) *wire.Problem {
		var one E
		if errors.As(err, &one) {
			return problem(one)
		}
		return nil
	}
}

// value returns a row for one error value.
func value(target error, problem func() *wire.Problem) func(error) *wire.Problem {
	return func(err error) *wire.Problem {
		if errors.Is(err, target) {
			return problem()
		}
		return nil
	}
}

// problemOf returns the problem of an error; any other error is an internal
// error.
func (a *API) problemOf(c echo.Context, err error) *wire.Problem {
	for _, kind := range a.kinds {
		if p := kind.problem(err); p != nil {
			return p
		}
	}
	var router *echo.HTTPError
	if !errors.As(err, &router) {
		return wire.Internal(err)
	}
	path, prefix := c.Request().URL.Path, clientPrefix(c)
	switch router.Code {
	case http.StatusNotFound:
		near := wire.Near(path, a.paths, 3)
		for i := range near {
			near[i] = prefix + near[i]
		}
		return wire.NotFound("resource", prefix+path, near)
	case http.StatusMethodNotAllowed:
		allow := c.Response().Header().Get("Allow")
		return wire.NewProblem(wire.SlugMethodNotAllowed, fmt.Sprintf("%s supports %s.", prefix+path, allow))
	case http.StatusRequestEntityTooLarge:
		return wire.NewProblem(wire.SlugTooLarge, fmt.Sprintf("The body may have at most %d bytes.", a.o.MaxBody))
	}
	return wire.Internal(err)
}

// clientLeft reports whether the request ended because its client left.
func clientLeft(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}

// panicError is a panic of a handler.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// setRequestID uses the client's id if it is well formed, else generates one.
func setRequestID(c echo.Context) {
	id := c.Request().Header.Get(wire.HeaderRequestID)
	if !harmlessID(id) {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails
		id = hex.EncodeToString(b[:])
	}
	c.Response().Header().Set(wire.HeaderRequestID, id)
}

func harmlessID(id string) bool {
	const longest = 64
	return id != "" && len(id) <= longest && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-_.", r)
	})
}
