package store

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

func checkGroups(t testing.TB, g *Generation, want map[string]joined) {
	t.Helper()
	campaigns := map[string][]*schema.Workflow{}
	releases := map[string][]*schema.Workflow{}
	statuses := map[string][]*schema.Workflow{}
	for _, j := range want {
		w := j.record
		campaigns[cmp.Or(w.Campaign, "(none)")] = append(campaigns[cmp.Or(w.Campaign, "(none)")], w)
		releases[cmp.Or(w.Release, "(none)")] = append(releases[cmp.Or(w.Release, "(none)")], w)
		statuses[w.Status] = append(statuses[w.Status], w)
	}
	ofSteps := func(groups map[string][]*schema.Workflow, main func(*schema.Workflow) string, all func(*schema.Workflow) []string) map[string]int64 {
		steps := map[string]int64{}
		for _, j := range want {
			for _, name := range all(j.record) {
				if name != main(j.record) {
					steps[name]++
					groups[name] = append(groups[name], nil...)
				}
			}
		}
		return steps
	}
	steps := ofSteps(campaigns, func(w *schema.Workflow) string { return w.Campaign }, func(w *schema.Workflow) []string { return w.Campaigns })
	gotC := g.Campaigns()
	require.Len(t, gotC, len(campaigns))
	for i, name := range slices.Sorted(maps.Keys(campaigns)) {
		r, c := rollupOf(campaigns[name])
		r.StepWorkflows = steps[name]
		requireRollup(t, &r, gotC[i].Rollup)
		require.Equal(t, schema.Campaign{Campaign: name, Rollup: r, Counters: c}, gotC[i])
	}
	steps = ofSteps(releases, func(w *schema.Workflow) string { return w.Release }, func(w *schema.Workflow) []string { return w.Releases })
	gotR := g.Releases()
	require.Len(t, gotR, len(releases))
	for i, name := range slices.Sorted(maps.Keys(releases)) {
		r, c := rollupOf(releases[name])
		r.StepWorkflows = steps[name]
		requireRollup(t, &r, gotR[i].Rollup)
		require.Equal(t, schema.Release{Release: name, Rollup: r, Counters: c}, gotR[i])
	}
	for _, got := range g.Statuses() {
		require.Equal(t, statusOf(got.Status, statuses[got.Status]), got)
		delete(statuses, got.Status)
	}
	require.Empty(t, statuses)
	require.True(t, slices.IsSortedFunc(g.Statuses(), func(a, b schema.StatusSummary) int { return cmp.Compare(a.Order, b.Order) }))
}

// requireRollup compares sums of averages within their rounding error, and
// copies them for the comparison of everything else.
func requireRollup(t testing.TB, want *schema.Rollup, got schema.Rollup) {
	t.Helper()
	for _, f := range []struct {
		want *float64
		got  float64
	}{
		{&want.OutputEvents, got.OutputEvents}, {&want.OutputLumis, got.OutputLumis},
		{&want.EventProgress, got.EventProgress}, {&want.LumiProgress, got.LumiProgress},
	} {
		require.InDelta(t, *f.want, f.got, 0.0051)
		*f.want = f.got
	}
}

func rollupOf(list []*schema.Workflow) (r schema.Rollup, c schema.Counters) {
	var counts schema.JobCounts
	r.MaxPriority, r.InputEvents, r.InputLumis = -1, -1, -1
	var events, lumis float64
	for _, w := range list {
		counts.Add(&w.JobCounts)
		r.Workflows++
		r.InputEvents = schema.AddKnown(r.InputEvents, max(w.InputEvents, -1))
		r.InputLumis = schema.AddKnown(r.InputLumis, max(w.InputLumis, -1))
		if n := cmp.Or(int64(len(w.OutputDatasets)), w.OutputDatasetCount); n > 0 {
			events += float64(w.OutputEvents) / float64(n)
			lumis += float64(w.OutputLumis) / float64(n)
		}
		r.MaxPriority = max(r.MaxPriority, w.Priority)
		if w.StatusTime > 0 && (r.OldestStatusTime == 0 || w.StatusTime < r.OldestStatusTime) {
			r.OldestStatusTime = w.StatusTime
		}
		info, _ := schema.StatusOf(w.Status)
		for name, n := range map[string]*int64{
			"Waiting": &r.Waiting, "InTransfer": &r.InTransfer, "InQueue": &r.InQueue,
			"RunningWorkflows": &r.RunningWorkflows, "Done": &r.Done, "Bad": &r.Bad,
		} {
			if info.Group == name {
				*n++
			}
		}
	}
	r.OutputEvents, r.OutputLumis = events, lumis
	r.EventProgress = schema.Percent(events, float64(r.InputEvents))
	r.LumiProgress = schema.Percent(lumis, float64(r.InputLumis))
	return r, counts.Derive()
}

