package api

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// sendChanges sends the changes since a time: read returns them and, if there is one,
// the time that they are compared with. It belongs to no generation: changes belong
// to many. X-Total-Count is the number before the limit, 0: none.
func sendChanges[T any](a *API, c echo.Context, file string, limit int, own []string, read func(since int64) (changes []T, from int64, err error)) error {
	fields := schema.Describe[T]()
	p, err := parseListParams(c, fields, append(own, "since", "gen")...)
	if err != nil {
		return err
	}
	v := c.QueryParams()
	if _, given := v["gen"]; given {
		return wire.UnknownParameter("gen", nil)
	}
	if err := atMostOnce(v, "since"); err != nil {
		return err
	}
	since, err := sinceTime(v["since"], a.o.Now())
	if err != nil {
		return err
	}
	began := a.o.Now()
	a.bound(c)
	changes := []T{}
	if a.o.History != nil {
		var from int64
		if changes, from, err = read(since); err != nil {
			return fmt.Errorf("read changes over time: %w", err)
		}
		if from > 0 {
			c.Response().Header().Set(wire.HeaderHistoryStart, answer.Timestamp(time.Unix(from, 0)))
		}
	}
	format, err := chooseFormat(c, p.Format, wire.Formats()...)
	if err != nil {
		return err
	}
	list := listing{fields: fields, keys: p.keys, total: int64(len(changes))}
	if limit > 0 {
		changes = changes[:min(len(changes), limit)]
	}
	return sendList(c, a, answerOf(nil, p.Query, format, file, began), list, changes)
}

// listAgentChanges handles GET /history/agents?agent=&since=.
func (a *API) listAgentChanges(c echo.Context) error {
	agents, err := someNames(c, "agent")
	if err != nil {
		return err
	}
	return sendChanges(a, c, "agent-changes", 0, []string{"agent"}, func(since int64) ([]schema.AgentChange, int64, error) {
		return a.o.History.AgentChanges(agents, since), 0, nil
	})
}

// listSiteChanges handles GET /history/sites?site=&since=.
func (a *API) listSiteChanges(c echo.Context) error {
	sites, err := someNames(c, "site")
	if err != nil {
		return err
	}
	return sendChanges(a, c, "site-changes", 0, []string{"site"}, func(since int64) ([]schema.SiteChange, int64, error) {
		return a.o.History.SiteChanges(sites, since), 0, nil
	})
}

// someNames reads a parameter of names; none are all.
func someNames(c echo.Context, kind string) ([]string, error) {
	names := present(c.QueryParams()[kind])
	if len(names) > mostLines {
		return nil, wire.BadValue(kind, fmt.Sprintf("At most %d values; without any, all %ss.", mostLines, kind))
	}
	return names, nil
}

// listAlertChanges handles GET /history/alerts?since=.
func (a *API) listAlertChanges(c echo.Context) error {
	return sendChanges(a, c, "alert-changes", 0, nil, func(since int64) ([]schema.AlertChange, int64, error) {
		return a.o.History.AlertChanges(c.Request().Context(), since)
	})
}

// Bounds of limit= of /history/failures.
const (
	usualFailing = 100
	mostFailing  = 10_000
)

// ofWorkflows is the value of by= for workflows.
const ofWorkflows = "workflow"

// failingKinds are the values of by=, the default first.
func failingKinds() []string {
	kinds := []string{ofWorkflows}
	for _, kind := range timeline.Kinds() {
		kinds = append(kinds, string(kind))
	}
	return kinds
}

// listFailureChanges handles GET /history/failures?by=&since=&limit=.
func (a *API) listFailureChanges(c echo.Context) error {
	v := c.QueryParams()
	by, limit := ofWorkflows, usualFailing
	if err := atMostOnce(v, "by", "limit"); err != nil {
		return err
	}
	if given := v.Get("by"); given != "" {
		by = given
	}
	if !slices.Contains(failingKinds(), by) {
		p := wire.BadValue("by", "The value must be workflow, campaign, site, release or agent.")
		p.DidYouMean = wire.Near(by, failingKinds(), 1)
		return p
	}
	if given := v.Get("limit"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > mostFailing {
			return wire.BadValue("limit", fmt.Sprintf("The value must be a whole number from 1 to %d.", mostFailing))
		}
		limit = n
	}
	return sendChanges(a, c, "failure-changes", limit, []string{"by", "limit"}, func(since int64) ([]schema.FailureChange, int64, error) {
		if by == ofWorkflows {
			return a.o.History.FailingWorkflows(c.Request().Context(), since)
		}
		return a.o.History.Failing(c.Request().Context(), timeline.Kind(by), since)
	})
}
