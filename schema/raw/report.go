package raw

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/schema"
)

// Report returns the part of the document that the lists need. It copies all
// texts and does not keep the document in memory.
func (a *ReportDoc) Report() schema.AgentReport {
	p := schema.AgentReport{
		Workflow: strings.Clone(a.Workflow), Agent: strings.Clone(a.Agent),
		Team: strings.Clone(a.Team), AgentVersion: strings.Clone(a.AgentVersion),
		Time: a.Time, Counts: a.Status,
		JobsInWMBS: a.JobsInWMBS, JobsInQueue: a.JobsInQueue, Skipped: a.Skipped,
		Sites: make([]schema.SiteReport, 0, len(a.Sites)),
		Tasks: make([]uint64, 0, len(a.Tasks)),
	}
	for _, s := range a.Sites {
		p.Sites = append(p.Sites, schema.SiteReport{Site: strings.Clone(siteName(s.Site)), Counts: s.Counts})
	}
	p.Sites = merge(p.Sites,
		func(x, y *schema.SiteReport) int { return cmp.Compare(x.Site, y.Site) },
		func(x, y *schema.SiteReport) { x.Counts.Add(&y.Counts) })
	n := 0
	for i := range a.Tasks {
		for j := range a.Tasks[i].Sites {
			n += len(a.Tasks[i].Sites[j].Outputs)
		}
	}
	outputs := make([]schema.OutputReport, 0, n)
	for i := range a.Tasks {
		t := &a.Tasks[i]
		p.Tasks = append(p.Tasks, xxhash.Sum64String(t.Path))
		for _, s := range t.Skipped {
			p.SkippedFiles = schema.AddUp(p.SkippedFiles, s.Files)
		}
		for j := range t.Sites {
			outputs = append(outputs, t.Sites[j].Outputs...)
		}
	}
	slices.Sort(p.Tasks)
	p.Tasks = slices.Compact(p.Tasks)
	p.Outputs = slices.Clone(merge(outputs, compareOutputs, addOutput))
	for i := range p.Outputs {
		p.Outputs[i].Dataset = strings.Clone(p.Outputs[i].Dataset)
	}
	return p
}

func compareOutputs(o, p *schema.OutputReport) int { return cmp.Compare(o.Dataset, p.Dataset) }

func addOutput(o, p *schema.OutputReport) {
	o.Events, o.Lumis, o.Bytes = schema.AddUp(o.Events, p.Events), schema.AddUp(o.Lumis, p.Lumis), schema.AddUp(o.Bytes, p.Bytes)
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
