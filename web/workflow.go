package web

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// WorkflowPage are the props of one workflow.
type WorkflowPage struct {
	Frame
	Notes    []Note
	Detail   schema.Detail // its errors are those that are chosen
	Chosen   string        // which failing jobs are shown: "exit code 8021"; "" for all
	Unchosen string        // address of the page with all of them
	Codes    []CodeRow     // their exit codes
	CodeMap  Heat          // by site and exit code; no rows when that could not be had
	Samples  Samples       // some of these jobs, when they are asked for
	Logs     Logs
	SiteMap  Heat   // jobs by site and state
	Links    []Link // to other systems
	Raw      string // address of the record as JSON
	Curl     string
	Failing  bool   // only tasks with failures are shown
	Tasks    string // address of the other choice
	Branches []Branch
	Missing  *Missing // why there is nothing but the list record; nil when there is
}

// shownBranches are the branches that the choice of tasks leaves.
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

// openBranches is how many branches are open at first.
const openBranches = 3

// progressReason says why a dataset's progress is not defined.
const progressReason = "the size of the workflow's input is not known"

// taskName is the last part of a path, or the path when it is not given.
func taskName(t schema.WorkflowTask) string {
	if t.TaskName != "" {
		return t.TaskName
	}
	return t.Task[strings.LastIndexByte(t.Task, '/')+1:]
}

// differs is the status of the newest entry of the history where it is another
// one than that of the request: both are shown then. The list may be out of
// order; of entries at one time any may be the last.
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

// joined writes a list of names, or that there is none.
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
