package sourcetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dmwm/wmstats/cacheserver/couch"
)

// request returns a request document with 2 transitions; more are members to
// add.
func request(name, status string, more ...string) string {
	return fmt.Sprintf(`{"_id":%q,"RequestName":%q,"RequestType":"TaskChain","RequestStatus":%q,"RequestPriority":7,"Campaign":"Run3",`+
		`"RequestTransition":[{"Status":"new","UpdateTime":1795000000},{"Status":%q,"UpdateTime":1795000100}]%s}`,
		name, name, status, status, join(more))
}

// agentWork returns an agent's document about a workflow.
func agentWork(agent, workflow string, success int, more ...string) string {
	return fmt.Sprintf(`{"_id":%q,"type":"agent_request","workflow":%q,"agent_url":%q,"agent":"WMAgent","timestamp":1795000200,`+
		`"status":{"success":%d,"inWMBS":100},"sites":{"T2_CH_CERN":{"success":%d}},`+
		`"tasks":{"/%s/GEN":{"jobtype":"Production","status":{"success":%d},"sites":{"T2_CH_CERN":{"success":%d}}}}%s}`,
		agent+"-"+workflow, workflow, agent, success, success, workflow, success, success, join(more))
}

func agentInfo(agent string) string {
	return fmt.Sprintf(`{"_id":%q,"type":"agent_info","agent_url":%q,"agent_team":"production","timestamp":1795000200,"status":"ok"}`, agent, agent)
}

func job(id, workflow string, exit int) string {
	return fmt.Sprintf(`{"_id":%q,"type":"jobsummary","workflow":%q,"task":"/%s/GEN","state":"jobfailed","exitcode":%d,"site":"T2_CH_CERN",`+
		`"acdc_url":"u","agent_name":"a1","errors":{"cmsRun1":[{"type":"B"},{"type":"A"}]},"timestamp":1795000200}`, id, workflow, workflow, exit)
}

func join(members []string) string {
	if len(members) == 0 {
		return ""
	}
	return "," + strings.Join(members, ",")
}

// fill writes a few documents of every kind.
func (b Backend) fill(t *testing.T) {
	t.Helper()
	b.Writer.Put(t, couch.Requests, request("r1", "new"), request("r2", "running-open"), request("r3", "completed"), request("old", "normal-archived"))
	b.Writer.Put(t, couch.WMStats, agentWork("a1", "r2", 3), agentWork("a2", "r2", 4), agentWork("a1", "r3", 5))
	if b.has(AgentInfo) {
		b.Writer.Put(t, couch.WMStats, agentInfo("a1"), agentInfo("a2"))
	}
	if b.has(Jobs) {
		b.Writer.Put(t, couch.WMStats, job("job-1", "r2", 8021), job("job-2", "r2", 8021), job("job-3", "r2", 99109))
	}
}

// filled are the ids of the documents that fill wrote and a follower keeps.
func (b Backend) filled() map[couch.Database][]string {
	agents := []string{"a1-r2", "a1-r3", "a2-r2"}
	if b.has(AgentInfo) {
		agents = []string{"a1", "a1-r2", "a1-r3", "a2", "a2-r2"}
	}
	return map[couch.Database][]string{couch.Requests: {"r1", "r2", "r3"}, couch.WMStats: agents}
}
