package store

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// checkStrays recounts the running and pending jobs of requests that should
// have none, from all documents.
func (o *oracle) checkStrays(t testing.TB, s *Store, g *Generation, want map[string]joined) {
	t.Helper()
	newest := map[[2]string]oracleWork{} // by workflow and agent
	for _, work := range o.works {
		key := [2]string{work.Report.Workflow, work.Report.Agent}
		old, there := newest[key]
		if !there || cmp.Or(cmp.Compare(work.Time, old.Time), cmp.Compare(work.ID, old.ID)) > 0 {
			newest[key] = work
		}
	}
	type sums struct{ workflows, running, pending int64 }
	records, sites, agents := map[string]*schema.StrayWorkflow{}, map[string]sums{}, map[string]sums{}
	siteOf := map[[2]string]bool{}
	for key, work := range newest {
		name, agent, c := key[0], key[1], work.Report.Counts
		status := ""
		if j, there := want[name]; there {
			status = j.record.Status
			if info, known := schema.StatusOf(status); !known || info.JobInfo {
				continue
			}
		}
		if c.Running <= 0 && c.Pending <= 0 {
			continue
		}
		r := records[name]
		if r == nil {
			r = &schema.StrayWorkflow{Workflow: name, Status: status, Agents: []string{}, Sites: []string{}}
			records[name] = r
		}
		r.Agents = append(r.Agents, agent)
		r.Running, r.Pending, r.UpdateTime = r.Running+c.Running, r.Pending+c.Pending, max(r.UpdateTime, work.content)
		a := agents[agent]
		agents[agent] = sums{a.workflows + 1, a.running + c.Running, a.pending + c.Pending}
		for _, ws := range work.Report.WorkflowSites() {
			if ws.Running <= 0 && ws.Pending <= 0 {
				continue
			}
			x := sites[ws.Site]
			if !siteOf[[2]string{name, ws.Site}] {
				x.workflows++
				r.Sites = append(r.Sites, ws.Site)
			}
			siteOf[[2]string{name, ws.Site}] = true
			sites[ws.Site] = sums{x.workflows, x.running + ws.Running, x.pending + ws.Pending}
		}
	}
	got := g.Strays()
	require.Len(t, got, len(records))
	for i, name := range slices.Sorted(maps.Keys(records)) {
		slices.Sort(records[name].Agents)
		slices.Sort(records[name].Sites)
		require.Positive(t, got[i].Since)
		records[name].Since = got[i].Since
		require.Equal(t, *records[name], got[i])
	}
	for _, x := range g.Sites() {
		require.Equal(t, sites[x.Site], sums{x.StrayWorkflows, x.StrayRunning, x.StrayPending}, x.Site)
		delete(sites, x.Site)
	}
	for _, d := range s.Agents(g) {
		a := d.Agent
		require.Equal(t, agents[a.Agent], sums{a.StrayWorkflows, a.StrayRunning, a.StrayPending}, a.Agent)
		delete(agents, a.Agent)
	}
	require.Empty(t, sites)
	require.Empty(t, agents)
}

// Since when stray jobs are known is kept while they are there, also by a
// checkpoint, and begins again when they come again.
func TestStraySince(t *testing.T) {
	m, c := newMaker(9), &clock{start}
	name := nameOf(1)
	p := m.partChange(name, 1, start)
	p.Report.Counts, p.Report.Sites = schema.JobCounts{Running: 3, Pending: 2}, nil
	s := loaded(t, Options{Now: c.now}, nil)
	stray := func() []schema.StrayWorkflow { return must(s).Strays() }
	require.Empty(t, stray())
	require.True(t, s.Apply([]join.Change{p}).Published)
	want := schema.StrayWorkflow{Workflow: name, Agents: []string{p.Report.Agent}, Sites: []string{schema.None}, Running: 3, Pending: 2, Since: start, UpdateTime: start}
	require.Equal(t, []schema.StrayWorkflow{want}, stray())
	require.Contains(t, want.Alert(schema.DefaultLimits()).Reason, "archived or unknown")

	c.at += 100
	s = again(t, s, Options{Now: c.now})
	again := *p.Report
	again.Counts.Running = 1
	require.True(t, s.Apply([]join.Change{{Kind: join.AgentReport, ID: p.ID, Hash: 7, Time: c.at, Report: &again}}).Published)
	want.Running, want.UpdateTime = 1, c.at
	require.Equal(t, []schema.StrayWorkflow{want}, stray())

	w := m.requestChange(name)
	w.Workflow.Status = "aborted"
	s.Apply([]join.Change{w})
	want.Status = "aborted"
	require.Equal(t, []schema.StrayWorkflow{want}, stray())
	require.Contains(t, want.Alert(schema.DefaultLimits()).Reason, "no job is allowed in status aborted")
	w.Hash, w.Workflow = w.Hash+1, m.request(name)
	w.Workflow.Status = "running-open"
	s.Apply([]join.Change{w})
	require.Empty(t, stray(), "in this status it may have jobs")
	c.at += 100
	s.Apply([]join.Change{{Kind: join.Request, ID: w.ID, Deleted: true}})
	want.Status, want.Since = "", c.at
	require.Equal(t, []schema.StrayWorkflow{want}, stray())
	s.Apply([]join.Change{{Kind: join.AgentReport, ID: p.ID, Deleted: true}})
	require.Empty(t, stray())

	all := loaded(t, Options{Now: c.now, JoinAll: true}, []join.Change{p, {Kind: join.Request, ID: name, Hash: 5, Workflow: &schema.Workflow{Workflow: name, Status: "new"}}})
	require.Empty(t, must(all).Strays(), "Tier-0 has jobs in every status")
}
