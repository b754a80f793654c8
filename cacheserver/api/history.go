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

// listHistory handles GET /history?by=status|state&campaign=|site=&name=&since=&points=.
func (a *API) listHistory(c echo.Context) error {
	fields := schema.Describe[schema.TimelinePoint]()
	p, err := parseListParams(c, fields, "by", "campaign", "site", "name", "since", "points", "gen")
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
	for _, name := range []string{"by", "since", "points"} {
		if len(v[name]) > 1 {
			return q, wire.BadValue(name, "The parameter may appear only once.")
		}
	}
	q.Campaigns, q.Sites = present(v["campaign"]), present(v["site"])
	if len(q.Campaigns) > 0 && len(q.Sites) > 0 {
		return q, wire.BadValue("site", "History exists by campaign or by site, not by both: use one of the two.")
	}
	for param, list := range map[string][]string{"campaign": q.Campaigns, "site": q.Sites} {
		if len(list) > mostLines {
			return q, wire.BadValue(param, fmt.Sprintf("At most %d values; * selects everything that has a history.", mostLines))
		}
		if len(list) > 1 && slices.Contains(list, timeline.Followed) {
			return q, wire.BadValue(param, "* selects everything that has a history: use it alone.")
		}
	}
	switch by := v.Get("by"); by {
	case "", "status":
	case "state":
		q.ByState = true
	default:
		p := wire.BadValue("by", "The value must be status or state.")
		p.DidYouMean = wire.Near(by, []string{"status", "state"}, 1)
		return q, p
	}
	if q.Names, err = a.historyNames(v["name"], q.ByState); err != nil {
		return q, err
	}
	if q.Points, err = readPoints(v.Get("points")); err != nil {
		return q, err
	}
	q.Since, err = a.historySince(v["since"])
	return q, err
}

// mostLines is the maximum number of campaigns or sites in one request.
const mostLines = 200

// present removes empty values and duplicates.
func present(values []string) []string {
	var out []string
	known := map[string]bool{"": true}
	for _, v := range values {
		if !known[v] {
			known[v] = true
			out = append(out, v)
		}
	}
	return out
}

// historyNames reads name=: statuses or states that are counted separately.
func (a *API) historyNames(values []string, byState bool) ([]string, error) {
	if a.o.History == nil {
		return nil, nil
	}
	labels := a.o.History.Labels(byState)
	names := present(strings.Split(strings.Join(values, ","), ","))
	for _, name := range names {
		if !slices.ContainsFunc(labels, func(l string) bool { return strings.EqualFold(l, name) }) {
			p := wire.BadValue("name", fmt.Sprintf("Unknown name %q: use statuses with by=status, and job states with by=state.", name))
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

func (a *API) historySince(values []string) (since int64, err error) {
	if len(values) == 0 || values[0] == "" {
		return 0, nil
	}
	bound, err := wire.ParseQuery(url.Values{"since": values})
	if err != nil {
		return 0, err
	}
	for _, t := range bound.Terms {
		since = int64(t.Number)
		if t.Op == wire.MaxAge {
			since = a.o.Now().Unix() - int64(t.Number)
		}
	}
	return since, nil
}

// noHistory returns the problem for the first name that is not followed.
func (a *API) noHistory(q timeline.Query) error {
	noun, asked := "campaign", q.Campaigns
	if len(q.Sites) > 0 {
		noun, asked = "site", q.Sites
	}
	followed := a.o.History.Names(noun == "site")
	name := asked[0]
	if i := slices.IndexFunc(asked, func(n string) bool { return !slices.Contains(followed, n) }); i >= 0 {
		name = asked[i]
	}
	p := wire.NotFound("history of the "+noun, name, wire.Near(name, followed, 3))
	p.Detail += fmt.Sprintf(" Only the largest ones have history: %d at present.", len(followed))
	return p
}
