package schema

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Helpers of all tests: a document that must decode.

func request(t testing.TB, fields string) *ReqMgrDoc {
	t.Helper()
	r, err := DecodeReqMgr([]byte(`{"_id":"wf1","RequestName":"wf1",` + fields + `}`))
	require.NoError(t, err)
	return r
}

func work(t testing.TB, fields string) *AgentDoc {
	t.Helper()
	a, err := DecodeAgent([]byte(`{"_id":"a.cern.ch-wf1","type":"agent_request","workflow":"wf1","agent_url":"a.cern.ch",` + fields + `}`))
	require.NoError(t, err)
	return a
}

func info(t testing.TB, fields string) *AgentInfoDoc {
	t.Helper()
	a, err := DecodeAgentInfo([]byte(`{"_id":"a.cern.ch","type":"agent_info","agent_url":"a.cern.ch",` + fields + `}`))
	require.NoError(t, err)
	return a
}

func summary(t testing.TB, fields string) JobSample {
	t.Helper()
	j, err := DecodeJobSummary([]byte(`{"_id":"job-1","type":"jobsummary","workflow":"wf1",` + fields + `}`))
	require.NoError(t, err)
	return j.Sample()
}

// TestEdgeCases has one case for each row of table 9.7 of the domain page.
func TestEdgeCases(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"field missing":                             fieldMissing,
		"null":                                      nullIsMissing,
		"number as string":                          numberAsString,
		"string for list / list for string":         stringForList,
		"object for string":                         objectForString,
		"number for object":                         numberForObject,
		"object for string site":                    objectForSite,
		"float for int":                             floatForInt,
		"huge numbers":                              hugeNumbers,
		"negative counters":                         negativeCounters,
		"unknown status / type":                     unknownStatus,
		"RequestStatus differs from transition":     statusDiffers,
		"transition list empty / order / repeated":  transitionLists,
		"names of no site":                          namesOfNoSite,
		"same site by two names":                    sameSiteTwoNames,
		"agent url with and without port; renamed":  agentPort,
		"two documents for one agent and workflow":  twoDocuments,
		"several agents for one workflow":           severalAgents,
		"agent document of another workflow":        otherWorkflow,
		"agent document without status or tasks":    emptyAgentDocument,
		"stale agent document":                      staleAgent,
		"task path of another form":                 taskPaths,
		"names with slashes, quotes, non-ASCII":     strangeNames,
		"duplicate keys, invalid UTF-8":             badBytes,
		"very large document":                       veryLarge,
		"total 0 or absent":                         noTotals,
		"progress over 100 %":                       progressOver100,
		"clock skew":                                clockSkew,
		"document deleted between two calls (null)": nullDocument,
		"view row with error":                       errorRow,
	} {
		t.Run(name, test)
	}
}

func fieldMissing(t *testing.T) {
	w := request(t, `"RequestStatus":"new"`).Record()
	assert.Equal(t, "", w.Team)
	assert.Equal(t, []string{}, w.SiteWhitelist)
	for _, total := range []int64{w.EstimatedJobs, w.InputEvents, w.InputLumis, w.InputFiles, w.RequestedEvents} {
		assert.Equal(t, int64(-1), total)
	}
	p := work(t, `"status":{"success":3}`).Part()
	assert.Equal(t, JobCounts{Success: 3}, p.Counts)
}

func nullIsMissing(t *testing.T) {
	r := request(t, `"PrepID":null,"MCPileup":null,"DataPileup":[null],"TotalInputEvents":null,"Team":null,"SiteWhitelist":null,
		"RequestTransition":null,"ScramArch":null,"RequestDate":null,"RequestPriority":null,"Step1":null,"StepChain":1`)
	w := r.Record()
	assert.Empty(t, r.Flaws)
	assert.Equal(t, "", w.PrepID)
	assert.Equal(t, []string{}, w.Pileups)
	assert.Equal(t, int64(-1), w.InputEvents)
	a := work(t, `"status":null,"sites":null,"tasks":{"/wf1/A":null},"skipped":null,"timestamp":null`)
	assert.Empty(t, a.Flaws)
	assert.Equal(t, JobCounts{}, a.Part().Counts)
	s := summary(t, `"site":null,"cms_location":null,"exitcode":null,"outputdataset":null,"eos_log_url":null,
		"state_history":[{"oldstate":"new","newstate":"created","location":null,"timestamp":5}]`)
	assert.Equal(t, "", s.ReportedSite)
	assert.Equal(t, int64(-1), s.ExitCode, "not 0: that would be success")
	assert.Equal(t, "", s.Transitions[0].Location)
}

