package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/failures"
	"github.com/dmwm/wmstats/cacheserver/history"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/schema/wire"
)

// statusClientLeft is what metrics count for a request whose client left before
// the answer: not a fault of the server. It is never sent.
const statusClientLeft = 499

// errorKind says which problem an error of a package below is.
type errorKind struct {
	name    string                        // folder of the package and name of the type or variable
	problem func(err error) *wire.Problem // nil: the error is not of this kind
}

// errorKinds is the one table from the errors that handlers may return to
// problems. An error that is in none of its rows is a fault of the server: it is
// logged, and the client gets a 500.
func (a *API) errorKinds() []errorKind {
	return []errorKind{
		{"schema/wire.Problem", wire.ProblemOf},
		{"cacheserver/budget.ExceededError", typed(a.exceeded)},
		{"cacheserver/table.TooManyGroupsError", typed(func(err *table.TooManyGroupsError) *wire.Problem {
			return wire.TooExpensive(fmt.Sprintf("There are more than %d groups. Add filters, or group by a field of fewer values.", err.Max))
		})},
		{"cacheserver/table.ArgumentError", typed(func(err *table.ArgumentError) *wire.Problem {
			return wire.BadValue(err.Field, err.Error())
		})},
		{"cacheserver/failures.TooManyGroupsError", typed(func(err *failures.TooManyGroupsError) *wire.Problem {
			return wire.TooExpensive(fmt.Sprintf("There are more than %d groups of failing jobs. Add filters, or group by= less.", err.Max))
		})},
		{"cacheserver/failures.ErrTooMany", value(failures.ErrTooMany, func() *wire.Problem {
			return wire.TooExpensive(fmt.Sprintf("More than %d different (workflow, exit code, site, state) fail: more than this server holds.", failures.MaxCells))
		})},
		{"cacheserver/history.TooManyError", typed(func(*history.TooManyError) *wire.Problem {
			return wire.TooExpensive(fmt.Sprintf("The answer would have more than %d points. Ask for some names with name=, for fewer of each line with points=, or for less time with since=.", history.MostPoints))
		})},
		{"cacheserver/history.ErrNotFollowed", value(history.ErrNotFollowed, func() *wire.Problem {
			return wire.NewProblem(wire.SlugNotFound, "There is no history of one of the names: it is kept of those with most.")
		})},
		{"cacheserver/ondemand.ErrAbsent", value(ondemand.ErrAbsent, func() *wire.Problem {
			return wire.NotInSource("This source has nothing of this kind.")
		})},
		{"cacheserver/ondemand.ErrBusy", value(ondemand.ErrBusy, func() *wire.Problem {
			return wire.RateLimited("Too many reads wait for the source; ask again soon.")
		})},
		{"cacheserver/ondemand.ErrBackoff", value(ondemand.ErrBackoff, func() *wire.Problem {
			return wire.SourceFailed("The source has failed several times in a row; it is asked again soon.", ondemand.ErrBackoff)
		})},
		{"net/http.MaxBytesError", typed(func(err *http.MaxBytesError) *wire.Problem {
			return wire.NewProblem(wire.SlugTooLarge, fmt.Sprintf("At most %d bytes.", err.Limit))
		})},
	}
}

// typed is a row for errors of type E.
func typed[E error](problem func(E) *wire.Problem) func(error) *wire.Problem {
	return func(err error) *wire.Problem {
		var one E
		if errors.As(err, &one) {
			return problem(one)
		}
		return nil
	}
}

// value is a row for one error value.
func value(target error, problem func() *wire.Problem) func(error) *wire.Problem {
	return func(err error) *wire.Problem {
		if errors.Is(err, target) {
			return problem()
		}
		return nil
	}
}

// problemOf finds the problem of an error; what has none is an internal error.
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
	path := c.Request().URL.Path
	switch router.Code {
	case http.StatusNotFound:
		return wire.NotFound("resource", path, wire.Near(path, a.paths, 3))
	case http.StatusMethodNotAllowed:
		allow := c.Response().Header().Get("Allow")
		return wire.NewProblem(wire.SlugMethodNotAllowed, fmt.Sprintf("%s has: %s.", path, allow))
	case http.StatusRequestEntityTooLarge:
		return wire.NewProblem(wire.SlugTooLarge, fmt.Sprintf("At most %d bytes.", a.o.MaxBody))
	}
	return wire.Internal(err)
}

// clientLeft says that the request ended because its client did.
func clientLeft(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}