func statusOf(status string, list []*schema.Workflow) schema.StatusSummary {
	out := schema.StatusSummary{Status: status, Order: 99, Workflows: int64(len(list))}
	if info, ok := schema.StatusOf(status); ok {
		out.Order = info.Order
	}
	out.MinPriority, out.MaxPriority, out.RequestedEvents = -1, -1, -1
	for _, w := range list {
		if w.Priority != -1 {
			if out.MinPriority == -1 || w.Priority < out.MinPriority {
				out.MinPriority = w.Priority
			}
			out.MaxPriority = max(out.MaxPriority, w.Priority)
		}
		out.RequestedEvents = schema.AddKnown(out.RequestedEvents, max(w.RequestedEvents, -1))
		if w.StatusTime > 0 && (out.OldestStatusTime == 0 || w.StatusTime < out.OldestStatusTime) {
			out.OldestStatusTime = w.StatusTime
		}
	}
	return out
}

func checkAgents(t testing.TB, s *Store, g *Generation, want map[string]joined) {
	t.Helper()
	sites := map[string]*schema.Site{}
	siteCounts := map[string]*schema.JobCounts{}
	siteAgents := map[string]map[string]bool{}
	agents := map[string]*schema.JobCounts{}
	workflows := map[string]int64{}
	for _, j := range want {
		seen := map[string]bool{}
		for _, p := range j.parts {
			if agents[p.Agent] == nil {
				agents[p.Agent] = &schema.JobCounts{}
			}
			agents[p.Agent].Add(&p.Counts)
			workflows[p.Agent]++
			for _, ws := range p.WorkflowSites() {
				if sites[ws.Site] == nil {
					sites[ws.Site], siteCounts[ws.Site], siteAgents[ws.Site] = &schema.Site{}, &schema.JobCounts{}, map[string]bool{}
				}
				siteCounts[ws.Site].Add(&ws.JobCounts)
				siteAgents[ws.Site][p.Agent] = true
				if !seen[ws.Site] {
					seen[ws.Site] = true
					sites[ws.Site].Workflows++
				}
			}
		}
	}
	for _, got := range g.Sites() {
		if sites[got.Site] == nil {
			require.Zero(t, got.Workflows)
			if got.StrayWorkflows > 0 {
				continue
			}
			detail, ok := g.Site(got.Site)
			require.True(t, ok)
			require.NotEmpty(t, detail.AgentStates, "a site without jobs is listed because an agent names it")
			continue
		}
		require.Equal(t, siteCounts[got.Site].Derive(), got.Counters, got.Site)
		require.Equal(t, sites[got.Site].Workflows, got.Workflows, got.Site)
		require.EqualValues(t, len(siteAgents[got.Site]), got.Agents, got.Site)
		delete(sites, got.Site)
	}
	require.Empty(t, sites)
	for _, got := range s.Agents(g) {
		require.Equal(t, workflows[got.Agent.Agent], got.Workflows)
		if agents[got.Agent.Agent] != nil {
			require.Equal(t, agents[got.Agent.Agent].Derive(), got.Counters)
		}
		delete(agents, got.Agent.Agent)
	}
	require.Empty(t, agents)
}