func numberAsString(t *testing.T) {
	w := request(t, `"RequestPriority":"85000","TotalInputEvents":" 500 ","TotalEstimatedJobs":""`).Record()
	assert.Equal(t, int64(85000), w.Priority)
	assert.Equal(t, int64(500), w.InputEvents)
	assert.Equal(t, int64(-1), w.EstimatedJobs)
	d := info(t, `"data_last_update":"1710340860","disk_warning":[{"filesystem":"/dev/vdb","mounted":"/data","percent":"91%"}],
		"components":{"JobAccountant":[{"process":"python3","pid":"41001","status":"sleeping","type":"process"}]},
		"WMBS_INFO":{"sitePendCountByPrio":{"T1_US_FNAL":{"85000":"310","110000":22}}}`)
	require.Empty(t, d.Flaws)
	agent := d.Detail()
	assert.Equal(t, int64(1710340860), agent.DataUpdateTime)
	assert.Equal(t, 91.0, agent.Disks[0].UsedPercent)
	assert.Equal(t, int64(41001), agent.Components[0].PID)
	assert.Equal(t, int64(332), agent.Sites[0].PendingJobs)

	bad := request(t, `"RequestPriority":"high","TotalInputEvents":"NaN","TotalInputLumis":"0x10","Campaign":"C"`)
	assert.Equal(t, int64(0), bad.Record().Priority)
	assert.Equal(t, int64(-1), bad.Record().InputEvents)
	assert.Equal(t, "C", bad.Record().Campaign, "the rest of the document is there")
	assert.Equal(t, 3, bad.FlawCount)
	assert.Equal(t, Flaw{Path: "RequestPriority", Found: "high", Want: "a whole number of 64 bits"}, bad.Flaws[0])
}

func stringForList(t *testing.T) {
	r := request(t, `"ScramArch":"slc6_amd64_gcc481","Teams":["production","relval"],"RequestNumEvents":[5000,7],
		"SiteWhitelist":"[\"T1_US_FNAL\",\"T2_CH_CERN\"]","SiteBlacklist":"T2_RU_JINR","Campaign":["Run3"],"OutputDatasets":"/a/b/RAW"`)
	w := r.Record()
	assert.Empty(t, r.Flaws)
	assert.Equal(t, []string{"slc6_amd64_gcc481"}, w.ScramArchs)
	assert.Equal(t, "production", w.Team)
	assert.Equal(t, int64(5000), w.RequestedEvents)
	assert.Equal(t, []string{"T1_US_FNAL", "T2_CH_CERN"}, w.SiteWhitelist, "a list that an update handler stored as text")
	assert.Equal(t, []string{"T2_RU_JINR"}, w.SiteBlacklist)
	assert.Equal(t, "Run3", w.Campaign)
	assert.Equal(t, []string{"/a/b/RAW"}, w.OutputDatasets)
	s := summary(t, `"output":[{"lfn":"/x","location":["T1_US_FNAL","T2_US_MIT"]},{"lfn":"/y","location":"T2_US_MIT"}],"inputfiles":["/a",{"lfn":"/b"}]`)
	assert.Equal(t, "T1_US_FNAL,T2_US_MIT", s.Outputs[0].Location)
	assert.Equal(t, "T2_US_MIT", s.Outputs[1].Location)
	assert.Equal(t, []string{"/a", "/b"}, s.InputFiles)

	several := request(t, `"Campaign":["A","B"]`)
	assert.Equal(t, "A", several.Record().Campaign)
	assert.Equal(t, 1, several.FlawCount, "what is left out is noted")
}

