package api

import (
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
)

// unknownPath is the route of all unknown paths in metrics.
const unknownPath = "(unknown)"

// admission tells which routes the gate protects.
type admission int

const (
	known    admission = iota // clients that the gate admits
	everyone                  // for health and monitoring: neither authentication nor limits
)

// route is one resource, with and without /v1.
type route struct {
	path    string
	doc     string
	handle  echo.HandlerFunc
	methods []string // none: GET and HEAD
	admits  admission
}

func (r *route) allowed() []string {
	if r.methods != nil {
		return r.methods
	}
	return []string{http.MethodGet, http.MethodHead}
}

// admit asks the gate, if it protects the route.
func (a *API) admit(to admission, c echo.Context, now time.Time) error {
	if to == everyone {
		return nil
	}
	_, err := a.o.Gate.Admit(c.Request(), now)
	return err
}

// wrap is the only middleware, so that the hot routes stay fast: request id,
// body limit, metrics, and panics that become a logged 500.
func (a *API) wrap(r route) echo.HandlerFunc {
	observe := a.metrics.route(r.path)
	return func(c echo.Context) error {
		start := a.o.Now()
		if req := c.Request(); req.ContentLength != 0 {
			req.Body = http.MaxBytesReader(c.Response(), req.Body, a.o.MaxBody)
		}
		setRequestID(c)
		err := a.admit(r.admits, c, start)
		if err == nil && r.methods == nil {
			err = discardBody(c)
		}
		if err == nil {
			err = a.await(c)
		}
		if err == nil {
			err = guard(r.handle, c)
			a.endBudget(c, r.path)
		}
		if err != nil {
			defer func() { observe(c, a.o.Now().Sub(start)) }() // writeError may abort the connection
			a.writeError(c, err)
			return nil
		}
		observe(c, a.o.Now().Sub(start))
		return nil
	}
}

// discardBody reads a body that the resource does not accept: net/http notices
// that a client leaves only when its request has been read.
func discardBody(c echo.Context) error {
	if c.Request().ContentLength == 0 {
		return nil
	}
	_, err := io.Copy(io.Discard, c.Request().Body)
	if tooBig := (*http.MaxBytesError)(nil); err != nil && !errors.As(err, &tooBig) {
		return wire.BadValue("body", "The body could not be read completely, and this resource accepts none.")
	}
	return err //nolint:wrapcheck // it has a problem of its own
}

// guard runs a handler and returns a panic of it as an error.
func guard(handle echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	return handle(c)
}

// unrouted answers requests that the router could not place: unknown path, or
// a method that the path does not support. Routes write their own errors, so
// nothing else gets here.
func (a *API) unrouted() echo.HTTPErrorHandler {
	observe := a.metrics.route(unknownPath)
	return func(err error, c echo.Context) {
		start := a.o.Now()
		setRequestID(c)
		if refused := a.admit(known, c, start); refused != nil {
			err = refused
		}
		defer func() { observe(c, a.o.Now().Sub(start)) }()
		a.writeError(c, err)
	}
}

// showMethods handles OPTIONS: the supported methods of the resource.
func showMethods(r route) echo.HandlerFunc {
	allow := strings.Join(append(slices.Clone(r.allowed()), http.MethodOptions), ", ")
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Allow", allow)
		h.Set("X-Content-Type-Options", "nosniff")
		return c.NoContent(http.StatusNoContent)
	}
}
