package pages

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/web"
)

// release is the page of one release.
func (p *Pages) release(c echo.Context) error {
	page, record, ok, err := groupPage(p, c, web.ReleasesPath, "release", "Release", load.Round.Release)
	if !ok {
		return err
	}
	page.Rollup, page.Counters = &record.Rollup, record.Counters
	page.JSON = web.APIPrefix + "/release" + strings.TrimPrefix(web.ReleasePath(page.Name), web.ReleasesPath)
	return p.render(c, status(page.Notes), web.Group(page))
}
