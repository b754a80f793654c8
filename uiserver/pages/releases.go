package pages

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/web"
)

// releases is the table of releases.
func (p *Pages) releases(c echo.Context) error {
	return rollups(p, c, web.ReleasesPath, "Release", rollupColumns("Release"), load.Round.Releases, func(r schema.Release) web.RollupRow {
		return rollupRow("Release", r.Release, web.ReleasePath, r.Rollup, r.Counters)
	})
}
