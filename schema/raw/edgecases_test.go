package raw

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// Helpers of all tests: a document that must decode.

func request(t testing.TB, fields string) *ReqMgrDoc {
	t.Helper()
	r, err := DecodeReqMgr([]byte(`{"_id":"wf1","RequestName":"wf1",` + fields + `}`))
	require.NoError(t, err)
	return r
}

func work(t testing.TB, fields string) *ReportDoc {
	t.Helper()
	a, err := DecodeReport([]byte(`{"_id":"a.cern.ch-wf1","type":"agent_request","workflow":"wf1","agent_url":"a.cern.ch",` + fields + `}`))
	require.NoError(t, err)
	return a
}

func info(t testing.TB, fields string) *AgentInfoDoc {
	t.Helper()
	a, err := DecodeAgentInfo([]byte(`{"_id":"a.cern.ch","type":"agent_info","agent_url":"a.cern.ch",` + fields + `}`))
	require.NoError(t, err)
	return a
}

func summary(t testing.TB, fields string) schema.JobSample {
	t.Helper()
	j, err := DecodeJobSummary([]byte(`{"_id":"job-1","type":"jobsummary","workflow":"wf1",` + fields + `}`))
	require.NoError(t, err)
	return j.Sample()
}

// TestEdgeCases has one case for each form that the sources are known to write.
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
	p := work(t, `"status":{"success":3}`).Report()
	assert.Equal(t, schema.JobCounts{Success: 3}, p.Counts)
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
	assert.Equal(t, schema.JobCounts{}, a.Report().Counts)
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
	assert.Equal(t, int64(-1), bad.Record().Priority)
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
	assert.Equal(t, schema.JobCounts{CooloffJob: 7}, a.Report().Counts)
	assert.Equal(t, schema.JobCounts{CooloffJob: 7}, a.Report().Sites[0].Counts)
	bad := work(t, `"status":{"submitted":7,"success":1}`)
	assert.Equal(t, schema.JobCounts{Success: 1}, bad.Report().Counts)
	assert.Equal(t, []Flaw{{Path: "status.submitted", Found: "7", Want: "an object"}}, bad.Flaws)
}

func objectForSite(t *testing.T) {
	j, err := DecodeJobSummary([]byte(`{"_id":"job-1","site":{}}`))
	require.NoError(t, err)
	assert.Empty(t, j.Flaws)
	assert.Equal(t, "", j.Site)
	assert.Equal(t, schema.Unknown, j.Sample().Site)
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
		assert.Equal(t, size, a.Report().Outputs[0].Bytes, "as it is")
		d := Flatten(request(t, `"RequestStatus":"completed"`), []*ReportDoc{a})
		assert.Equal(t, size, d.OutputBytes)
	}
	for _, size := range []string{"9223372036854775808", "1e30", "1e999"} {
		a := work(t, fmt.Sprintf(fields, size))
		assert.Equal(t, int64(0), a.Report().Outputs[0].Bytes)
		assert.Equal(t, Flaw{"tasks./wf1/A.sites.T2_CH_CERN.dataset./a/b/RAW.size", size, "a whole number of 64 bits"}, a.Flaws[0])
	}
	a := work(t, `"status":{"success":9223372036854775807,"transition":5}`)
	assert.Equal(t, schema.JobCounts{Transition: 5}, a.Status, "no sum may turn negative")
	assert.Equal(t, 1, a.FlawCount)
}

func negativeCounters(t *testing.T) {
	a := work(t, `"status":{"success":10,"transition":-3},"sites":{"T2_CH_CERN":{"success":12,"canceled":-1}}`)
	assert.Equal(t, int64(-3), a.Status.Transition, "the raw sign is kept")
	assert.Equal(t, 3, a.FlawCount, "and noted: two counters, and sites with more than the whole")
	p := a.Report()
	sites := p.WorkflowSites()
	require.Len(t, sites, 2)
	assert.Equal(t, schema.None, sites[0].Site)
	assert.Equal(t, schema.JobCounts{Canceled: 1}, sites[0].JobCounts, "clamped to 0, each counter by itself")
	assert.Equal(t, int64(12), sites[1].Success)
}

func unknownStatus(t *testing.T) {
	w := request(t, `"RequestStatus":"ops-hold","RequestType":"LHEStepZero"`).Record()
	assert.Equal(t, "ops-hold", w.Status)
	assert.Equal(t, "LHEStepZero", w.Type)
	assert.False(t, w.StatusKnown)
	_, ok := schema.StatusOf("ops-hold")
	assert.False(t, ok)
}

func statusDiffers(t *testing.T) {
	r := request(t, `"RequestStatus":"announced","RequestTransition":[{"Status":"new","UpdateTime":10},{"Status":"closed-out","UpdateTime":20}]`)
	d := Flatten(r, nil)
	assert.Equal(t, "announced", d.Status, "RequestStatus is trusted")
	assert.Equal(t, "closed-out", d.Transitions[1].Status, "both can be seen")
	assert.Equal(t, int64(0), d.StatusTime, "its history does not say when")
}

func transitionLists(t *testing.T) {
	w := request(t, `"RequestTransition":[],"RequestDate":[2024,3,11,9,15,0]`).Record()
	assert.Equal(t, "", w.Status)
	assert.Equal(t, int64(0), w.StatusTime)
	assert.Equal(t, int64(1710148500), w.CreateTime)
	d := Flatten(request(t, `"RequestTransition":[{"Status":"new","UpdateTime":30},{"Status":"assigned","UpdateTime":20},
		{"Status":"assigned","UpdateTime":"25"},7,{"Status":"staging"}]`), nil)
	assert.Equal(t, "staging", d.Status, "one without a time came last")
	assert.Equal(t, int64(20), d.CreateTime)
	assert.Equal(t, []schema.StatusChange{{Workflow: "wf1", Index: 1, Status: "new", Time: 30}, {Workflow: "wf1", Index: 2, Status: "assigned", Time: 20}, {Workflow: "wf1", Index: 3, Status: "assigned", Time: 25}, {Workflow: "wf1", Index: 5, Status: "staging", Time: 0}}, d.Transitions)
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
	"Peek":              func(b []byte) error { _, err := Peek(b); return err },
	"DecodeReqMgr":      func(b []byte) error { _, err := DecodeReqMgr(b); return err },
	"DecodeReport":      func(b []byte) error { _, err := DecodeReport(b); return err },
	"DecodeAgentReport": func(b []byte) error { _, _, err := DecodeAgentReport(b); return err },
	"DecodeAgentInfo":   func(b []byte) error { _, err := DecodeAgentInfo(b); return err },
	"DecodeJobSummary":  func(b []byte) error { _, err := DecodeJobSummary(b); return err },
}
