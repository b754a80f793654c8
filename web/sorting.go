package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// byTime sorts a status history for display; equal times keep the order of the
// request. The current status is given by the position in the history, not by time.
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
// starts its own branch, so that none is lost.
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

// deepest is the largest indent in the style sheet.
const deepest = 6

// indent is the CSS class of a task's row, relative to the top of its branch.
func (b Branch) indent(task schema.WorkflowTask) string {
	depth := 1 + strings.Count(strings.TrimPrefix(task.Task, b.Top.Task), "/")
	return "path d" + string(rune('0'+min(depth, deepest)))
}

// Failing reports whether any task of the branch has failures.
func (b Branch) Failing() bool {
	return slices.ContainsFunc(b.Tasks, func(t schema.WorkflowTask) bool { return t.Failure > 0 })
}