func objectForString(t *testing.T) {
	r := request(t, `"AcquisitionEra":{"Z":"Run2024D","A":"Run2024C"},"ProcessingString":{"A":"x"},"Comments":{"List":["a"]},"Memory":{"A":2000,"B":16000}`)
	assert.Empty(t, r.Flaws)
	assert.Equal(t, []string{"Run2024C", "Run2024D"}, r.Record().AcquisitionEras, "values by key")
	assert.Equal(t, int64(16000), r.Record().Memory)
}

func numberForObject(t *testing.T) {
	a := work(t, `"status":{"cooloff":7},"sites":{"T2_CH_CERN":{"cooloff":"7"}}`)
	assert.Empty(t, a.Flaws)
	assert.Equal(t, JobCounts{CooloffJob: 7}, a.Part().Counts)
	assert.Equal(t, JobCounts{CooloffJob: 7}, a.Part().Sites[0].Counts)
	bad := work(t, `"status":{"submitted":7,"success":1}`)
	assert.Equal(t, JobCounts{Success: 1}, bad.Part().Counts)
	assert.Equal(t, []Flaw{{Path: "status.submitted", Found: "7", Want: "an object"}}, bad.Flaws)
}

func objectForSite(t *testing.T) {
	j, err := DecodeJobSummary([]byte(`{"_id":"job-1","site":{}}`))
	require.NoError(t, err)
	assert.Empty(t, j.Flaws)
	assert.Equal(t, "", j.Site)
	assert.Equal(t, Unknown, j.Sample().Site)
}

func floatForInt(t *testing.T) {
	agent := info(t, `"WMBS_INFO":{"thresholdsGQ2LQ":{"T1_US_FNAL":4500.5},"thresholds":{"T1_US_FNAL":{"state":"Normal","pending_slots":9000.9}}}`).Detail()
	assert.Equal(t, 4500.5, agent.Sites[0].FreeForQueue)
	assert.Equal(t, int64(9000), agent.Sites[0].PendingSlots)
	w := request(t, `"TotalInputEvents":1e6,"TotalInputLumis":12.99`).Record()
	assert.Equal(t, int64(1_000_000), w.InputEvents)
	assert.Equal(t, int64(12), w.InputLumis)
}

func hugeNumbers(t *testing.T) {
	const fields = `"tasks":{"/wf1/A":{"sites":{"T2_CH_CERN":{"dataset":{"/a/b/RAW":{"events":1,"size":%s}}}}}}`
	for _, size := range []int64{9_100_000_000_000_000, 9_223_372_036_854_775_807} {
		a := work(t, fmt.Sprintf(fields, strconv.FormatInt(size, 10)))
		assert.Equal(t, size, a.Part().Outputs[0].Bytes, "as it is")
		d := Flatten(request(t, `"RequestStatus":"completed"`), []*AgentDoc{a})
		assert.Equal(t, size, d.OutputBytes)
	}
	for _, size := range []string{"9223372036854775808", "1e30", "1e999"} {
		a := work(t, fmt.Sprintf(fields, size))
		assert.Equal(t, int64(0), a.Part().Outputs[0].Bytes)
		assert.Equal(t, Flaw{"tasks./wf1/A.sites.T2_CH_CERN.dataset./a/b/RAW.size", size, "a whole number of 64 bits"}, a.Flaws[0])
	}
	a := work(t, `"status":{"success":9223372036854775807,"transition":5}`)
	assert.Equal(t, JobCounts{Transition: 5}, a.Status, "no sum may turn negative")
	assert.Equal(t, 1, a.FlawCount)
}

func negativeCounters(t *testing.T) {
	a := work(t, `"status":{"success":10,"transition":-3},"sites":{"T2_CH_CERN":{"success":12,"canceled":-1}}`)
	assert.Equal(t, int64(-3), a.Status.Transition, "the raw sign is kept")
	assert.Equal(t, 3, a.FlawCount, "and noted: two counters, and sites with more than the whole")
	p := a.Part()
	sites := p.WorkflowSites()
	require.Len(t, sites, 2)
	assert.Equal(t, None, sites[0].Site)
	assert.Equal(t, JobCounts{Canceled: 1}, sites[0].JobCounts, "clamped to 0, each counter by itself")
	assert.Equal(t, int64(12), sites[1].Success)
}

