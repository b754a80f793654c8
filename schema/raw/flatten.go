package raw

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Flatten turns the documents of one workflow into flat records: all except the
// job errors, which are read on demand, and the alerts, which depend on the
// time. It does no I/O, reads no clock and keeps no state: the same documents
// yield the same records, in any order. Documents of other workflows are
// ignored. Of several documents of one agent the newest counts, as in Join.
func Flatten(req *ReqMgrDoc, agents []*ReportDoc) schema.Detail {
	d := schema.Detail{Workflow: req.Record()}
	var reports []schema.AgentReport
	var docs []*ReportDoc
	for _, a := range agents {
		if a.Workflow == req.Name {
			reports, docs = append(reports, a.Report()), append(docs, a)
		}
	}
	chosen := schema.Newest(reports)
	schema.Join(&d.Workflow, reports)
	d.Agents, d.Sites = []schema.WorkflowAgent{}, []schema.WorkflowSite{}
	for _, i := range chosen {
		d.Agents = append(d.Agents, reports[i].WorkflowAgent())
		d.Sites = append(d.Sites, reports[i].WorkflowSites()...)
	}
	d.SiteTotals = siteTotals(d.Sites)
	d.Tasks, d.TaskSites, d.Outputs = []schema.WorkflowTask{}, []schema.TaskSite{}, []schema.Output{}
	for _, i := range chosen {
		docs[i].flattenTasks(&d)
	}
	d.TaskTotals = taskTotals(d.Tasks)
	d.Datasets = datasets(&d.Workflow, d.Outputs)
	d.Steps = req.chainSteps()
	d.Parentage, d.LFNBases = req.parentage(), req.lfnBases()
	d.Transitions, d.Priorities = req.history()
	d.SetErrors(nil, schema.ErrorsNotLoaded)
	d.Recoveries = []string{}
	d.AlertRecords = []schema.Alert{}
	return d
}

// siteTotals sums the records of one site over the agents.
func siteTotals(sites []schema.WorkflowSite) []schema.WorkflowSite {
	totals := slices.Clone(sites)
	for i := range totals {
		totals[i].Agent = ""
	}
	totals = merge(totals,
		func(a, b *schema.WorkflowSite) int { return cmp.Compare(a.Site, b.Site) },
		func(a, b *schema.WorkflowSite) { a.JobCounts.Add(&b.JobCounts) })
	for i := range totals {
		totals[i].Counters = totals[i].Derive()
	}
	return slices.Clip(totals)
}

// taskTotals sums the records of one task over the agents. The job type is that
// of the first agent that names one; the old page concatenated them.
func taskTotals(tasks []schema.WorkflowTask) []schema.WorkflowTask {
	totals := slices.Clone(tasks)
	for i := range totals {
		totals[i].Agent = ""
	}
	totals = merge(totals,
		func(a, b *schema.WorkflowTask) int { return cmp.Compare(a.Task, b.Task) },
		func(a, b *schema.WorkflowTask) {
			a.JobType = cmp.Or(a.JobType, b.JobType)
			a.SubscriptionsFinished = schema.AddKnown(a.SubscriptionsFinished, b.SubscriptionsFinished)
			a.SubscriptionsOpen = schema.AddKnown(a.SubscriptionsOpen, b.SubscriptionsOpen)
			a.SubscriptionsTotal = schema.AddKnown(a.SubscriptionsTotal, b.SubscriptionsTotal)
			a.SubscriptionTime = max(a.SubscriptionTime, b.SubscriptionTime)
			a.JobCounts.Add(&b.JobCounts)
		})
	for i := range totals {
		totals[i].Counters = totals[i].Derive()
	}
	return slices.Clip(totals)
}

// flattenTasks appends the tasks of one agent and their leaves. Texts are
// copied: those of the document would keep it in memory.
func (a *ReportDoc) flattenTasks(d *schema.Detail) {
	agent := strings.Clone(a.Agent)
	for i := range a.Tasks {
		t := &a.Tasks[i]
		task := strings.Clone(t.Path)
		name, parent, depth := splitTask(task)
		d.Tasks = append(d.Tasks, schema.WorkflowTask{
			Workflow: d.Workflow.Workflow, Agent: agent, Task: task,
			TaskName: name, ParentTask: parent, Depth: depth, JobType: strings.Clone(t.JobType),
			SubscriptionsFinished: t.SubscriptionsFinished, SubscriptionsOpen: t.SubscriptionsOpen,
			SubscriptionsTotal: t.SubscriptionsTotal, SubscriptionTime: t.SubscriptionTime,
			Counters: t.Status.Derive(),
		})
		leaf := schema.TaskSite{Workflow: d.Workflow.Workflow, Agent: agent, Task: task}
		d.TaskSites = append(d.TaskSites, t.leaves(leaf)...)
		d.Outputs = append(d.Outputs, t.outputs(leaf)...)
	}
}

