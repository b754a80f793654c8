package holds_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/holds"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

const now = 1_000_000

// agents are a small world: a takes everything but T2_B, b drains and its slots
// at T1_A are full, c is in error, d is silent.
func agents() []schema.AgentDetail {
	site := func(site, state string, slots, pending int64) schema.AgentSite {
		return schema.AgentSite{Site: site, State: state, PendingSlots: slots, PendingJobs: pending}
	}
	agent := func(name string, age int64) schema.AgentDetail {
		return schema.AgentDetail{Agent: schema.Agent{Agent: name, Kind: schema.KindAgent, Team: "production", UpdateTime: now - age, Severity: schema.SeverityOK}}
	}
	a, b, c, d := agent("a", 60), agent("b", 60), agent("c", 60), agent("d", 1_000_000-1)
	a.Sites = []schema.AgentSite{site("T1_A", schema.SiteNormal, 100, 5), site("T2_B", schema.SiteDown, 0, 0)}
	a.SitePriorities = []schema.AgentSitePriority{{Site: "T1_A", Priority: 110, Jobs: 7}, {Site: "T1_A", Priority: 90, Jobs: 3}, {Site: "T2_C", Priority: 110, Jobs: 1000}}
	b.Draining, b.Severity = true, schema.SeverityDrain
	b.Sites = []schema.AgentSite{site("T1_A", schema.SiteNormal, 5, 5), site("T2_B", schema.SiteDraining, 9, 9)}
	c.Severity = schema.SeverityError
	d.Sites = []schema.AgentSite{site("T1_A", schema.SiteDown, 5, 5)}
	queue := schema.AgentDetail{Agent: schema.Agent{Agent: "global_workqueue", Kind: schema.KindService, UpdateTime: now - 60}}
	queue.QueueSites = []schema.QueueSite{
		{State: "Available", Site: "T1_A", PossibleJobs: 40, UniqueJobs: 10}, {State: "Acquired", Site: "T1_A", PossibleJobs: 999, UniqueJobs: 999},
		{State: "Available", Site: "T2_B", PossibleJobs: 50, UniqueJobs: -1}, {State: "Available", Site: "T2_Z", PossibleJobs: 70, UniqueJobs: 70},
	}
	return []schema.AgentDetail{a, b, c, d, queue}
}

func counters(c schema.JobCounts) schema.Counters { return c.Derive() }

func find(base *wire.Query, workflows ...schema.Workflow) *holds.Finder {
	f := holds.New(holds.NewWorld(agents(), now, schema.DefaultLimits()), base)
	for i := range workflows {
		f.Add(&workflows[i])
	}
	return f
}

func only(t *testing.T, list []schema.Hold, code string) schema.Hold {
	t.Helper()
	var found []schema.Hold
	for _, h := range list {
		if h.Hold == code {
			found = append(found, h)
		}
	}
	require.Len(t, found, 1, "%s in %+v", code, list)
	return found[0]
}

func codes(list []schema.Hold) (out []string) {
	for _, h := range list {
		out = append(out, h.Hold)
	}
	return out
}

