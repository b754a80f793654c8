package raw

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

func namesOfNoSite(t *testing.T) {
	p := work(t, `"status":{"success":15},"sites":{"":{"success":1},"unknown":{"success":2},"NA":{"success":3},
		"Agent":{"success":4},"NoPossibleSite":{"success":5}}`).Report()
	assert.Equal(t, []schema.SiteReport{
		{Site: schema.Unknown, Counts: schema.JobCounts{Success: 6}}, {Site: "Agent", Counts: schema.JobCounts{Success: 4}}, {Site: "NoPossibleSite", Counts: schema.JobCounts{Success: 5}},
	}, p.Sites)
	assert.Len(t, p.WorkflowSites(), 3, "nothing is left for (none)")
}

func sameSiteTwoNames(t *testing.T) {
	p := work(t, `"sites":{"T2_CH_CERN":{"success":1},"T2_CH_CERN_HLT":{"success":2},"T1_US_FNAL_Disk":{"success":3}}`).Report()
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
	now, err := DecodeReport([]byte(`{"_id":"x","workflow":"wf1","agent_url":"a.cern.ch:9999","timestamp":20,"status":{"success":5}}`))
	require.NoError(t, err)
	d := Flatten(request(t, `"RequestStatus":"completed"`), []*ReportDoc{now, old})
	assert.Equal(t, int64(5), d.Success, "the newest, not the sum")
	assert.Equal(t, []string{"a.cern.ch"}, d.Workflow.Agents)

	fromID, err := DecodeReport([]byte(`{"_id":"b.cern.ch-wf-1","workflow":"wf-1"}`))
	require.NoError(t, err)
	assert.Equal(t, "b.cern.ch", fromID.Agent)
}

func twoDocuments(t *testing.T) {
	older := schema.AgentReport{Workflow: "wf1", Agent: "a", Time: 5, Counts: schema.JobCounts{Success: 9}}
	newer := schema.AgentReport{Workflow: "wf1", Agent: "a", Time: 6, Counts: schema.JobCounts{Success: 2}}
	tie := schema.AgentReport{Workflow: "wf1", Agent: "a", Time: 6, Counts: schema.JobCounts{Success: 3}}
	var got []schema.Workflow
	for _, reports := range [][]schema.AgentReport{{older, newer, tie}, {tie, newer, older}, {newer, older, tie}} {
		w := request(t, `"RequestStatus":"completed"`).Record()
		schema.Join(&w, reports)
		got = append(got, w)
	}
	assert.Equal(t, got[0], got[1])
	assert.Equal(t, got[0], got[2])
	assert.NotEqual(t, int64(9), got[0].Success)
	assert.Equal(t, int64(1), got[0].AgentCount)
}

func severalAgents(t *testing.T) {
	docs := []*ReportDoc{work(t, `"timestamp":10,"status":{"success":1,"inWMBS":4},"tasks":{"/wf1/A":{"jobtype":"Production"}}`)}
	b, err := DecodeReport([]byte(`{"workflow":"wf1","agent_url":"b","timestamp":30,"status":{"success":2,"inWMBS":5},"tasks":{"/wf1/A":{"jobtype":"Production"},"/wf1/B":{}}}`))
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
	other, err := DecodeReport([]byte(`{"workflow":"archived","agent_url":"a","status":{"success":7}}`))
	require.NoError(t, err, "the document is good: the store counts it as an unmatched report")
	d := Flatten(request(t, `"RequestStatus":"completed"`), []*ReportDoc{other})
	assert.False(t, d.HasJobInfo)
	assert.Equal(t, int64(0), d.Success)
}

func emptyAgentDocument(t *testing.T) {
	for _, fields := range []string{`"agent":"WMAgent"`, `"status":{},"sites":{},"tasks":{}`} {
		d := Flatten(request(t, `"RequestStatus":"completed"`), []*ReportDoc{work(t, fields)})
		assert.True(t, d.HasJobInfo)
		assert.Equal(t, schema.JobCounts{}, d.JobCounts)
		assert.Equal(t, -1.0, d.JobProgress)
	}
}

func staleAgent(t *testing.T) {
	for status, want := range map[string][]string{
		"running-open": {schema.AlertStaleAgent}, "force-complete": {schema.AlertStaleAgent}, "completed": {}, "announced": {},
	} {
		w := schema.Workflow{Status: status, Counters: schema.JobCounts{Running: 1}.Derive()}
		got, _ := schema.Alerts(&w, []string{"a"}, 1000, schema.DefaultLimits())
		assert.Equal(t, want, got, status)
		got, _ = schema.Alerts(&w, nil, 1000, schema.DefaultLimits())
		assert.Equal(t, []string{}, got, status)
	}
}