// leaves returns the records of a task, sorted by Site. Skipped files at a site
// without jobs form a record of their own.
func (t *TaskDoc) leaves(leaf schema.TaskSite) []schema.TaskSite {
	var out []schema.TaskSite
	for i := range t.Sites {
		s := &t.Sites[i]
		leaf.Site = strings.Clone(siteName(s.Site))
		leaf.JobCounts = s.Counts
		leaf.WallTime, leaf.JobCPU, leaf.JobTime, leaf.EventCPU = s.WallTime, s.JobCPU, s.JobTime, s.EventCPU
		leaf.InputEvents = s.Events
		out = append(out, leaf)
	}
	for _, s := range t.Skipped {
		out = append(out, schema.TaskSite{
			Workflow: leaf.Workflow, Agent: leaf.Agent, Task: leaf.Task,
			Site: strings.Clone(siteName(s.Site)), SkippedFiles: s.Files,
		})
	}
	out = merge(out, func(a, b *schema.TaskSite) int { return cmp.Compare(a.Site, b.Site) }, addTaskSite)
	for i := range out {
		out[i].Counters = out[i].Derive()
	}
	return out
}

func addTaskSite(s, o *schema.TaskSite) {
	s.JobCounts.Add(&o.JobCounts)
	s.WallTime = schema.AddFloat(s.WallTime, o.WallTime)
	s.JobCPU = schema.AddFloat(s.JobCPU, o.JobCPU)
	s.JobTime = schema.AddFloat(s.JobTime, o.JobTime)
	s.EventCPU = schema.AddFloat(s.EventCPU, o.EventCPU)
	s.InputEvents = schema.AddUp(s.InputEvents, o.InputEvents)
	s.SkippedFiles = schema.AddUp(s.SkippedFiles, o.SkippedFiles)
}

func (t *TaskDoc) outputs(leaf schema.TaskSite) []schema.Output {
	var out []schema.Output
	for i := range t.Sites {
		for _, o := range t.Sites[i].Outputs {
			out = append(out, schema.Output{
				Workflow: leaf.Workflow, Agent: leaf.Agent, Task: leaf.Task,
				Site: strings.Clone(siteName(t.Sites[i].Site)), Dataset: strings.Clone(o.Dataset),
				Events: o.Events, Lumis: o.Lumis, Bytes: o.Bytes,
			})
		}
	}
	return merge(out,
		func(a, b *schema.Output) int {
			return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Dataset, b.Dataset))
		},
		func(a, b *schema.Output) {
			a.Events, a.Lumis, a.Bytes = schema.AddUp(a.Events, b.Events), schema.AddUp(a.Lumis, b.Lumis), schema.AddUp(a.Bytes, b.Bytes)
		})
}

// datasets compares the output of each dataset with the workflow's input, for
// datasets that the request names and for those that were written.
func datasets(w *schema.Workflow, outputs []schema.Output) []schema.DatasetProgress {
	list := make([]schema.DatasetProgress, 0, len(w.OutputDatasets)+len(outputs))
	for _, name := range w.OutputDatasets {
		list = append(list, schema.DatasetProgress{Workflow: w.Workflow, Dataset: name, Expected: true})
	}
	for _, o := range outputs {
		list = append(list, schema.DatasetProgress{
			Workflow: w.Workflow, Dataset: o.Dataset, Events: o.Events, Lumis: o.Lumis, Bytes: o.Bytes,
		})
	}
	list = merge(list,
		func(a, b *schema.DatasetProgress) int { return cmp.Compare(a.Dataset, b.Dataset) },
		func(a, b *schema.DatasetProgress) {
			a.Events, a.Lumis, a.Bytes = schema.AddUp(a.Events, b.Events), schema.AddUp(a.Lumis, b.Lumis), schema.AddUp(a.Bytes, b.Bytes)
			a.Expected = a.Expected || b.Expected
		})
	for i := range list {
		p := &list[i]
		p.EventProgress, p.LumiProgress = -1, -1
		if w.HasJobInfo {
			p.EventProgress = schema.Percent(float64(p.Events), float64(w.InputEvents))
			p.LumiProgress = schema.Percent(float64(p.Lumis), float64(w.InputLumis))
		}
	}
	return slices.Clip(list)
}
