// Package sums maintains the sums over workflows: by campaign, release, site,
// agent and status. They are exact, and a change costs only what it touches: the
// amounts of a workflow are removed again when it changes. Ratios are computed
// after summing. The package uses schema's records and agent reports; it does
// not know how they are stored or from which documents they come.
package sums

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// None is the group of workflows that have no campaign or release.
const None = "(none)"

// Sums is the running state. It is not safe for concurrent use; the views that
// it returns are immutable.
type Sums struct {
	campaigns *table[*campaign, Campaign]
	releases  *table[*rollup[schema.Release], schema.Release]
	statuses  *table[*status, schema.StatusSummary]
	sites     *table[*site, Site]
	agents    *table[*agent, Agent]
	strays    *table[*stray, schema.StrayWorkflow]
}

// View is the state of all sums at one time, each list by name.
type View struct {
	Campaigns Rows[Campaign]
	Releases  Rows[schema.Release]
	Statuses  Rows[schema.StatusSummary]
	Sites     Rows[Site]  // without State, slots and FreeForQueue
	Agents    Rows[Agent] // only Agent, Team, Version, Workflows, Stray… and counters
	Strays    Rows[schema.StrayWorkflow]
}

// Site is the sum of a site, with its workflows by group of status.
type Site struct {
	schema.Site
	Groups schema.GroupCounts
}

// Agent is the sum of an agent, with its workflows by group of status.
type Agent struct {
	schema.Agent
	Groups schema.GroupCounts
}

// New returns empty sums.
func New() *Sums {
	return &Sums{
		campaigns: newTable[*campaign, Campaign](newCampaign),
		releases: newTable[*rollup[schema.Release], schema.Release](func() *rollup[schema.Release] {
			return &rollup[schema.Release]{events: averages{}, lumis: averages{}, show: func(name string, r schema.Rollup, c schema.Counters) *schema.Release {
				return &schema.Release{Release: name, Rollup: r, Counters: c}
			}}
		}),
		statuses: newTable[*status, schema.StatusSummary](func() *status { return &status{} }),
		sites: newTable[*site, Site](func() *site {
			return &site{agents: map[string]int{}}
		}),
		agents: newTable[*agent, Agent](func() *agent {
			return &agent{teams: map[string]int{}, versions: map[string]int{}}
		}),
		strays: newTable[*stray, schema.StrayWorkflow](func() *stray { return &stray{} }),
	}
}

// Add adds a workflow and the reports that are joined to it, one of each agent.
func (s *Sums) Add(w *schema.Workflow, parts []schema.AgentReport) { s.change(w, parts, 1) }

// Remove undoes Add with the same arguments.
func (s *Sums) Remove(w *schema.Workflow, parts []schema.AgentReport) { s.change(w, parts, -1) }

func (s *Sums) change(w *schema.Workflow, parts []schema.AgentReport, sign int64) {
	campaign := s.campaigns.at(orNone(w.Campaign))
	campaign.change(w, sign)
	for _, name := range w.Campaigns {
		if name != w.Campaign {
			s.campaigns.at(name).steps += sign
		}
	}
	s.releases.at(orNone(w.Release)).change(w, sign)
	for _, name := range w.Releases {
		if name != w.Release {
			s.releases.at(name).steps += sign
		}
	}
	s.statuses.at(w.Status).change(w, sign)
	var seen map[string]bool
	first := func(site string) bool {
		if len(parts) == 1 && site != schema.None {
			return true // of the sites of one agent only this one can occur twice
		}
		if seen == nil {
			seen = map[string]bool{}
		}
		was := seen[site]
		seen[site] = true
		return !was
	}
	group := schema.GroupOf(w.Status)
	for i := range parts {
		p := &parts[i]
		s.agents.at(p.Agent).change(p, group, sign)
		p.EachSite(func(site string, counts *schema.JobCounts) {
			g := s.sites.at(site)
			g.change(counts, p.Agent, sign)
			campaign.changeSite(site, counts, sign)
			if first(site) {
				g.workflows += sign
				g.groups[group] += sign
			}
		})
	}
}

func orNone(name string) string {
	if name == "" {
		return None
	}
	return name
}

// View returns the current sums. It shares unchanged parts with the previous
// view.
func (s *Sums) View() *View {
	return &View{
		Campaigns: s.campaigns.view(),
		Releases:  s.releases.view(),
		Statuses:  s.statuses.view(),
		Sites:     s.sites.view(),
		Agents:    s.agents.view(),
		Strays:    s.strays.view(),
	}
}

func addSigned(c, o *schema.JobCounts, sign int64) {
	if sign > 0 {
		c.Add(o)
	} else {
		c.Sub(o)
	}
}

// rollup is the sum of a campaign or release.
type rollup[R any] struct {
	show      func(name string, r schema.Rollup, c schema.Counters) *R
	workflows int64
	steps     int64 // workflows that have it only in a step
	counts    schema.JobCounts
	sum       schema.Rollup // status groups; requested and produced amounts are in the next four
	inEvents  amount
	inLumis   amount
	events    averages
	lumis     averages
	priority  tally
	status    oldest
}

func (r *rollup[R]) empty() bool { return r.workflows == 0 && r.steps == 0 }

func (r *rollup[R]) change(w *schema.Workflow, sign int64) {
	r.workflows += sign
	addSigned(&r.counts, &w.JobCounts, sign)
	r.inEvents.changeKnown(w.InputEvents, sign)
	r.inLumis.changeKnown(w.InputLumis, sign)
	r.events.change(w.OutputEvents, w.AveragedDatasets(), sign)
	r.lumis.change(w.OutputLumis, w.AveragedDatasets(), sign)
	if n := r.statusGroup(w.Status); n != nil {
		*n += sign
	}
	if sign > 0 {
		r.priority.add(w.Priority)
		r.status.add(w.StatusTime)
	} else {
		r.priority.remove(w.Priority)
		r.status.remove(w.StatusTime)
	}
}

