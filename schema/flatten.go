package schema

import (
	"cmp"
	"slices"
	"strings"
)

// States of Detail.Errors.
const (
	ErrorsLoaded    = "loaded"
	ErrorsNone      = "none" // agents count no failed job either
	ErrorsNotLoaded = "not_loaded"

	ErrorsNoneReported = "none_reported" // agents count failed jobs, no report of any has come
	ErrorsFailed       = "failed"
)

// Flatten turns the documents of one workflow into flat records: all but the
// job errors, which are read on demand, and the alerts, which depend on the
// time. It does no I/O, reads no clock and keeps no state: the same documents
// give the same records, in any order. Documents of other workflows are left
// out; of several documents of one agent the newest counts, as in Join.
func Flatten(req *ReqMgrDoc, agents []*AgentDoc) Detail {
	d := Detail{Workflow: req.Record()}
	var parts []AgentPart
	var docs []*AgentDoc
	for _, a := range agents {
		if a.Workflow == req.Name {
			parts, docs = append(parts, a.Part()), append(docs, a)
		}
	}
	chosen := newest(parts)
	Join(&d.Workflow, parts)
	d.Agents, d.Sites = []WorkflowAgent{}, []WorkflowSite{}
	for _, i := range chosen {
		d.Agents = append(d.Agents, parts[i].WorkflowAgent())
		d.Sites = append(d.Sites, parts[i].WorkflowSites()...)
	}
	d.SiteTotals = siteTotals(d.Sites)
	d.Tasks, d.TaskSites, d.Outputs = []WorkflowTask{}, []TaskSite{}, []Output{}
	for _, i := range chosen {
		docs[i].flattenTasks(&d)
	}
	d.TaskTotals = taskTotals(d.Tasks)
	d.Datasets = datasets(&d.Workflow, d.Outputs)
	d.Steps = req.chainSteps()
	d.Parentage, d.LFNBases = req.parentage(), req.lfnBases()
	d.Transitions, d.Priorities = req.history()
	d.SetErrors(nil, ErrorsNotLoaded)
	d.Recoveries = []string{}
	d.AlertRecords = []Alert{}
	return d
}

// siteTotals sums the records of one site over the agents.
func siteTotals(sites []WorkflowSite) []WorkflowSite {
	totals := slices.Clone(sites)
	for i := range totals {
		totals[i].Agent = ""
	}
	totals = merge(totals,
		func(a, b *WorkflowSite) int { return cmp.Compare(a.Site, b.Site) },
		func(a, b *WorkflowSite) { a.JobCounts.Add(&b.JobCounts) })
	for i := range totals {
		totals[i].Counters = totals[i].Derive()
	}
	return slices.Clip(totals)
}

