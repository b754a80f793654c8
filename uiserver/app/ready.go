package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// check is a line of /readyz?verbose.
type check struct {
	name   string
	ok     bool
	needed bool // pages can't be made without it
	note   string
}

// ready says whether pages can be made: when the cache server has data, and this
// server is not going down.
func (a *App) ready(c echo.Context) error {
	checks := []check{{"serving", true, true, "the server is not going down"}}
	var answer string
	select {
	case <-a.server.Draining():
		answer = "the server is going down"
		checks[0].ok, checks[0].note = false, answer
	default:
		cache, ok := a.cacheState(c.Request().Context())
		answer = cache
		checks = append(checks, check{"cache server", ok, true, cache})
	}
	checks = append(checks, a.fileChecks()...)
	status := http.StatusOK
	var lines strings.Builder
	for _, check := range checks {
		mark := "+"
		if !check.ok {
			mark = "~"
			if check.needed {
				mark, status = "-", http.StatusServiceUnavailable
			}
		}
		fmt.Fprintf(&lines, "[%s] %s: %s\n", mark, check.name, check.note)
	}
	if _, verbose := c.QueryParams()["verbose"]; verbose {
		return c.String(status, lines.String())
	}
	return c.String(status, answer+"\n")
}

// cacheState asks the cache server for its state, in words.
func (a *App) cacheState(ctx context.Context) (note string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	info, err := a.client.Pulse(ctx)
	switch {
	case err != nil:
		a.log.Debug("not ready", "err", err)
		return "the cache server does not answer or is not ready", false
	case info.Generation == "":
		return "the cache server has no data yet", false
	}
	return "ok, generation " + info.Generation, true
}

// fileChecks is the line about the files that are read again; none without any.
func (a *App) fileChecks() []check {
	if !a.gate.Asks() && a.own == nil {
		return nil
	}
	faults := a.gate.Faults()
	if a.own != nil {
		if fault := a.own.Fault(); fault != "" {
			faults = append(faults, fault)
		}
	}
	if len(faults) == 0 {
		return []check{{"files", true, false, "all are in use as they are"}}
	}
	return []check{{"files", false, false, strings.Join(faults, "; ") + "; the last good content is used"}}
}
