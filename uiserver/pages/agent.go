package pages

import (
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/web"
)

// agent is the page of one agent, or of a central service.
func (p *Pages) agent(c echo.Context) error {
	var past *web.History
	page, record, ok, err := groupPage(p, c, web.AgentsPath, "agent", "Agents", load.Round.Agent, func(r load.Round, name string) {
		past = r.History("state", url.Values{"agent": {name}})
	})
	if !ok {
		return err
	}
	return p.render(c, status(page.Notes), web.Agent(web.AgentPage{
		Frame: page.Frame, Notes: page.Notes, Workflows: page.List,
		AgentCard: web.AgentCard{AgentDetail: record.AgentDetail, List: page.All}, History: past, Drain: record.Drain, Rate: page.Rate,
		JSON: web.APIPrefix + "/agent" + strings.TrimPrefix(web.AgentPath(page.Name), web.AgentsPath),
	}))
}
