package web

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// WorkflowPage are the props of one workflow.
type WorkflowPage struct {
	Frame
	Notes    []Note
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
	Failing  bool   // show only tasks with failures
	Tasks    string // address of the other choice
	Branches []Branch
	Missing  *Missing // why only the list record is shown; nil if the details are
}

// shownBranches returns the branches with the chosen tasks.
func (p WorkflowPage) shownBranches() []Branch {
	if !p.Failing {
		return p.Branches
	}
	var out []Branch
	for _, b := range p.Branches {
		if !b.Failing() {
			continue
		}
		kept := Branch{Top: b.Top}
		for _, t := range b.Tasks {
			if t.Failure > 0 {
				kept.Tasks = append(kept.Tasks, t)
			}
		}
		out = append(out, kept)
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

// counts are the columns of a table of job counters.
var counts = []struct {
	Label string
	Of    func(schema.Counters) int64
}{
	{"created", func(c schema.Counters) int64 { return c.TotalJobs }},
	{"queued", func(c schema.Counters) int64 { return c.Queued }},
	{"pending", func(c schema.Counters) int64 { return c.Pending }},
	{"running", func(c schema.Counters) int64 { return c.Running }},
	{"success", func(c schema.Counters) int64 { return c.Success }},
	{"failure", func(c schema.Counters) int64 { return c.Failure }},
	{"cool-off", func(c schema.Counters) int64 { return c.Cooloff }},
	{"paused", func(c schema.Counters) int64 { return c.Paused }},
}
