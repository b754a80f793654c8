package failures_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/failures"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func job(workflow, site, state string, exit, count int64) schema.JobError {
	return schema.JobError{Workflow: workflow, Task: "/" + workflow + "/T", Site: site, State: state, ExitCode: exit, Count: count}
}

func table(t *testing.T, groups ...schema.JobError) *failures.Table {
	t.Helper()
	b := failures.NewBuilder(failures.MaxCells)
	for _, g := range groups {
		require.NoError(t, b.Add(g))
	}
	return b.Table()
}

func TestSummaries(t *testing.T) {
	all := table(t,
		job("a", "T1", "jobfailed", 8021, 5), job("a", "T1", "jobfailed", 8021, 2), job("a", "T2", "jobfailed", 8021, 1), job("a", "T1", "jobcooloff", 134, 3),
		job("b", "T1", "jobfailed", 8021, 4), job("b", "T2", "success", 0, 100))
	every := failures.By{ExitCode: true, Site: true, Workflow: true, State: true}
	assert.Len(t, summaries(t, all, failures.Filter{State: wire.Texts{In: []string{"*"}}}, every), 5, "groups that differ only in the task are one")
	assert.Equal(t, []schema.ErrorSummary{
		{ExitCode: 8021, Meaning: "an input file could not be read, perhaps the site's storage", Area: "input", Site: "T1", Jobs: 11, Workflows: 2, Sites: 1, ExitCodes: 1, Share: 73.33},
		{ExitCode: 134, Meaning: "aborted by its own code (SIGABRT)", Area: "application", Site: "T1", Jobs: 3, Retries: 3, Workflows: 1, Sites: 1, ExitCodes: 1, Share: 20},
		{ExitCode: 8021, Meaning: "an input file could not be read, perhaps the site's storage", Area: "input", Site: "T2", Jobs: 1, Workflows: 1, Sites: 1, ExitCodes: 1, Share: 6.67},
	}, summaries(t, all, failures.Filter{}, failures.By{ExitCode: true, Site: true}))
	assert.Equal(t, []schema.ErrorSummary{{ExitCode: -1, Jobs: 15, Retries: 3, Workflows: 2, Sites: 2, ExitCodes: 2, Share: 100}}, summaries(t, all, failures.Filter{}, failures.By{}))
	only := failures.Filter{State: wire.Texts{In: []string{"success"}}, Workflow: func(w string) bool { return w == "b" }}
	assert.Equal(t, []schema.ErrorSummary{{ExitCode: -1, Workflow: "b", State: "success", Jobs: 100, Retries: 100, Workflows: 1, Sites: 1, ExitCodes: 1, Share: 100}},
		summaries(t, all, only, failures.By{Workflow: true, State: true}))
	assert.Empty(t, summaries(t, all, failures.Filter{Site: wire.Texts{In: []string{"T3"}}}, failures.By{}))
	assert.NotNil(t, summaries(t, table(t), failures.Filter{}, failures.By{Site: true}))
}

// Every grouping under every filter equals a one by one count.
func TestSummariesAgainstCounting(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var groups []schema.JobError
	for w := range 30 {
		for range r.IntN(20) {
			groups = append(groups, job(fmt.Sprint("w", w), fmt.Sprint("T", r.IntN(70)), []string{"jobfailed", "success", "jobpaused", "jobcooloff", "submitcooloff"}[r.IntN(5)], int64(r.IntN(70)), 1+r.Int64N(9)))
		}
	}
	all := table(t, groups...)
	filters := []failures.Filter{{}, {Site: wire.Texts{NotIn: []string{"T1*"}}}, {ExitCode: wire.Numbers{In: []int64{1, 2, 3, 40}}}, {State: wire.Texts{In: []string{"*"}}},
		{Workflow: func(w string) bool { return w < "w2" }, State: wire.Texts{NotIn: []string{"jobpaused"}}}}
	for n, f := range filters {
		for bits := range 16 {
			by := failures.By{ExitCode: bits&1 > 0, Site: bits&2 > 0, Workflow: bits&4 > 0, State: bits&8 > 0}
			require.ElementsMatch(t, counted(groups, f, by), summaries(t, all, f, by), "filter %d, %+v", n, by)
		}
	}
}

func counted(groups []schema.JobError, f failures.Filter, by failures.By) (list []schema.ErrorSummary) {
	type sets struct{ workflows, sites, exits []string }
	add := func(to *[]string, v any) {
		if text := fmt.Sprint(v); !slices.Contains(*to, text) {
			*to = append(*to, text)
		}
	}
	seen := map[schema.ErrorSummary]*sets{}
	jobs, retries := map[schema.ErrorSummary]int64{}, map[schema.ErrorSummary]int64{}
	for _, g := range groups {
		if f.Workflow != nil && !f.Workflow(g.Workflow) || !f.Site.Match(g.Site) || !f.ExitCode.Match(g.ExitCode) ||
			!f.State.Match(g.State) || !f.State.Asked() && g.State == "success" {
			continue
		}
		key := schema.ErrorSummary{ExitCode: -1}
		if by.ExitCode {
			info, _ := schema.ExitCodeOf(g.ExitCode)
			key.ExitCode, key.Meaning, key.Area = g.ExitCode, info.Meaning, info.Area
		}
		if by.Site {
			key.Site = g.Site
		}
		if by.Workflow {
			key.Workflow = g.Workflow
		}
		if by.State {
			key.State = g.State
		}
		if seen[key] == nil {
			seen[key] = &sets{}
		}
		jobs[key] += g.Count
		if strings.HasSuffix(g.State, "cooloff") || g.State == "success" {
			retries[key] += g.Count
		}
		add(&seen[key].workflows, g.Workflow)
		add(&seen[key].sites, g.Site)
		add(&seen[key].exits, g.ExitCode)
	}
	var all int64
	for _, n := range jobs {
		all += n
	}
	for key, s := range seen {
		out := key
		out.Retries = retries[key]
		out.Share = schema.Percent(float64(jobs[key]), float64(all))
		out.Jobs, out.Workflows, out.Sites, out.ExitCodes = jobs[key], int64(len(s.workflows)), int64(len(s.sites)), int64(len(s.exits))
		list = append(list, out)
	}
	return list
}

func TestTooMany(t *testing.T) {
	b := failures.NewBuilder(2)
	require.NoError(t, b.Add(job("a", "T1", "s", 1, 1)))
	require.NoError(t, b.Add(job("a", "T1", "s", 2, 1)))
	require.NoError(t, b.Add(job("a", "T1", "s", 2, 1)), "an existing cell is not a new one")
	require.ErrorIs(t, b.Add(job("a", "T1", "s", 3, 1)), failures.ErrTooMany)
	assert.Positive(t, b.Table().Bytes())
}

func BenchmarkSummaries(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	build := failures.NewBuilder(failures.MaxCells)
	for w := range 10_000 {
		for range 20 {
			if err := build.Add(job(fmt.Sprint("workflow-", w), fmt.Sprint("T2_XX_", r.IntN(80)), "jobfailed", int64(r.IntN(60)), 1)); err != nil {
				b.Fatal(err)
			}
		}
	}
	all := build.Table()
	for b.Loop() {
		summaries(b, all, failures.Filter{}, failures.By{ExitCode: true, Site: true})
	}
	b.ReportMetric(float64(all.Bytes()), "bytes")
}

func summaries(t testing.TB, all *failures.Table, f failures.Filter, by failures.By) []schema.ErrorSummary {
	t.Helper()
	list, err := all.Summaries(t.Context(), f, by)
	require.NoError(t, err)
	return list
}
