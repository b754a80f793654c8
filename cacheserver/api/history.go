package api

import (
	"fmt"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/history"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// History is where counts over time come from.
type History interface {
	Points(q history.Query) (points []schema.HistoryPoint, start int64, ok bool)
	Names(sites bool) []string
}

// listHistory handles GET /history?by=status|state&campaign=|site=&since=.
func (a *API) listHistory(c echo.Context) error {
	fields := schema.Describe[schema.HistoryPoint]()
	p, err := parseListParams(c, fields, "by", "campaign", "site", "since", "gen")
	if err != nil {
		return err
	}
	q, err := a.historyQuery(c.QueryParams())
	if err != nil {
		return err
	}
	var points []schema.HistoryPoint
	if a.o.History != nil {
		var start int64
		var ok bool
		if points, start, ok = a.o.History.Points(q); !ok {
			return a.noHistory(q)
		}
		if start > 0 {
			c.Response().Header().Set(wire.HeaderHistoryStart, timestamp(time.Unix(start, 0)))
		}
	}
	return writeRecords(c, a, nil, p, "history", fields, points)
}

// historyQuery reads the parameters that only /history has.
func (a *API) historyQuery(v url.Values) (q history.Query, err error) {
	if _, given := v["gen"]; given {
		return q, wire.UnknownParameter("gen", nil) // points are of many generations
	}
	for _, name := range []string{"by", "campaign", "site", "since"} {
		if len(v[name]) > 1 {
			return q, wire.BadValue(name, "It may be given once.")
		}
	}
	q.Campaign, q.Site = v.Get("campaign"), v.Get("site")
	if q.Campaign != "" && q.Site != "" {
		return q, wire.BadValue("site", "History is kept by campaign or by site, not by both: give one.")
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
	if v.Get("since") == "" {
		return q, nil
	}
	bound, err := wire.ParseQuery(url.Values{"since": v["since"]})
	if err != nil {
		return q, err
	}
	for _, t := range bound.Terms {
		q.Since = int64(t.Number)
		if t.Op == wire.MaxAge {
			q.Since = a.o.Now().Unix() - int64(t.Number)
		}
	}
	return q, nil
}

func (a *API) noHistory(q history.Query) error {
	noun, name := "campaign", q.Campaign
	if q.Site != "" {
		noun, name = "site", q.Site
	}
	names := a.o.History.Names(noun == "site")
	p := wire.NotFound("history of the "+noun, name, wire.Near(name, names, 3))
	p.Detail += fmt.Sprintf(" It is kept of those with most: %d now.", len(names))
	return p
}
