package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// byTime orders a status history for display; equal times keep the order of
// the request. The position in it decides what the status is, not the time.
func byTime(history []schema.StatusChange) []schema.StatusChange {
	out := slices.Clone(history)
	slices.SortStableFunc(out, func(a, b schema.StatusChange) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Index, b.Index))
	})
	return out
}

// Branch is a top task with the tasks below it, parents before children.
type Branch struct {
	Top   schema.WorkflowTask
	Tasks []schema.WorkflowTask // Top is the first
}

// Branches nests tasks by their paths. A task whose parent is not in the list
// starts a branch of its own, so that none is lost.
func Branches(tasks []schema.WorkflowTask) []Branch {
	sorted := slices.Clone(tasks)
	slices.SortStableFunc(sorted, func(a, b schema.WorkflowTask) int {
		return slices.Compare(strings.Split(a.Task, "/"), strings.Split(b.Task, "/"))
	})
	var out []Branch
	for _, task := range sorted {
		if n := len(out); n > 0 && strings.HasPrefix(task.Task, out[n-1].Top.Task+"/") {
			out[n-1].Tasks = append(out[n-1].Tasks, task)
			continue
		}
		out = append(out, Branch{Top: task, Tasks: []schema.WorkflowTask{task}})
	}
	return out
}

// deepest is the last indent that the style sheet has.
const deepest = 6

// indent is the class of a task's row, relative to the top of its branch.
func (b Branch) indent(task schema.WorkflowTask) string {
	depth := 1 + strings.Count(strings.TrimPrefix(task.Task, b.Top.Task), "/")
	return "path d" + string(rune('0'+min(depth, deepest)))
}

// Failing reports whether any task of the branch has failures.
func (b Branch) Failing() bool {
	return slices.ContainsFunc(b.Tasks, func(t schema.WorkflowTask) bool { return t.Failure > 0 })
}
