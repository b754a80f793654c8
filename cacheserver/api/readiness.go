package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/health"
)

// showLive handles GET /livez: it answers, so it lives.
func (a *API) showLive(c echo.Context) error { return a.sendText(c, http.StatusOK, mediaText, "ok\n") }

// showReady handles GET /readyz. A stale source does not make it fail: the last
// good generation is served.
func (a *API) showReady(c echo.Context) error {
	_, loaded := a.o.Store.Newest()
	source := a.o.Store.Source()
	checks := []health.Check{
		{Name: "generation", OK: loaded, Needed: true, Note: "the first full read has ended"},
		{Name: "serving", OK: !a.draining(), Needed: true, Note: "the server is not going down"},
		a.sourceCheck(source, loaded),
	}
	if a.o.Checks != nil {
		checks = append(checks, a.o.Checks()...)
	}
	if a.o.Checkpoint != nil {
		if ok, note := a.o.Checkpoint(); note != "" {
			checks = append(checks, health.Check{Name: "checkpoint", OK: ok, Note: note})
		}
	}
	isReady, text := health.Report(checks)
	status := http.StatusOK
	if !isReady {
		status = http.StatusServiceUnavailable
		c.Response().Header().Set("Retry-After", "2")
	}
	if _, verbose := c.QueryParams()["verbose"]; verbose {
		return a.sendText(c, status, mediaText, text)
	}
	if status == http.StatusOK {
		return a.sendText(c, status, mediaText, "ok\n")
	}
	return a.sendText(c, status, mediaText, "not ready\n")
}

// sourceNote says whether all that the source has is here, and what is not as it
// should be.
func sourceNote(source store.SourceState) string {
	note := "all changes of the source are here"
	if source.Stale {
		note = "the records are stale: " + answer.OneLine(source.Reason)
	}
	for _, p := range source.Polled {
		note += "; " + answer.OneLine(p.Database) + " is polled: " + answer.OneLine(p.Why)
	}
	return note
}

// sourceCheck says how the source is, also while it is read for the first time.
func (a *API) sourceCheck(source store.SourceState, loaded bool) health.Check {
	c := health.Check{Name: "source", OK: !source.Stale, Note: sourceNote(source)}
	switch reading := a.readingText(); {
	case source.Stale && reading != "":
		c.Note += "; it is being read: " + reading
	case source.Stale:
	case reading != "":
		c.OK, c.Note = loaded, "it is being read: "+reading
	case source.CheckTime.IsZero() && !loaded:
		c.OK, c.Note = false, "it has not answered yet"
	}
	return c
}
