package gen_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// documents are those of a world as a reader finds them, decoded without any
// knowledge of how they were generated.
type documents struct {
	requests map[string]rawRequest // by name
	reports  []rawReport
	jobs     []rawJob
	infos    map[string]rawInfo // by agent
}

type rawRequest struct {
	RequestName, RequestStatus, Campaign string
	RequestPriority                      int64
	TotalEstimatedJobs                   int64
	SiteWhitelist                        []string
	RequestTransition                    []struct {
		Status     string
		UpdateTime int64
	}
}

func (r *rawRequest) since() int64 { return r.RequestTransition[len(r.RequestTransition)-1].UpdateTime }

type rawCounts struct {
	Success                  int64
	Queued, Submitted        map[string]int64
	Failure, Cooloff, Paused map[string]int64
}

func total(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

func (c *rawCounts) running() int64 { return c.Submitted["running"] }
func (c *rawCounts) pending() int64 { return c.Submitted["pending"] }
func (c *rawCounts) open() int64 {
	return total(c.Queued) + c.running() + c.pending() + total(c.Cooloff) + total(c.Paused)
}
func (c *rawCounts) all() int64 { return c.Success + total(c.Failure) + c.open() }

type rawReport struct {
	Workflow, AgentURL string
	Status             rawCounts
	Sites              map[string]rawCounts
}

type rawJob struct {
	Workflow, Site, State string
	ExitCode              int
	LogURL                *string
	Errors                string
}

type rawInfo struct {
	Drain      bool
	Down       []string
	Sites      map[string]struct{ State string }
	ByPriority map[string]map[string]int64
}

func decode(t *testing.T, w *gen.World) documents {
	t.Helper()
	all := documents{requests: map[string]rawRequest{}, infos: map[string]rawInfo{}}
	for d := range w.AllParallel() {
		var m map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(d.JSON, &m), d.ID)
		get := func(key string, to any) {
			if raw, ok := m[key]; ok {
				require.NoError(t, json.Unmarshal(raw, to), "%s of %s", key, d.ID)
			}
		}
		var kind string
		get("type", &kind)
		switch {
		case d.DB == "reqmgr_workload_cache":
			var r rawRequest
			require.NoError(t, json.Unmarshal(d.JSON, &r))
			all.requests[r.RequestName] = r
		case kind == "agent_request":
			var r rawReport
			get("workflow", &r.Workflow)
			get("agent_url", &r.AgentURL)
			get("status", &r.Status)
			get("sites", &r.Sites)
			all.reports = append(all.reports, r)
		case kind == "jobsummary":
			var j rawJob
			get("workflow", &j.Workflow)
			get("site", &j.Site)
			get("state", &j.State)
			get("exitcode", &j.ExitCode)
			get("eos_log_url", &j.LogURL)
			j.Errors = string(m["errors"])
			all.jobs = append(all.jobs, j)
		case kind == "agent_info":
			var info rawInfo
			var name string
			get("agent_url", &name)
			get("drain_mode", &info.Drain)
			get("down_components", &info.Down)
			var wmbs struct {
				Thresholds          map[string]struct{ State string }
				SitePendCountByPrio map[string]map[string]int64
			}
			get("WMBS_INFO", &wmbs)
			info.Sites, info.ByPriority = wmbs.Thresholds, wmbs.SitePendCountByPrio
			all.infos[name] = info
		}
	}
	return all
}

// of returns the reports on a workflow.
func (d *documents) of(workflow string) (out []rawReport) {
	for _, r := range d.reports {
		if r.Workflow == workflow {
			out = append(out, r)
		}
	}
	return out
}

func (d *documents) failed(workflow string) (n int64) {
	for _, r := range d.of(workflow) {
		n += total(r.Status.Failure)
	}
	return n
}

func (d *documents) jobReports(workflow string) (out []rawJob) {
	for _, j := range d.jobs {
		if j.Workflow == workflow {
			out = append(out, j)
		}
	}
	return out
}

// runs reports whether agents work on a request.
func (d *documents) runs(workflow string) bool {
	return slices.Contains([]string{"running-open", "running-closed", "force-complete"}, d.requests[workflow].RequestStatus)
}
