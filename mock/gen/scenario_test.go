package gen_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// TestAnswers counts each answer a second time, in the documents of a world with
// all scenarios.
func TestAnswers(t *testing.T) {
	w := world(t, gen.Options{Seed: 21, Workflows: 120, NoEdges: true, Scenarios: gen.Scenarios()})
	docs, a := decode(t, w), w.Answers()
	for name, recount := range map[string]func(*testing.T, *documents, *gen.Answers){
		"broken": recountBroken, "failing": recountFailing, "down": recountDown, "drain": recountDrain, "stray": recountStray,
		"lag": recountLag, "ahead": recountAhead, "half": recountHalf, "archived": recountArchived, "pair": recountPair,
	} {
		t.Run(name, func(t *testing.T) { recount(t, &docs, &a) })
	}
	t.Run("ending", func(t *testing.T) {
		before := docs.requests[a.Ending.Workflow]
		assert.Equal(t, "running-closed", before.RequestStatus)
		assert.Equal(t, a.Ending.Jobs, before.TotalEstimatedJobs)
		require.Len(t, docs.of(a.Ending.Workflow), 1)
		assert.Less(t, docs.of(a.Ending.Workflow)[0].Status.Success, a.Ending.Jobs)
		now := w.Options().Now + 60
		var statuses []string
		for _, d := range w.Ended(now) {
			var doc struct {
				RequestStatus, Workflow string
				Status                  rawCounts
			}
			require.NoError(t, json.Unmarshal(d.JSON, &doc))
			statuses = append(statuses, doc.RequestStatus)
			if doc.Workflow != "" {
				assert.Zero(t, doc.Status.open())
				assert.Zero(t, total(doc.Status.Failure))
			}
		}
		assert.Equal(t, []string{"completed", ""}, statuses, "the request, and the report of its agent")
	})
}

func recountBroken(t *testing.T, d *documents, a *gen.Answers) {
	workflows, jobs := map[string]map[string]bool{}, int64(0)
	for _, r := range d.reports {
		if d.runs(r.Workflow) {
			if workflows[r.AgentURL] == nil {
				workflows[r.AgentURL] = map[string]bool{}
			}
			workflows[r.AgentURL][r.Workflow] = true
		}
		if r.AgentURL == a.Broken.Agent {
			jobs += r.Status.all() - r.Status.Success
		}
	}
	assert.Len(t, workflows[a.Broken.Agent], a.Broken.Workflows)
	assert.Equal(t, a.Broken.Jobs, jobs)
	assert.Contains(t, d.infos[a.Broken.Agent].Down, a.Broken.Component)
	for agent, held := range workflows {
		assert.LessOrEqual(t, len(held), a.Broken.Workflows, "%s has more", agent)
	}
}

func recountFailing(t *testing.T, d *documents, a *gen.Answers) {
	f := a.Failing
	assert.Equal(t, f.Failed, d.failed(f.Workflow))
	for name := range d.requests {
		assert.LessOrEqual(t, d.failed(name), f.Failed, name)
	}
	most := int64(0)
	for site, c := range d.of(f.Workflow)[0].Sites {
		if site != f.Site {
			most = max(most, total(c.Failure))
		}
	}
	assert.Greater(t, total(d.of(f.Workflow)[0].Sites[f.Site].Failure), 100*most, "nearly all fail at the site")
	jobs, logs := d.jobReports(f.Workflow), 0
	assert.Len(t, jobs, int(f.Reports))
	for _, j := range jobs {
		assert.Equal(t, [2]string{f.Site, "jobfailed"}, [2]string{j.Site, j.State})
		assert.Equal(t, f.ExitCode, j.ExitCode)
		assert.Contains(t, j.Errors, f.Text)
		if j.LogURL != nil {
			assert.True(t, strings.HasPrefix(*j.LogURL, f.Logs), *j.LogURL)
			logs++
		}
	}
	assert.Positive(t, logs)
}

