package gen_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// counters is a counter object as these tests read it: sums of its groups.
type counters struct {
	Success, Canceled, Transition int64
	Queued, Failure, Cooloff      map[string]int64
	Paused, Submitted             map[string]int64
	InWMBS, InQueue               int64
	Sites                         map[string]json.RawMessage
	WrappedTotalJobTime           float64
	Dataset                       map[string]struct{ Events, TotalLumis, Size int64 }
	SubscriptionStatus            map[string]int64 `json:"subscription_status"`
}

func (c counters) total() int64 {
	return c.Success + c.Canceled + c.Transition + sum(c.Queued) + sum(c.Failure) + sum(c.Cooloff) + sum(c.Paused) +
		c.Submitted["pending"] + c.Submitted["running"]
}

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

type agentReport struct {
	ID       string `json:"_id"`
	Rev      string `json:"_rev"`
	Workflow string
	AgentURL string `json:"agent_url"`
	Type     string
	Status   counters
	Sites    map[string]counters
	Tasks    map[string]struct {
		Status             *counters
		Sites              map[string]counters
		JobType            string
		SubscriptionStatus map[string]int64 `json:"subscription_status"`
	}
}

type requestDoc struct {
	RequestName, RequestType, RequestStatus, Campaign, CMSSWVersion string
	RequestTransition                                               []struct {
		Status     string
		UpdateTime int64
	}
	RequestPriority                      int
	TotalEstimatedJobs, TotalInputEvents *int64
	OriginalRequestName, InitialTaskPath string
	OutputDatasets                       []string
}

// TestAgentReportsAreConsistent checks every sum that a reader may rely on.
func TestAgentReportsAreConsistent(t *testing.T) {
	w := world(t, gen.Options{Seed: 8, Workflows: 600, NoEdges: true})
	var req requestDoc
	pulled, withJobs := map[string]int64{}, 0
	outputs := map[string]map[string]int64{}
	for d := range w.All() {
		if d.DB == "reqmgr_workload_cache" {
			checkRequest(t, req, pulled, outputs)
			req, pulled, outputs = requestDoc{}, map[string]int64{}, map[string]map[string]int64{}
			require.NoError(t, json.Unmarshal(d.JSON, &req))
		}
		if !strings.Contains(string(d.JSON), `"type":"agent_request"`) {
			continue
		}
		var a agentReport
		require.NoError(t, json.Unmarshal(d.JSON, &a))
		assert.Equal(t, a.AgentURL+"-"+a.Workflow, a.ID)
		assert.Regexp(t, `^\d+-\d+$`, a.Rev)
		require.Equal(t, req.RequestName, a.Workflow)
		checkSums(t, a, outputs)
		pulled[a.AgentURL] = a.Status.InWMBS + a.Status.InQueue
		if a.Status.total() > 0 {
			withJobs++
		}
	}
	assert.Greater(t, withJobs, 300)
}

func checkRequest(t *testing.T, r requestDoc, pulled map[string]int64, outputs map[string]map[string]int64) {
	t.Helper()
	if r.TotalEstimatedJobs == nil {
		assert.Empty(t, pulled, r.RequestName)
		return
	}
	assert.LessOrEqual(t, sum(pulled), *r.TotalEstimatedJobs, r.RequestName)
	for task, sets := range outputs {
		assert.LessOrEqual(t, sum(sets), *r.TotalInputEvents, task)
	}
	for k := 1; k < len(r.RequestTransition); k++ {
		assert.LessOrEqual(t, r.RequestTransition[k-1].UpdateTime, r.RequestTransition[k].UpdateTime, r.RequestName)
	}
	assert.Equal(t, r.RequestStatus, r.RequestTransition[len(r.RequestTransition)-1].Status)
}

func checkSums(t *testing.T, a agentReport, outputs map[string]map[string]int64) {
	t.Helper()
	var tasks, placed int64
	for path, task := range a.Tasks {
		require.True(t, strings.HasPrefix(path, "/"+a.Workflow+"/"), path)
		require.Equal(t, task.SubscriptionStatus["total"], task.SubscriptionStatus["open"]+task.SubscriptionStatus["finished"])
		if task.Status == nil {
			require.Empty(t, task.Sites)
			continue
		}
		tasks += task.Status.total()
		var atSites int64
		for _, s := range task.Sites {
			atSites += s.total()
			for ds, o := range s.Dataset {
				key := path + " " + ds
				if outputs[key] == nil {
					outputs[key] = map[string]int64{}
				}
				outputs[key][a.AgentURL] += o.Events
			}
		}
		require.LessOrEqual(t, atSites, task.Status.total(), path)
		checkSplit(t, *task.Status)
	}
	for _, s := range a.Sites {
		placed += s.total()
		checkSplit(t, s)
	}
	require.Equal(t, tasks, a.Status.total(), a.ID)
	require.LessOrEqual(t, placed, a.Status.total(), a.ID)
	require.Equal(t, placed, a.Status.total()-sum(a.Status.Queued)-a.Status.Failure["create"]-a.Status.Cooloff["create"], a.ID)
	checkSplit(t, a.Status)
}

func checkSplit(t *testing.T, c counters) {
	t.Helper()
	require.Equal(t, c.Submitted["first"]+c.Submitted["retry"], c.Submitted["pending"]+c.Submitted["running"])
	for _, m := range []map[string]int64{c.Queued, c.Submitted, c.Failure, c.Cooloff, c.Paused} {
		for k, v := range m {
			require.Positive(t, v, "%s: zeros are left out", k)
		}
	}
}