func unknownStatus(t *testing.T) {
	w := request(t, `"RequestStatus":"ops-hold","RequestType":"LHEStepZero"`).Record()
	assert.Equal(t, "ops-hold", w.Status)
	assert.Equal(t, "LHEStepZero", w.Type)
	assert.False(t, w.StatusKnown)
	_, ok := StatusOf("ops-hold")
	assert.False(t, ok)
}

func statusDiffers(t *testing.T) {
	r := request(t, `"RequestStatus":"announced","RequestTransition":[{"Status":"new","UpdateTime":10},{"Status":"closed-out","UpdateTime":20}]`)
	d := Flatten(r, nil)
	assert.Equal(t, "announced", d.Status, "RequestStatus is trusted")
	assert.Equal(t, "closed-out", d.Transitions[1].Status, "both can be seen")
	assert.Equal(t, int64(20), d.StatusTime)
}

func transitionLists(t *testing.T) {
	w := request(t, `"RequestTransition":[],"RequestDate":[2024,3,11,9,15,0]`).Record()
	assert.Equal(t, "", w.Status)
	assert.Equal(t, int64(0), w.StatusTime)
	assert.Equal(t, int64(1710148500), w.CreateTime)
	d := Flatten(request(t, `"RequestTransition":[{"Status":"new","UpdateTime":30},{"Status":"assigned","UpdateTime":20},
		{"Status":"assigned","UpdateTime":"25"},7,{"Status":"staging"}]`), nil)
	assert.Equal(t, "staging", d.Status, "the last by position")
	assert.Equal(t, int64(30), d.CreateTime)
	assert.Equal(t, []StatusChange{{"wf1", 1, "new", 30}, {"wf1", 2, "assigned", 20}, {"wf1", 3, "assigned", 25}, {"wf1", 5, "staging", 0}}, d.Transitions)
}

func namesOfNoSite(t *testing.T) {
	p := work(t, `"status":{"success":15},"sites":{"":{"success":1},"unknown":{"success":2},"NA":{"success":3},
		"Agent":{"success":4},"NoPossibleSite":{"success":5}}`).Part()
	assert.Equal(t, []SitePart{
		{Unknown, JobCounts{Success: 6}}, {"Agent", JobCounts{Success: 4}}, {"NoPossibleSite", JobCounts{Success: 5}},
	}, p.Sites)
	assert.Len(t, p.WorkflowSites(), 3, "nothing is left for (none)")
}

func sameSiteTwoNames(t *testing.T) {
	p := work(t, `"sites":{"T2_CH_CERN":{"success":1},"T2_CH_CERN_HLT":{"success":2},"T1_US_FNAL_Disk":{"success":3}}`).Part()
	var names []string
	for _, s := range p.Sites {
		names = append(names, s.Site)
	}
	assert.Equal(t, []string{"T1_US_FNAL_Disk", "T2_CH_CERN", "T2_CH_CERN_HLT"}, names)
}

func agentPort(t *testing.T) {
	for url, want := range map[string]string{
		"vocms234.cern.ch:9999": "vocms234.cern.ch", "vocms234.cern.ch": "vocms234.cern.ch", "a:b": "a:b", "a:": "a:", ":9999": "",
	} {
		assert.Equal(t, want, agentName(url))
	}
	old := work(t, `"timestamp":10,"status":{"success":1}`)
	now, err := DecodeAgent([]byte(`{"_id":"x","workflow":"wf1","agent_url":"a.cern.ch:9999","timestamp":20,"status":{"success":5}}`))
	require.NoError(t, err)
	d := Flatten(request(t, `"RequestStatus":"completed"`), []*AgentDoc{now, old})
	assert.Equal(t, int64(5), d.Success, "the newest, not the sum")
	assert.Equal(t, []string{"a.cern.ch"}, d.Workflow.Agents)

	fromID, err := DecodeAgent([]byte(`{"_id":"b.cern.ch-wf-1","workflow":"wf-1"}`))
	require.NoError(t, err)
	assert.Equal(t, "b.cern.ch", fromID.Agent)
}