// statusGroup returns the counter of the status's group; nil for an unknown
// status.
func (r *rollup[R]) statusGroup(status string) *int64 {
	info, _ := schema.StatusOf(status)
	switch info.Group {
	case "Waiting":
		return &r.sum.Waiting
	case "InTransfer":
		return &r.sum.InTransfer
	case "InQueue":
		return &r.sum.InQueue
	case "RunningWorkflows":
		return &r.sum.RunningWorkflows
	case "Done":
		return &r.sum.Done
	case "Bad":
		return &r.sum.Bad
	}
	return nil
}

func (r *rollup[R]) record(name string) *R {
	out := r.sum
	out.Workflows, out.StepWorkflows = r.workflows, r.steps
	out.InputEvents, out.InputLumis = r.inEvents.known(), r.inLumis.known()
	events, lumis := r.events.sum(), r.lumis.sum()
	out.OutputEvents, out.OutputLumis = schema.Hundredths(events), schema.Hundredths(lumis)
	out.EventProgress = schema.Percent(events, float64(out.InputEvents))
	out.LumiProgress = schema.Percent(lumis, float64(out.InputLumis))
	_, out.MaxPriority = r.priority.extremes()
	out.OldestStatusTime = r.status.min()
	return r.show(name, out, r.counts.Derive())
}

// status is the sum of a status.
type status struct {
	workflows int64
	events    amount
	priority  tally
	entered   oldest
}

func (s *status) empty() bool { return s.workflows == 0 }

func (s *status) change(w *schema.Workflow, sign int64) {
	s.workflows += sign
	s.events.changeKnown(w.RequestedEvents, sign)
	if sign > 0 {
		s.priority.add(w.Priority)
		s.entered.add(w.StatusTime)
	} else {
		s.priority.remove(w.Priority)
		s.entered.remove(w.StatusTime)
	}
}

// unknownOrder sorts unknown statuses after all others.
const unknownOrder = 99

func (s *status) record(name string) *schema.StatusSummary {
	out := &schema.StatusSummary{
		Status: name, Order: unknownOrder, Workflows: s.workflows, RequestedEvents: s.events.known(),
		OldestStatusTime: s.entered.min(),
	}
	out.MinPriority, out.MaxPriority = s.priority.extremes()
	if info, ok := schema.StatusOf(name); ok {
		out.Order = info.Order
	}
	return out
}

// site is the sum of a site over all agents and workflows.
type site struct {
	workflows int64
	groups    schema.GroupCounts
	counts    schema.JobCounts
	agents    map[string]int // number of reports of each
	parts     int64
	strays    strays
}

func (s *site) empty() bool { return s.parts == 0 && s.strays.workflows == 0 }

func (s *site) change(c *schema.JobCounts, agent string, sign int64) {
	s.parts += sign
	addSigned(&s.counts, c, sign)
	if s.agents[agent] += int(sign); s.agents[agent] == 0 {
		delete(s.agents, agent)
	}
}

func (s *site) record(name string) *Site {
	out := &Site{Groups: s.groups, Site: schema.Site{Site: name, Workflows: s.workflows, Agents: int64(len(s.agents)), Counters: s.counts.Derive()}}
	out.Tier, out.Country = SiteName(name)
	out.StrayWorkflows, out.StrayRunning, out.StrayPending = s.strays.workflows, s.strays.running, s.strays.pending
	return out
}

// SiteName returns tier and country from a site's name, such as T2_CH_CERN. Both
// are empty when the name has another form.
func SiteName(name string) (tier, country string) {
	parts := strings.SplitN(name, "_", 3)
	if len(parts) < 3 || len(parts[0]) != 2 || parts[0][0] != 'T' || parts[0][1] < '0' || parts[0][1] > '9' || len(parts[1]) != 2 {
		return "", ""
	}
	return parts[0], parts[1]
}

// agent is the sum of an agent. Its team and version are those of its reports,
// for agents that don't report on themselves.
type agent struct {
	workflows       int64
	groups          schema.GroupCounts
	counts          schema.JobCounts
	teams, versions map[string]int
	strays          strays
}

func (a *agent) empty() bool { return a.workflows == 0 && a.strays.workflows == 0 }

func (a *agent) change(p *schema.AgentReport, group int, sign int64) {
	a.workflows += sign
	a.groups[group] += sign
	addSigned(&a.counts, &p.Counts, sign)
	a.name(p, sign)
}

func (a *agent) name(p *schema.AgentReport, sign int64) {
	count(a.teams, p.Team, int(sign))
	count(a.versions, p.AgentVersion, int(sign))
}

func count(counts map[string]int, text string, by int) {
	if counts[text] += by; counts[text] == 0 {
		delete(counts, text)
	}
}

func (a *agent) record(name string) *Agent {
	return &Agent{Groups: a.groups, Agent: schema.Agent{
		Agent: name, Workflows: a.workflows, Counters: a.counts.Derive(),
		Team: greatest(a.teams), Version: greatest(a.versions),
		StrayWorkflows: a.strays.workflows, StrayRunning: a.strays.running, StrayPending: a.strays.pending,
	}}
}

func greatest(counts map[string]int) (text string) {
	for t := range counts {
		text = max(text, t)
	}
	return text
}