func recountDown(t *testing.T, d *documents, a *gen.Answers) {
	waiting, queued := 0, int64(0)
	for name, r := range d.requests {
		if r.Campaign != a.Down.Campaign {
			continue
		}
		assert.Contains(t, r.SiteWhitelist, a.Down.Site)
		assert.Len(t, r.SiteWhitelist, a.Down.Sites)
		mine := int64(0)
		for _, report := range d.of(name) {
			mine += total(report.Status.Queued)
		}
		if mine > 0 || r.RequestStatus == "acquired" {
			waiting++
		}
		queued += mine
	}
	assert.Equal(t, a.Down.Workflows, waiting)
	assert.Equal(t, a.Down.Queued, queued)
	down := 0
	for agent, info := range d.infos {
		if state, known := info.Sites[a.Down.Site]; known {
			assert.Equal(t, "Down", state.State, agent)
			down++
		}
	}
	assert.Equal(t, 3, down, "agents that know the site")
}

func recountDrain(t *testing.T, d *documents, a *gen.Answers) {
	assert.True(t, d.infos[a.Drain.Agent].Drain)
	workflows, jobs, oldest := 0, int64(0), ""
	for _, r := range d.reports {
		if r.AgentURL != a.Drain.Agent || !d.runs(r.Workflow) {
			continue
		}
		workflows++
		jobs += r.Status.open()
		request, least := d.requests[r.Workflow], d.requests[oldest]
		if oldest == "" || request.since() < least.since() {
			oldest = r.Workflow
		}
	}
	assert.Equal(t, gen.DrainAnswer{Agent: a.Drain.Agent, Oldest: oldest, Workflows: workflows, Jobs: jobs}, a.Drain)
}

// recountStray counts jobs of requests that are announced, archived or unknown.
// Other workflows of the world have stray jobs too, but not at these sites and
// agents.
func recountStray(t *testing.T, d *documents, a *gen.Answers) {
	got := gen.StrayAnswer{ByAgent: map[string]gen.StrayCounts{}, BySite: map[string]gen.StrayCounts{}}
	met := map[string]bool{}
	for _, r := range d.reports {
		request, known := d.requests[r.Workflow]
		allowed := known && slices.Contains([]string{"running-open", "running-closed", "force-complete", "completed", "closed-out"}, request.RequestStatus)
		if _, ours := a.Stray.ByAgent[r.AgentURL]; !ours || allowed || r.Status.running()+r.Status.pending() == 0 {
			continue
		}
		if !met[r.Workflow] {
			got.Workflows = append(got.Workflows, r.Workflow)
		}
		met[r.Workflow] = true
		got.Running += r.Status.running()
		got.Pending += r.Status.pending()
		add := func(to map[string]gen.StrayCounts, key string, c *rawCounts, first bool) {
			sum := to[key]
			if first {
				sum.Workflows++
			}
			sum.Running += c.running()
			sum.Pending += c.pending()
			to[key] = sum
		}
		add(got.ByAgent, r.AgentURL, &r.Status, true)
		for site, c := range r.Sites {
			add(got.BySite, site, &c, !met[r.Workflow+site])
			met[r.Workflow+site] = true
		}
	}
	assert.Equal(t, a.Stray, got)
	assert.NotContains(t, d.requests, got.Workflows[2], "one is unknown")
}

func recountLag(t *testing.T, d *documents, a *gen.Answers) {
	assert.Equal(t, a.Lag, gen.LagAnswer{
		Workflow: a.Lag.Workflow, Failed: d.failed(a.Lag.Workflow), Reports: int64(len(d.jobReports(a.Lag.Workflow))),
		None: a.Lag.None, NoneFailed: d.failed(a.Lag.None),
	})
	assert.Positive(t, a.Lag.NoneFailed)
	assert.Empty(t, d.jobReports(a.Lag.None))
	assert.Less(t, 100*a.Lag.Reports, a.Lag.Failed)
}

func recountAhead(t *testing.T, d *documents, a *gen.Answers) {
	request := d.requests[a.Ahead.Workflow]
	assert.Equal(t, []string{a.Ahead.Site}, request.SiteWhitelist)
	require.Len(t, d.of(a.Ahead.Workflow), 1)
	report := d.of(a.Ahead.Workflow)[0]
	waiting := d.infos[report.AgentURL].ByPriority[a.Ahead.Site]
	before := int64(0)
	for priority, jobs := range waiting {
		if priority != "63000" && len(priority) >= 5 {
			before += jobs
		}
	}
	assert.Equal(t, int64(63_000), request.RequestPriority)
	assert.Equal(t, a.Ahead.Jobs, before)
	assert.Equal(t, a.Ahead.Jobs, waiting["110000"])
	assert.Equal(t, int64(110_000), a.Ahead.Priority)
	assert.Positive(t, report.Status.pending())
}

