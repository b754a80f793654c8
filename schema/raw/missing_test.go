package raw

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// TestMissingNumbersAreNotZero walks the records of nearly empty documents: a
// number that the source does not have is -1, never a 0 that could be taken for
// a value.
func TestMissingNumbersAreNotZero(t *testing.T) {
	w := requestOf(t, `"Task1":{"TaskName":"a"},"TaskChain":1`)
	assert.Equal(t, int64(-1), w.Priority)
	assert.Equal(t, int64(-1), w.InitialPriority)
	assert.Equal(t, int64(-1), w.Memory)
	assert.Equal(t, int64(-1), w.Multicore)
	assert.InDelta(t, -1, w.TimePerEvent, 0)
	assert.InDelta(t, -1, w.SizePerEvent, 0)
	assert.Equal(t, int64(-1), w.Run)
	assert.Equal(t, int64(-1), w.EstimatedJobs)
	assert.Equal(t, int64(-1), w.RequestedEvents)

	doc, err := DecodeReqMgr([]byte(`{"RequestName":"w","TaskChain":1,"Task1":{"TaskName":"a"},"PriorityTransition":[{"UpdateTime":5}]}`))
	require.NoError(t, err)
	d := Flatten(doc, nil)
	assert.Equal(t, int64(-1), d.Steps[0].Memory)
	assert.Equal(t, int64(-1), d.Steps[0].Multicore)
	assert.Equal(t, int64(-1), d.Priorities[0].Priority)

	job, err := DecodeJobSummary([]byte(`{"_id":"j","type":"jobsummary","output":[{"lfn":"/a"}]}`))
	require.NoError(t, err)
	s := job.Sample()
	assert.Equal(t, int64(-1), s.RetryCount)
	assert.Equal(t, int64(-1), s.WMBSID)
	assert.Equal(t, int64(-1), s.ExitCode)
	assert.Equal(t, int64(-1), s.Outputs[0].Bytes)

	info, err := DecodeAgentInfo([]byte(`{"_id":"a","type":"agent_info","agent_url":"a","agent_team":"t",
		"down_component_detail":[{"name":"C"}],"components":{"C":[{"process":"p"}]},"disk_warning":[{"mounted":"/data"}],
		"WMBS_INFO":{"thresholds":{"T1_X_Y":{"state":"Down"}},"thresholdsGQ2LQ":{"T2_X_Y":0},"sitePendCountByPrio":{"T3_X_Y":{"1":5}}}}`))
	require.NoError(t, err)
	a := info.Detail()
	assert.Equal(t, int64(-1), a.Components[0].PID)
	assert.InDelta(t, -1, a.Components[0].PollInterval, 0)
	assert.InDelta(t, -1, a.Components[0].CycleTime, 0)
	assert.InDelta(t, -1, a.Disks[0].UsedPercent, 0)
	assert.Equal(t, []schema.AgentSite{
		{Agent: "a", Site: "T1_X_Y", State: "Down", PendingSlots: -1, RunningSlots: -1, FreeForQueue: 0, PendingJobs: 0},
		{Agent: "a", Site: "T2_X_Y", PendingSlots: -1, RunningSlots: -1, FreeForQueue: 0, PendingJobs: 0},
		{Agent: "a", Site: "T3_X_Y", PendingSlots: -1, RunningSlots: -1, FreeForQueue: 0, PendingJobs: 5},
	}, a.Sites)
	info, err = DecodeAgentInfo([]byte(`{"agent_url":"a","WMBS_INFO":{"thresholds":{"T1_X_Y":{}},"wmbsCountByState":{"new":1}}}`))
	require.NoError(t, err)
	a = info.Detail()
	assert.Equal(t, []schema.AgentSite{{Agent: "a", Site: "T1_X_Y", PendingSlots: -1, RunningSlots: -1, FreeForQueue: -1, PendingJobs: -1}}, a.Sites)
	assert.Equal(t, int64(-1), a.JobStates[0].Elements)
	assert.Equal(t, int64(-1), a.JobStates[0].MaxJobs)

	g, err := DecodeReport([]byte(`{"workflow":"w","agent_url":"a","tasks":{"/w/T":{"jobtype":"Merge"}}}`))
	require.NoError(t, err)
	d = Flatten(doc, []*ReportDoc{g})
	assert.Equal(t, int64(-1), d.Tasks[0].SubscriptionsTotal)
	assert.Equal(t, int64(-1), d.TaskTotals[0].SubscriptionsOpen)

	zero := requestOf(t, `"RequestPriority":0,"Memory":0,"Multicore":0,"TimePerEvent":0,"Run":0,"TotalEstimatedJobs":0`)
	assert.Zero(t, zero.Priority, "a 0 that the document has stays")
	assert.Zero(t, zero.EstimatedJobs)
}

