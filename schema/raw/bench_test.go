package raw

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

// benchReport is an agent_request document of about 20 KB: 12 tasks, 4 of them
// with jobs at 9 sites, the size that the design assumes.
func benchReport() []byte {
	const wf = "cmsunified_task_TOP-RunIII2024Summer-00042__v1_T_240405_081500_777"
	var tasks, sites []string
	counts := `"success":1203,"queued":{"first":31},"submitted":{"first":120,"retry":9,"pending":40,"running":89},"failure":{"exception":5},"cooloff":{"job":2}`
	total := `"success":10903,"queued":{"first":331},"submitted":{"first":1120,"retry":90,"pending":400,"running":901},"failure":{"exception":45},"cooloff":{"job":18}`
	for i := range 9 {
		sites = append(sites, fmt.Sprintf(`"T2_XX_Site%02d":{%s}`, i, counts))
	}
	for i := range 12 {
		task := fmt.Sprintf(`"/%s/GEN%d/GEN%dMergeAODSIMoutput":{"jobtype":"Merge","subscription_status":{"finished":3,"open":2,"total":5,"updated":1710339000}`, wf, i, i)
		if i%3 == 0 {
			var leaves []string
			for j := range 9 {
				leaves = append(leaves, fmt.Sprintf(`"T2_XX_Site%02d":{%s,"wrappedTotalJobTime":2610022,"inputEvents":98000,`+
					`"cmsRunCPUPerformance":{"totalJobCPU":2450110.2,"totalJobTime":2541900.5,"totalEventCPU":2411870.9},`+
					`"dataset":{"/TTbar_13p6TeV/RunIII2024SummerReco-140X_v2-v%d/AODSIM":{"events":98000,"totalLumis":980,"size":106698406915}}}`, j, counts, i))
			}
			task += `,"status":{` + counts + `},"sites":{` + strings.Join(leaves, ",") + `}`
		}
		tasks = append(tasks, task+"}")
	}
	return []byte(`{"_id":"vocms0901.cern.ch-` + wf + `","_rev":"57-4410228731","type":"agent_request","workflow":"` + wf +
		`","agent_url":"vocms0901.cern.ch","agent":"WMAgent","agent_team":"production","agent_version":"2.3.4","timestamp":1712350000,"skipped":false,` +
		`"status":{"inWMBS":420,"inQueue":80,` + total + `},"sites":{` + strings.Join(sites, ",") + `},"tasks":{` + strings.Join(tasks, ",") + `}}`)
}

// The naive way, for comparison: encoding/json into Go structs with the same
// content.
type (
	stdGroup  map[string]int64
	stdCounts struct {
		Success, Canceled, Transition               int64
		Queued, Submitted, Failure, Cooloff, Paused stdGroup
	}
	stdSite struct {
		stdCounts
		WrappedTotalJobTime  float64
		InputEvents          int64
		CmsRunCPUPerformance map[string]float64
		Dataset              map[string]struct{ Events, TotalLumis, Size int64 }
	}
	stdTask struct {
		JobType            string
		SubscriptionStatus stdGroup `json:"subscription_status"`
		Status             stdCounts
		Sites              map[string]stdSite
	}
	stdWork struct {
		Workflow  string
		AgentURL  string `json:"agent_url"`
		Timestamp int64
		Status    struct {
			stdCounts
			InWMBS, InQueue int64
		}
		Sites map[string]stdCounts
		Tasks map[string]stdTask
	}
)

func BenchmarkDecodeAgent(b *testing.B) {
	bench(b, func(raw []byte) error { _, err := DecodeReport(raw); return err })
}

func BenchmarkDecodeAgentStd(b *testing.B) {
	bench(b, func(raw []byte) error { return json.Unmarshal(raw, &stdWork{}) })
}

func BenchmarkDecodeAgentMap(b *testing.B) {
	bench(b, func(raw []byte) error { var m map[string]any; return json.Unmarshal(raw, &m) })
}

func BenchmarkValidStd(b *testing.B) {
	bench(b, func(raw []byte) error {
		if !json.Valid(raw) {
			return errors.New("not JSON")
		}
		return nil
	})
}

func BenchmarkDecodeAgentReport(b *testing.B) {
	bench(b, func(raw []byte) error { _, _, err := DecodeAgentReport(raw); return err })
}

// BenchmarkReportDecoder measures what the first read does with each document.
func BenchmarkReportDecoder(b *testing.B) {
	var p ReportDecoder
	bench(b, func(raw []byte) error { _, err := p.Decode(raw); return err })
}

func BenchmarkPeekHash(b *testing.B) {
	bench(b, func(raw []byte) error { _, _, err := PeekHash(raw); return err })
}

func bench(b *testing.B, decode func([]byte) error) {
	raw := benchReport()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if err := decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeReqMgr(b *testing.B) {
	raw := read(b, "request.json")
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := DecodeReqMgr(raw)
		if err != nil {
			b.Fatal(err)
		}
		r.Record()
	}
}

func BenchmarkAppendWorkflow(b *testing.B) {
	d := workflowSet(b)
	buf := schema.AppendJSON(nil, &d.Workflow)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = schema.AppendJSON(buf[:0], &d.Workflow)
	}
}

func BenchmarkAppendWorkflowStd(b *testing.B) {
	d := workflowSet(b)
	b.SetBytes(int64(len(schema.AppendJSON(nil, &d.Workflow))))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(&d.Workflow); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeWorkflow(b *testing.B) {
	d := workflowSet(b)
	raw := schema.AppendJSON(nil, &d.Workflow)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		var w schema.Workflow
		if err := schema.DecodeWorkflow(raw, &w); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJoin(b *testing.B) {
	a, err := DecodeReport(benchReport())
	require.NoError(b, err)
	one, two := a.Report(), a.Report()
	two.Agent = "another"
	req, err := DecodeReqMgr(read(b, "request.json"))
	require.NoError(b, err)
	w := req.Record()
	b.ReportAllocs()
	for b.Loop() {
		schema.Join(&w, []schema.AgentReport{one, two})
	}
}
