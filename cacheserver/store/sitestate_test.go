package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// report returns an agent_info document with the state of a site.
func report(agent string, time int64, state string, running, pending int64) join.Change {
	d := &schema.AgentDetail{Agent: schema.Agent{Agent: agent, Kind: "agent", Team: "production", UpdateTime: time, DataUpdateTime: time}}
	d.Sites = []schema.AgentSite{{Agent: agent, Site: "T3_US_ZZZ", State: state, RunningSlots: running, PendingSlots: pending, FreeForQueue: 10, PendingJobs: 3}}
	return join.Change{Kind: join.AgentInfo, ID: agent, Hash: rand.Uint64() | 1, Time: time, Info: d}
}

func siteOf(t *testing.T, s *Store) schema.Site {
	t.Helper()
	for _, site := range must(s).Sites() {
		if site.Site == "T3_US_ZZZ" {
			return site
		}
	}
	t.Fatal("the site is missing")
	return schema.Site{}
}

// Agents disagree on a site, and each writes again every five minutes, in any
// order.
func TestStateOfASiteDoesNotDependOnWhoWroteLast(t *testing.T) {
	at := &clock{start}
	said := map[string]string{"a.cern.ch": "Down", "b.fnal.gov": "Normal", "c.fnal.gov": "Draining", "d.fnal.gov": "Down", "e.fnal.gov": ""}
	agents := []string{"a.cern.ch", "b.fnal.gov", "c.fnal.gov", "d.fnal.gov", "e.fnal.gov"}
	rng := rand.New(rand.NewPCG(4, 4))
	var first []schema.Site
	for range 20 {
		rng.Shuffle(len(agents), func(i, j int) { agents[i], agents[j] = agents[j], agents[i] })
		var all []join.Change
		for i, agent := range agents {
			all = append(all, report(agent, at.at-int64(rng.IntN(300)+i), said[agent], 2000, 375))
		}
		s := loaded(t, Options{Now: at.now}, all)
		for range 5 {
			site := siteOf(t, s)
			require.Equal(t, "Down", site.State)
			require.Equal(t, []string{"a.cern.ch", "d.fnal.gov"}, site.StateAgents)
			require.EqualValues(t, 4000, site.RunningSlots, "of the agents that send jobs there")
			require.EqualValues(t, 750, site.PendingSlots)
			require.Equal(t, 50.0, site.FreeForQueue)
			first = append(first, site)
			require.Equal(t, first[0], site)
			agent := agents[rng.IntN(len(agents))]
			s.Apply([]join.Change{report(agent, at.at, said[agent], 2000, 375)})
		}
	}
}

// Numbers with a fraction add up without rounding noise.
func TestSumsOfASiteHaveNoNoise(t *testing.T) {
	at := &clock{start}
	var all []join.Change
	for i, free := range []float64{0.1, 0.2} {
		c := report(fmt.Sprintf("a%d.cern.ch", i), at.at, "Normal", 1, 1)
		c.Info.Sites[0].FreeForQueue = free
		all = append(all, c)
	}
	require.Equal(t, 0.3, siteOf(t, loaded(t, Options{Now: at.now}, all)).FreeForQueue)
}

// The report of an agent that has been silent for longer than the limit is
// ignored, even if no document changes.
func TestStateOfASiteComesFromAgentsThatAreAlive(t *testing.T) {
	at := &clock{start}
	s := loaded(t, Options{Now: at.now}, []join.Change{
		report("dead", at.at-1200, "Aborted", 100, 10), report("alive", at.at, "Normal", 200, 20), report("undated", 0, "Down", 7, 7),
	})
	site := siteOf(t, s)
	require.Equal(t, "Aborted", site.State, "1200 s are within the limit")
	require.EqualValues(t, 200, site.RunningSlots)
	at.at++
	site = siteOf(t, s)
	require.Equal(t, "Normal", site.State)
	require.Equal(t, []string{"alive"}, site.StateAgents)
	require.EqualValues(t, 20, site.PendingSlots)

	detail, ok := must(s).Site("T3_US_ZZZ")
	require.True(t, ok)
	require.Equal(t, site, detail.Site)
	var rows []string
	for _, r := range detail.AgentStates {
		rows = append(rows, fmt.Sprintf("%s %s %d/%d %d %t", r.Agent, r.State, r.RunningSlots, r.PendingSlots, r.UpdateTime-start, r.Alive))
	}
	require.Equal(t, []string{"alive Normal 200/20 0 true", "dead Aborted 100/10 -1200 false", fmt.Sprintf("undated Down 7/7 %d false", -int64(start))}, rows)
	_, ok = must(s).Site("nowhere")
	require.False(t, ok)

	at.at += 5000
	site = siteOf(t, s)
	require.Empty(t, site.State)
	require.Equal(t, []string{}, site.StateAgents)
	require.EqualValues(t, -1, site.RunningSlots, "no report")
	require.EqualValues(t, -1, site.PendingSlots)
	require.Equal(t, -1.0, site.FreeForQueue)
}

// TestWorstStateOfASite checks the order of states, in both orders of each pair.
func TestWorstStateOfASite(t *testing.T) {
	order := []string{"", "Normal", "Resting", "Draining", "Down", "Aborted"}
	for i, a := range order {
		for j, b := range order {
			require.Equal(t, order[max(i, j)], schema.WorseSiteState(a, b))
		}
	}
	require.Equal(t, schema.WorseSiteState("Drain", "Draining"), schema.WorseSiteState("Draining", "Drain"))
	var takes []string
	for _, state := range order {
		if schema.SiteTakesJobs(state) {
			takes = append(takes, state)
		}
	}
	require.Equal(t, []string{"", "Normal", "Resting"}, takes)
	require.True(t, slices.IsSorted(takes))
}

// Whatever the clocks say.
func TestTimesOfAnAgentAreNeverNegative(t *testing.T) {
	at := &clock{start}
	for name, c := range map[string][3]int64{ // timestamp, data_last_update, expected time
		"milliseconds once":    {start * 1000, start - 100, start - 100},
		"by the same clock":    {start + 500, start + 400, start - 100},
		"data far ahead":       {start, start + 9999, start},
		"no timestamp":         {0, start - 50, start - 50},
		"no timestamp, ahead":  {0, start + 50, start},
		"both in milliseconds": {start * 1000, start * 1000, start},
	} {
		d := &schema.AgentDetail{Agent: schema.Agent{Agent: "a", Kind: "agent", Team: "t", UpdateTime: c[0], DataUpdateTime: c[1]}}
		s := loaded(t, Options{Now: at.now}, []join.Change{{Kind: join.AgentInfo, ID: "a", Hash: 1, Time: c[0], Info: d}})
		got := s.Agents(must(s))[0]
		require.Equal(t, c[2], got.DataUpdateTime, name)
		require.GreaterOrEqual(t, got.UpdateTime, int64(0), name)
		require.LessOrEqual(t, got.UpdateTime, at.at, name)
	}
}
