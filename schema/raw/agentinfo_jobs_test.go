package raw

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

func agentDetail(t *testing.T, doc string) (schema.AgentDetail, *AgentInfoDoc) {
	t.Helper()
	a, err := DecodeAgentInfo([]byte(`{"_id":"a","type":"agent_info",` + doc + `}`))
	require.NoError(t, err)
	return a.Detail(), a
}

// The records of the jobs that wait at a site add up to the PendingJobs of the
// site, whatever the document contains.
func TestSitePriorities(t *testing.T) {
	d, a := agentDetail(t, `"WMBS_INFO":{"sitePendCountByPrio":{"T2_B":{"8000":"5","110000":7,"soon":2},"":{"1":3},"unknown":{"1":4},"T2_A":{"0":0},"T2_C":{"0":6}}}`)
	assert.Equal(t, []schema.AgentSitePriority{
		{Agent: "a", Site: schema.Unknown, Priority: 1, Jobs: 7}, {Agent: "a", Site: "T2_B", Priority: 110000, Jobs: 7}, {Agent: "a", Site: "T2_B", Priority: 8000, Jobs: 5}, {Agent: "a", Site: "T2_B", Priority: 0, Jobs: 2}, {Agent: "a", Site: "T2_C", Priority: 0, Jobs: 6},
	}, d.SitePriorities)
	assert.EqualValues(t, 1, a.FlawCount, "soon is not a priority")
	sums := map[string]int64{}
	for _, p := range d.SitePriorities {
		sums[p.Site] += p.Jobs
	}
	for _, s := range d.Sites {
		assert.Equal(t, s.PendingJobs, sums[s.Site], s.Site)
	}
	d, _ = agentDetail(t, `"WMBS_INFO":{"sitePendCountByPrio":{"X":{"1":3}}},"WMBS_INFO":{"sitePendCountByPrio":{"Y":{"1":4}},"sitePendCountByPrio":{"Z":{"2":5}}}`)
	require.Len(t, d.SitePriorities, 1, "the second of two equal keys replaces the first")
	assert.Equal(t, schema.AgentSitePriority{Agent: "a", Site: "Z", Priority: 2, Jobs: 5}, d.SitePriorities[0])
}

func TestJobStates(t *testing.T) {
	d, _ := agentDetail(t, `"WMBS_INFO":{"wmbsCountByState":{"new":0,"created":4,"created":5},"activeRunJobByStatus":{"Idle":1},"completeRunJobByStatus":{"Completed":2},
		"wmbsCreatedTypeCount":{"Merge":3},"wmbsExecutingTypeCount":{"Skim":4}},
		"LocalWQ_INFO":{"workByStatus":{"Done":{}},"workByStatus":{"Available":{"sum_jobs":9,"num_elem":2,"max_jobs_elem":5},"Acquired":{}}}`)
	assert.Equal(t, []schema.AgentJobState{
		{Agent: "a", Source: schema.SourceActive, State: "Idle", Jobs: 1, Elements: -1, MaxJobs: -1}, {Agent: "a", Source: schema.SourceCompleted, State: "Completed", Jobs: 2, Elements: -1, MaxJobs: -1}, {Agent: "a", Source: schema.SourceCreatedType, State: "Merge", Jobs: 3, Elements: -1, MaxJobs: -1},
		{Agent: "a", Source: schema.SourceExecutingType, State: "Skim", Jobs: 4, Elements: -1, MaxJobs: -1}, {Agent: "a", Source: schema.SourceLocalQueue, State: "Acquired", Jobs: 0, Elements: 0, MaxJobs: 0}, {Agent: "a", Source: schema.SourceLocalQueue, State: "Available", Jobs: 9, Elements: 2, MaxJobs: 5},
		{Agent: "a", Source: schema.SourceWMBS, State: "created", Jobs: 9, Elements: -1, MaxJobs: -1}, {Agent: "a", Source: schema.SourceWMBS, State: "new", Jobs: 0, Elements: -1, MaxJobs: -1},
	}, d.JobStates)
	d, _ = agentDetail(t, `"workByStatus":{"Available":{"sum_jobs":1,"num_elem":1}}`)
	assert.Equal(t, []schema.AgentJobState{{Agent: "a", Source: schema.SourceGlobalQueue, State: "Available", Jobs: 1, Elements: 1, MaxJobs: 0}}, d.JobStates)
	assert.Equal(t, schema.KindService, d.Kind, "the global queue is a service")
	for _, odd := range []string{`"WMBS_INFO":7`, `"WMBS_INFO":{"wmbsCountByState":[1]}`, `"LocalWQ_INFO":null`, `"LocalWQ_INFO":{"workByStatus":{"Done":3}}`} {
		d, _ = agentDetail(t, odd)
		assert.NotNil(t, d.JobStates, odd)
		assert.NotNil(t, d.SitePriorities, odd)
	}
}

func TestParentageAndPlaces(t *testing.T) {
	r, err := DecodeReqMgr([]byte(`{"_id":"w","ParentageResolved":true,"ChainParentageMap":{"Task2":{"ParentDset":"/p","ChildDsets":"/c"},"Other":{"ParentDset":"/x"},"Task1":null},
		"OutputModulesLFNBases":["/b","/a","/a",""],"MergedLFNBase":"/m","UnmergedLFNBase":null}`))
	require.NoError(t, err)
	assert.EqualValues(t, 1, r.FlawCount, "Other is not a step")
	d := Flatten(r, nil)
	assert.Equal(t, []schema.ChainParentage{{Workflow: "w", Index: 1, ParentDataset: "", ChildDatasets: []string{}, Resolved: true}, {Workflow: "w", Index: 2, ParentDataset: "/p", ChildDatasets: []string{"/c"}, Resolved: true}}, d.Parentage)
	assert.Equal(t, []schema.LFNBase{{Workflow: "w", Use: schema.UseMerged, Base: "/m"}, {Workflow: "w", Use: schema.UseOutput, Base: "/a"}, {Workflow: "w", Use: schema.UseOutput, Base: "/b"}}, d.LFNBases)

	var bulk ReqMgrDecoder
	again, err := bulk.Decode([]byte(`{"_id":"w","ChainParentageMap":{"Task1":{"ParentDset":"/p"}}}`))
	require.NoError(t, err)
	assert.Empty(t, again.parentage(), "lists do not use it, so it is not read for them")
	assert.Equal(t, r.Record(), func() schema.Workflow { q, _ := bulk.Decode([]byte(`{"_id":"w"}`)); return q.Record() }())
}
