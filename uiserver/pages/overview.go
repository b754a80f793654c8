package pages

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// topRows is how long the rankings are.
const topRows = 10

// jobSums are the counters that web.JobParts shows.
var jobSums = []string{"Success", "Canceled", "Transition", "Queued", "Running", "Pending", "Failure", "Cooloff", "Paused"}

// answers is what the overview asks the cache server for.
type answers struct {
	statuses  []schema.StatusSummary
	total     wire.Stats // one group: all
	byType    wire.Stats
	campaigns []schema.Campaign
	sites     []schema.Site
	agents    []schema.AgentDetail
	ages      wire.Stats
	today     wire.Stats // by status: workflows that entered it since 00:00 UTC
	meta      cacheclient.Meta
	history   web.History
}

// overview is the first page.
func (p *Pages) overview(c echo.Context) error {
	var a answers
	state, err := p.load(c.Request().Context(), p.overviewCalls(&a)...)
	if err != nil {
		return p.fail(c, "/", state, err)
	}
	page := web.OverviewPage{
		Frame:     p.frame("/", "Overview", state, a.meta),
		Statuses:  statusTiles(a.statuses),
		ByType:    typeBars(a.byType),
		Campaigns: topCampaigns(a.campaigns),
		Sites:     topSites(a.sites),
		Agents:    agentGroups(a.agents),
		History:   a.history,
	}
	for _, g := range a.total.Groups {
		page.Jobs = statsParts(g)
	}
	page.Ages = ageBuckets(a.ages)
	page.Today, page.TodayTotal, page.TodayHref = p.todayCounts(a.today)
	return p.render(c, 200, web.Overview(page))
}