func recountHalf(t *testing.T, d *documents, a *gen.Answers) {
	var both []string
	one := 0
	for name := range d.requests {
		n := 0
		for _, fragment := range a.Half.Fragments {
			if strings.Contains(strings.ToLower(name), fragment) {
				n++
			}
		}
		switch n {
		case len(a.Half.Fragments):
			both = append(both, name)
		case 1:
			one++
		}
	}
	assert.Equal(t, []string{a.Half.Workflow}, both)
	assert.GreaterOrEqual(t, one, 2, "others have one fragment")
}

func recountArchived(t *testing.T, d *documents, a *gen.Answers) {
	r := d.requests[a.Archived.Workflow]
	assert.Equal(t, "normal-archived", r.RequestStatus)
	assert.Equal(t, a.Archived.Since, r.since())
	assert.Equal(t, a.Archived.Campaign, r.Campaign)
	assert.Empty(t, d.of(a.Archived.Workflow), "the agents have nothing of it any more")
}

func recountPair(t *testing.T, d *documents, a *gen.Answers) {
	for _, want := range []gen.CampaignFigures{a.Pair.Good, a.Pair.Poor} {
		got := gen.CampaignFigures{Campaign: want.Campaign}
		for name, r := range d.requests {
			if r.Campaign != want.Campaign {
				continue
			}
			got.Workflows++
			for _, report := range d.of(name) {
				got.Success += report.Status.Success
				got.Failed += total(report.Status.Failure)
				got.Running += report.Status.running()
				got.AllJobs += report.Status.all()
			}
		}
		assert.Equal(t, want, got)
	}
	assert.Equal(t, a.Pair.Good.Workflows, a.Pair.Poor.Workflows)
	assert.Equal(t, a.Pair.Good.Failed*10, a.Pair.Poor.Failed)
}

// TestScenariosLeaveTheWorldAlone: each scenario adds documents, and the answer
// of its own question only; all documents of a world without scenarios are
// there, byte for byte, but those of the central services, which count.
func TestScenariosLeaveTheWorldAlone(t *testing.T) {
	opts := gen.Options{Seed: 22, Workflows: 40}
	plain := map[string]string{}
	for d := range world(t, opts).All() {
		if !slices.Contains([]string{"global_workqueue", "reqmgr2", "wmstats"}, d.ID) {
			plain[d.DB+"/"+d.ID] = string(d.JSON)
		}
	}
	require.Greater(t, len(plain), 80)
	for _, s := range gen.Scenarios() {
		opts.Scenarios = []gen.Scenario{s}
		w := world(t, opts)
		all, bytes := map[string]string{}, 0
		for d := range w.All() {
			require.NotContains(t, all, d.DB+"/"+d.ID, "twice")
			all[d.DB+"/"+d.ID] = string(d.JSON)
			if _, ours := plain[d.DB+"/"+d.ID]; !ours {
				bytes += len(d.JSON)
			}
		}
		for id, raw := range plain {
			require.Equal(t, raw, all[id], "%s with %s", id, s)
		}
		assert.Greater(t, len(all), len(plain)+3+3, "%s adds workflows beside agents and services", s)
		assert.Less(t, bytes, 600_000, "%s is small", s)
		answers, filled := reflect.ValueOf(w.Answers()), 0
		for k := range answers.NumField() {
			if !answers.Field(k).IsZero() {
				filled++
			}
		}
		assert.Equal(t, 1, filled, "%s answers one question", s)
	}
	for _, bad := range []gen.Options{{Scenarios: []gen.Scenario{"nothing"}}, {Workflows: 29_000_000, Scenarios: gen.Scenarios()}} {
		_, err := gen.New(bad)
		assert.Error(t, err)
	}
}

// TestScenariosFollowTheSeed: the same documents for the same seed, in every
// order of generation.
func TestScenariosFollowTheSeed(t *testing.T) {
	opts := gen.Options{Seed: 23, Workflows: 30, Lean: true, Scenarios: gen.Scenarios()}
	w := world(t, opts)
	assert.Equal(t, digest(w.All(), 1<<30), digest(w.AllParallel(), 1<<30))
	assert.Equal(t, digest(w.All(), 1<<30), digest(world(t, opts).All(), 1<<30))
	assert.Equal(t, w.Answers(), world(t, opts).Answers())
}
