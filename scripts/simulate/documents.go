package simulate

import (
	"fmt"
	"maps"
	"time"

	"github.com/dmwm/wmstats/mock/design"
)

// request has the values of a request document that a run checks.
type request struct {
	status   string
	priority int64 // different in each version
	time     int64 // of the status, Unix s
}

// report is an agent's document of one workflow.
type report struct {
	workflow, agent int
	success         int64 // different in each version
	time            int64
}

// content is the content of the two databases. It is maintained separately from the
// stand-in, by the rules of the domain and not with our schema, so that an error in
// our code can't hide.
type content struct {
	requests map[int]request
	reports  map[[2]int]report // by workflow and agent
	infos    map[int]int64     // time of an agent's own document
}

func newContent() content {
	return content{map[int]request{}, map[[2]int]report{}, map[int]int64{}}
}

func (c content) clone() content {
	return content{maps.Clone(c.requests), maps.Clone(c.reports), maps.Clone(c.infos)}
}

// value is what the list must show for a workflow.
type value struct {
	Status   string
	Priority int64
	Success  int64
}

// archived are the statuses that leave the lists.
var archived = map[string]bool{"normal-archived": true, "aborted-archived": true, "rejected-archived": true}

// joined are the statuses in which the counts of agents belong to a record.
var joined = map[string]bool{"running-open": true, "running-closed": true, "force-complete": true, "completed": true, "closed-out": true}

// statuses are the possible statuses of a run's requests, in no particular order.
var statuses = []string{"assigned", "acquired", "running-open", "running-open", "running-closed", "completed", "closed-out", "failed", "announced"}

// values returns the records that follow from the content.
func (c content) values() map[string]value {
	out := make(map[string]value, len(c.requests))
	for n, r := range c.requests {
		if !archived[r.status] {
			out[workflowName(n)] = value{Status: r.status, Priority: r.priority}
		}
	}
	for _, r := range c.reports {
		name := workflowName(r.workflow)
		if v, ok := out[name]; ok && joined[v.Status] {
			v.Success += r.success
			out[name] = v
		}
	}
	return out
}

func workflowName(n int) string { return fmt.Sprintf("sim_task_%03d", n) }
func agentName(n int) string    { return fmt.Sprintf("vocms%02d.cern.ch", n) }

// documentID returns the id of a document by workflow and agent; agent -1: the
// request document, workflow -1: the agent's own document.
func documentID(workflow, agent int) string {
	switch {
	case agent < 0:
		return workflowName(workflow)
	case workflow < 0:
		return agentName(agent)
	}
	return agentName(agent) + "-" + workflowName(workflow)
}

func requestDocument(n int, r request) []byte {
	return fmt.Appendf(nil, `{"_id":%[1]q,"RequestName":%[1]q,"RequestStatus":%[2]q,"RequestPriority":%[3]d,"RequestType":"TaskChain","Campaign":"Sim%[4]d",`+
		`"Requestor":"tester","Team":"production","PrepID":"SIM-%[5]05d","CMSSWVersion":"CMSSW_14_0_%[4]d","TotalEstimatedJobs":1000,`+
		`"RequestTransition":[{"Status":"new","UpdateTime":946684800},{"Status":%[2]q,"UpdateTime":%[6]d}],"RequestDate":[2000,1,1,0,0,0]}`,
		workflowName(n), r.status, r.priority, n%3, n, r.time)
}

func reportDocument(r report) []byte {
	name, agent := workflowName(r.workflow), agentName(r.agent)
	site := fmt.Sprintf("T%d_US_Sim", 1+r.workflow%2)
	return fmt.Appendf(nil, `{"_id":"%[1]s-%[2]s","type":"agent_request","workflow":%[2]q,"agent_url":%[1]q,"agent":"WMAgent","agent_team":"production","timestamp":%[3]d,`+
		`"status":{"success":%[4]d},"sites":{%[5]q:{"success":%[4]d}},`+
		`"tasks":{"/%[2]s/Task":{"jobtype":"Processing","status":{"success":%[4]d},"sites":{%[5]q:{"success":%[4]d}},"subscription_status":{"finished":1,"open":0,"total":1,"updated":%[3]d}}}}`,
		agent, name, r.time, r.success, site)
}

func infoDocument(agent int, at int64) []byte {
	return fmt.Appendf(nil, `{"_id":%[1]q,"type":"agent_info","agent_url":%[1]q,"agent":"WMAgent","agent_team":"production","agent_version":"2.3.4","timestamp":%[2]d,"status":"ok","down_components":[],"disk_warning":[]}`,
		agentName(agent), at)
}

func jobDocument(n int, at time.Time) []byte {
	return fmt.Appendf(nil, `{"_id":"job-%d","type":"jobsummary","workflow":%q,"state":"jobfailed","exitcode":8021,"site":"T1_US_Sim","timestamp":%d}`, n, workflowName(n%10), at.Unix())
}

// databases are the two followed databases.
var databases = []string{design.RequestDB, design.WMStatsDB}