func (p *Pages) overviewCalls(a *answers) []call {
	return []call{
		p.historyOf("status", "", "", &a.history),
		func(ctx context.Context) (err error) {
			a.statuses, a.meta, err = p.Client.Statuses(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			a.total, _, err = p.Client.Stats(ctx, wire.Query{}, nil, jobSums)
			return p.optional("sums of all jobs", err)
		},
		func(ctx context.Context) (err error) {
			a.byType, _, err = p.Client.Stats(ctx, wire.Query{}, []string{"type"}, jobSums)
			return p.optional("sums by type", err)
		},
		func(ctx context.Context) (err error) {
			a.campaigns, _, err = p.Client.Campaigns(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			a.sites, _, err = p.Client.Sites(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			a.agents, _, err = p.Client.Agents(ctx)
			return err
		},
		func(ctx context.Context) (err error) {
			a.ages, _, err = p.Client.Stats(ctx, wire.Query{}, []string{wire.AgeField}, nil)
			return p.optional("time in status", err)
		},
		func(ctx context.Context) (err error) {
			a.today, _, err = p.Client.Stats(ctx, wire.Query{Terms: p.sinceToday()}, []string{"Status"}, nil)
			return p.optional("changes of today", err)
		},
	}
}

// sinceToday bounds the time of the status by the beginning of this day.
func (p *Pages) sinceToday() []wire.Term {
	today := p.Now().UTC().Truncate(24 * time.Hour).Unix()
	return []wire.Term{{Field: "StatusTime", Op: wire.Min, Number: float64(today)}}
}

// todayCounts are the statuses that workflows entered today.
func (p *Pages) todayCounts(s wire.Stats) (counts []web.StatusCount, total int64, all string) {
	q := wire.Query{Terms: p.sinceToday(), Sort: []wire.SortKey{{Field: "StatusTime", Desc: true}}}
	return statusCounts(s, q), int64(s.Total), filtered(q)
}

// statusCounts are the groups of a status under a query, each with its list.
func statusCounts(s wire.Stats, q wire.Query) []web.StatusCount {
	var out []web.StatusCount
	for _, g := range s.Groups {
		one := q
		one.Terms = append(slices.Clone(q.Terms), exactly("Status", g.Keys[0])...)
		out = append(out, web.StatusCount{Status: g.Keys[0], Count: int64(g.Count), Href: filtered(one)})
	}
	return out
}

// filtered is the list of workflows under a query.
func filtered(q wire.Query) string {
	return listQuery{Query: withSize(q)}.address(workflowsPath)
}

func withSize(q wire.Query) wire.Query {
	q.Limit = defaultSize
	return q
}

// only is a term with one value.
func only(field, value string) []wire.Term {
	return []wire.Term{{Field: field, Op: wire.In, Values: []string{value}}}
}

// none is the campaign or release of workflows without one.
const none = "(none)"

// exactly asks for one value; a missing one is asked for by its absence.
func exactly(field, value string) []wire.Term {
	if value == "" || value == none && (field == "Campaign" || field == "Release") {
		return []wire.Term{{Field: field, Op: wire.HasNot}}
	}
	return only(field, value)
}

func statusTiles(statuses []schema.StatusSummary) []web.StatusTile {
	var out []web.StatusTile
	for _, s := range statuses {
		tile := web.StatusTile{StatusSummary: s, Href: filtered(wire.Query{Terms: exactly("Status", s.Status)})}
		if info, ok := schema.StatusOf(s.Status); !ok || !final(info) {
			tile.Oldest = filtered(wire.Query{Terms: exactly("Status", s.Status), Sort: []wire.SortKey{{Field: "StatusTime"}}})
		}
		out = append(out, tile)
	}
	return out
}

// final reports whether nothing more is expected to happen in a status.
func final(info schema.StatusInfo) bool {
	switch info.Status {
	case "announced", "rejected", "aborted-completed":
		return true
	}
	return !info.Active
}

// statsParts are the sums of a group, in the order of jobSums, as a bar.
func statsParts(group wire.StatsGroup) []web.Part {
	sums := map[string]int64{}
	for i, value := range group.Sums[:min(len(group.Sums), len(jobSums))] {
		sums[jobSums[i]] = value
	}
	c := schema.Counters{
		JobCounts: schema.JobCounts{
			Success: sums["Success"], Canceled: sums["Canceled"], Transition: sums["Transition"],
			Running: sums["Running"], Pending: sums["Pending"],
		},
		Queued: sums["Queued"], Failure: sums["Failure"], Cooloff: sums["Cooloff"], Paused: sums["Paused"],
	}
	parts := web.JobParts(c)
	for i := range parts {
		parts[i].Href = withJobs(jobFields[parts[i].Label])
	}
	return parts
}

// jobFields are the keys of the states in web.JobParts.
var jobFields = map[string]string{
	"success": "Success", "running": "Running", "pending": "Pending", "queued": "Queued", "in transition": "Transition",
	"canceled": "Canceled", "cool-off": "Cooloff", "paused": "Paused", "failure": "Failure",
}

// withJobs are the workflows that have jobs in a state, the most first.
func withJobs(field string) string {
	return filtered(wire.Query{
		Terms: []wire.Term{{Field: field, Op: wire.Has}},
		Sort:  []wire.SortKey{{Field: field, Desc: true}},
	})
}

func typeBars(s wire.Stats) []web.TypeBar {
	var out []web.TypeBar
	for _, g := range s.Groups {
		kind := ""
		if len(g.Keys) > 0 {
			kind = g.Keys[0]
		}
		out = append(out, web.TypeBar{Type: kind, Workflows: int64(g.Count), Href: filtered(wire.Query{Terms: exactly("Type", kind)}), Parts: plainParts(g)})
	}
	return out
}

// mostFailed asks for the workflows of one value with most failed jobs first.
func mostFailed(field, value string) string {
	return filtered(wire.Query{Terms: exactly(field, value), Sort: []wire.SortKey{{Field: "Failure", Desc: true}}})
}

func topCampaigns(all []schema.Campaign) []web.TopRow {
	var rows []web.TopRow
	for _, c := range all {
		rows = append(rows, web.TopRow{
			Name: c.Campaign, Href: web.CampaignPath(c.Campaign), Workflows: c.Workflows, Counted: web.Counted(c.Rollup), Counters: c.Counters,
			List: mostFailed("Campaign", c.Campaign),
		})
	}
	return top(rows)
}

func topSites(all []schema.Site) []web.TopRow {
	var rows []web.TopRow
	for _, s := range all {
		rows = append(rows, web.TopRow{
			Name: s.Site, Href: web.SitePath(s.Site), Workflows: s.Workflows, Counted: web.Int(s.Workflows), Counters: s.Counters,
			List: mostFailed("Sites", s.Site),
		})
	}
	return top(rows)
}

// top are the rows with most failures; those without any are left out.
func top(rows []web.TopRow) []web.TopRow {
	slices.SortStableFunc(rows, func(a, b web.TopRow) int {
		return cmp.Or(cmp.Compare(b.Failure, a.Failure), cmp.Compare(a.Name, b.Name))
	})
	n := 0
	for n < min(len(rows), topRows) && rows[n].Failure > 0 {
		n++
	}
	return rows[:n]
}

func agentGroups(all []schema.AgentDetail) []web.AgentGroup {
	var out []web.AgentGroup
	for _, severity := range web.Severities() {
		group := web.AgentGroup{Severity: severity}
		for _, a := range all {
			if a.Severity == severity {
				group.Agents = append(group.Agents, a.Agent)
			}
		}
		if group.Agents != nil {
			out = append(out, group)
		}
	}
	return out
}
