package api_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// TestErrorsCountMissingReports: agents count failed jobs of which no or only
// some job reports are available; the answers state how many, with the agents
// whose reports are missing.
func TestErrorsCountMissingReports(t *testing.T) {
	f, _ := failingJobsFixture(t, nil)
	name := workflowName(3)
	part := func(agent string, failed int64) join.Change {
		p := &schema.AgentReport{Workflow: name, Agent: agent, Time: f.clock.Now().Unix(), Counts: schema.JobCounts{Success: 54, FailureException: failed}}
		return join.Change{Kind: join.AgentReport, ID: agent + "-" + name, Hash: uint64(failed), Time: p.Time, Report: p} //nolint:gosec // small
	}
	w := schema.Workflow{Workflow: name, Status: "running-open", Alerts: []string{}}
	f.store.Apply([]join.Change{{Kind: join.Request, ID: name, Hash: 99, Workflow: &w}, part("a.cern.ch", 16), part("b.fnal.gov", 29), part("c.fnal.gov", 0)})
	var failed int64
	var others []string
	for _, got := range f.list("/fetch?name=" + name) {
		failed, others = got.Failure, got.Agents
	}
	require.GreaterOrEqual(t, failed, int64(45), "%v", others)
	reported := map[string]int64{}
	var all int64
	for _, g := range failing(3) {
		if schema.FailedForGood(g.State) {
			reported[g.Agent] += g.Count
			all += g.Count
		}
	}

	env := decode[wire.JobErrorsEnvelope](t, f.get("/fetch/"+name+"/errors?envelope=1&by=exitcode&exitcode=99999").body)
	assert.Equal(t, failed, env.Failure)
	assert.Equal(t, all, env.ReportedJobs, "filters select groups; available reports are counted over all jobs")
	assert.Empty(t, env.Items)
	missing := map[string]int64{}
	for _, a := range env.Agents {
		missing[a.Agent] = a.Failure
		assert.Equal(t, reported[a.Agent], a.ReportedJobs, a.Agent)
	}
	assert.Equal(t, int64(16), missing["a.cern.ch"])
	assert.Equal(t, int64(29), missing["b.fnal.gov"])
	assert.Equal(t, "b.fnal.gov", env.Agents[0].Agent, "most missing reports first")
	assert.NotContains(t, missing, "c.fnal.gov")
	assert.True(t, strings.HasPrefix(string(f.get("/fetch/"+name+"/errors").body), "["), "without it they stay arrays")
	assert.Equal(t, 400, f.get("/fetch/"+name+"/errors?envelope=1&format=csv").StatusCode)

	one := decode[wire.ErrorsEnvelope](t, f.get("/errors?envelope=1&workflow="+name).body)
	assert.Equal(t, [2]int64{env.Failure, env.ReportedJobs}, [2]int64{one.Failure, one.ReportedJobs})
	assert.Equal(t, env.Agents, one.Agents)
	everything := decode[wire.ErrorsEnvelope](t, f.get("/errors?envelope=1").body)
	var counted int64
	for _, w := range f.list("/fetch?limit=all") {
		counted += w.Failure
	}
	assert.Equal(t, counted, everything.Failure)
	assert.True(t, strings.HasPrefix(string(f.get("/errors").body), "["))
}
