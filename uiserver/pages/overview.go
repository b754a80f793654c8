package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// topRows is the number of rows of the rankings.
const topRows = 10

// overview is the page at /.
func (p *Pages) overview(c echo.Context) error {
	r := p.begin(c)
	history := r.History("status", nil)
	statuses := r.Statuses()
	total := r.Optional("job totals").Stats(wire.Query{}, nil, web.JobKeys())
	byType := r.Optional("job totals by type").Stats(wire.Query{}, []string{"type"}, web.JobKeys())
	campaigns, sites, agents := r.Campaigns(mostFailures()), r.Sites(mostFailures()), r.Agents(wire.Query{})
	ages := r.Optional("time in status").Stats(wire.Query{}, []string{"Status", wire.AgeField}, nil)
	entered := query.Entered(p.startOfDay().Unix(), p.clockEnd())
	today := r.Optional("status changes of today").Stats(wire.Query{Terms: entered.Terms}, []string{"Status"}, nil)
	v := url.Values{}
	if last := lastVisit(c.Request()); last > 0 {
		v.Set("since", strconv.FormatInt(last, 10))
	}
	attention := r.Optional("what needs attention").Attention(v)
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, web.OverviewPath, state, err)
	}
	page := web.OverviewPage{
		Frame:      p.frame(web.OverviewPath, "Overview", state, statuses.Meta),
		Needs:      needs(attention.Value),
		Statuses:   statusTiles(statuses.Value, today.Value, ages.Value),
		ByType:     typeBars(byType.Value),
		Campaigns:  topCampaigns(campaigns.Value),
		Sites:      topSites(sites.Value),
		Agents:     agentGroups(agents.Value),
		History:    *history,
		Ages:       query.AgeBuckets(query.ByAge(ages.Value)),
		TodayTotal: int64(today.Value.Total),
	}
	for _, g := range total.Value.Groups {
		page.Jobs = web.SummedParts(g.Sums)
		for i := range page.Jobs {
			page.Jobs[i].Href = withJobs(page.Jobs[i].Key)
		}
	}
	return p.render(c, http.StatusOK, web.Overview(page))
}

// mostNeeds is the number of rows of the strip.
const mostNeeds = 5

// needs returns the items of all rules that hold back most, each once.
func needs(a wire.Attention) web.Needs {
	out := web.Needs{Missing: a.Generation == "", Total: int64(a.Total)}
	for _, rule := range a.Rules {
		if rule.Rule == schema.AlertAgentError {
			out.Agents = rule.Count
		}
		for _, item := range rule.Items {
			same := func(n web.Need) bool { return n.Kind == item.Kind && n.Name == item.Name }
			if i := slices.IndexFunc(out.Worst, same); i >= 0 {
				out.Worst[i].Titles = append(out.Worst[i].Titles, rule.Title)
				out.Worst[i].New = out.Worst[i].New || item.New
				continue
			}
			out.Worst = append(out.Worst, web.Need{AttentionItem: item, Rule: rule.Rule, Titles: []string{rule.Title}})
		}
	}
	slices.SortStableFunc(out.Worst, func(a, b web.Need) int {
		return cmp.Or(cmp.Compare(b.Workflows, a.Workflows), cmp.Compare(b.Score, a.Score), cmp.Compare(b.Priority, a.Priority))
	})
	out.Worst = out.Worst[:min(len(out.Worst), mostNeeds)]
	return out
}

// statusTiles returns the statuses, with the workflows that entered each today and
// the times that half and most of them are in it.
func statusTiles(statuses []schema.StatusSummary, today, ages wire.Stats) []web.StatusTile {
	entered := map[string]int64{}
	for _, g := range today.Groups {
		entered[g.Keys[0]] = int64(g.Count)
	}
	var out []web.StatusTile
	for _, s := range statuses {
		tile := web.StatusTile{
			StatusSummary: s, Href: query.WorkflowsOf("Status", s.Status), Entered: entered[s.Status], Half: query.Below(ages, s.Status, 50), Most: query.Below(ages, s.Status, 95),
		}
		if info, ok := schema.StatusOf(s.Status); !ok || !final(info) {
			tile.Oldest = query.WorkflowsOf("Status", s.Status, wire.SortKey{Field: "StatusTime"})
		}
		out = append(out, tile)
	}
	return out
}

// final reports whether a status is final.
func final(info schema.StatusInfo) bool {
	switch info.Status {
	case "announced", "rejected", "aborted-completed":
		return true
	}
	return !info.Active
}

// withJobs returns the address of the list of workflows with jobs in a state, most
// jobs first.
func withJobs(field string) string {
	return query.Of(wire.Query{Terms: []wire.Term{{Field: field, Op: wire.Has}}, Sort: []wire.SortKey{{Field: field, Desc: true}}})
}

func typeBars(s wire.Stats) []web.TypeBar {
	var out []web.TypeBar
	for _, g := range s.Groups {
		kind := ""
		if len(g.Keys) > 0 {
			kind = g.Keys[0]
		}
		out = append(out, web.TypeBar{
			Type: kind, Workflows: int64(g.Count), Href: query.WorkflowsOf("Type", kind), Parts: web.SummedParts(g.Sums),
		})
	}
	return out
}

// mostFailed returns the address of the list of workflows with a value, most failed
// jobs first.
func mostFailed(field, value string) string {
	return query.WorkflowsOf(field, value, wire.SortKey{Field: "Failure", Desc: true})
}

// mostFailures returns the query for the groups with the most failed jobs.
func mostFailures() wire.Query {
	return wire.Query{Terms: []wire.Term{{Field: "Failure", Op: wire.Has}}, Sort: []wire.SortKey{{Field: "Failure", Desc: true}}, Limit: topRows}
}

func topCampaigns(campaigns []schema.Campaign) []web.TopRow {
	var rows []web.TopRow
	for _, c := range campaigns {
		rows = append(rows, web.TopRow{
			Name: c.Campaign, Href: web.CampaignPath(c.Campaign), Workflows: c.Workflows, Counted: web.Counted(c.Rollup), Counters: c.Counters,
			List: mostFailed("Campaign", c.Campaign),
		})
	}
	return rows
}

func topSites(sites []schema.Site) []web.TopRow {
	var rows []web.TopRow
	for _, s := range sites {
		rows = append(rows, web.TopRow{
			Name: s.Site, Href: web.SitePath(s.Site), Workflows: s.Workflows, Counted: web.Int(s.Workflows), Counters: s.Counters,
			List: mostFailed("Sites", s.Site),
		})
	}
	return rows
}

func agentGroups(all []schema.Agent) []web.AgentGroup {
	var out []web.AgentGroup
	for _, severity := range schema.Severities() {
		group := web.AgentGroup{Severity: severity}
		for _, a := range all {
			if a.Severity == severity {
				group.Agents = append(group.Agents, a)
			}
		}
		if group.Agents != nil {
			out = append(out, group)
		}
	}
	return out
}
