package holds_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/holds"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/raw"
	"github.com/dmwm/wmstats/schema/wire"
)

// mockWorld decodes a generated world: list records and agents.
func mockWorld(t *testing.T) (workflows []schema.Workflow, all []schema.AgentDetail, at int64) {
	t.Helper()
	const now = 1_764_000_000
	world, err := gen.New(gen.Options{Seed: 77, Workflows: 600, Lean: true, NoEdges: true, JobSummaries: -1, Now: now})
	require.NoError(t, err)
	reports := map[string][]schema.AgentReport{}
	for d := range world.All() {
		switch {
		case d.DB == design.RequestDB:
			doc, err := raw.DecodeReqMgr(d.JSON)
			require.NoError(t, err)
			workflows = append(workflows, doc.Record())
		case strings.Contains(string(d.JSON), `"type":"agent_request"`):
			doc, err := raw.DecodeReport(d.JSON)
			require.NoError(t, err)
			report := doc.Report()
			reports[report.Workflow] = append(reports[report.Workflow], report)
		case strings.Contains(string(d.JSON), `"type":"agent_info"`):
			doc, err := raw.DecodeAgentInfo(d.JSON)
			require.NoError(t, err)
			detail := doc.Detail()
			schema.Judge(&detail.Agent, now, schema.DefaultLimits())
			all = append(all, detail)
		}
	}
	for i := range workflows {
		if info, _ := schema.StatusOf(workflows[i].Status); info.JobInfo {
			schema.Join(&workflows[i], reports[workflows[i].Workflow])
		} else {
			schema.Join(&workflows[i], nil)
		}
	}
	return workflows, all, now
}

// recount computes the numbers of each rule a second time, each by its own pass
// over the workflows and the agents' records.
func recount(workflows []schema.Workflow, all []schema.AgentDetail, now int64) (counts map[string][2]int64) {
	counts = map[string][2]int64{}
	silent := schema.DefaultLimits().AgentSilent
	may := func(w schema.Workflow, site string) bool {
		sites := w.SiteWhitelist
		if len(sites) == 0 {
			sites = w.Sites
		}
		return slices.Contains(sites, site) && !slices.Contains(w.SiteBlacklist, site)
	}
	type row struct {
		agent, site string
		priority    int64
	}
	ahead := map[row]int64{}
	var success int64
	for _, w := range workflows {
		add := func(code string, jobs int64) {
			counts[code] = [2]int64{counts[code][0] + 1, counts[code][1] + jobs}
		}
		part := w.Status == "running-open" && w.QueueInjection != -1 && w.QueueInjection < 100
		for code, statuses := range map[string]string{schema.HoldApproval: "new", schema.HoldAssignment: "assignment-approved", schema.HoldStaging: "assigned staging", schema.HoldQueue: "staged acquired"} {
			if slices.Contains(strings.Fields(statuses), w.Status) {
				jobs := int64(-1)
				if code == schema.HoldQueue {
					jobs = max(0, w.EstimatedJobs-w.JobsInWMBS)
				}
				add(code, max(jobs, 0))
			}
		}
		if part {
			add(schema.HoldPartQueue, max(0, w.EstimatedJobs-w.JobsInWMBS))
		}
		active := slices.Contains([]string{"running-open", "running-closed", "force-complete"}, w.Status) && w.Success+w.Failure+w.Canceled < w.TotalJobs
		var down, full, troubled, before bool
		for _, a := range all {
			mine := slices.Contains(w.Agents, a.Agent.Agent)
			if active && mine && (a.Draining || a.Severity == "error") {
				troubled = true
			}
			if now-a.UpdateTime > silent || a.Kind != "agent" {
				continue
			}
			for _, s := range a.Sites {
				if !may(w, s.Site) {
					continue
				}
				closed := slices.Contains([]string{"Down", "Draining", "Drain", "Aborted"}, s.State)
				if closed && (mine || a.Team == w.Team || slices.Contains(w.Teams, a.Team)) {
					down = true
				}
				if active && mine && !closed && s.PendingSlots >= 0 && s.PendingJobs >= max(1, s.PendingSlots) {
					full = true
				}
			}
			for _, p := range a.SitePriorities {
				if active && mine && w.Pending+w.Queued > 0 && w.Priority >= 0 && p.Priority > w.Priority && may(w, p.Site) {
					before = true
					ahead[row{a.Agent.Agent, p.Site, p.Priority}] = p.Jobs
				}
			}
		}
		if down && (w.Queued > 0 || part || w.Status == "staged" || w.Status == "acquired") {
			add(schema.HoldSitesDown, w.Queued)
		}
		if full && w.Queued > 0 {
			add(schema.HoldSlotsFull, w.Queued)
		}
		if before {
			add(schema.HoldPriority, 0)
		}
		if troubled {
			add(schema.HoldAgents, w.Pending+w.Queued)
		}
		if active {
			success += w.Success
			if w.Failure > 0 {
				add(schema.HoldFailing, w.Failure)
			}
		}
		if w.Skipped {
			add(schema.HoldSkipped, 0)
		}
	}
	if n, ok := counts[schema.HoldPriority]; ok {
		for _, jobs := range ahead {
			n[1] += jobs
		}
		counts[schema.HoldPriority] = n
	}
	if counts[schema.HoldFailing][1] <= success {
		delete(counts, schema.HoldFailing)
	}
	return counts
}

// TestHoldsAgainstARecount: the numbers of each campaign, of each workflow and of
// all equal a count that is written differently.
func TestHoldsAgainstARecount(t *testing.T) {
	workflows, all, at := mockWorld(t)
	world := holds.NewWorld(all, at, schema.DefaultLimits())
	sets := map[string][]schema.Workflow{"": workflows}
	for _, w := range workflows {
		sets["campaign "+w.Campaign] = append(sets["campaign "+w.Campaign], w)
		sets["workflow "+w.Workflow] = []schema.Workflow{w}
	}
	met, splits := map[string]int{}, 0
	for name, set := range sets {
		f := holds.New(world, &wire.Query{})
		for i := range set {
			f.Add(&set[i])
		}
		want, got := recount(set, all, at), map[string][2]int64{}
		for _, h := range f.Holds() {
			if h.Hold == schema.HoldNothing {
				continue
			}
			got[h.Hold] = [2]int64{h.Workflows, max(0, h.Jobs)}
			if _, bySite, split := strings.Cut(h.Cause, "; by site: "); split && len(h.Sites) <= 5 {
				var sum, n int64
				for _, part := range strings.Split(bySite, ", ") {
					_, err := fmt.Sscanf(part, "%d at", &n)
					require.NoError(t, err, h.Cause)
					sum += n
				}
				require.Equal(t, h.Jobs, sum, h.Cause)
				splits++
			}
			met[h.Hold]++
		}
		require.Equal(t, want, got, name)
	}
	assert.Greater(t, splits, 10, "priority is split by site, and the parts add up")
	assert.Greater(t, len(met), 8, "the world has nearly all reasons: %v", slices.Sorted(maps.Keys(met)))
}
