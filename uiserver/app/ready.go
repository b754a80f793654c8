package app

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/program/tlsclient"
)

// ready reports whether pages can be served: the cache server has data, and this
// server is not shutting down.
func (a *App) ready(c echo.Context) error {
	serving := health.Serving(true)
	var checks []health.Check
	var answer string
	select {
	case <-a.Draining():
		serving = health.Serving(false)
		answer = serving.Note
		checks = append(checks, serving)
	default:
		cache, ok := a.cacheState(c.Request().Context())
		if answer = cache; !ok {
			answer = "cache server: " + cache
		}
		checks = append(checks, serving, health.Check{Name: "cache server", OK: ok, Needed: true, Note: cache})
	}
	isReady, text := health.Report(append(checks, a.fileChecks()...))
	status := http.StatusOK
	if !isReady {
		status = http.StatusServiceUnavailable
	}
	if _, verbose := c.QueryParams()["verbose"]; !verbose {
		text = answer + "\n"
	}
	return c.String(status, text)
}

// cacheState describes the state of the cache server.
func (a *App) cacheState(ctx context.Context) (note string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	info, err := a.client.Pulse(ctx, 0)
	switch {
	case err != nil:
		a.Log.Debug("not ready", "err", err)
		if reason := tlsclient.Public(err); reason != "" {
			return "not reached: " + reason, false
		}
		return "not answering, or not ready", false
	case info.Generation == "":
		return "no data yet", false
	}
	return "ok, generation " + info.Generation, true
}

// fileChecks are the checks of the certificate and of the files that are re-read; none
// without such files.
func (a *App) fileChecks() []health.Check {
	var checks []health.Check
	if expires := a.tls.Expires(); !expires.IsZero() {
		checks = append(checks, tlsclient.Check(expires, time.Now()))
	}
	if !a.Gate.Asks() && a.own == nil && !a.tls.HasFiles() {
		return checks
	}
	faults := append(a.Gate.Faults(), a.tls.Faults()...)
	if a.own != nil {
		if fault := a.own.Fault(); fault != "" {
			faults = append(faults, fault)
		}
	}
	return append(checks, health.Files(faults))
}
