package sums

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

func TestExtremesAreExactAfterRemovals(t *testing.T) {
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
		require.LessOrEqual(t, len(o.out), len(o.in)/2+64, "removed times do not accumulate")
	}
	var l tally
	l.add(-1)
	least, most := l.extremes()
	require.Equal(t, [2]int64{-1, -1}, [2]int64{least, most}, "-1 is unknown")
	l.add(7)
	l.add(-1)
	least, most = l.extremes()
	require.Equal(t, [2]int64{7, 7}, [2]int64{least, most})
	l.remove(7)
	l.remove(-1)
	least, _ = l.extremes()
	require.EqualValues(t, -1, least)
	var o oldest
	o.add(0)
	o.remove(0)
	require.Zero(t, o.min(), "0 is unknown")
}

func TestViewsAreNeverChanged(t *testing.T) {
	s := New()
	a := &schema.Workflow{Workflow: "a", Campaign: "c1", Status: "assigned", AvgOutputEvents: -1, AvgOutputLumis: -1, InputEvents: -1}
	b := &schema.Workflow{Workflow: "b", Campaign: "c2", Release: "r", Status: "odd", OutputEvents: 5, OutputDatasets: []string{"1", "2", "3", "4"}, InputEvents: 5}
	s.Add(a, nil)
	first := s.View()
	s.Add(b, nil)
	s.Remove(a, nil)
	second := s.View()
	one, two := slices.Collect(first.Campaigns.All()), slices.Collect(second.Campaigns.All())
	require.Len(t, one, 1)
	require.Equal(t, "c1", one[0].Campaign.Campaign)
	require.EqualValues(t, 1, one[0].Workflows)
	require.Len(t, two, 1)
	require.Equal(t, "c2", two[0].Campaign.Campaign)
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

// Views of many groups share unchanged parts and stay as they were.
func TestViewsOfManyGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	s := New()
	counts := map[string]int64{}
	type kept struct {
		rows Rows[Campaign]
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
			require.Equal(t, names[at], row.Campaign.Campaign)
			require.Equal(t, k.want[row.Campaign.Campaign], row.Workflows)
			at++
		}
		for range k.rows.All() {
			break
		}
	}
}

// TestNoSiteCountsOnce has jobs that the document assigns to no site and jobs
// that are missing from its sites: both are at (none), of one workflow.
func TestNoSiteCountsOnce(t *testing.T) {
	s := New()
	part := schema.AgentReport{
		Agent: "a", Counts: schema.JobCounts{Success: 10},
		Sites: []schema.SiteReport{{Site: schema.None, Counts: schema.JobCounts{Success: 3}}, {Site: "T1", Counts: schema.JobCounts{Success: 5}}},
	}
	w := &schema.Workflow{Workflow: "w", Status: "assigned", AvgOutputEvents: -1, AvgOutputLumis: -1, InputEvents: -1}
	s.Add(w, []schema.AgentReport{part})
	sites := map[string][2]int64{}
	for site := range s.View().Sites.All() {
		sites[site.Site.Site] = [2]int64{site.Workflows, site.Success}
	}
	require.Equal(t, map[string][2]int64{schema.None: {1, 5}, "T1": {1, 5}}, sites)
	s.Remove(w, []schema.AgentReport{part})
	require.Empty(t, slices.Collect(s.View().Sites.All()))
}

