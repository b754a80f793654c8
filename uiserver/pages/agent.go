package pages

import (
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/web"
)

// agent is the page of one agent, or of a central service.
func (p *Pages) agent(c echo.Context) error {
	var past *web.History
	var changes *load.Answer[[]schema.AgentChange]
	page, record, ok, err := groupPage(p, c, web.AgentsPath, "agent", "Agents", load.Round.Agent, func(r load.Round, name string) {
		past = r.History("state", url.Values{"agent": {name}})
		changes = r.AgentChanges(name)
	})
	if !ok {
		return err
	}
	one := web.AgentPage{
		Pin:   p.pinButton(web.PinAgent, page.Name, stateOf(record.Severity, record.Counters)),
		Frame: page.Frame, Notes: page.Notes, Workflows: page.List,
		AgentRow: web.AgentRow{AgentDetail: record.AgentDetail, List: page.All}, History: past, Drain: record.Drain, Rate: page.Rate,
		JSON:    web.APIPrefix + "/agent" + strings.TrimPrefix(web.AgentPath(page.Name), web.AgentsPath),
		Changes: changes.Value, ChangesAt: web.APIPrefix + "/history/agents?" + url.Values{"agent": {page.Name}}.Encode(),
	}
	slices.Reverse(one.Changes)
	switch {
	case changes.Err != nil:
		one.NoChanges = "Changes are unavailable."
	case len(one.Changes) == 0:
		one.NoChanges = "None since states are followed, at most 7 days."
	}
	return p.render(c, status(page.Notes), web.Agent(one))
}
