package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/health"
)

// showLive handles GET /livez: answering is the check.
func (a *API) showLive(c echo.Context) error { return a.sendText(c, http.StatusOK, mediaText, "ok\n") }

// showReady handles GET /readyz. A stale source does not make it fail: the
// last good generation is served.
func (a *API) showReady(c echo.Context) error {
	_, loaded := a.o.Store.Newest()
	source := a.o.Store.Source()
	checks := []health.Check{
		firstRead(loaded),
		health.Serving(!a.draining()),
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

// firstRead is the check whether the first full read has finished.
func firstRead(loaded bool) health.Check {
	c := health.Check{Name: "first full read", OK: loaded, Needed: true, Note: "not finished"}
	if loaded {
		c.Note = "finished"
	}
	return c
}

// sourceNote describes whether the records are up to date, and what is not
// normal.
func sourceNote(source store.SourceState) string {
	note := "up to date"
	if source.Stale {
		note = "stale: " + answer.OneLine(source.Reason)
	}
	for _, p := range source.Polled {
		note += "; polling " + answer.OneLine(p.Database) + ": " + answer.OneLine(p.Why)
	}
	return note
}

// sourceCheck describes the state of the source, including the first full
// read.
func (a *API) sourceCheck(source store.SourceState, loaded bool) health.Check {
	c := health.Check{Name: "source", OK: !source.Stale, Note: sourceNote(source)}
	switch reading := a.readingText(); {
	case source.Stale && reading != "":
		c.Note += "; reading " + reading
	case source.Stale:
	case reading != "":
		c.OK, c.Note = loaded, "reading "+reading
	case source.CheckTime.IsZero() && !loaded:
		c.OK, c.Note = false, "no answer yet"
	}
	return c
}
