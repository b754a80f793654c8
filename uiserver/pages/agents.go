package pages

import (
	"context"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

const agentsPath = "/agents"

// kindParam chooses the tab: agent or service.
const (
	kindParam   = "kind"
	kindAgent   = "agent"
	kindService = "service"
)

var agentColumns = []groupColumn{
	{"Agent", "agent", "", false, false},
	{"Severity", "severity", "one for each agent: error before warning before drain", false, false},
	{"UpdateTime", "report", "when it last reported on itself", true, true},
	{"DataUpdateTime", "job counts", "when it last reported on its workflows", true, true},
	{"Workflows", "workflows", "workflows that it has reported on", true, false},
	{"JobProgress", "jobs done", "share of created jobs that ended", true, false},
	{"Running", "running", "jobs that run", true, false},
	{"Failure", "failed", "jobs that failed for good", true, false},
	{"FailureRate", "failure rate", "share of ended jobs that failed", true, false},
	{"Cooloff", "cool-off", "jobs that wait to be retried", true, false},
}

var serviceColumns = []groupColumn{
	agentColumns[0], agentColumns[1], agentColumns[2],
	{"Version", "version", "", false, false},
}

// agents is one of two tabs: agents, or central services.
func (p *Pages) agents(c echo.Context) error {
	kind, columns := kindAgent, agentColumns
	if c.QueryParam(kindParam) == kindService {
		kind, columns = kindService, serviceColumns
	}
	q, notes := parseGroups(c.Request(), columns, groupQuery{sort: "Severity"}, kindParam)
	if given := c.QueryParam(kindParam); given != "" && given != kindAgent && given != kindService {
		notes = append(notes, web.Note{Bad: true, Text: "kind is agent or service, not '" + shorten(given) + "'."})
	}
	var all []schema.AgentDetail
	var meta cacheclient.Meta
	state, err := p.load(c.Request().Context(), func(ctx context.Context) (err error) {
		all, meta, err = p.Client.Agents(ctx)
		return err
	})
	if err != nil {
		return p.fail(c, agentsPath, state, err)
	}
	page := web.AgentsPage{
		Frame: p.frame(agentsPath, "Agents", state, meta), Notes: notes, JSON: agentsPath + ".json", Tabs: agentTabs(all, kind),
	}
	for _, h := range q.heads(columns) {
		h.Href += "&" + kindParam + "=" + kind
		page.Heads = append(page.Heads, h)
	}
	cards := map[string]web.AgentCard{}
	var records []schema.Agent
	for _, severity := range web.Severities() { // the worst first
		for _, a := range all {
			named := strings.Contains(strings.ToLower(a.Agent.Agent), strings.ToLower(q.text))
			if a.Severity != severity || (a.Kind == kindService) != (kind == kindService) || !named {
				continue
			}
			card := web.AgentCard{AgentDetail: a, List: filtered(wire.Query{Terms: exactly("Agents", a.Agent.Agent)})}
			cards[a.Agent.Agent] = card
			records = append(records, a.Agent)
			page.Cards = append(page.Cards, card)
		}
	}
	for _, a := range sortAgents(records, q) {
		page.Rows = append(page.Rows, cards[a.Agent])
	}
	return p.render(c, statusFor(notes), web.Agents(page))
}

// sortAgents puts them in the order of the table, all on one page; severities
// are in the order of urgency, not of letters.
func sortAgents(records []schema.Agent, q groupQuery) []schema.Agent {
	out := slices.Clone(records)
	byKey := orderBy[schema.Agent](q.sort, q.desc)
	slices.SortStableFunc(out, func(a, b schema.Agent) int {
		if q.sort != "Severity" {
			return byKey(&a, &b)
		}
		order := slices.Index(web.Severities(), a.Severity) - slices.Index(web.Severities(), b.Severity)
		if q.desc {
			return -order
		}
		return order
	})
	return out
}

// agentTabs are the two tabs with how many there are.
func agentTabs(all []schema.AgentDetail, shown string) []web.Link {
	var services int64
	for _, a := range all {
		if a.Kind == kindService {
			services++
		}
	}
	tabs := []web.Link{
		{Text: "WMAgents " + web.Int(int64(len(all))-services), Href: agentsPath},
		{Text: "Central services " + web.Int(services), Href: agentsPath + "?" + kindParam + "=" + kindService},
	}
	if shown == kindService {
		tabs[1].Href = ""
	} else {
		tabs[0].Href = ""
	}
	return tabs
}
