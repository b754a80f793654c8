package store

import (
	"cmp"
	"slices"
	"time"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/join/sums"
	"github.com/dmwm/wmstats/schema"
)

// Campaigns returns the sums by campaign, by name.
func (g *Generation) Campaigns() []schema.Campaign {
	out := make([]schema.Campaign, 0, g.sums.Campaigns.Len())
	for c := range g.sums.Campaigns.All() {
		out = append(out, c.Campaign)
	}
	return out
}

// WorstSites returns the sites where most jobs of a campaign failed, as agents
// count them, worst first; none for an unknown campaign.
func (g *Generation) WorstSites(campaign string) []schema.SiteFailures {
	for c := range g.sums.Campaigns.All() {
		if c.Campaign.Campaign == campaign {
			return c.WorstSites
		}
	}
	return []schema.SiteFailures{}
}

// Releases returns the sums by release, by name.
func (g *Generation) Releases() []schema.Release { return values(g.sums.Releases) }

// Strays returns the workflows with jobs that should not be there, by name.
func (g *Generation) Strays() []schema.StrayWorkflow { return values(g.sums.Strays) }

// Statuses returns the sums by status, in the order of the life cycle.
func (g *Generation) Statuses() []schema.StatusSummary {
	out := values(g.sums.Statuses)
	slices.SortFunc(out, func(a, b schema.StatusSummary) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Status, b.Status))
	})
	return out
}

func values[T any](rows sums.Rows[T]) []T {
	out := make([]T, 0, rows.Len())
	for v := range rows.All() {
		out = append(out, *v)
	}
	return out
}

// AgentGroups returns the workflows that each agent reports on by group of
// status.
func (g *Generation) AgentGroups() map[string]schema.GroupCounts {
	out := make(map[string]schema.GroupCounts, g.sums.Agents.Len())
	for a := range g.sums.Agents.All() {
		out[a.Agent.Agent] = a.Groups
	}
	return out
}

// AgentsTurned returns when the reported severity of each agent was seen to
// change, Unix s; an agent that has kept it since the first read is absent.
func (g *Generation) AgentsTurned() map[string]int64 {
	out := map[string]int64{}
	for _, a := range g.agentInfos(g.Now()) {
		if a.Turned > 0 {
			out[a.Detail.Agent.Agent] = a.Turned
		}
	}
	return out
}

// Now returns the newest times at which agents were heard of, judged now.
func (g *Generation) Now() AsOf { return g.AsOf(g.with.opt.Now()) }

// AsOf returns the newest times at which agents were heard of, judged at a moment.
func (g *Generation) AsOf(at time.Time) AsOf {
	return AsOf{at.Unix(), g.with.heard.newest()}
}

// AsOfNamed returns the AsOf of a name, which may be up to Options.KeepFor old; false
// if it is older, or of another process.
func (g *Generation) AsOfNamed(name string) (a AsOf, ok bool) {
	return g.with.heard.named(name)
}

// agentInfos returns the newest agent_info document of each agent, by agent,
// with the time when it was last heard of, even after the generation was
// published.
func (g *Generation) agentInfos(at AsOf) []join.Agent {
	out := make([]join.Agent, 0, len(g.state.Agents))
	for _, a := range g.state.Agents {
		if heard, ok := at.heard.Agents[a.ID]; ok {
			a.Heard = heard
		}
		last := len(out) - 1
		if last < 0 || out[last].Detail.Agent.Agent != a.Detail.Agent.Agent {
			out = append(out, a)
		} else if a.Heard.Time >= out[last].Heard.Time {
			out[last] = a
		}
	}
	return out
}

// Agents returns all agents and services of a generation, by name, with their
// current reports: their age counts, though it makes no generation. Agents that
// have workflows but don't report on themselves are included.
func (s *Store) Agents(g *Generation) []schema.AgentDetail { return g.AgentsAt(g.Now()) }

// AgentsAt is Store.Agents as of a moment.
func (g *Generation) AgentsAt(at AsOf) []schema.AgentDetail {
	added := map[string]*schema.Agent{}
	for a := range g.sums.Agents.All() {
		added[a.Agent.Agent] = &a.Agent
	}
	var out []schema.AgentDetail
	for _, a := range g.agentInfos(at) {
		d := *a.Detail
		d.UpdateTime = a.Heard.Time
		if d.DataUpdateTime > 0 { // by the same clock
			if by := d.DataUpdateTime - a.Heard.Ahead; by > 0 {
				d.DataUpdateTime = by
			}
			d.DataUpdateTime = min(d.DataUpdateTime, cmp.Or(d.UpdateTime, at.time))
		}
		d.Workflows, d.Counters = 0, schema.JobCounts{}.Derive()
		d.StrayWorkflows, d.StrayRunning, d.StrayPending = 0, 0, 0
		if a := added[d.Agent.Agent]; a != nil {
			d.Workflows, d.Counters = a.Workflows, a.Counters
			d.StrayWorkflows, d.StrayRunning, d.StrayPending = a.StrayWorkflows, a.StrayRunning, a.StrayPending
			delete(added, a.Agent)
		}
		out = append(out, d)
	}
	for _, a := range added {
		out = append(out, schema.AgentDetail{Agent: schema.Agent{
			Agent: a.Agent, Kind: "agent", Team: a.Team, Version: a.Version, Workflows: a.Workflows, Counters: a.Counters,
			StrayWorkflows: a.StrayWorkflows, StrayRunning: a.StrayRunning, StrayPending: a.StrayPending,
		}})
	}
	slices.SortFunc(out, func(a, b schema.AgentDetail) int { return cmp.Compare(a.Agent.Agent, b.Agent.Agent) })
	for i := range out {
		g.complete(&out[i], at)
	}
	return out
}

// complete sets the fields that depend on time, and replaces nil lists.
func (g *Generation) complete(d *schema.AgentDetail, at AsOf) {
	if d.DataUpdateTime == 0 {
		d.DataUpdateTime = at.heard.Reports[d.Agent.Agent]
	}
	schema.Judge(&d.Agent, at.time, g.state.Limits)
	d.AlertRecords = schema.AlertsOfAgent(d, at.time, g.state.Limits)
	for _, list := range []*[]string{&d.Reasons, &d.DrainWaits, &d.DownComponents} {
		if *list == nil {
			*list = []string{}
		}
	}
	if d.Components == nil {
		d.Components = []schema.AgentComponent{}
	}
	if d.Disks == nil {
		d.Disks = []schema.AgentDisk{}
	}
	if d.Sites == nil {
		d.Sites = []schema.AgentSite{}
	}
	if d.SitePriorities == nil {
		d.SitePriorities = []schema.AgentSitePriority{}
	}
	if d.QueueSites == nil {
		d.QueueSites = []schema.QueueSite{}
	}
	if d.JobStates == nil {
		d.JobStates = []schema.AgentJobState{}
	}
}
