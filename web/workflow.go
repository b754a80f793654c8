package web

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// WorkflowPage are the props of one workflow.
type WorkflowPage struct {
	Frame
	Notes    []Note
	Pin      PinButton
	Detail   schema.Detail // with the chosen errors only
	Chosen   string        // failing jobs shown, such as "exit code 8021"; "" for all
	Unchosen string        // address of the page with all failing jobs
	Codes    []CodeRow     // exit codes of the failing jobs
	CodeMap  Heat          // failing jobs by site and exit code; no rows if unavailable
	Samples  Samples       // some of these jobs, on demand
	Logs     Logs
	SiteMap  Heat   // jobs by site and state
	Links    []Link // to other systems
	Raw      string // address of the record as JSON
	Curl     string
	Tasks    TaskChoice
	Branches []Branch
	Missing  *Missing // why only the list record is shown; nil if the details are
}

// hasMore reports whether the fold of the request has anything.
func (p WorkflowPage) hasMore() bool {
	d := p.Detail
	return d.PrepID+d.Group+d.InitialTask != "" || len(d.InputDatasets)+len(d.Pileups)+len(d.ScramArchs)+len(d.SiteWhitelist)+len(d.SiteBlacklist) > 0
}

// TaskChoice says which tasks are shown.
type TaskChoice string

// The choices of tasks. Those without jobs, mostly LogCollect, are left out at first.
const (
	TasksWithJobs TaskChoice = ""
	TasksFailing  TaskChoice = "failing"
	AllTasks      TaskChoice = "all"
)

// TasksParam is the parameter with the choice of tasks.
const TasksParam = "tasks"

// has reports whether a task is among the chosen ones.
func (c TaskChoice) has(t schema.WorkflowTask) bool {
	switch c {
	case TasksFailing:
		return t.Failure > 0
	case TasksWithJobs:
		return t.TotalJobs > 0
	}
	return true
}

// count is the number of tasks that a choice shows.
func (p WorkflowPage) count(c TaskChoice) int {
	n := 0
	for _, t := range p.Detail.TaskTotals {
		if c.has(t) {
			n++
		}
	}
	return n
}

// taskChoices are the links to the other choices, with the number of their tasks.
func (p WorkflowPage) taskChoices() []Choice {
	var out []Choice
	for _, c := range []struct {
		choice TaskChoice
		label  string
	}{{TasksWithJobs, "with jobs"}, {TasksFailing, "with failures"}, {AllTasks, "all"}} {
		href := WorkflowPath(p.Detail.Workflow.Workflow)
		if c.choice != TasksWithJobs {
			href += "?" + TasksParam + "=" + string(c.choice)
		}
		if c.choice == p.Tasks {
			href = ""
		} else {
			href += "#tasks"
		}
		out = append(out, Choice{Label: c.label + " " + Int(int64(p.count(c.choice))), Href: href})
	}
	return out
}

// shownBranches returns the branches with the chosen tasks.
func (p WorkflowPage) shownBranches() []Branch {
	var out []Branch
	for _, b := range p.Branches {
		kept := Branch{Top: b.Top}
		for _, t := range b.Tasks {
			if p.Tasks.has(t) {
				kept.Tasks = append(kept.Tasks, t)
			}
		}
		if len(kept.Tasks) > 0 {
			out = append(out, kept)
		}
	}
	return out
}

// openBranches is the number of branches that are open at first.
const openBranches = 3

// progressReason explains an undefined progress of a dataset.
const progressReason = "the size of the workflow's input is unknown"

// taskName is the name of a task, or the last part of its path if it has none.
func taskName(t schema.WorkflowTask) string {
	if t.TaskName != "" {
		return t.TaskName
	}
	return t.Task[strings.LastIndexByte(t.Task, '/')+1:]
}

// differs is the status of the newest entry of the history if it differs from the
// status of the request, so that both are shown; else "". The history may be out
// of order, and of entries with the same time any may be the newest.
func differs(d schema.Detail) string {
	newest, at := "", int64(-1)
	for _, t := range d.Transitions {
		switch {
		case t.Time > at, t.Time == at && newest != d.Status:
			newest, at = t.Status, t.Time
		}
	}
	if newest == d.Status {
		return ""
	}
	return newest
}

// joined formats a list of names.
func joined(names []string) string { return strings.Join(names, ", ") }

// counts are the columns of a table of job counters; those with a class are left out in a
// narrow window.
var counts = []struct {
	Label, Class string
	Of           func(schema.Counters) int64
}{
	{"created", "", func(c schema.Counters) int64 { return c.TotalJobs }},
	{"queued", "w2", func(c schema.Counters) int64 { return c.Queued }},
	{"pending", "w2", func(c schema.Counters) int64 { return c.Pending }},
	{"running", "w1", func(c schema.Counters) int64 { return c.Running }},
	{"success", "w1", func(c schema.Counters) int64 { return c.Success }},
	{"failure", "", func(c schema.Counters) int64 { return c.Failure }},
	{"cool-off", "w2", func(c schema.Counters) int64 { return c.Cooloff }},
	{"paused", "w2", func(c schema.Counters) int64 { return c.Paused }},
}
