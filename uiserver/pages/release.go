package pages

import (
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/web"
)

// release is the page of one release.
func (p *Pages) release(c echo.Context) error {
	var past *web.History
	page, record, ok, err := groupPage(p, c, web.ReleasesPath, "release", "Release", load.Round.Release, func(r load.Round, name string) {
		past = r.History("state", url.Values{"release": {name}})
	})
	if !ok {
		return err
	}
	page.Rollup, page.Counters, page.History = &record.Rollup, record.Counters, past
	page.JSON = web.APIPrefix + "/release" + strings.TrimPrefix(web.ReleasePath(page.Name), web.ReleasesPath)
	return p.render(c, status(page.Notes), web.Group(page))
}