// TestHoldsOfAWorkflow has one workflow for each answer.
func TestHoldsOfAWorkflow(t *testing.T) {
	work := func(status string, c schema.JobCounts, agents ...string) schema.Workflow {
		return schema.Workflow{
			Workflow: "w", Status: status, StatusTime: 500, Priority: 100, Team: "production", Teams: []string{"production"}, Agents: agents,
			SiteWhitelist: []string{"T1_A", "T2_B"}, EstimatedJobs: 100, JobsInWMBS: 100, QueueInjection: 100, Counters: counters(c),
		}
	}
	for name, c := range map[string]struct {
		w     schema.Workflow
		codes []string
		cause string // of the first
		jobs  int64
	}{
		"new":      {work("new", schema.JobCounts{}), []string{schema.HoldApproval}, "waits for approval since 1970-01-01 00:08 UTC", -1},
		"approved": {work("assignment-approved", schema.JobCounts{}), []string{schema.HoldAssignment}, "waits for assignment since 1970-01-01 00:08 UTC", -1},
		"staging":  {work("staging", schema.JobCounts{}), []string{schema.HoldStaging}, "waits for the input to be staged since 1970-01-01 00:08 UTC", -1},
		"running":  {work("running-closed", schema.JobCounts{Running: 5}, "a"), []string{schema.HoldNothing}, "nothing found that holds it", -1},
		"finished": {work("completed", schema.JobCounts{FailureException: 5}, "b", "c"), []string{schema.HoldNothing}, "nothing found that holds it", -1},
		"queued before others": {
			work("running-closed", schema.JobCounts{Pending: 5}, "a"), []string{schema.HoldPriority},
			"7 jobs of higher priority wait at 1 of its sites: 7 at 110; by site: 7 at T1_A", 7,
		},
		"failing":          {work("running-closed", schema.JobCounts{Running: 1, Success: 4, FailureException: 5}, "a"), []string{schema.HoldFailing}, "more jobs fail than succeed: so far 5 have failed and 4 succeeded", 5},
		"not failing more": {work("running-closed", schema.JobCounts{Running: 1, Success: 5, FailureException: 5}, "a"), []string{schema.HoldNothing}, "nothing found that holds it", -1},
		"drain":            {work("running-closed", schema.JobCounts{Pending: 2}, "b"), []string{schema.HoldAgents}, "b is draining; 2 jobs wait", 2},
		"error":            {work("running-closed", schema.JobCounts{Pending: 2}, "c"), []string{schema.HoldAgents}, "c is in error; 2 jobs wait", 2},
		"slots full": {
			work("running-closed", schema.JobCounts{QueuedFirst: 6}, "b"), []string{schema.HoldSitesDown, schema.HoldSlotsFull, schema.HoldAgents},
			"1 of 2 allowed sites take no jobs: T2_B (Down in a, Draining in b); 6 jobs are queued in agents, for all allowed sites together", 6,
		},
		"an agent that nobody knows": {work("running-closed", schema.JobCounts{Pending: 2}, "x"), []string{schema.HoldNothing}, "nothing found that holds it", -1},
	} {
		list := find(nil, c.w).Holds()
		assert.Equal(t, c.codes, codes(list), name)
		assert.Equal(t, c.cause, list[0].Cause, name)
		assert.Equal(t, c.jobs, list[0].Jobs, name)
		assert.Empty(t, list[0].Query, "a single workflow has no list")
	}

	w := work("acquired", schema.JobCounts{})
	w.EstimatedJobs, w.JobsInWMBS, w.SiteBlacklist = 300, 0, []string{"T2_B"}
	list := find(nil, w).Holds()
	assert.Equal(t, []string{schema.HoldQueue}, codes(list), "a site that is excluded does not count")
	assert.Equal(t, "is in the global queue, 300 of the expected jobs since 1970-01-01 00:08 UTC; the queue's jobs for its sites: T1_A 40 possible, 10 only there", list[0].Cause)
	w.SiteBlacklist, w.Skipped = nil, true
	list = find(nil, w).Holds()
	assert.Equal(t, []string{schema.HoldQueue, schema.HoldSitesDown, schema.HoldSkipped}, codes(list))
	assert.Equal(t, []string{"T2_B", "T1_A"}, list[0].Sites, "most possible jobs first")
	w.Status, w.JobsInWMBS, w.QueueInjection = "running-open", 100, 33.33
	assert.Equal(t, int64(200), only(t, find(nil, w).Holds(), schema.HoldPartQueue).Jobs)
	w.JobsInWMBS, w.QueueInjection = 300, 100
	assert.Equal(t, []string{schema.HoldSkipped}, codes(find(nil, w).Holds()), "all is taken")
	w.Team, w.Teams, w.Status, w.QueueInjection = "other", []string{"other"}, "staged", 0
	assert.NotContains(t, codes(find(nil, w).Holds()), schema.HoldSitesDown, "agents of another team do not matter")
}

