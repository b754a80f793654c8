package raw

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

func TestRunOfTierZero(t *testing.T) {
	for run, want := range map[string]int64{`380115`: 380115, `"380115"`: 380115, `[380115,380116]`: 380115, `null`: -1, `[]`: -1, `-4`: -1, `{}`: -1} {
		req, err := DecodeReqMgr([]byte(`{"_id":"w","RequestStatus":"Merge","Run":` + run + `}`))
		require.NoError(t, err)
		w := req.Record()
		assert.Equal(t, want, w.Run, run)
		assert.True(t, w.StatusKnown)
		schema.Join(&w, []schema.AgentReport{{Workflow: "w", Agent: "a", Time: 100, Counts: schema.JobCounts{Success: 4, Running: 4}, JobsInWMBS: 8}})
		assert.EqualValues(t, -1, w.SecondsLeft, "the end of a Tier-0 workflow is unknown")
	}
}

// TestAgentForms has the forms of agent_info that broke the old page.
func TestAgentForms(t *testing.T) {
	components := func(fields string) map[string]string {
		out := map[string]string{}
		for _, c := range info(t, fields).Detail().Components {
			if c.Down {
				out[c.Component] = c.Error
			}
		}
		return out
	}
	assert.Equal(t, map[string]string{"A": "its process is missing"}, components(`"down_components":["A"],"down_component_detail":["A"]`), "#8254")
	assert.Equal(t, map[string]string{"A": noDetail}, components(`"down_components":["A"],"down_component_detail":[]`), "#8109")
	assert.Equal(t, map[string]string{"A": "some text"}, components(`"down_components":["A"],"down_component_detail":["some text"]`))
	assert.Equal(t, map[string]string{"A": "its process is missing"}, components(`"down_component_detail":["A"]`))
	assert.Equal(t, map[string]string{"A": "x"}, components(`"down_component_detail":{"name":"A","error_message":"x"}`), "one that is not in a list")
	assert.Equal(t, map[string]string{"A": "lost"}, components(`"down_components":"A","components":{"A":[{"error":"lost"}]}`))
	assert.Equal(t, map[string]string{}, components(`"status":"ok"`), "no down_components at all")

	for fields, kind := range map[string]string{
		`"agent_team":"","agent_version":"1"`: schema.KindService,
		`"status":"ok"`:                       schema.KindAgent,
		`"agent_team":"production"`:           schema.KindAgent,
		`"drain_mode":false`:                  schema.KindAgent,
		`"data_last_update":"5"`:              schema.KindAgent,
		`"WMBS_INFO":{}`:                      schema.KindAgent,
		`"requestsByStatus":{"new":1}`:        schema.KindService,
	} {
		assert.Equal(t, kind, info(t, fields).Detail().Kind, fields)
	}

	d := info(t, `"drain_mode":true,"drain_stats":{"workflows_completed":false}`).Detail()
	assert.Equal(t, []string{"workflows that are not complete"}, d.DrainWaits)
	assert.False(t, d.DrainComplete)
	d = info(t, `"drain_mode":true,"drain_stats":{"workflows_completed":true,"condor_status":{"running":0,"idle":0},"upload_status":{"dbs_open_blocks":0}}`).Detail()
	assert.Equal(t, []string{}, d.DrainWaits)
	assert.True(t, d.DrainComplete)
}