func twoDocuments(t *testing.T) {
	older := AgentPart{Workflow: "wf1", Agent: "a", Time: 5, Counts: JobCounts{Success: 9}}
	newer := AgentPart{Workflow: "wf1", Agent: "a", Time: 6, Counts: JobCounts{Success: 2}}
	tie := AgentPart{Workflow: "wf1", Agent: "a", Time: 6, Counts: JobCounts{Success: 3}}
	var got []Workflow
	for _, parts := range [][]AgentPart{{older, newer, tie}, {tie, newer, older}, {newer, older, tie}} {
		w := request(t, `"RequestStatus":"completed"`).Record()
		Join(&w, parts)
		got = append(got, w)
	}
	assert.Equal(t, got[0], got[1])
	assert.Equal(t, got[0], got[2])
	assert.NotEqual(t, int64(9), got[0].Success)
	assert.Equal(t, int64(1), got[0].AgentCount)
}

func severalAgents(t *testing.T) {
	docs := []*AgentDoc{work(t, `"timestamp":10,"status":{"success":1,"inWMBS":4},"tasks":{"/wf1/A":{"jobtype":"Production"}}`)}
	b, err := DecodeAgent([]byte(`{"workflow":"wf1","agent_url":"b","timestamp":30,"status":{"success":2,"inWMBS":5},"tasks":{"/wf1/A":{"jobtype":"Production"},"/wf1/B":{}}}`))
	require.NoError(t, err)
	d := Flatten(request(t, `"RequestStatus":"completed"`), append(docs, b))
	assert.Equal(t, int64(3), d.Success)
	assert.Equal(t, int64(9), d.JobsInWMBS)
	assert.Equal(t, []string{"a.cern.ch", "b"}, d.Workflow.Agents)
	assert.Len(t, d.Agents, 2)
	assert.Equal(t, int64(2), d.TaskCount)
	assert.Len(t, d.Tasks, 3)
	require.Len(t, d.TaskTotals, 2)
	assert.Equal(t, "Production", d.TaskTotals[0].JobType, "not ProductionProduction")
	assert.Equal(t, int64(30), d.LastAgentUpdate)
	assert.Equal(t, int64(10), d.OldestAgentUpdate)
}

func otherWorkflow(t *testing.T) {
	other, err := DecodeAgent([]byte(`{"workflow":"archived","agent_url":"a","status":{"success":7}}`))
	require.NoError(t, err, "the document is good: the store counts it as an orphan")
	d := Flatten(request(t, `"RequestStatus":"completed"`), []*AgentDoc{other})
	assert.False(t, d.HasJobInfo)
	assert.Equal(t, int64(0), d.Success)
}

func emptyAgentDocument(t *testing.T) {
	for _, fields := range []string{`"agent":"WMAgent"`, `"status":{},"sites":{},"tasks":{}`} {
		d := Flatten(request(t, `"RequestStatus":"completed"`), []*AgentDoc{work(t, fields)})
		assert.True(t, d.HasJobInfo)
		assert.Equal(t, JobCounts{}, d.JobCounts)
		assert.Equal(t, -1.0, d.JobProgress)
	}
}

func staleAgent(t *testing.T) {
	for status, want := range map[string][]string{
		"running-open": {AlertStaleAgent}, "force-complete": {AlertStaleAgent}, "completed": {}, "announced": {},
	} {
		w := Workflow{Status: status, Counters: JobCounts{Running: 1}.Derive()}
		got, _ := Alerts(&w, []string{"a"}, 1000, DefaultLimits())
		assert.Equal(t, want, got, status)
		got, _ = Alerts(&w, nil, 1000, DefaultLimits())
		assert.Equal(t, []string{}, got, status)
	}
}

