package schema

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReportsThatHaveNotCome: "none" is said only when agents count no failed job.
func TestReportsThatHaveNotCome(t *testing.T) {
	req, err := DecodeReqMgr([]byte(`{"RequestName":"w","RequestStatus":"running-open"}`))
	require.NoError(t, err)
	agent := func(name string, failed string) *AgentDoc {
		a, err := DecodeAgent([]byte(`{"workflow":"w","agent_url":"` + name + `","status":{"success":54,"failure":{"exception":` + failed + `}}}`))
		require.NoError(t, err)
		return a
	}
	group := func(agent, state string, n int64) JobError {
		return JobError{Workflow: "w", Agent: agent, State: state, Count: n}
	}
	for name, c := range map[string]struct {
		agents   []*AgentDoc
		groups   []JobError
		state    string
		want     string
		reported []int64 // in all, then by agent
	}{
		"nothing failed":         {[]*AgentDoc{agent("a", "0")}, nil, "", ErrorsNone, []int64{0, 0}},
		"no agent":               {nil, nil, "", ErrorsNone, []int64{0}},
		"none has come":          {[]*AgentDoc{agent("a", "46"), agent("b", "2")}, nil, "", ErrorsNoneReported, []int64{0, 0, 0}},
		"some have come":         {[]*AgentDoc{agent("a", "16"), agent("b", "29")}, []JobError{group("a", "jobfailed", 15), group("a", "submitfailed", 1)}, "", ErrorsLoaded, []int64{16, 16, 0}},
		"only retries have come": {[]*AgentDoc{agent("a", "46")}, []JobError{group("a", "jobcooloff", 9), group("a", StateSuccess, 3)}, "", ErrorsLoaded, []int64{0, 0}},
		"of an agent that left":  {[]*AgentDoc{agent("a", "1")}, []JobError{group("gone", "createfailed", 2)}, "", ErrorsLoaded, []int64{2, 0}},
		"not read":               {[]*AgentDoc{agent("a", "46")}, nil, ErrorsFailed, ErrorsFailed, []int64{-1, -1}},
		"not there":              {[]*AgentDoc{agent("a", "46")}, nil, ErrorsNotLoaded, ErrorsNotLoaded, []int64{-1, -1}},
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
