package schema

import (
	"fmt"
	"slices"
	"strings"
)

// JobsAllowed reports whether a request of this status may have jobs in agents:
// unknown statuses may. all is for Tier-0, where all may.
func JobsAllowed(status string, all bool) bool {
	info, known := StatusOf(status)
	return !known || info.JobInfo || all
}

// IsStray reports whether a report has jobs that a request without jobs must
// not have.
func (c *JobCounts) IsStray() bool { return c.Running > 0 || c.Pending > 0 }

// Stray returns the record of the reports, one of each agent, whose jobs should
// not be there. since is when they were first seen.
func Stray(workflow, status string, reports []AgentReport, since int64) StrayWorkflow {
	s := StrayWorkflow{Workflow: workflow, Status: status, Agents: []string{}, Sites: []string{}, Since: since}
	for i := range reports {
		p := &reports[i]
		s.Agents = append(s.Agents, p.Agent)
		s.Running = AddUp(s.Running, max(p.Counts.Running, 0))
		s.Pending = AddUp(s.Pending, max(p.Counts.Pending, 0))
		s.UpdateTime = max(s.UpdateTime, p.Time)
		p.EachSite(func(site string, c *JobCounts) {
			if c.IsStray() {
				s.Sites = append(s.Sites, site)
			}
		})
	}
	slices.Sort(s.Agents)
	slices.Sort(s.Sites)
	s.Sites = slices.Compact(s.Sites)
	return s
}

// Alert returns the alert of a stray workflow.
func (s *StrayWorkflow) Alert(l Limits) Alert {
	where := "the lists have no such request: it is archived or unknown"
	if s.Status != "" {
		where = "no job is allowed in status " + s.Status
	}
	a := Alert{Workflow: s.Workflow, Rule: AlertStrayJobs, Since: s.Since,
		Reason: fmt.Sprintf("%d running and %d pending jobs; %s", s.Running, s.Pending, where),
		Cause:  "reported by " + strings.Join(s.Agents, ", "), Who: "agent " + strings.Join(s.Agents, ", ")}
	if who := l.Who[AlertStrayJobs]; who != "" {
		a.Who = who
	}
	return a
}
