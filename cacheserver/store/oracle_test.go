package store

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// eachCache runs a test with a cache that keeps nothing and with the real one.
func eachCache(t *testing.T, f func(t *testing.T, o Options)) {
	t.Run("no cache", func(t *testing.T) { f(t, Options{}) })
	t.Run("ristretto", func(t *testing.T) {
		c, err := cache.New(1 << 20)
		require.NoError(t, err)
		t.Cleanup(c.Close)
		f(t, Options{Cache: c})
	})
}

// clock is a time that tests move.
type clock struct{ at int64 }

func (c *clock) now() time.Time { return time.Unix(c.at, 0) }

func newStore(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := New(o)
	require.NoError(t, err)
	return s
}

// loaded is a store with a first generation of the given changes.
func loaded(t testing.TB, o Options, changes []join.Change) *Store {
	t.Helper()
	s := newStore(t, o)
	l := s.BeginLoad()
	for batch := range slices.Chunk(changes, 500) {
		l.Add(batch)
	}
	_, err := l.Commit()
	require.NoError(t, err)
	return s
}

// oracle is the same thing as the store, made anew from all documents.
type oracle struct {
	requests map[string]join.Change
	works    map[string]oracleWork
	infos    map[string]join.Change
}

type oracleWork struct {
	join.Change
	content int64
}

func newOracle() *oracle {
	return &oracle{map[string]join.Change{}, map[string]oracleWork{}, map[string]join.Change{}}
}

func (o *oracle) apply(changes []join.Change) {
	for _, c := range changes {
		switch c.Kind {
		case join.Request:
			if c.Deleted {
				delete(o.requests, c.ID)
			} else if c.Workflow != nil {
				o.requests[c.ID] = c
			}
		case join.AgentReport:
			old, there := o.works[c.ID]
			switch {
			case c.Deleted:
				delete(o.works, c.ID)
			case there && old.Hash == c.Hash:
				old.Time = c.Time
				o.works[c.ID] = old
			case c.Report != nil:
				o.works[c.ID] = oracleWork{c, c.Time}
			}
		case join.AgentInfo:
			if c.Deleted {
				delete(o.infos, c.ID)
			} else if c.Info != nil {
				o.infos[c.ID] = c
			}
		}
	}
}

// joined is a record with the parts that are in it.
type joined struct {
	record *schema.Workflow
	parts  []schema.AgentReport
	silent map[string][2]int64 // agents whose counts are stale: when they last changed, and were last written
}

func (o *oracle) records(now int64) map[string]joined {
	limits := schema.DefaultLimits()
	out := map[string]joined{}
	winner := map[string]string{}
	for id, c := range o.requests {
		name := c.Workflow.Workflow
		if old, there := winner[name]; !there || id == name || old != name && id < old {
			winner[name] = id
		}
	}
	for name, id := range winner {
		w := *o.requests[id].Workflow
		newest := map[string]oracleWork{}
		for _, work := range o.works {
			if work.Report.Workflow != name {
				continue
			}
			old, there := newest[work.Report.Agent]
			if !there || cmp.Or(cmp.Compare(work.Time, old.Time), cmp.Compare(work.ID, old.ID)) > 0 {
				newest[work.Report.Agent] = work
			}
		}
		if info, known := schema.StatusOf(w.Status); known && !info.JobInfo {
			clear(newest)
		}
		var parts []schema.AgentReport
		stale := []string{}
		silent := map[string][2]int64{}
		for _, agent := range slices.Sorted(maps.Keys(newest)) {
			p := *newest[agent].Report
			p.Time = newest[agent].content
			parts = append(parts, p)
			if now-newest[agent].Time > limits.AgentSilent {
				stale = append(stale, agent)
				silent[agent] = [2]int64{newest[agent].content, newest[agent].Time}
			}
		}
		schema.Join(&w, parts)
		w.Alerts, _ = schema.Alerts(&w, stale, now, limits)
		out[name] = joined{&w, parts, silent}
	}
	return out
}

