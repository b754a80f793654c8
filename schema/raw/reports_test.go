package raw

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// TestReportsThatHaveNotCome checks that the state is "none" only when agents
// count no failed job.
func TestReportsThatHaveNotCome(t *testing.T) {
	req, err := DecodeReqMgr([]byte(`{"RequestName":"w","RequestStatus":"running-open"}`))
	require.NoError(t, err)
	agent := func(name string, failed string) *ReportDoc {
		a, err := DecodeReport([]byte(`{"workflow":"w","agent_url":"` + name + `","status":{"success":54,"failure":{"exception":` + failed + `}}}`))
		require.NoError(t, err)
		return a
	}
	group := func(agent, state string, n int64) schema.JobError {
		return schema.JobError{Workflow: "w", Agent: agent, State: state, Count: n}
	}
	for name, c := range map[string]struct {
		agents   []*ReportDoc
		groups   []schema.JobError
		state    string
		want     string
		reported []int64 // in all, then by agent
	}{
		"nothing failed":            {[]*ReportDoc{agent("a", "0")}, nil, "", schema.ErrorsNone, []int64{0, 0}},
		"no agent":                  {nil, nil, "", schema.ErrorsNone, []int64{0}},
		"none has arrived":          {[]*ReportDoc{agent("a", "46"), agent("b", "2")}, nil, "", schema.ErrorsNoneReported, []int64{0, 0, 0}},
		"some have arrived":         {[]*ReportDoc{agent("a", "16"), agent("b", "29")}, []schema.JobError{group("a", "jobfailed", 15), group("a", "submitfailed", 1)}, "", schema.ErrorsLoaded, []int64{16, 16, 0}},
		"only retries have arrived": {[]*ReportDoc{agent("a", "46")}, []schema.JobError{group("a", "jobcooloff", 9), group("a", schema.StateSuccess, 3)}, "", schema.ErrorsLoaded, []int64{0, 0}},
		"of an agent that left":     {[]*ReportDoc{agent("a", "1")}, []schema.JobError{group("gone", "createfailed", 2)}, "", schema.ErrorsLoaded, []int64{2, 0}},
		"not read":                  {[]*ReportDoc{agent("a", "46")}, nil, schema.ErrorsFailed, schema.ErrorsFailed, []int64{-1, -1}},
		"not there":                 {[]*ReportDoc{agent("a", "46")}, nil, schema.ErrorsNotLoaded, schema.ErrorsNotLoaded, []int64{-1, -1}},
	} {
		d := Flatten(req, c.agents)
		assert.Equal(t, int64(-1), d.ReportedJobs, "not before they are read")
		d.SetErrors(c.groups, c.state)
		assert.Equal(t, c.want, d.ErrorsState, name)
		got := []int64{d.ReportedJobs}
		for _, a := range d.Agents {
			got = append(got, a.ReportedJobs)
		}
		assert.Equal(t, c.reported, got, name)
		assert.NotNil(t, d.Errors, name)
	}
}
