package api

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/render"
	"github.com/dmwm/wmstats/schema/wire"
)

// versionPrefix is before the alias of every path.
const versionPrefix = "/v1"

// unknownPath stands in metrics for all paths that there are not.
const unknownPath = "(unknown)"

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

func (a *API) table() []route {
	table := make([]route, 0, 32)
	table = append(table, []route{
		{"/", "this list", a.showIndex, nil, known},
		{"/fetch", "list of workflows: filters, sort, fields, facets, pages, formats", a.listWorkflows, nil, known},
		{"/fetch/:name", "one workflow with its tasks, sites, agents, outputs and history", a.showWorkflow, nil, known},
		{"/status", "sums of the workflows by status", a.listStatuses, nil, known},
		{"/find", "workflows by a selector in CouchDB's form, in the body", a.findRecords, []string{http.MethodPost, methodQuery}, known},
		{"/stats", "counts and sums by one or two fields: by=a[,b]&sum=x,y and filters", a.showStats, nil, known},
		{"/facet/:name", "values of a field with counts: prefix=, limit= and filters", a.showFacet, nil, known},
		{"/attention", "rules that fire, and the workflows and agents that they name: rule=", a.showAttention, nil, known},
		{"/changes", "what changed since a generation: since=, feed=normal|longpoll|sse, include=records, and filters", a.listChanges, nil, known},
		{"/pulse", "state of the data: generation, age, source", a.showPulse, nil, known},
		{"/history", "counts over time: by=status|state, of one campaign= or site=, since=", a.listHistory, nil, known},
		{"/quarantine", "documents that could not be used", a.listQuarantine, nil, known},
		{"/problems", "all problems", a.listProblems, nil, known},
		{"/problems/:name", "what a problem means", a.showProblem, nil, known},
		{"/openapi.json", "this API as OpenAPI 3.1", a.showOpenAPI, nil, known},
		{"/version", "version of this program", a.showVersion, nil, known},
		{"/about", "what runs, and what it did lately: generations, answers and failures of the source, memory", a.showAbout, nil, known},
		{"/livez", "the process runs", a.showLive, nil, everyone},
		{"/healthz", "alias of livez", a.showLive, nil, everyone},
		{"/readyz", "lists can be served; ?verbose says why not", a.showReady, nil, everyone},
	}...)
	switch a.o.Metrics {
	case MetricsElsewhere:
	case MetricsForAll:
		table = append(table, a.metricsRoute(everyone))
	default:
		table = append(table, a.metricsRoute(known))
	}
	table = append(table, a.demandRoutes()...)
	for _, g := range a.groups {
		table = append(table,
			route{g.path, "sums of the workflows by " + g.noun, g.list, nil, known},
			route{g.path + "/:name", "one " + g.noun + ": its sums and its workflows, with all parameters of /fetch", a.showGroup(g), nil, known})
	}
	return table
}

func (a *API) routes() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = a.unrouted()
	for _, r := range a.table() {
		a.paths = append(a.paths, strings.TrimSuffix(r.path, ":name"))
		handle := a.wrap(r)
		methods := a.wrap(route{path: r.path, handle: showMethods(r), admits: r.admits})
		for _, prefix := range []string{"", versionPrefix} {
			for _, method := range r.allowed() {
				e.Add(method, prefix+r.path, handle)
			}
			e.OPTIONS(prefix+r.path, methods)
		}
	}
	slices.Sort(a.paths)
	return e
}

// wrap is all the middleware there is, so that the hot routes stay light:
// request id, body limit, metrics, and panics that become a logged 500.
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
			err = guard(r.handle, c)
			a.endBudget(c, r.path)
		}
		if err != nil {
			defer func() { observe(c, a.o.Now().Sub(start)) }() // writeError may end the connection
			a.writeError(c, err)
			return nil
		}
		observe(c, a.o.Now().Sub(start))
		return nil
	}
}

// discardBody reads a body that the resource does not take: net/http notices
// that a client leaves only when its request has been read.
func discardBody(c echo.Context) error {
	if c.Request().ContentLength == 0 {
		return nil
	}
	_, err := io.Copy(io.Discard, c.Request().Body)
	if tooBig := (*http.MaxBytesError)(nil); err != nil && !errors.As(err, &tooBig) {
		return wire.BadValue("body", "The body could not be read to its end, and this resource takes none.")
	}
	return err //nolint:wrapcheck // it has a problem of its own
}

// unrouted answers what the router could not place: no such path, or not for
// this method. Routes write their own errors, so nothing else comes here.
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

// showMethods handles OPTIONS: what may be asked of the resource.
func showMethods(r route) echo.HandlerFunc {
	allow := strings.Join(append(slices.Clone(r.allowed()), http.MethodOptions), ", ")
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Allow", allow)
		h.Set("X-Content-Type-Options", "nosniff")
		return c.NoContent(http.StatusNoContent)
	}
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

// panicError is a panic of a handler.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// setRequestID takes the client's id if it is harmless, else makes one.
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

// pathName is the last part of the path, decoded once.
func pathName(c echo.Context) (string, error) {
	name := c.Param("name")
	if c.Request().URL.RawPath != "" { // else it is decoded already
		var err error
		if name, err = url.PathUnescape(name); err != nil {
			return "", wire.BadValue("path", "The path is not well encoded.")
		}
	}
	return name, nil
}

// writeError is the only place where an error becomes a response and a log
// line. The cause stays in the log; the client gets a problem.
func (a *API) writeError(c echo.Context, err error) {
	if c.Response().Header().Get(wire.HeaderRequestID) == "" {
		setRequestID(c)
	}
	p := a.problemOf(c, err)
	a.logProblem(c, p, err)
	if clientLeft(c.Request().Context(), err) && !c.Response().Committed {
		// Nobody reads an answer. One who only closed its own side would take a
		// short one for the whole: the connection ends.
		a.queries.refused.WithLabelValues("left").Inc()
		c.Response().Status = statusClientLeft
		panic(http.ErrAbortHandler)
	}
	if c.Response().Committed {
		// The status has been sent. Ending the connection in the middle is the
		// only way left to tell a cut body from a whole one, and this panic is
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
		a.log.DebugContext(c.Request().Context(), "client left", "err", err)
	}
}

func (a *API) logProblem(c echo.Context, p *wire.Problem, err error) {
	ctx, log := c.Request().Context(), a.log.With(
		"method", c.Request().Method, "route", c.Path(), "path", c.Request().URL.Path,
		"request_id", c.Response().Header().Get(wire.HeaderRequestID))
	var crash *panicError
	switch {
	case errors.Is(err, errDropped):
		log.InfoContext(ctx, "feed ended", "err", err)
	case errors.As(err, &crash):
		log.ErrorContext(ctx, "handler panicked", "err", err, "stack", string(crash.stack))
	case ctx.Err() != nil:
		log.DebugContext(ctx, "client left", "err", err)
	case p.Slug() == wire.SlugInternal:
		log.ErrorContext(ctx, "request failed", "err", err, "cause", p.Cause)
	case p.Slug() == wire.SlugSourceFailed:
		log.WarnContext(ctx, "source failed", "detail", p.Detail, "cause", p.Cause)
	default:
		log.DebugContext(ctx, "request refused", "problem", p.Slug(), "detail", p.Detail)
	}
}
