package pages

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// releases is the table of releases.
func (p *Pages) releases(c echo.Context) error {
	return rollups(p, c, web.ReleasesPath, "Release", rollupColumns("Release"), load.Round.Releases, func(r schema.Release) web.RollupRow {
		return web.RollupRow{
			Name: r.Release, Href: web.ReleasePath(r.Release), List: query.Of(wire.Query{Terms: query.Exactly("Release", r.Release)}),
			Rollup: r.Rollup, Counters: r.Counters,
		}
	})
}
