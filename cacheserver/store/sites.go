package store

import (
	"maps"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/join/sums"
	"github.com/dmwm/wmstats/schema"
)

// Sites returns the sums by site, by name: the sites with jobs, and those where
// an agent may run. State and slots are those that agents report now: their age
// counts, though it makes no generation.
func (g *Generation) Sites() []schema.Site { return g.SitesAt(g.Now()) }

// SitesAt is Sites as of a moment.
func (g *Generation) SitesAt(at AsOf) []schema.Site {
	sites := map[string]*schema.Site{}
	for s := range g.sums.Sites.All() {
		again := s.Site
		again.RunningSlots, again.PendingSlots, again.FreeForQueue = -1, -1, -1
		again.StateAgents = []string{}
		sites[again.Site] = &again
	}
	g.eachSiteAgent(at, func(a *schema.SiteAgent) {
		s := sites[a.Site]
		if s == nil {
			s = newSite(a.Site)
			sites[a.Site] = s
		}
		addAgent(s, a)
	})
	out := make([]schema.Site, 0, len(sites))
	for _, name := range slices.Sorted(maps.Keys(sites)) {
		s := sites[name]
		s.FreeForQueue = schema.Hundredths(s.FreeForQueue) // so that 0.1 + 0.2 is 0.3
		out = append(out, *s)
	}
	return out
}

// SiteGroups returns the workflows with jobs at each site by group of status.
func (g *Generation) SiteGroups() map[string]schema.GroupCounts {
	out := make(map[string]schema.GroupCounts, g.sums.Sites.Len())
	for s := range g.sums.Sites.All() {
		out[s.Site.Site] = s.Groups
	}
	return out
}

// Site returns one of Sites with the report of each agent on it; false for an
// unknown site.
func (g *Generation) Site(name string) (d schema.SiteDetail, ok bool) {
	at := g.Now()
	all := g.SitesAt(at)
	i := slices.IndexFunc(all, func(s schema.Site) bool { return s.Site == name })
	if i < 0 {
		return d, false
	}
	d = schema.SiteDetail{Site: all[i], AgentStates: []schema.SiteAgent{}, QueueSites: []schema.QueueSite{}}
	for _, a := range g.agentInfos(at) {
		if !g.alive(a, at) {
			continue
		}
		for _, q := range a.Detail.QueueSites {
			if q.Site == name {
				d.QueueSites = append(d.QueueSites, q)
			}
		}
	}
	g.eachSiteAgent(at, func(a *schema.SiteAgent) {
		if a.Site == name {
			d.AgentStates = append(d.AgentStates, *a)
		}
	})
	return d, true
}

func newSite(name string) *schema.Site {
	s := &schema.Site{
		Site: name, StateAgents: []string{}, RunningSlots: -1, PendingSlots: -1, FreeForQueue: -1,
		Counters: schema.JobCounts{}.Derive(),
	}
	s.Tier, s.Country = sums.SiteName(name)
	return s
}

// eachSiteAgent visits the report of each agent on each site, by agent.
func (g *Generation) eachSiteAgent(at AsOf, visit func(*schema.SiteAgent)) {
	for _, a := range g.agentInfos(at) {
		alive := g.alive(a, at)
		for i := range a.Detail.Sites {
			visit(&schema.SiteAgent{AgentSite: a.Detail.Sites[i], UpdateTime: a.Heard.Time, Alive: alive})
		}
	}
}

// alive reports whether an agent or service is not silent.
func (g *Generation) alive(a join.Agent, at AsOf) bool {
	return a.Heard.Time > 0 && at.time-a.Heard.Time <= g.state.Limits.AgentSilent
}

// addAgent adds an agent's report on a site. Agents disagree deliberately, for
// example on opportunistic sites: the site's state is the worst one, whichever
// agent wrote last, and slots are those of agents that send jobs there.
func addAgent(s *schema.Site, a *schema.SiteAgent) {
	if !a.Alive {
		return
	}
	if worse := schema.WorseSiteState(s.State, a.State); worse != s.State {
		s.State, s.StateAgents = worse, []string{}
	}
	if a.State != "" && a.State == s.State {
		s.StateAgents = append(s.StateAgents, a.Agent)
	}
	running, pending := a.RunningSlots, a.PendingSlots
	if !schema.SiteTakesJobs(a.State) {
		running, pending = min(running, 0), min(pending, 0)
	}
	s.RunningSlots = schema.AddKnown(s.RunningSlots, running)
	s.PendingSlots = schema.AddKnown(s.PendingSlots, pending)
	s.FreeForQueue = schema.AddKnownFloat(s.FreeForQueue, a.FreeForQueue)
}