// taskTotals sums the records of one task over the agents. The job type is
// that of the first agent that names one: the old page glued them together.
func taskTotals(tasks []WorkflowTask) []WorkflowTask {
	totals := slices.Clone(tasks)
	for i := range totals {
		totals[i].Agent = ""
	}
	totals = merge(totals,
		func(a, b *WorkflowTask) int { return cmp.Compare(a.Task, b.Task) },
		func(a, b *WorkflowTask) {
			a.JobType = cmp.Or(a.JobType, b.JobType)
			a.SubscriptionsFinished = AddKnown(a.SubscriptionsFinished, b.SubscriptionsFinished)
			a.SubscriptionsOpen = AddKnown(a.SubscriptionsOpen, b.SubscriptionsOpen)
			a.SubscriptionsTotal = AddKnown(a.SubscriptionsTotal, b.SubscriptionsTotal)
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
func (a *AgentDoc) flattenTasks(d *Detail) {
	agent := strings.Clone(a.Agent)
	for i := range a.Tasks {
		t := &a.Tasks[i]
		task := strings.Clone(t.Path)
		name, parent, depth := splitTask(task)
		d.Tasks = append(d.Tasks, WorkflowTask{
			Workflow: d.Workflow.Workflow, Agent: agent, Task: task,
			TaskName: name, ParentTask: parent, Depth: depth, JobType: strings.Clone(t.JobType),
			SubscriptionsFinished: t.SubscriptionsFinished, SubscriptionsOpen: t.SubscriptionsOpen,
			SubscriptionsTotal: t.SubscriptionsTotal, SubscriptionTime: t.SubscriptionTime,
			Counters: t.Status.Derive(),
		})
		leaf := TaskSite{Workflow: d.Workflow.Workflow, Agent: agent, Task: task}
		d.TaskSites = append(d.TaskSites, t.leaves(leaf)...)
		d.Outputs = append(d.Outputs, t.outputs(leaf)...)
	}
}

// leaves returns the records of a task by Site. Skipped files at a site without
// jobs make a record of their own.
func (t *TaskDoc) leaves(leaf TaskSite) []TaskSite {
	var out []TaskSite
	for i := range t.Sites {
		s := &t.Sites[i]
		leaf.Site = strings.Clone(siteName(s.Site))
		leaf.JobCounts = s.Counts
		leaf.WallTime, leaf.JobCPU, leaf.JobTime, leaf.EventCPU = s.WallTime, s.JobCPU, s.JobTime, s.EventCPU
		leaf.InputEvents = s.Events
		out = append(out, leaf)
	}
	for _, s := range t.Skipped {
		out = append(out, TaskSite{
			Workflow: leaf.Workflow, Agent: leaf.Agent, Task: leaf.Task,
			Site: strings.Clone(siteName(s.Site)), SkippedFiles: s.Files,
		})
	}
	out = merge(out, func(a, b *TaskSite) int { return cmp.Compare(a.Site, b.Site) }, (*TaskSite).add)
	for i := range out {
		out[i].Counters = out[i].Derive()
	}
	return out
}

func (s *TaskSite) add(o *TaskSite) {
	s.JobCounts.Add(&o.JobCounts)
	s.WallTime = addFloat(s.WallTime, o.WallTime)
	s.JobCPU = addFloat(s.JobCPU, o.JobCPU)
	s.JobTime = addFloat(s.JobTime, o.JobTime)
	s.EventCPU = addFloat(s.EventCPU, o.EventCPU)
	s.InputEvents = addUp(s.InputEvents, o.InputEvents)
	s.SkippedFiles = addUp(s.SkippedFiles, o.SkippedFiles)
}

func (t *TaskDoc) outputs(leaf TaskSite) []Output {
	var out []Output
	for i := range t.Sites {
		for _, o := range t.Sites[i].Outputs {
			out = append(out, Output{
				Workflow: leaf.Workflow, Agent: leaf.Agent, Task: leaf.Task,
				Site: strings.Clone(siteName(t.Sites[i].Site)), Dataset: strings.Clone(o.Dataset),
				Events: o.Events, Lumis: o.Lumis, Bytes: o.Bytes,
			})
		}
	}
	return merge(out,
		func(a, b *Output) int { return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Dataset, b.Dataset)) },
		func(a, b *Output) {
			a.Events, a.Lumis, a.Bytes = addUp(a.Events, b.Events), addUp(a.Lumis, b.Lumis), addUp(a.Bytes, b.Bytes)
		})
}

// datasets sets the output of each dataset against the workflow's input: those
// that the request names and those that were written.
func datasets(w *Workflow, outputs []Output) []DatasetProgress {
	list := make([]DatasetProgress, 0, len(w.OutputDatasets)+len(outputs))
	for _, name := range w.OutputDatasets {
		list = append(list, DatasetProgress{Workflow: w.Workflow, Dataset: name, Expected: true})
	}
	for _, o := range outputs {
		list = append(list, DatasetProgress{
			Workflow: w.Workflow, Dataset: o.Dataset, Events: o.Events, Lumis: o.Lumis, Bytes: o.Bytes,
		})
	}
	list = merge(list,
		func(a, b *DatasetProgress) int { return cmp.Compare(a.Dataset, b.Dataset) },
		func(a, b *DatasetProgress) {
			a.Events, a.Lumis, a.Bytes = addUp(a.Events, b.Events), addUp(a.Lumis, b.Lumis), addUp(a.Bytes, b.Bytes)
			a.Expected = a.Expected || b.Expected
		})
	for i := range list {
		p := &list[i]
		p.EventProgress, p.LumiProgress = -1, -1
		if w.HasJobInfo {
			p.EventProgress = Percent(float64(p.Events), float64(w.InputEvents))
			p.LumiProgress = Percent(float64(p.Lumis), float64(w.InputLumis))
		}
	}
	return slices.Clip(list)
}
