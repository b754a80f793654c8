package timeline

import (
	"slices"

	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
)

// count computes the values of a point: overall, and for each campaign, site,
// release and agent. They are sums that the generation has, so that the cost
// depends on the number of names only.
func (t *Timeline) count(generation *store.Generation, agents []schema.AgentDetail, sites []schema.Site) map[key][]int64 {
	out := map[key][]int64{}
	all := make([]int64, len(t.all.labels))
	out[key{}] = all
	for _, s := range generation.Statuses() {
		all[t.status(s.Status)] += s.Workflows
	}
	for _, c := range generation.Campaigns() { // each workflow is in one of them
		t.all.add(all, &c.Counters)
		out[key{Campaign, c.Campaign}] = t.values(groupsOf(&c.Rollup), &c.Counters)
	}
	for _, r := range generation.Releases() {
		out[key{Release, r.Release}] = t.values(groupsOf(&r.Rollup), &r.Counters)
	}
	groups := generation.SiteGroups()
	for _, s := range sites {
		out[key{Site, s.Site}] = t.values(groups[s.Site], &s.Counters)
	}
	groups = generation.AgentGroups()
	for i := range agents {
		if a := &agents[i].Agent; a.Kind == schema.KindAgent {
			out[key{Agent, a.Agent}] = t.values(groups[a.Agent], &a.Counters)
		}
	}
	return out
}

// values returns the values of a point of a name.
func (t *Timeline) values(groups schema.GroupCounts, c *schema.Counters) []int64 {
	out := make([]int64, len(t.named.labels))
	copy(out, groups[:])
	t.named.add(out, c)
	return out
}

// groupsOf returns the workflows of a campaign or release by group of status.
func groupsOf(r *schema.Rollup) schema.GroupCounts {
	out := schema.GroupCounts{r.Waiting, r.InTransfer, r.InQueue, r.RunningWorkflows, r.Done, r.Bad}
	other := r.Workflows
	for _, n := range out {
		other -= n
	}
	out[len(out)-1] = other
	return out
}

// status returns the index of a status in the layout of all workflows.
func (t *Timeline) status(name string) int {
	if i := slices.Index(t.all.labels[:t.all.states], name); i >= 0 {
		return i
	}
	return t.all.states - 1
}
