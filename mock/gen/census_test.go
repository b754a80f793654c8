package gen_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// progressOf returns the share of a workflow's jobs that ended, in percent; ok
// is false if it has none.
func progressOf(t *testing.T, w *gen.World, i int, st *gen.State) (percent float64, ok bool) {
	t.Helper()
	var ended, total int64
	for k := range st.Agents {
		var a agentReport
		require.NoError(t, json.Unmarshal(w.Agent(i, st, k).JSON, &a))
		ended += a.Status.Success + sum(a.Status.Failure)
		total += a.Status.total()
	}
	return 100 * float64(ended) / float64(max(1, total)), total > 0
}

// TestProgressSpreads: running workflows are at any point of their progress,
// those without queued work further on, and those that are complete at the end.
func TestProgressSpreads(t *testing.T) {
	w := world(t, gen.Options{Seed: 31, Workflows: 1500, Lean: true, NoEdges: true, JobSummaries: -1})
	all := map[gen.Status][]float64{}
	for i := range w.Options().Workflows {
		st := w.Initial(i)
		if st.Cleaned || st.Passed(gen.ForceComplete) {
			continue
		}
		if p, ok := progressOf(t, w, i, &st); ok {
			all[st.Status()] = append(all[st.Status()], p)
		}
	}
	means := map[gen.Status]float64{}
	for _, status := range []gen.Status{gen.RunningOpen, gen.RunningClosed} {
		list := all[status]
		require.Greater(t, len(list), 100)
		perPercent, perTenth := map[int]int{}, map[int]int{}
		for _, p := range list {
			perPercent[int(p)]++
			perTenth[min(9, int(p/10))]++
			means[status] += p / float64(len(list))
		}
		assert.GreaterOrEqual(t, len(perTenth), 8, "%s: %v", status, perTenth)
		delete(perPercent, 0) // small ones without an ended job
		assert.Less(t, slices.Max(slices.Collect(maps.Values(perPercent))), len(list)/10, "%s: nearly all at one point", status)
	}
	assert.Greater(t, means[gen.RunningClosed], means[gen.RunningOpen]+10)
	for _, status := range []gen.Status{gen.Completed, gen.ClosedOut, gen.Announced} {
		for _, p := range all[status] {
			require.Equal(t, 100.0, p, status)
		}
	}
}

type jobDoc struct {
	Type, Workflow, State string
	Site                  *string
	ExitCode              int
	Errors                map[string][]struct{ Type, Details string }
}

// TestFailuresHaveReasons: at a bad site most jobs fail in one way that names
// the site, and states are mixed.
func TestFailuresHaveReasons(t *testing.T) {
	w := world(t, gen.Options{Seed: 32, Workflows: 800, NoEdges: true, JobSummaries: 12})
	seen, hit, states := map[string]int{}, map[string]int{}, map[string]int{}
	codes, workflows, named := map[string]map[int]int{}, map[string]map[string]bool{}, map[string]int{}
	jobs := 0
	for d := range w.AllParallel() {
		switch {
		case strings.Contains(string(d.JSON), `"type":"agent_request"`):
			var a agentReport
			require.NoError(t, json.Unmarshal(d.JSON, &a))
			for name, s := range a.Sites {
				if failed := sum(s.Failure); s.Success+failed > 10 {
					seen[name]++
					if failed*5 > s.Success {
						hit[name]++
					}
				}
			}
		case strings.Contains(string(d.JSON), `"type":"jobsummary"`):
			var j jobDoc
			require.NoError(t, json.Unmarshal(d.JSON, &j))
			jobs++
			states[j.State]++
			if j.Site == nil || j.State == "success" {
				continue
			}
			if codes[*j.Site] == nil {
				codes[*j.Site], workflows[*j.Site] = map[int]int{}, map[string]bool{}
			}
			codes[*j.Site][j.ExitCode]++
			workflows[*j.Site][j.Workflow] = true
			for _, list := range j.Errors {
				if len(list) > 0 && strings.Contains(list[0].Details, *j.Site) {
					named[*j.Site]++
				}
			}
		}
	}
	checked := 0
	for site := range codes {
		total := 0
		for _, n := range codes[site] {
			total += n
		}
		most := slices.Max(slices.Collect(maps.Values(codes[site])))
		if hit[site]*2 > seen[site] && len(workflows[site]) > 5 {
			checked++
			assert.Greater(t, most*10, total*7, "%s does not fail in its own way: %v", site, codes[site])
			assert.Greater(t, named[site]*10, total*7, site)
		}
	}
	assert.GreaterOrEqual(t, checked, 2)
	for _, state := range []string{"jobfailed", "jobcooloff", "jobpaused", "exhausted", "submitfailed", "submitcooloff", "success"} {
		assert.Positive(t, states[state], state)
	}
	assert.Less(t, states["jobfailed"]*3, jobs*2, "not all in one state: %v", states)
}
