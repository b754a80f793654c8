package pages

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/web"
)

// campaigns is the table of campaigns.
func (p *Pages) campaigns(c echo.Context) error {
	var lines *load.RowLines
	columns := append(rollupColumns("Campaign"), lineColumn)
	return rollups(p, c, web.CampaignsPath, "Campaign", columns, load.Round.Campaigns, func(r schema.Campaign) web.RollupRow {
		row := rollupRow("Campaign", r.Campaign, web.CampaignPath, r.Rollup, r.Counters)
		row.Line, row.NoLine = lines.Of(r.Campaign)
		return row
	}, func(r load.Round) { lines = r.RowLines("campaign") })
}
