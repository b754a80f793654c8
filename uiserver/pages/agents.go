package pages

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// kindParam chooses the tab: agent or service.
const (
	kindParam   = "kind"
	kindAgent   = "agent"
	kindService = "service"
)

var agentColumns = []query.GroupColumn{
	{Key: "Agent", Label: "agent"},
	{Key: "Severity", Label: "severity", Doc: "one per agent: error before warning before drain"},
	{Key: "UpdateTime", Label: "report", Doc: "time of its last status report", Numeric: true, Time: true},
	{Key: "DataUpdateTime", Label: "job counts", Doc: "time of its last job counts", Numeric: true, Time: true},
	{Key: "Workflows", Label: "workflows", Doc: "workflows that it has reported", Numeric: true},
	{Key: "JobProgress", Label: "jobs done", Doc: "share of created jobs that finished", Numeric: true},
	{Key: "Running", Label: "running", Doc: "running jobs", Numeric: true},
	{Key: "Failure", Label: "failed", Doc: "jobs that failed for good", Numeric: true},
	{Key: "FailureRate", Label: "failure rate", Doc: "share of finished jobs that failed", Numeric: true},
	{Key: "Cooloff", Label: "cool-off", Doc: "jobs waiting to be retried", Numeric: true},
	{Key: "Team", Label: "team"},
	{Key: "Version", Label: "version"},
}

var serviceColumns = []query.GroupColumn{
	agentColumns[0], agentColumns[1], agentColumns[2],
	{Key: "Version", Label: "version"},
}

// agents is the page with the tabs of agents and of central services.
func (p *Pages) agents(c echo.Context) error {
	kind, columns := kindAgent, agentColumns
	if c.QueryParam(kindParam) == kindService {
		kind, columns = kindService, serviceColumns
	}
	q, notes := query.ReadGroups(c.Request().URL, columns, query.Groups{Sort: "Severity"}, kindParam)
	if given := c.QueryParam(kindParam); given != "" && given != kindAgent && given != kindService {
		notes = append(notes, web.Note{Bad: true, Text: "kind takes agent or service, not '" + wire.Shorten(given) + "'."})
	}
	asked := q.Query()
	asked.Limit, asked.Terms = 0, query.Exactly("Kind", kindService)
	if kind != kindService {
		asked.Terms[0].Op = wire.NotIn
	}
	r := p.begin(c)
	all, rows := r.Agents(wire.Query{Sort: []wire.SortKey{{Field: "Severity"}}}), r.Agents(asked)
	lines := &load.RowLines{}
	if kind == kindAgent {
		lines = r.RowLines(kindAgent)
	}
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, web.AgentsPath, state, err)
	}
	page := web.AgentsPage{
		Frame: p.frame(web.AgentsPath, "Agents", state, all.Meta), Notes: notes, JSON: web.AgentsPath + ".json", Tabs: agentTabs(all.Value, kind),
	}
	page.Filter = q.Text
	page.Unknown = p.nameHints(c, "/agent", q, len(rows.Value), wire.Groups[schema.Agent]().Values(wire.Query{Terms: asked.Terms}))
	for _, h := range q.Heads(columns) {
		h.Href += "&" + kindParam + "=" + kind
		page.Heads = append(page.Heads, h)
	}
	page.Rows = agentRows(rows.Value)
	for i := range page.Rows {
		page.Rows[i].Line, page.Rows[i].NoLine = lines.Of(page.Rows[i].Agent.Agent)
	}
	return p.render(c, status(notes), web.Agents(page))
}

func agentRows(agents []schema.Agent) []web.AgentRow {
	var rows []web.AgentRow
	for _, a := range agents {
		rows = append(rows, web.AgentRow{
			AgentDetail: schema.AgentDetail{Agent: a}, List: query.WorkflowsOf("Agents", a.Agent),
		})
	}
	return rows
}

// agentTabs returns the two tabs with their counts.
func agentTabs(all []schema.Agent, shown string) []web.Link {
	var services int64
	for _, a := range all {
		if a.Kind == kindService {
			services++
		}
	}
	tabs := []web.Link{
		{Text: "WMAgents " + web.Int(int64(len(all))-services), Href: web.AgentsPath},
		{Text: "Central services " + web.Int(services), Href: web.AgentsPath + "?" + kindParam + "=" + kindService},
	}
	if shown == kindService {
		tabs[1].Href = ""
	} else {
		tabs[0].Href = ""
	}
	return tabs
}
