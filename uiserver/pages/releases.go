package pages

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/web"
)

// releases is the table of releases.
func (p *Pages) releases(c echo.Context) error {
	var lines *load.RowLines
	columns := append(rollupColumns("Release"), lineColumn)
	return rollups(p, c, web.ReleasesPath, "Release", columns, load.Round.Releases, func(r schema.Release) web.RollupRow {
		row := rollupRow("Release", r.Release, web.ReleasePath, r.Rollup, r.Counters)
		row.Line, row.NoLine = lines.Of(r.Release)
		return row
	}, func(r load.Round) { lines = r.RowLines("release") })
}