// TestEachNumberThatMayBeAbsentIsMinusOne compares both decoders with the tags:
// a field that was added without its default is 0 in the record of a document
// that lacks it.
func TestEachNumberThatMayBeAbsentIsMinusOne(t *testing.T) {
	empty := []byte(`{"RequestName":"w"}`)
	doc, err := DecodeReqMgr(empty)
	require.NoError(t, err)
	absentIsMinusOne(t, doc.Record())
	var decoder ReqMgrDecoder
	doc, err = decoder.Decode(empty)
	require.NoError(t, err)
	absentIsMinusOne(t, doc.Record())

	doc, err = DecodeReqMgr([]byte(`{"RequestName":"w","TaskChain":1,"Task1":{},"PriorityTransition":[{}]}`))
	require.NoError(t, err)
	report, err := DecodeReport([]byte(`{"workflow":"w","agent_url":"a","tasks":{"/w/T":{}}}`))
	require.NoError(t, err)
	d := Flatten(doc, []*ReportDoc{report})
	absentIsMinusOne(t, d.Steps[0])
	absentIsMinusOne(t, d.Priorities[0])
	absentIsMinusOne(t, d.Tasks[0])

	job, err := DecodeJobSummary([]byte(`{"_id":"j","type":"jobsummary","output":[{}],"errors":{"cmsRun1":[{}]}}`))
	require.NoError(t, err)
	sample := job.Sample()
	absentIsMinusOne(t, sample)
	absentIsMinusOne(t, sample.Outputs[0])
	absentIsMinusOne(t, sample.Errors[0])
}

// absentIsMinusOne requires -1 in each number of a record whose doc says that
// -1 means absent, unknown or not defined. The document of the record must have
// none of these numbers.
func absentIsMinusOne[T any](t *testing.T, record T) {
	t.Helper()
	content, err := json.Marshal(record)
	require.NoError(t, err)
	var values map[string]any
	require.NoError(t, json.Unmarshal(content, &values))
	found := 0
	for _, f := range schema.Describe[T]() {
		if (f.Type == schema.Int || f.Type == schema.Float) && strings.Contains(f.Doc, "; -1 ") {
			assert.Equal(t, -1.0, values[f.Key], "%T: %s: %s", record, f.Key, f.Doc)
			found++
		}
	}
	assert.Positive(t, found, "%T has no number that may be absent", record)
}

// TestNeedsOfTheStepsCount: where the top level of a chain names no memory or
// cores, its jobs need the largest value of the steps.
func TestNeedsOfTheStepsCount(t *testing.T) {
	w := requestOf(t, `"StepChain":2,"Step1":{"Memory":2000,"Multicore":8},"Step2":{"Memory":16000,"Multicore":4}`)
	assert.Equal(t, int64(16000), w.Memory)
	assert.Equal(t, int64(8), w.Multicore)
	w = requestOf(t, `"Memory":3000,"StepChain":1,"Step1":{"Memory":2000}`)
	assert.Equal(t, int64(3000), w.Memory)
}

func TestMissing(t *testing.T) {
	fields := map[string]schema.Field{}
	for _, f := range schema.Describe[schema.Workflow]() {
		fields[f.Key] = f
	}
	assert.True(t, fields["InputEvents"].Missing(-1))
	assert.False(t, fields["InputEvents"].Missing(0))
	assert.True(t, fields["StatusTime"].Missing(0))
	assert.True(t, fields["StatusTime"].Missing(-1))
	assert.False(t, fields["StatusTime"].Missing(1))
	assert.False(t, fields["Failure"].Missing(0))
	assert.False(t, fields["Skipped"].Missing(0), "false is a value")
}