// TestSumsOfAveragesAreNotRoundedOnTheWay adds averages without a finite decimal
// form, in any order, and removes some again.
func TestSumsOfAveragesAreNotRoundedOnTheWay(t *testing.T) {
	w := func(events, n int64) *schema.Workflow {
		return &schema.Workflow{Campaign: "c", OutputEvents: events, OutputDatasets: make([]string, n), InputEvents: 1000, InputLumis: -1, AvgOutputEvents: schema.Hundredths(float64(events) / float64(n))}
	}
	s := New()
	for range 3 {
		s.Add(w(1000, 3), nil) // 333.333..., of which 333.33 is the rounded average
	}
	c := first(s.View().Campaigns)
	require.Equal(t, 1000.0, c.OutputEvents)
	require.Equal(t, 33.33, c.EventProgress)
	s.Add(w(2, 3), nil)
	s.Remove(w(1000, 3), nil)
	require.Equal(t, 667.33, first(s.View().Campaigns).OutputEvents)

	rng := rand.New(rand.NewPCG(5, 5))
	s = New()
	var in []*schema.Workflow
	for range 2000 {
		if len(in) > 0 && rng.IntN(3) == 0 {
			at := rng.IntN(len(in))
			s.Remove(in[at], nil)
			in = slices.Delete(in, at, at+1)
			continue
		}
		one := w(rng.Int64N(1000), 1+rng.Int64N(7))
		if rng.IntN(20) == 0 {
			one.OutputEvents = 1<<63 - 1 - rng.Int64N(100)
		}
		s.Add(one, nil)
		in = append(in, one)
	}
	again := New()
	rng.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
	for _, one := range in {
		again.Add(one, nil)
	}
	require.Equal(t, first(again.View().Campaigns), first(s.View().Campaigns), "the order does not matter")
	for _, one := range in {
		s.Remove(one, nil)
	}
	require.Zero(t, s.View().Campaigns.Len())
}

func first[R any](rows Rows[R]) R {
	for r := range rows.All() {
		return *r
	}
	panic("no rows")
}

// A campaign or release that only a step has gets a row, is in no sum, and goes
// when its last workflow goes.
func TestCampaignsAndReleasesOfSteps(t *testing.T) {
	s := New()
	w := &schema.Workflow{
		Workflow: "w", Campaign: "top", Campaigns: []string{"inner", "top"}, Release: "r1", Releases: []string{"r0", "r1"},
		InputEvents: 5, Priority: 7, Counters: schema.JobCounts{Success: 3}.Derive(),
	}
	s.Add(w, nil)
	got := map[string][3]int64{}
	for c := range s.View().Campaigns.All() {
		got[c.Campaign.Campaign] = [3]int64{c.Workflows, c.StepWorkflows, c.Success}
	}
	require.Equal(t, map[string][3]int64{"top": {1, 0, 3}, "inner": {0, 1, 0}}, got)
	inner := first(s.View().Campaigns)
	require.EqualValues(t, -1, inner.MaxPriority)
	require.EqualValues(t, -1, inner.InputEvents, "no workflow counts")
	require.Equal(t, -1.0, inner.EventProgress)
	rows := slices.Collect(s.View().Releases.All())
	require.Len(t, rows, 2)
	require.Equal(t, [2]int64{0, 1}, [2]int64{rows[0].Workflows, rows[0].StepWorkflows})
	s.Remove(w, nil)
	require.Zero(t, s.View().Campaigns.Len())
	require.Zero(t, s.View().Releases.Len())
}

// The sum of numbers that no workflow has is unknown, and not 0, which is a
// valid number; and sums do not overflow.
func TestSumsOfUnknownNumbers(t *testing.T) {
	w := func(n int64) *schema.Workflow {
		return &schema.Workflow{Campaign: "c", Status: "new", InputEvents: n, InputLumis: n, RequestedEvents: n}
	}
	s := New()
	want := func(n int64) {
		t.Helper()
		c, st := first(s.View().Campaigns), first(s.View().Statuses)
		require.Equal(t, [3]int64{n, n, n}, [3]int64{c.InputEvents, c.InputLumis, st.RequestedEvents})
		r := first(s.View().Releases)
		require.Equal(t, [2]int64{n, n}, [2]int64{r.InputEvents, r.InputLumis})
	}
	s.Add(w(-1), nil)
	want(-1)
	s.Add(w(0), nil)
	want(0)
	s.Add(w(5), nil)
	want(5)
	s.Add(w(math.MaxInt64), nil)
	want(math.MaxInt64)
	s.Add(w(math.MaxInt64), nil)
	want(math.MaxInt64)
	s.Remove(w(math.MaxInt64), nil)
	s.Remove(w(math.MaxInt64), nil)
	want(5)
	s.Remove(w(5), nil)
	s.Remove(w(0), nil)
	want(-1)
}