// TestDistributions checks the shares that the running system had.
func TestDistributions(t *testing.T) {
	const n = 6000
	w := world(t, gen.Options{Seed: 9, Workflows: n})
	status, kind, campaign, failing := map[gen.Status]int{}, map[gen.Kind]int{}, map[string]int{}, [4]int{}
	agents := map[int]int{}
	names := map[string]bool{}
	for i := range n {
		st := w.Initial(i)
		sk := w.Sketch(i, st.Created())
		require.False(t, names[sk.Name])
		names[sk.Name] = true
		status[st.Status()]++
		kind[sk.Kind]++
		campaign[sk.Campaign]++
		switch {
		case sk.FailPermille < 20:
			failing[0]++
		case sk.FailPermille < 200:
			failing[1]++
		case sk.FailPermille < 850:
			failing[2]++
		default:
			failing[3]++
		}
		if len(st.Agents) > 0 {
			agents[min(len(st.Agents), 5)]++
		}
	}
	share := func(name string, got int, want float64) {
		assert.InDelta(t, want, float64(got)/n, 0.01+want/10, name)
	}
	share("assignment-approved", status[gen.AssignmentApproved], 0.20)
	share("running-closed", status[gen.RunningClosed], 0.18)
	share("announced", status[gen.Announced], 0.16)
	share("TaskChain", kind[gen.TaskChain], 0.45)
	share("StepChain", kind[gen.StepChain], 0.30)
	share("Resubmission", kind[gen.Resubmission], 0.12)
	share("failures under 2 %", failing[0], 0.70)
	share("failures 2 to 20 %", failing[1], 0.20)
	share("failures over 85 %", failing[3], 0.02)
	running := 0
	for _, k := range agents {
		running += k
	}
	assert.InDelta(t, 0.60, float64(agents[1])/float64(running), 0.06, "one agent")
	assert.InDelta(t, 0.25, float64(agents[2])/float64(running), 0.04, "two agents")

	assert.GreaterOrEqual(t, len(campaign), 150)
	assert.LessOrEqual(t, len(campaign), 400)
	top := make([]int, 0, len(campaign))
	for _, k := range campaign {
		top = append(top, k)
	}
	assert.InDelta(t, 0.5, float64(largest(top, 10))/n, 0.08, "ten campaigns hold half")
}

func largest(list []int, n int) (sum int) {
	for range n {
		best := 0
		for k := range list {
			if list[k] > list[best] {
				best = k
			}
		}
		sum += list[best]
		list[best] = 0
	}
	return sum
}

func TestSizesAndRecoveries(t *testing.T) {
	w := world(t, gen.Options{Seed: 10, Workflows: 1000})
	requests := map[string]requestDoc{}
	bytes, count := map[string]int{}, map[string]int{}
	for d := range w.AllParallel() {
		kind := d.DB
		var head struct{ Type string }
		if d.DB == "wmstats" {
			require.NoError(t, json.Unmarshal(d.JSON, &head))
			kind += head.Type
		}
		bytes[kind] += len(d.JSON)
		count[kind]++
		if d.DB == "reqmgr_workload_cache" {
			var r requestDoc
			_ = json.Unmarshal(d.JSON, &r) // edge cases decode in part
			requests[r.RequestName] = r
		}
	}
	mean := func(kind string) float64 { return float64(bytes[kind]) / float64(count[kind]) }
	assert.InDelta(t, 7000, mean("reqmgr_workload_cache"), 2500)
	assert.InDelta(t, 15000, mean("wmstatsagent_request"), 5000)
	assert.InDelta(t, 30000, mean("wmstatsagent_info"), 15000)
	assert.InDelta(t, 1.1, float64(count["wmstatsagent_request"])/1000, 0.2)
	assert.Greater(t, count["wmstats_logdb"], 20)
	recoveries := 0
	for _, r := range requests {
		if r.RequestType == "Resubmission" && !strings.HasSuffix(r.OriginalRequestName, "Nobody_160101_000000_1") {
			recoveries++
			require.Contains(t, requests, r.OriginalRequestName)
			require.True(t, strings.HasPrefix(r.InitialTaskPath, "/"+r.OriginalRequestName+"/"))
		}
	}
	assert.InDelta(t, 0.12, float64(recoveries)/1000, 0.03)
	assert.False(t, math.IsNaN(mean("wmstatsjobsummary")))
}

func TestSitesThatFailDoSoForEverybody(t *testing.T) {
	w := world(t, gen.Options{Seed: 11, Workflows: 500, Lean: true, NoEdges: true, JobSummaries: -1})
	ended, failed, hit := map[string]int64{}, map[string]int64{}, map[string]int{}
	for d := range w.AllParallel() {
		if !strings.Contains(string(d.JSON), `"type":"agent_request"`) {
			continue
		}
		var a agentReport
		require.NoError(t, json.Unmarshal(d.JSON, &a))
		for name, s := range a.Sites {
			ended[name] += s.Success + sum(s.Failure)
			failed[name] += sum(s.Failure)
			if sum(s.Failure)*5 > s.Success {
				hit[name]++
			}
		}
	}
	bad := 0
	for name := range ended {
		if ended[name] > 100 && failed[name]*4 > ended[name] && hit[name] > 3 {
			bad++
		}
	}
	assert.GreaterOrEqual(t, bad, 2, "sites that fail in many workflows")
	assert.LessOrEqual(t, bad, 12)
}
