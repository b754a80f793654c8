package raw

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// TestKeysOfAgentInfo checks that keys are matched exactly. If a key occurs
// twice the last value counts, and nothing of the first is left in it.
func TestKeysOfAgentInfo(t *testing.T) {
	d := info(t, `"Status":"down","status":"ok","STATUS":"error","disk_Warning":[{"mounted":"/x"}],
		"drain_mode":true,"drain_stats":{"workflows_completed":false},"drain_stats":{"workflows_completed":true,"Condor_Status":null},
		"workers":[{"name":"A","state":"Error"}],"workers":null,
		"components":{"C":[{"pid":1,"PID":2,"Process":"p"}]},
		"WMBS_INFO":{"thresholds":{"T1_A":{"state":"Down"}}},"WMBS_INFO":{"thresholds":{"T2_B":{"State":"Down"}}}`).Detail()
	assert.Equal(t, "ok", d.ReportedStatus)
	assert.Empty(t, d.Disks)
	assert.True(t, d.DrainComplete)
	assert.Empty(t, d.DrainWaits)
	assert.Zero(t, d.WorkersTotal)
	require.Len(t, d.Components, 1)
	assert.EqualValues(t, 1, d.Components[0].PID)
	assert.Empty(t, d.Components[0].Process)
	require.Len(t, d.Sites, 1)
	assert.Equal(t, schema.AgentSite{Agent: "a.cern.ch", Site: "T2_B", PendingSlots: -1, RunningSlots: -1, FreeForQueue: -1, PendingJobs: -1}, d.Sites[0])
}

// TestFlawsOfAgentInfo checks that each flaw has its path, also in objects
// whose keys are data and in lists.
func TestFlawsOfAgentInfo(t *testing.T) {
	a := info(t, `"timestamp":"soon","down_components":[1,[[[["deep"]]]]],"down_component_detail":[{"poll_interval":"x"},7],
		"components":{"A":[{"pid":-5}],"":3},"workers":[{"name":"n"},4,{"state":true}],"disk_warning":{"mounted":"/"},
		"drain_stats":{"condor_status":[],"global_wq_status":{"Done":{"num_elem":"many"}}},
		"WMBS_INFO":{"sitePendCountByPrio":{"T1_A":{"high":1}},"wmbsCountByState":{"new":[1,2]}},"LocalWQ_INFO":true`)
	var found []string
	for _, f := range a.Flaws {
		found = append(found, f.Path+": "+f.Found)
	}
	assert.Equal(t, []string{
		`timestamp: soon`, `down_components: [1,[[[["deep"]]]]]`, `down_component_detail.poll_interval: x`,
		`components.A.pid: -5`, `workers.2: 4`, `workers.3.state: true`, `disk_warning: {"mounted":"/"}`,
		`drain_stats.condor_status: []`, `drain_stats.global_wq_status.Done.num_elem: many`,
		`WMBS_INFO.sitePendCountByPrio.T1_A.high: high`, `WMBS_INFO.wmbsCountByState.new: [1,2]`, `LocalWQ_INFO: true`,
	}, found)
	assert.Equal(t, len(found), a.FlawCount)
}

func TestAgentInfoThatIsNestedTooDeep(t *testing.T) {
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	_, err := DecodeAgentInfo([]byte(`{"_id":"a","type":"agent_info","other":` + deep + `}`))
	var bad *DocError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "a", bad.ID)
	assert.ErrorContains(t, err, "less deep than 10000")
}