func taskPaths(t *testing.T) {
	long := "/wf1/" + strings.Repeat("GENMergeRAWSIMoutput/", 40) + "LogCollect"
	for path, want := range map[string]WorkflowTask{
		"/wf1/GEN":       {TaskName: "GEN", Depth: 1},
		"/wf1/GEN/Merge": {TaskName: "Merge", ParentTask: "/wf1/GEN", Depth: 2},
		"/other/GEN/A":   {TaskName: "A", ParentTask: "/other/GEN", Depth: 2},
		"GEN":            {TaskName: "GEN", Depth: 1},
		"":               {TaskName: "", Depth: 1},
		"/":              {TaskName: "", Depth: 1},
		long:             {TaskName: "LogCollect", ParentTask: strings.TrimSuffix(long, "/LogCollect"), Depth: 41},
	} {
		d := Flatten(request(t, `"RequestStatus":"completed"`), []*AgentDoc{work(t, fmt.Sprintf(`"tasks":{%q:{"status":{"success":1}}}`, path))})
		require.Len(t, d.Tasks, 1)
		got := d.Tasks[0]
		assert.Equal(t, path, got.Task, "the text is kept")
		assert.Equal(t, want.TaskName, got.TaskName, path)
		assert.Equal(t, want.ParentTask, got.ParentTask, path)
		assert.Equal(t, want.Depth, got.Depth, path)
	}
}

func strangeNames(t *testing.T) {
	const name = `/Ü "x" <b>&#%/Block#1\é`
	w := request(t, `"OutputDatasets":[`+strconv.Quote(name)+`]`).Record()
	assert.Equal(t, []string{name}, w.OutputDatasets)
	var back Workflow
	require.NoError(t, DecodeWorkflow(AppendJSON(nil, &w), &back))
	assert.Equal(t, w, back)
}

func badBytes(t *testing.T) {
	r, err := DecodeReqMgr([]byte("{\"_id\":\"wf1\",\"Campaign\":\"A\",\"Campaign\":\"b\xff\xfed\",\"Team\":\"x\",\"Team\":null}"))
	require.NoError(t, err)
	assert.Equal(t, "b\uFFFD\uFFFDd", r.Record().Campaign, "the last one, with its bad bytes replaced")
	assert.Equal(t, "", r.Record().Team)
	a := work(t, `"status":{"success":5,"submitted":{"first":1}},"status":{"failure":{"submit":2},"failure":{"create":1}},
		"sites":{"T2_CH_CERN":{"success":1},"T2_CH_CERN":{"canceled":2}},"tasks":{"/wf1/A":{"sites":{"X":{}}}},"tasks":{"/wf1/B":{},"/wf1/B":{"jobtype":"Merge"}}`)
	assert.Equal(t, JobCounts{FailureCreate: 1}, a.Status)
	assert.Equal(t, []SitePart{{"T2_CH_CERN", JobCounts{Canceled: 2}}}, a.Sites)
	require.Len(t, a.Tasks, 1)
	assert.Equal(t, "Merge", a.Tasks[0].JobType)
	s := summary(t, "\"errors\":{\"cmsRun1\":[{\"type\":\"Fatal\",\"details\":\"bad \x80 byte\"}]}")
	assert.Equal(t, "bad \uFFFD byte", s.Errors[0].Details)
}