// check compares all records of the store, and all sums, with the oracle's.
func (o *oracle) check(t testing.TB, s *Store, now int64) {
	t.Helper()
	g, ok := s.Newest()
	require.True(t, ok)
	want := o.records(now)
	sel, err := g.Select(t.Context(), wire.Query{})
	require.NoError(t, err)
	page := sel.Page(0, 1<<30)
	require.Len(t, page, len(want))
	for i, name := range slices.Sorted(maps.Keys(want)) {
		require.Equal(t, string(schema.AppendJSON(nil, want[name].record)), string(page[i]))
		encoded, src, ok := g.Workflow(name)
		require.True(t, ok)
		require.Equal(t, string(page[i]), string(encoded))
		// Which report of a silent agent the alert names depends on when it was found silent.
		silences := silentOf(g, name)
		require.Len(t, silences, len(want[name].silent))
		for _, silent := range silences {
			between, ok := want[name].silent[silent.Agent]
			require.True(t, ok, silent.Agent)
			require.GreaterOrEqual(t, silent.Time, between[0])
			require.LessOrEqual(t, silent.Time, between[1])
		}
		require.Equal(t, schema.AlertsOf(want[name].record, silences, schema.DefaultLimits()), g.Alerts(name))
		require.Len(t, src.Agents, len(want[name].parts))
		failed := map[string]int64{}
		for _, p := range want[name].parts {
			failed[p.Agent] += p.Counts.Derive().Failure
		}
		require.Equal(t, failed, g.Failures([]string{name}))
	}
	checkGroups(t, g, want)
	checkAgents(t, s, g, want)
	unmatched := 0
	for _, work := range o.works {
		if _, there := want[work.Report.Workflow]; !there {
			unmatched++
		}
	}
	require.EqualValues(t, unmatched, s.Apply(nil).Unmatched)
	require.EqualValues(t, unmatched, s.Info().UnmatchedReports)
}

// silentOf returns the agents that the alert of a workflow names.
func silentOf(g *Generation, name string) []schema.Silence {
	at, _ := g.table.Search(name)
	b, i := g.table.At(at)
	return g.state.Silent(b.Source(i))
}

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

// requireRollup compares the sums of averages within what their last rounding
// may do, and takes them over for the comparison of all else.
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
			detail, ok := g.Site(got.Site)
			require.True(t, ok)
			require.NotEmpty(t, detail.AgentStates, "a site without jobs is there because an agent names it")
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

// script makes changes of few workflows and agents, so that they meet: each
// document many times, some deleted, some again with the same content.
func (m *maker) script(n int) []join.Change {
	var out []join.Change
	last := map[string]join.Change{}
	for i := range n {
		name := nameOf(m.rng.IntN(40))
		var c join.Change
		switch m.rng.IntN(12) {
		case 0, 1, 2:
			c = m.requestChange(name)
			if m.rng.IntN(4) == 0 { // another document of the same workflow
				c.ID = pick(m, "A-", "z-") + name
			}
		case 3:
			c = join.Change{Kind: join.Request, ID: pick(m, "", "", "A-", "z-") + name, Deleted: true}
		case 4, 5, 6, 7:
			c = m.partChange(name, m.rng.IntN(4), start-1500+int64(i))
			if m.rng.IntN(4) == 0 { // an old document of the same agent
				c.ID = "old-" + c.ID
			}
		case 8:
			c = join.Change{Kind: join.AgentReport, ID: fmt.Sprintf("vocms%04d.cern.ch-%s", m.rng.IntN(4), name), Deleted: true}
		case 9:
			c = m.infoChange(m.rng.IntN(5), start-1500+int64(i))
			if m.rng.IntN(5) == 0 {
				c = join.Change{Kind: join.AgentInfo, ID: c.ID, Deleted: true}
			}
		default: // known content at a new time
			if len(out) == 0 {
				continue
			}
			c = last[out[m.rng.IntN(len(out))].ID]
			if c.Kind == join.AgentReport && !c.Deleted {
				c.Time = start - 1500 + int64(i)
				c.Report = nil
			}
		}
		if c.Kind == 0 {
			continue
		}
		last[c.ID] = c
		out = append(out, c)
	}
	return out
}

// shuffled mixes changes but keeps the order of those of one document, and
// replays some of them.
func shuffled(rng *rand.Rand, changes []join.Change) []join.Change {
	byID := map[string][]join.Change{}
	var ids []string
	for _, c := range changes {
		if byID[c.ID] == nil {
			ids = append(ids, c.ID)
		}
		byID[c.ID] = append(byID[c.ID], c)
	}
	var deck []string
	for _, id := range ids {
		again := byID[id]
		if rng.IntN(3) == 0 {
			byID[id] = append(again[:len(again):len(again)], again...)
		}
		for range byID[id] {
			deck = append(deck, id)
		}
	}
	rng.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	var out []join.Change
	for _, id := range deck {
		out = append(out, byID[id][0])
		byID[id] = byID[id][1:]
	}
	return out
}
