package schema

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Part returns what the document adds to the lists. It holds copies of all
// texts and does not keep the document in memory.
func (a *AgentDoc) Part() AgentPart {
	p := AgentPart{
		Workflow: strings.Clone(a.Workflow), Agent: strings.Clone(a.Agent),
		Team: strings.Clone(a.Team), AgentVersion: strings.Clone(a.AgentVersion),
		Time: a.Time, Counts: a.Status,
		JobsInWMBS: a.JobsInWMBS, JobsInQueue: a.JobsInQueue, Skipped: a.Skipped,
		Sites: make([]SitePart, 0, len(a.Sites)),
		Tasks: make([]uint64, 0, len(a.Tasks)),
	}
	for _, s := range a.Sites {
		p.Sites = append(p.Sites, SitePart{strings.Clone(siteName(s.Site)), s.Counts})
	}
	p.Sites = merge(p.Sites,
		func(x, y *SitePart) int { return cmp.Compare(x.Site, y.Site) },
		func(x, y *SitePart) { x.Counts.Add(&y.Counts) })
	n := 0
	for i := range a.Tasks {
		for j := range a.Tasks[i].Sites {
			n += len(a.Tasks[i].Sites[j].Outputs)
		}
	}
	outputs := make([]OutputPart, 0, n)
	for i := range a.Tasks {
		t := &a.Tasks[i]
		p.Tasks = append(p.Tasks, xxhash.Sum64String(t.Path))
		for _, s := range t.Skipped {
			p.SkippedFiles = addUp(p.SkippedFiles, s.Files)
		}
		for j := range t.Sites {
			outputs = append(outputs, t.Sites[j].Outputs...)
		}
	}
	slices.Sort(p.Tasks)
	p.Tasks = slices.Compact(p.Tasks)
	p.Outputs = slices.Clone(merge(outputs, (*OutputPart).compare, (*OutputPart).add))
	for i := range p.Outputs {
		p.Outputs[i].Dataset = strings.Clone(p.Outputs[i].Dataset)
	}
	return p
}

func (o *OutputPart) compare(p *OutputPart) int { return cmp.Compare(o.Dataset, p.Dataset) }

func (o *OutputPart) add(p *OutputPart) {
	o.Events, o.Lumis, o.Bytes = addUp(o.Events, p.Events), addUp(o.Lumis, p.Lumis), addUp(o.Bytes, p.Bytes)
}

// merge sorts list by compare and adds up equal elements, in place.
func merge[T any](list []T, compare func(a, b *T) int, add func(to, from *T)) []T {
	slices.SortStableFunc(list, func(a, b T) int { return compare(&a, &b) })
	out := list[:0]
	for i := range list {
		if last := len(out) - 1; last >= 0 && compare(&out[last], &list[i]) == 0 {
			add(&out[last], &list[i])
		} else {
			out = append(out, list[i])
		}
	}
	return out
}

// WorkflowAgent returns the record of the agent on the workflow.
func (p *AgentPart) WorkflowAgent() WorkflowAgent {
	return WorkflowAgent{
		Workflow: p.Workflow, Agent: p.Agent, Team: p.Team, AgentVersion: p.AgentVersion,
		UpdateTime: p.Time, Counters: p.Counts.Derive(),
		JobsInWMBS: p.JobsInWMBS, JobsInQueue: p.JobsInQueue, Skipped: p.Skipped, ReportedJobs: -1,
	}
}

// WorkflowSites returns the records of the agent's sites by Site. Jobs of the
// workflow that are at no site make a record with the site (none), so that the
// records add up to the agent's counts; counters of which the sites hold more
// than the whole are 0 in it.
func (p *AgentPart) WorkflowSites() []WorkflowSite {
	out := make([]WorkflowSite, 0, len(p.Sites)+1)
	p.EachSite(func(site string, counts *JobCounts) { out = append(out, p.site(site, *counts)) })
	slices.SortStableFunc(out, func(a, b WorkflowSite) int { return cmp.Compare(a.Site, b.Site) })
	return out
}

// EachSite calls visit with the counters behind each record of WorkflowSites,
// those at no site first.
func (p *AgentPart) EachSite(visit func(site string, counts *JobCounts)) {
	if rest := p.unplaced(); rest != (JobCounts{}) {
		visit(None, &rest)
	}
	for i := range p.Sites {
		visit(p.Sites[i].Site, &p.Sites[i].Counts)
	}
}

// unplaced are the jobs at no site.
func (p *AgentPart) unplaced() JobCounts {
	rest := p.Counts
	for i := range p.Sites {
		rest.Sub(&p.Sites[i].Counts)
	}
	return rest.positive()
}

func (p *AgentPart) site(site string, counts JobCounts) WorkflowSite {
	return WorkflowSite{Workflow: p.Workflow, Agent: p.Agent, Site: site, Counters: counts.Derive()}
}
