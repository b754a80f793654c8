package web

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// TestPagesNameMissingReports checks that a page never says that nothing failed
// beside a red bar, and never shows 16 of 45 failed jobs without a note.
func TestPagesNameMissingReports(t *testing.T) {
	agent := func(name string, failed, reported int64) schema.WorkflowAgent {
		return schema.WorkflowAgent{Agent: name, ReportedJobs: reported, Counters: schema.JobCounts{FailureException: failed}.Derive()}
	}
	page := func(state string, failed, reported int64, agents ...schema.WorkflowAgent) string {
		d := schema.Detail{Agents: agents, ErrorsState: state, ReportedJobs: reported}
		d.HasJobInfo = true
		d.Workflow.Workflow, d.Counters = "w", schema.JobCounts{Success: 54, FailureException: failed}.Derive()
		if reported > 0 {
			d.Errors = []schema.JobError{{Workflow: "w", ExitCode: 8021, State: "jobfailed", Count: reported}}
		}
		var out bytes.Buffer
		require.NoError(t, workflowErrors(WorkflowPage{Detail: d}).Render(t.Context(), &out))
		return out.String()
	}
	none := page(schema.ErrorsNoneReported, 46, 0, agent("vocms0901.cern.ch", 46, 0))
	assert.Contains(t, none, "0 job reports of 46 failed jobs (0\u202f%). Reports are missing from vocms0901.cern.ch (46).")
	assert.NotContains(t, none, "No failed jobs")
	some := page(schema.ErrorsLoaded, 45, 16, agent("a", 16, 16), agent("b", 12, 0), agent("c", 17, 0))
	assert.Contains(t, some, "16 job reports of 45 failed jobs (35.6\u202f%). Reports are missing from c (17), b (12).")
	assert.NotContains(t, page(schema.ErrorsLoaded, 16, 16, agent("a", 16, 16)), "job reports of")
	assert.NotContains(t, page(schema.ErrorsLoaded, 16, 20, agent("a", 16, 20)), "job reports of")
	assert.Contains(t, page(schema.ErrorsNone, 0, 0), "No failed jobs are recorded")
	assert.NotContains(t, page(schema.ErrorsNone, 3, 0), "No failed jobs are recorded", "details that were read before the counts")
	assert.NotContains(t, page(schema.ErrorsFailed, 46, -1, agent("a", 46, -1)), "job reports of", "unknown is not 0")

	var many []wire.AgentFailureReports
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		many = append(many, wire.AgentFailureReports{Agent: name, Failure: 1})
	}
	assert.Equal(t, "0 job reports of 7 failed jobs (0\u202f%). Reports are missing from a (1), b (1), c (1), d (1), e (1) and 2 more agents.",
		missingReports(wire.FailureReports{Failure: 7, Agents: many}))

	assert.Equal(t, "3 job reports of 7 failed jobs (42.9\u202f%).",
		missingReports(wire.FailureReports{Failure: 7, ReportedJobs: 3, Agents: []wire.AgentFailureReports{{Agent: "a", Failure: 7}, {Agent: "", ReportedJobs: 3}}}),
		"reports without an agent may be of any agent")

	assert.Equal(t, "3 job reports of 52\u202f012 failed jobs (0.0058\u202f%).", missingReports(wire.FailureReports{Failure: 52012, ReportedJobs: 3}))
	for failed, want := range map[int64]string{0: "Agents count no failed jobs, and no job reports have arrived.", 5: "0 job reports of 5 failed jobs"} {
		var out bytes.Buffer
		require.NoError(t, worstSites(WorstSites{Reports: wire.FailureReports{Failure: failed}}, "/errors").Render(t.Context(), &out))
		assert.Contains(t, out.String(), want)
	}
	for failed, want := range map[int64]string{0: "No failing jobs.", 5: "No job reports."} {
		var out bytes.Buffer
		require.NoError(t, Errors(ErrorsPage{Reports: wire.FailureReports{Failure: failed}}).Render(t.Context(), &out))
		assert.Contains(t, out.String(), want)
	}
}

// TestInitialPriority checks that the header of a workflow's page shows the initial
// priority only if there is one that differs.
func TestInitialPriority(t *testing.T) {
	for want, priorities := range map[string][2]int64{"": {85000, -1}, "was 90": {85000, 90000}, "n/a": {-1, -1}, "was 0": {85000, 0}} {
		d := schema.Detail{}
		d.Workflow.Workflow, d.Priority, d.InitialPriority = "w", priorities[0], priorities[1]
		var out bytes.Buffer
		require.NoError(t, workflowHeader(WorkflowPage{Detail: d}).Render(t.Context(), &out))
		if want == "" {
			assert.NotContains(t, out.String(), "(was")
		} else {
			assert.Contains(t, out.String(), want)
		}
	}
}

// TestUnreadReportsAreNotNone checks that, in the statuses whose agent reports are
// not read, the page of a workflow says so, and not that there are no jobs.
func TestUnreadReportsAreNotNone(t *testing.T) {
	for status, want := range map[string]string{
		"announced":    "Agent reports are not read in status announced.",
		"new":          "Agent reports are not read in status new.",
		"odd":          "Agent reports are not read in status odd.",
		"running-open": "No agent has reported on this workflow yet.",
	} {
		d := schema.Detail{ErrorsState: schema.ErrorsNone}
		d.Workflow = schema.Workflow{
			Workflow: "w", Status: status, EstimatedJobs: 100, InputEvents: 1000, InputLumis: -1, QueueInjection: -1, EventProgress: -1, LumiProgress: -1,
			SecondsLeft: -1, Counters: schema.JobCounts{}.Derive(),
		}
		var out bytes.Buffer
		require.NoError(t, Workflow(WorkflowPage{Detail: d}).Render(t.Context(), &out))
		html := out.String()
		for _, text := range []string{
			"No failed jobs", "No agent has reported tasks", "No agent has reported on this workflow.", "No jobs at any site", "none was written",
			"the number of input events is unknown", "until the global queue splits the work", "None was written",
		} {
			assert.NotContains(t, html, text, status)
		}
		assert.Equal(t, 6, strings.Count(html, want), "numbers, errors, tasks, agents, sites and outputs of %s", status)
		assert.Contains(t, html, `title="the number of input lumi sections is unknown"`)
		reason := strings.ToLower(want[:1]) + strings.TrimSuffix(want[1:], ".")
		assert.Equal(t, reason, reasonFor("EventProgress", &d.Workflow))
		assert.Equal(t, reason, reasonFor("QueueInjection", &d.Workflow))
		assert.Equal(t, 5, strings.Count(html, `title="`+reason+`"`), status)
	}
	w := &schema.Workflow{Status: "running-open", HasJobInfo: true, InputEvents: 5, EstimatedJobs: -1}
	assert.Equal(t, "no output dataset yet", reasonFor("EventProgress", w))
	assert.Contains(t, reasonFor("QueueInjection", w), "until the global queue splits the work")
	assert.Equal(t, "unknown", reasonFor("Memory", w))
}
