package raw

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func read(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/set/" + name)
	require.NoError(t, err)
	return raw
}

func golden(t *testing.T, name string, encoded []byte) {
	t.Helper()
	var got bytes.Buffer
	require.NoError(t, json.Indent(&got, encoded, "", " "))
	got.WriteByte('\n')
	path := "testdata/golden/" + name
	if *update {
		require.NoError(t, os.WriteFile(path, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}

func workflowSet(t testing.TB) schema.Detail {
	t.Helper()
	req, err := DecodeReqMgr(read(t, "request.json"))
	require.NoError(t, err)
	require.Empty(t, req.Flaws)
	var agents []*ReportDoc
	for _, name := range []string{"work-b-older.json", "work-b.json", "work-a.json"} {
		a, err := DecodeReport(read(t, name))
		require.NoError(t, err)
		require.Empty(t, a.Flaws)
		agents = append(agents, a)
	}
	return Flatten(req, agents)
}

func TestWorkflowGolden(t *testing.T) {
	d := workflowSet(t)
	d.Alerts, _ = schema.Alerts(&d.Workflow, nil, 1712350200, schema.DefaultLimits())
	d.AlertRecords = schema.AlertsOf(&d.Workflow, schema.Facts{}, schema.DefaultLimits())
	golden(t, "workflow.json", schema.AppendDetail(nil, &d))
}

// TestWorkflowFigures checks the golden's most important figures, worked out by
// hand from testdata/set.
func TestWorkflowFigures(t *testing.T) {
	d := workflowSet(t)
	assert.Equal(t, schema.JobCounts{
		Success: 220, Canceled: 4, QueuedFirst: 20, SubmittedFirst: 90, SubmittedRetry: 5, Pending: 25, Running: 70,
		FailureException: 12, CooloffJob: 9, PausedJob: 1,
	}, d.JobCounts)
	assert.Equal(t, int64(220+4+12+9+1+20+70+25), d.TotalJobs, "submitted is not added: it is pending and running again")
	assert.Equal(t, 64.27, d.JobProgress, "232 of 361")
	assert.Equal(t, 5.17, d.FailureRate, "12 of 232")
	assert.Equal(t, 84.0, d.QueueInjection, "420 of 500")
	assert.Equal(t, int64(178000), d.OutputEvents)
	assert.Equal(t, 89000.0, d.AvgOutputEvents, "over the two datasets that were asked for")
	assert.Equal(t, 22.25, d.EventProgress)
	assert.Equal(t, 22.38, d.LumiProgress, "179 of 800")
	assert.Equal(t, int64(3), d.SkippedFiles)
	assert.Equal(t, int64(-1), d.SecondsLeft, "10 000 s after the status began, with open jobs")
	assert.Equal(t, []string{"(unknown)", "T1_US_FNAL", "T2_CH_CERN", "T2_DE_DESY"}, d.Workflow.Sites)
	require.Equal(t, schema.None, d.SiteTotals[0].Site)
	assert.Equal(t, schema.JobCounts{QueuedFirst: 20, CooloffJob: 3, PausedJob: 1}, d.SiteTotals[0].JobCounts)
	require.Len(t, d.Datasets, 2)
	assert.Equal(t, 30.0, d.Datasets[0].EventProgress, "120000 of 400000")
}

func TestAgentGolden(t *testing.T) {
	for _, name := range []string{"agent.json", "service.json"} {
		a, err := DecodeAgentInfo(read(t, name))
		require.NoError(t, err)
		require.Empty(t, a.Flaws)
		d := a.Detail()
		schema.Judge(&d.Agent, 1712350200, schema.DefaultLimits())
		d.AlertRecords = schema.AlertsOfAgent(&d, 1712350200, schema.DefaultLimits())
		golden(t, name, schema.AppendJSON(nil, &d))
	}
}

func TestJobGolden(t *testing.T) {
	j, err := DecodeJobSummary(read(t, "job.json"))
	require.NoError(t, err)
	require.Empty(t, j.Flaws)
	s := j.Sample()
	golden(t, "job.json", schema.AppendJSON(nil, &s))
}