// TestHoldsOfACampaign: numbers are over all workflows, and links lead to them.
func TestHoldsOfACampaign(t *testing.T) {
	base := wire.Query{Terms: []wire.Term{{Field: "Campaign", Op: wire.In, Values: []string{"C"}}}}
	work := func(name, status string, since, input int64, done float64, c schema.JobCounts, agents ...string) schema.Workflow {
		return schema.Workflow{
			Workflow: name, Status: status, StatusTime: since, Priority: 100, Agents: agents, SiteWhitelist: []string{"T1_A"},
			InputEvents: input, AvgOutputEvents: done, Counters: counters(c), QueueInjection: 100,
		}
	}
	f := find(&base,
		work("w1", "new", 400, 1000, -1, schema.JobCounts{}), work("w2", "new", 300, -1, -1, schema.JobCounts{}),
		work("w3", "running-closed", 200, 500, 100, schema.JobCounts{Pending: 4, QueuedFirst: 1}, "b"),
		work("w4", "running-closed", 100, 500, 900, schema.JobCounts{Pending: 3, Success: 9}, "b", "a"),
		work("w5", "completed", 0, 500, 100, schema.JobCounts{Success: 9}, "b"))
	list := f.Holds()
	assert.Equal(t, []string{schema.HoldApproval, schema.HoldSlotsFull, schema.HoldPriority, schema.HoldAgents}, codes(list))
	approval := only(t, list, schema.HoldApproval)
	assert.Equal(t, "2 workflows wait for approval since 1970-01-01 00:05 UTC", approval.Cause)
	assert.Equal(t, [2]int64{2, 300}, [2]int64{approval.Workflows, approval.Since})
	assert.Equal(t, "campaign=C&status=new", approval.Query)
	full := only(t, list, schema.HoldSlotsFull)
	assert.Equal(t, [2]int64{1, 1}, [2]int64{full.Workflows, full.Jobs})
	assert.Equal(t, "1 jobs are queued in agents, for all allowed sites together, and the pending slots are full at T1_A (5 jobs wait there for 5 slots)", full.Cause)
	ahead := only(t, list, schema.HoldPriority)
	assert.Equal(t, [2]int64{1, 7}, [2]int64{ahead.Workflows, ahead.Jobs}, "only w4 is in a")
	held := only(t, list, schema.HoldAgents)
	assert.Equal(t, "b is draining with 2 of these workflows; 8 jobs wait", held.Cause)
	assert.Equal(t, "agent=b&campaign=C", held.Query)
	assert.Equal(t, []string{"b"}, held.Agents)

	assert.Equal(t, []schema.StatusLeft{
		{Status: "new", Workflows: 2, EventsLeft: 1000, OldestStatusTime: 300},
		{Status: "running-closed", Workflows: 2, EventsLeft: 400, OldestStatusTime: 100},
		{Status: "completed", Workflows: 1, EventsLeft: 400},
	}, f.Left())
	assert.Equal(t, []schema.WorkflowLeft{{Workflow: "w1", Status: "new", StatusTime: 400, EventsLeft: 1000}, {Workflow: "w3", Status: "running-closed", StatusTime: 200, EventsLeft: 400}},
		f.MostLeft(), "those that are done, or have nothing left, do not count")
	assert.Empty(t, find(&base).Left())
	assert.Equal(t, []string{schema.HoldNothing}, codes(find(&base).Holds()))
}

// TestFailingLately: with a rate, only the jobs that ended lately are compared, and
// the words name their time; without one, all.
func TestFailingLately(t *testing.T) {
	base := wire.Query{}
	work := schema.Workflow{Workflow: "w", Status: "running-closed", Counters: counters(schema.JobCounts{Running: 1, Success: 4, FailureException: 5})}
	for name, c := range map[string]struct {
		rate  schema.Rate
		cause string
		jobs  int64
	}{
		"a day":           {schema.Rate{From: 1000, To: 1000 + 86_000, Success: 6, Failure: 7}, "more jobs fail than succeed: in the last 24 h 7 have failed and 6 succeeded", 7},
		"since the start": {schema.Rate{From: 1000, To: 1000 + 7320, Success: 0, Failure: 1}, "more jobs fail than succeed: in the last 2 h 2 min 1 have failed and 0 succeeded", 1},
		"better lately":   {schema.Rate{From: 1000, To: 1000 + 86_000, Success: 7, Failure: 7}, "nothing found that holds it", -1},
	} {
		f := find(&base, work)
		f.Rate(c.rate)
		list := f.Holds()
		assert.Equal(t, []any{c.cause, c.jobs}, []any{list[0].Cause, list[0].Jobs}, name)
		f = find(&base)
		f.Rate(c.rate)
		assert.Equal(t, []string{schema.HoldNothing}, codes(f.Holds()), "without a workflow that runs and fails")
	}
	assert.Equal(t, "more jobs fail than succeed: so far 5 have failed and 4 succeeded", find(&base, work).Holds()[0].Cause)
}