func veryLarge(t *testing.T) {
	lumis := strings.Repeat(`[1,2],`, 1_000_000)
	r := request(t, `"LumiList":{"1":[`+strings.TrimSuffix(lumis, ",")+`]},"Deep":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`,"Campaign":"C"`)
	assert.Empty(t, r.Flaws)
	assert.Equal(t, "C", r.Record().Campaign)
	s := summary(t, `"errors":{"cmsRun1":[{"details":"`+strings.Repeat("é", 100_000)+`"}]}`)
	assert.True(t, s.Truncated)
	assert.Equal(t, strings.Repeat("é", maxDetails/2), s.Errors[0].Details, "cut at a character")
	files := summary(t, `"inputfiles":[`+strings.TrimSuffix(strings.Repeat(`"/f",`, 2000), ",")+`]`)
	assert.True(t, files.Truncated)
	assert.Len(t, files.InputFiles, maxInputFiles)
	long := request(t, `"Campaign":"`+strings.Repeat("x", maxText+1)+`"`)
	assert.Len(t, long.Record().Campaign, maxText)
	assert.Equal(t, 1, long.FlawCount)
	many := work(t, `"sites":{`+strings.TrimSuffix(strings.Repeat(`"X":7,`, 5000), ",")+`}`)
	assert.Equal(t, 5000, many.FlawCount, "all are counted")
	assert.Len(t, many.Flaws, maxFlaws)
}

func noTotals(t *testing.T) {
	for _, fields := range []string{`"RequestStatus":"running-open"`, `"RequestStatus":"running-open","TotalEstimatedJobs":0,"TotalInputEvents":0,"TotalInputLumis":0`} {
		w := request(t, fields).Record()
		Join(&w, []AgentPart{{Agent: "a", Time: 10, Counts: JobCounts{Success: 1}, JobsInWMBS: 5, Outputs: []OutputPart{{"/a", 7, 7, 7}}}})
		assert.Equal(t, -1.0, w.QueueInjection)
		assert.Equal(t, -1.0, w.EventProgress)
		assert.Equal(t, -1.0, w.LumiProgress)
		assert.Equal(t, int64(-1), w.SecondsLeft)
		assert.Equal(t, 7.0, w.AvgOutputEvents)
	}
}

func progressOver100(t *testing.T) {
	w := request(t, `"RequestStatus":"completed","TotalInputLumis":80,"OutputDatasets":["/a"]`).Record()
	Join(&w, []AgentPart{{Agent: "a", Outputs: []OutputPart{{Dataset: "/a", Lumis: 100}}}})
	assert.Equal(t, 125.0, w.LumiProgress, "as it is")
}

func clockSkew(t *testing.T) {
	const now = 1_000_000
	a := Agent{Kind: KindAgent, UpdateTime: now + 9999, DataUpdateTime: now + 9999}
	Judge(&a, now, DefaultLimits())
	assert.Equal(t, SeverityOK, a.Severity)
	w := Workflow{Status: "assigned", StatusTime: now + 500}
	alerts, next := Alerts(&w, nil, now, DefaultLimits())
	assert.Equal(t, []string{}, alerts)
	assert.Equal(t, int64(now+500+7201), next)
	r := request(t, `"RequestStatus":"running-open","TotalEstimatedJobs":10,"RequestTransition":[{"Status":"running-open","UpdateTime":5000}]`).Record()
	Join(&r, []AgentPart{{Agent: "a", Time: 4000, Counts: JobCounts{Success: 1}, JobsInWMBS: 10}})
	assert.Equal(t, int64(-1), r.SecondsLeft, "no estimate from a negative time")
}

func nullDocument(t *testing.T) {
	for _, raw := range []string{"null", " null ", "", "[]", `"x"`, "7", "<html>", `{"_id":"x"`} {
		for name, decode := range decoders {
			err := decode([]byte(raw))
			var bad *DocError
			require.ErrorAs(t, err, &bad, "%s of %q", name, raw)
			assert.NotContains(t, err.Error(), "%!")
		}
	}
}

func errorRow(t *testing.T) {
	for name, decode := range decoders {
		err := decode([]byte(`{"key":"wf1","error":"not_found"}`))
		if name == "Peek" {
			require.NoError(t, err)
			continue
		}
		var bad *DocError
		require.ErrorAs(t, err, &bad, name)
		assert.Contains(t, err.Error(), "not_found", name)
		assert.NotEmpty(t, bad.Path, name)
	}
}

// decoders are all ways to decode a document, for tests of what they share.
var decoders = map[string]func([]byte) error{
	"Peek":             func(b []byte) error { _, err := Peek(b); return err },
	"DecodeReqMgr":     func(b []byte) error { _, err := DecodeReqMgr(b); return err },
	"DecodeAgent":      func(b []byte) error { _, err := DecodeAgent(b); return err },
	"DecodePart":       func(b []byte) error { _, _, err := DecodePart(b); return err },
	"DecodeAgentInfo":  func(b []byte) error { _, err := DecodeAgentInfo(b); return err },
	"DecodeJobSummary": func(b []byte) error { _, err := DecodeJobSummary(b); return err },
}
