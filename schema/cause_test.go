package schema

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// randomReports returns reports of some agents on one workflow, with jobs at
// sites and without one.
func randomReports(rng *rand.Rand) (reports []AgentReport) {
	for i := range rng.IntN(4) {
		p := AgentReport{Agent: fmt.Sprint("agent-", i), SkippedFiles: rng.Int64N(3)}
		for k := range rng.IntN(4) {
			c := JobCounts{Success: rng.Int64N(5), FailureException: rng.Int64N(4), CooloffJob: rng.Int64N(3), PausedCreate: rng.Int64N(3), PausedJob: rng.Int64N(2)}
			p.Sites = append(p.Sites, SiteReport{fmt.Sprint("T2_CH_", (i+k)%5), c})
			p.Counts.Add(&c)
		}
		p.Counts.FailureSubmit += rng.Int64N(2)
		reports = append(reports, p)
	}
	return reports
}

// The facts equal a recount of the records of sites, in any order of reports.
func TestFactsEqualARecount(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	found := Facts{}
	for range 2000 {
		reports := randomReports(rng)
		w := Workflow{OutputDatasets: []string{}}
		Join(&w, reports)
		w.SetAlerts([]string{AlertSiteError, AlertSkippedFiles, AlertPausedJobs})
		failing, paused, skipped := map[string]int64{}, map[string]int64{}, map[string]int64{}
		for i := range reports {
			for _, s := range reports[i].WorkflowSites() {
				failing[s.Site] += s.Failure + s.Cooloff + s.Paused
				paused[s.Site] += s.Paused
			}
			skipped[reports[i].Agent] += reports[i].SkippedFiles
		}
		most := func(counts map[string]int64, all int64) (p Part) {
			var names []string
			for name := range counts {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				if counts[name] > p.Of {
					p = Part{name, counts[name], all}
				}
			}
			return p
		}
		want := Facts{Failing: most(failing, w.Failure+w.Cooloff+w.Paused), Paused: most(paused, w.Paused), Skipped: most(skipped, w.SkippedFiles)}
		assert.Equal(t, want, FactsOf(&w, reports))
		slices.Reverse(reports)
		assert.Equal(t, want, FactsOf(&w, reports))
		for _, p := range []struct{ from, to *Part }{{&want.Failing, &found.Failing}, {&want.Paused, &found.Paused}, {&want.Skipped, &found.Skipped}} {
			assert.LessOrEqual(t, p.from.Of, p.from.All)
			if p.from.Name != "" {
				*p.to = *p.from
			}
		}
	}
	assert.NotEmpty(t, found.Failing.Name)
	assert.NotEmpty(t, found.Paused.Name)
	assert.NotEmpty(t, found.Skipped.Name)
	assert.Equal(t, Facts{}, FactsOf(&Workflow{Alerts: []string{AlertFailed}}, randomReports(rng)), "only what the alerts need")
}

func TestScore(t *testing.T) {
	for name, test := range map[string]struct {
		w    Workflow
		want int64
	}{
		"no alert":         {Workflow{EstimatedJobs: 100}, 0},
		"expected":         {Workflow{EstimatedJobs: 100, Counters: JobCounts{Success: 30, Running: 10}.Derive(), Alerts: []string{"x"}}, 70},
		"more than that":   {Workflow{EstimatedJobs: 10, Counters: JobCounts{Success: 30, Running: 10}.Derive(), Alerts: []string{"x"}}, 10},
		"unknown":          {Workflow{EstimatedJobs: -1, Counters: JobCounts{FailureSubmit: 3}.Derive(), Alerts: []string{"x"}}, 3},
		"canceled":         {Workflow{EstimatedJobs: -1, Counters: JobCounts{Canceled: 3, Pending: 2}.Derive(), Alerts: []string{"x"}}, 2},
		"all have ended":   {Workflow{EstimatedJobs: 5, Counters: JobCounts{Success: 5}.Derive(), Alerts: []string{"x"}}, 1},
		"announced":        {Workflow{Status: "announced", EstimatedJobs: 100, Alerts: []string{"x"}}, 1},
		"aborted":          {Workflow{Status: "aborted", EstimatedJobs: 100, Alerts: []string{"x"}}, 1},
		"failed":           {Workflow{Status: "failed", EstimatedJobs: 100, Alerts: []string{"x"}}, 100},
		"completed":        {Workflow{Status: "completed", EstimatedJobs: 100, HasJobInfo: true, Counters: JobCounts{Success: 90, FailureSubmit: 10}.Derive(), Alerts: []string{"x"}}, 10},
		"nothing is known": {Workflow{EstimatedJobs: -1, Alerts: []string{"x"}}, 1},
	} {
		test.w.SetAlerts(test.w.Alerts)
		assert.Equal(t, test.want, test.w.Score, name)
	}
}