func taskPaths(t *testing.T) {
	long := "/wf1/" + strings.Repeat("GENMergeRAWSIMoutput/", 40) + "LogCollect"
	for path, want := range map[string]schema.WorkflowTask{
		"/wf1/GEN":       {TaskName: "GEN", Depth: 1},
		"/wf1/GEN/Merge": {TaskName: "Merge", ParentTask: "/wf1/GEN", Depth: 2},
		"/other/GEN/A":   {TaskName: "A", ParentTask: "/other/GEN", Depth: 2},
		"GEN":            {TaskName: "GEN", Depth: 1},
		"":               {TaskName: "", Depth: 1},
		"/":              {TaskName: "", Depth: 1},
		long:             {TaskName: "LogCollect", ParentTask: strings.TrimSuffix(long, "/LogCollect"), Depth: 41},
	} {
		d := Flatten(request(t, `"RequestStatus":"completed"`), []*ReportDoc{work(t, fmt.Sprintf(`"tasks":{%q:{"status":{"success":1}}}`, path))})
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
	var back schema.Workflow
	require.NoError(t, schema.DecodeWorkflow(schema.AppendJSON(nil, &w), &back))
	assert.Equal(t, w, back)
}

func badBytes(t *testing.T) {
	r, err := DecodeReqMgr([]byte("{\"_id\":\"wf1\",\"Campaign\":\"A\",\"Campaign\":\"b\xff\xfed\",\"Team\":\"x\",\"Team\":null}"))
	require.NoError(t, err)
	assert.Equal(t, "b\uFFFD\uFFFDd", r.Record().Campaign, "the last one, with its bad bytes replaced")
	assert.Equal(t, "", r.Record().Team)
	a := work(t, `"status":{"success":5,"submitted":{"first":1}},"status":{"failure":{"submit":2},"failure":{"create":1}},
		"sites":{"T2_CH_CERN":{"success":1},"T2_CH_CERN":{"canceled":2}},"tasks":{"/wf1/A":{"sites":{"X":{}}}},"tasks":{"/wf1/B":{},"/wf1/B":{"jobtype":"Merge"}}`)
	assert.Equal(t, schema.JobCounts{FailureCreate: 1}, a.Status)
	assert.Equal(t, []schema.SiteReport{{Site: "T2_CH_CERN", Counts: schema.JobCounts{Canceled: 2}}}, a.Sites)
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
		schema.Join(&w, []schema.AgentReport{{Agent: "a", Time: 10, Counts: schema.JobCounts{Success: 1}, JobsInWMBS: 5, Outputs: []schema.OutputReport{{Dataset: "/a", Events: 7, Lumis: 7, Bytes: 7}}}})
		assert.Equal(t, -1.0, w.QueueInjection)
		assert.Equal(t, -1.0, w.EventProgress)
		assert.Equal(t, -1.0, w.LumiProgress)
		assert.Equal(t, int64(-1), w.SecondsLeft)
		assert.Equal(t, 7.0, w.AvgOutputEvents)
	}
}

func progressOver100(t *testing.T) {
	w := request(t, `"RequestStatus":"completed","TotalInputLumis":80,"OutputDatasets":["/a"]`).Record()
	schema.Join(&w, []schema.AgentReport{{Agent: "a", Outputs: []schema.OutputReport{{Dataset: "/a", Lumis: 100}}}})
	assert.Equal(t, 125.0, w.LumiProgress, "as it is")
}

func clockSkew(t *testing.T) {
	const now = 1_000_000
	a := schema.Agent{Kind: schema.KindAgent, UpdateTime: now + 9999, DataUpdateTime: now + 9999}
	schema.Judge(&a, now, schema.DefaultLimits())
	assert.Equal(t, schema.SeverityOK, a.Severity)
	w := schema.Workflow{Status: "assigned", StatusTime: now + 500}
	alerts, next := schema.Alerts(&w, nil, now, schema.DefaultLimits())
	assert.Equal(t, []string{}, alerts)
	assert.Equal(t, int64(now+500+7201), next)
	r := request(t, `"RequestStatus":"running-open","TotalEstimatedJobs":10,"RequestTransition":[{"Status":"running-open","UpdateTime":5000}]`).Record()
	schema.Join(&r, []schema.AgentReport{{Agent: "a", Time: 4000, Counts: schema.JobCounts{Success: 1}, JobsInWMBS: 10}})
	assert.Equal(t, int64(-1), r.SecondsLeft, "no estimate from a negative time")
}

// A name occurs many times in a page, an error message of an agent once.
func TestBoundsOfTexts(t *testing.T) {
	long := strings.Repeat("x", 500_000)
	r := request(t, `"RequestName":"`+long+`"`)
	assert.Len(t, r.Record().Workflow, 4096)
	assert.Equal(t, 1, r.FlawCount, "the cut is a flaw")
	info, err := DecodeAgentInfo([]byte(`{"_id":"a","type":"agent_info","agent_url":"a","data_error":"` + long + `"}`))
	require.NoError(t, err)
	assert.Len(t, info.DataError, 65536)
}
