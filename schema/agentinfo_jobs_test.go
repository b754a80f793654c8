package schema

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func agentDetail(t *testing.T, doc string) (AgentDetail, *AgentInfoDoc) {
	t.Helper()
	a, err := DecodeAgentInfo([]byte(`{"_id":"a","type":"agent_info",` + doc + `}`))
	require.NoError(t, err)
	return a.Detail(), a
}

// The records of what waits at a site add up to the PendingJobs of the site,
// whatever the document says.
func TestSitePriorities(t *testing.T) {
	d, a := agentDetail(t, `"WMBS_INFO":{"sitePendCountByPrio":{"T2_B":{"8000":"5","110000":7,"soon":2},"":{"1":3},"unknown":{"1":4},"T2_A":{"0":0},"T2_C":{"0":6}}}`)
	assert.Equal(t, []AgentSitePriority{
		{"a", Unknown, 1, 7}, {"a", "T2_B", 110000, 7}, {"a", "T2_B", 8000, 5}, {"a", "T2_B", 0, 2}, {"a", "T2_C", 0, 6},
	}, d.SitePriorities)
	assert.EqualValues(t, 1, a.FlawCount, "soon is no priority")
	sums := map[string]int64{}
	for _, p := range d.SitePriorities {
		sums[p.Site] += p.Jobs
	}
	for _, s := range d.Sites {
		assert.Equal(t, s.PendingJobs, sums[s.Site], s.Site)
	}
	d, _ = agentDetail(t, `"WMBS_INFO":{"sitePendCountByPrio":{"X":{"1":3}}},"WMBS_INFO":{"sitePendCountByPrio":{"Y":{"1":4}},"sitePendCountByPrio":{"Z":{"2":5}}}`)
	require.Len(t, d.SitePriorities, 1, "a key that comes twice replaces the first")
	assert.Equal(t, AgentSitePriority{"a", "Z", 2, 5}, d.SitePriorities[0])
}

func TestJobStates(t *testing.T) {
	d, _ := agentDetail(t, `"WMBS_INFO":{"wmbsCountByState":{"new":0,"created":4,"created":5},"activeRunJobByStatus":{"Idle":1},"completeRunJobByStatus":{"Completed":2},
		"wmbsCreatedTypeCount":{"Merge":3},"wmbsExecutingTypeCount":{"Skim":4}},
		"LocalWQ_INFO":{"workByStatus":{"Done":{}},"workByStatus":{"Available":{"sum_jobs":9,"num_elem":2,"max_jobs_elem":5},"Acquired":{}}}`)
	assert.Equal(t, []AgentJobState{
		{"a", SourceActive, "Idle", 1, -1, -1}, {"a", SourceCompleted, "Completed", 2, -1, -1}, {"a", SourceCreatedType, "Merge", 3, -1, -1},
		{"a", SourceExecutingType, "Skim", 4, -1, -1}, {"a", SourceLocalQueue, "Acquired", 0, 0, 0}, {"a", SourceLocalQueue, "Available", 9, 2, 5},
		{"a", SourceWMBS, "created", 9, -1, -1}, {"a", SourceWMBS, "new", 0, -1, -1},
	}, d.JobStates)
	d, _ = agentDetail(t, `"workByStatus":{"Available":{"sum_jobs":1,"num_elem":1}}`)
	assert.Equal(t, []AgentJobState{{"a", SourceGlobalQueue, "Available", 1, 1, 0}}, d.JobStates)
	assert.Equal(t, KindService, d.Kind, "the global queue is a service")
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
	assert.EqualValues(t, 1, r.FlawCount, "Other is no step")
	d := Flatten(r, nil)
	assert.Equal(t, []ChainParentage{{"w", 1, "", []string{}, true}, {"w", 2, "/p", []string{"/c"}, true}}, d.Parentage)
	assert.Equal(t, []LFNBase{{"w", UseMerged, "/m"}, {"w", UseOutput, "/a"}, {"w", UseOutput, "/b"}}, d.LFNBases)

	var bulk ReqMgrDecoder
	again, err := bulk.Decode([]byte(`{"_id":"w","ChainParentageMap":{"Task1":{"ParentDset":"/p"}}}`))
	require.NoError(t, err)
	assert.Empty(t, again.parentage(), "lists have none of it, so it is not read for them")
	assert.Equal(t, r.Record(), func() Workflow { q, _ := bulk.Decode([]byte(`{"_id":"w"}`)); return q.Record() }())
}
