package schema

import (
	"cmp"
	"slices"
)

// WorkflowAgent returns the record of the agent for the workflow.
func (p *AgentReport) WorkflowAgent() WorkflowAgent {
	return WorkflowAgent{
		Workflow: p.Workflow, Agent: p.Agent, Team: p.Team, AgentVersion: p.AgentVersion,
		UpdateTime: p.Time, Counters: p.Counts.Derive(),
		JobsInWMBS: p.JobsInWMBS, JobsInQueue: p.JobsInQueue, Skipped: p.Skipped, ReportedJobs: -1,
	}
}

// WorkflowSites returns the records of the agent's sites, sorted by Site. Jobs
// of the workflow that are at no site form a record with the site (none), so
// that the records add up to the agent's counts. A counter of that record is 0
// if the sites hold more than the total.
func (p *AgentReport) WorkflowSites() []WorkflowSite {
	out := make([]WorkflowSite, 0, len(p.Sites)+1)
	p.EachSite(func(site string, counts *JobCounts) { out = append(out, p.site(site, *counts)) })
	slices.SortStableFunc(out, func(a, b WorkflowSite) int { return cmp.Compare(a.Site, b.Site) })
	return out
}

// EachSite calls visit with the counters of each record of WorkflowSites, first
// those at no site.
func (p *AgentReport) EachSite(visit func(site string, counts *JobCounts)) {
	if rest := p.unplaced(); rest != (JobCounts{}) {
		visit(None, &rest)
	}
	for i := range p.Sites {
		visit(p.Sites[i].Site, &p.Sites[i].Counts)
	}
}

// unplaced returns the jobs at no site.
func (p *AgentReport) unplaced() JobCounts {
	rest := p.Counts
	for i := range p.Sites {
		rest.Sub(&p.Sites[i].Counts)
	}
	return rest.Positive()
}

func (p *AgentReport) site(site string, counts JobCounts) WorkflowSite {
	return WorkflowSite{Workflow: p.Workflow, Agent: p.Agent, Site: site, Counters: counts.Derive()}
}
