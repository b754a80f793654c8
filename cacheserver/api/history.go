package api

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// listHistory handles
// GET /history?by=status|group|state&campaign=|site=|release=|agent=&name=&since=&points=.
func (a *API) listHistory(c echo.Context) error {
	fields := schema.Describe[schema.TimelinePoint]()
	p, err := parseListParams(c, fields, "by", "campaign", "site", "release", "agent", "name", "since", "points", "gen")
	if err != nil {
		return err
	}
	q, err := a.historyQuery(c.QueryParams())
	if err != nil {
		return err
	}
	a.bound(c)
	var points []schema.TimelinePoint
	if a.o.History != nil {
		var start int64
		points, start, err = a.o.History.Points(c.Request().Context(), q)
		switch {
		case errors.Is(err, timeline.ErrNotFollowed):
			return a.noHistory(q)
		case err != nil:
			return fmt.Errorf("read the history: %w", err)
		}
		if start > 0 {
			c.Response().Header().Set(wire.HeaderHistoryStart, answer.Timestamp(time.Unix(start, 0)))
		}
	}
	return sendWhole(c, a, nil, p, "history", fields, points)
}

// historyQuery reads the parameters that only /history has.
func (a *API) historyQuery(v url.Values) (q timeline.Query, err error) {
	if _, given := v["gen"]; given {
		return q, wire.UnknownParameter("gen", nil) // points belong to many generations
	}
	if err := atMostOnce(v, "by", "since", "points"); err != nil {
		return q, err
	}
	for _, kind := range timeline.Kinds() {
		names := present(v[string(kind)])
		if len(names) > 0 && q.Kind != "" {
			return q, wire.BadValue(string(kind), fmt.Sprintf("Use %s or %s, not both.", q.Kind, kind))
		}
		if len(names) > 0 {
			q.Kind, q.Names = kind, names
		}
	}
	if len(q.Names) > mostLines {
		return q, wire.BadValue(string(q.Kind), fmt.Sprintf("At most %d values; * selects everything that has a history.", mostLines))
	}
	if len(q.Names) > 1 && slices.Contains(q.Names, timeline.Followed) {
		return q, wire.BadValue(string(q.Kind), "* selects everything that has a history: use it alone.")
	}
	if q.By, err = historyBy(v.Get("by"), q.Kind); err != nil {
		return q, err
	}
	if q.Labels, err = a.historyNames(v["name"], q); err != nil {
		return q, err
	}
	if q.Points, err = readPoints(v.Get("points")); err != nil {
		return q, err
	}
	q.Since, err = sinceTime(v["since"], a.o.Now())
	return q, err
}

// historyBy reads by=; the default depends on whether names are requested.
func historyBy(by string, kind timeline.Kind) (timeline.By, error) {
	all := []string{string(timeline.ByStatus), string(timeline.ByGroup), string(timeline.ByState)}
	if kind != "" {
		all = all[1:]
	}
	switch {
	case by == "":
		return timeline.By(all[0]), nil
	case slices.Contains(all, by):
		return timeline.By(by), nil
	case by == string(timeline.ByStatus):
		return "", wire.BadValue("by", fmt.Sprintf("Workflows of one %s are counted by group of statuses: use by=group.", kind))
	}
	p := wire.BadValue("by", "The value must be status, group or state.")
	p.DidYouMean = wire.Near(by, all, 1)
	return "", p
}

// historyNames reads name=: statuses, groups or states that are counted
// separately.
func (a *API) historyNames(values []string, q timeline.Query) ([]string, error) {
	if a.o.History == nil {
		return nil, nil
	}
	labels := a.o.History.Labels(q.Kind, q.By)
	names := present(strings.Split(strings.Join(values, ","), ","))
	for _, name := range names {
		if !slices.ContainsFunc(labels, func(l string) bool { return strings.EqualFold(l, name) }) {
			p := wire.BadValue("name", fmt.Sprintf("Unknown name %q: with by=%s use %s.", name, q.By, strings.Join(labels, ", ")))
			p.DidYouMean = wire.Near(name, labels, 3)
			return nil, p
		}
	}
	return names, nil
}

// readPoints reads the maximum number of points of a line; 0: all.
func readPoints(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > timeline.MostPoints {
		return 0, wire.BadValue("points", fmt.Sprintf("The value must be a whole number from 1 to %d.", timeline.MostPoints))
	}
	return n, nil
}

// noHistory returns the problem for the first name that is not followed.
func (a *API) noHistory(q timeline.Query) error {
	followed := a.o.History.Names(q.Kind)
	name := q.Names[0]
	if i := slices.IndexFunc(q.Names, func(n string) bool { return !slices.Contains(followed, n) }); i >= 0 {
		name = q.Names[i]
	}
	p := wire.NotFound("history of the "+string(q.Kind), name, wire.Near(name, followed, 3))
	p.Detail += " A name has history from its first point on, at most five minutes after it appears; beyond the limits of names and memory the least used have none."
	return p
}
