package sums

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

func TestExtremesAreExactWhenValuesGo(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		var o oldest
		var l tally
		var in []int64
		for range 3000 {
			if len(in) > 0 && rng.IntN(100) < 48 {
				at := rng.IntN(len(in))
				o.remove(in[at])
				l.remove(in[at])
				in = slices.Delete(in, at, at+1)
			} else {
				v := rng.Int64N(500) + 1
				o.add(v)
				l.add(v)
				in = append(in, v)
			}
			if len(in) == 0 {
				require.Zero(t, o.min())
				continue
			}
			require.Equal(t, slices.Min(in), o.min())
			if rng.IntN(3) > 0 {
				continue // not asked after each change
			}
			least, most := l.extremes()
			require.Equal(t, slices.Min(in), least)
			require.Equal(t, slices.Max(in), most)
		}
		require.LessOrEqual(t, len(o.out), len(o.in)/2+64, "what is gone does not pile up")
	}
	var o oldest
	o.add(0)
	o.remove(0)
	require.Zero(t, o.min(), "0 is unknown")
}

func TestViewsAreNeverChanged(t *testing.T) {
	s := New()
	a := &schema.Workflow{Workflow: "a", Campaign: "c1", Status: "assigned", AvgOutputEvents: -1, AvgOutputLumis: -1, InputEvents: -1}
	b := &schema.Workflow{Workflow: "b", Campaign: "c2", Release: "r", Status: "odd", AvgOutputEvents: 1.25, AvgOutputLumis: 0.1, InputEvents: 5}
	s.Add(a, nil)
	first := s.View()
	s.Add(b, nil)
	s.Remove(a, nil)
	second := s.View()
	one, two := slices.Collect(first.Campaigns.All()), slices.Collect(second.Campaigns.All())
	require.Len(t, one, 1)
	require.Equal(t, "c1", one[0].Campaign)
	require.EqualValues(t, 1, one[0].Workflows)
	require.Len(t, two, 1)
	require.Equal(t, "c2", two[0].Campaign)
	require.Equal(t, 25.0, two[0].EventProgress)
	require.EqualValues(t, 99, slices.Collect(second.Statuses.All())[0].Order)
	require.Equal(t, None, slices.Collect(first.Releases.All())[0].Release)
	s.Remove(b, nil)
	require.Zero(t, s.View().Campaigns.Len())
}

func TestSiteNames(t *testing.T) {
	for name, want := range map[string][2]string{
		"T2_CH_CERN": {"T2", "CH"}, "T1_US_FNAL_Disk": {"T1", "US"}, "(none)": {}, "(unknown)": {}, "T2_CH": {}, "TX_CH_A": {}, "T2_CHE_A": {}, "": {},
	} {
		tier, country := SiteName(name)
		require.Equal(t, want, [2]string{tier, country}, name)
	}
}

// Views of many groups share what did not change, and each is as it was.
func TestViewsOfManyGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	s := New()
	counts := map[string]int64{}
	type kept struct {
		rows Rows[schema.Campaign]
		want map[string]int64
	}
	var all []kept
	for range 120 {
		for range 1 + rng.IntN(40) {
			name := fmt.Sprintf("c%03d", rng.IntN(300))
			w := &schema.Workflow{Workflow: name, Campaign: name}
			if counts[name] > 0 && rng.IntN(5) < 2 {
				s.Remove(w, nil)
				counts[name]--
			} else {
				s.Add(w, nil)
				counts[name]++
			}
			if counts[name] == 0 {
				delete(counts, name)
			}
		}
		all = append(all, kept{s.View().Campaigns, maps.Clone(counts)})
	}
	for _, k := range all {
		require.Equal(t, len(k.want), k.rows.Len())
		names := slices.Sorted(maps.Keys(k.want))
		at := 0
		for row := range k.rows.All() {
			require.Equal(t, names[at], row.Campaign)
			require.Equal(t, k.want[row.Campaign], row.Workflows)
			at++
		}
		for range k.rows.All() {
			break
		}
	}
}

// TestNoSiteCountsOnce has jobs that the document puts at no site and jobs that
// it leaves out of its sites: both are at (none), of one workflow.
func TestNoSiteCountsOnce(t *testing.T) {
	s := New()
	part := schema.AgentPart{
		Agent: "a", Counts: schema.JobCounts{Success: 10},
		Sites: []schema.SitePart{{Site: schema.None, Counts: schema.JobCounts{Success: 3}}, {Site: "T1", Counts: schema.JobCounts{Success: 5}}},
	}
	w := &schema.Workflow{Workflow: "w", Status: "assigned", AvgOutputEvents: -1, AvgOutputLumis: -1, InputEvents: -1}
	s.Add(w, []schema.AgentPart{part})
	sites := map[string][2]int64{}
	for site := range s.View().Sites.All() {
		sites[site.Site] = [2]int64{site.Workflows, site.Success}
	}
	require.Equal(t, map[string][2]int64{schema.None: {1, 5}, "T1": {1, 5}}, sites)
	s.Remove(w, []schema.AgentPart{part})
	require.Empty(t, slices.Collect(s.View().Sites.All()))
}
