package pages

import (
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// site is the page of one site.
func (p *Pages) site(c echo.Context) error {
	var past *web.History
	page, record, ok, err := groupPage(p, c, web.SitesPath, "site", "Sites", load.Round.Site, func(r load.Round, name string) {
		past = r.History("state", url.Values{"site": {name}})
	})
	if !ok {
		return err
	}
	page.Site, page.Counters, page.History = &record, record.Counters, past
	page.Pin = p.pinButton(web.PinSite, page.Name, stateOf(record.State, record.Counters))
	page.Errors = query.ErrorsOf(nil).With(query.SiteParam, query.Text(page.Name)) // where they fail
	page.JSON = web.APIPrefix + web.SitePath(page.Name)
	return p.render(c, status(page.Notes), web.Group(page))
}
