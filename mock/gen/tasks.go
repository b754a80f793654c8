package gen

import (
	"slices"
	"strings"
)

// task is one node of a workflow's tree.
type task struct {
	path    string
	jobType string
	ratio   int    // jobs in permille of the workflow's estimate
	start   int64  // Done of the workflow at which its jobs begin, 0..Ended
	top     bool   // its jobs are the ones that the estimate counts
	dataset string // merged output, or ""
	module  string
}

// maxTasks limits the size of a tree.
const maxTasks = 100

// tasks returns the tree of a workflow, sorted by path.
func (sk *Sketch) tasks(lean bool) []task {
	root := "/" + sk.Name
	var out []task
	parent := root
	for k, s := range sk.Steps {
		start := int64(k) * 400_000 / int64(len(sk.Steps))
		if k == 0 || sk.Tasked {
			t := task{path: parent + "/" + s.Name, jobType: jobTypeOf(s), ratio: max(200, 1000-k*80), start: start, top: k == 0}
			if len(out)+2+3*len(s.Outputs) > maxTasks {
				break
			}
			out = append(out, t)
			if s.Name != "EndOfRunDQMHarvest" {
				out = append(out, task{path: t.path + "/LogCollect", jobType: "LogCollect", ratio: 4, start: 700_000})
			}
			parent = t.path
		}
		merged := ""
		base := parent
		for _, o := range s.Outputs {
			m := base + "/" + s.Name + "Merge" + o.Module
			out = append(out,
				task{path: m, jobType: "Merge", ratio: 90, start: start + 100_000, dataset: o.Dataset, module: o.Module},
				task{path: base + "/" + s.Name + "CleanupUnmerged" + o.Module, jobType: "Cleanup", ratio: 12, start: start + 300_000})
			if !lean {
				out = append(out, task{path: m + "/" + s.Name + o.Module + "MergeLogCollect", jobType: "LogCollect", ratio: 3, start: 750_000})
			}
			if merged == "" {
				merged = m
			}
		}
		if sk.Tasked && merged != "" {
			parent = merged // the next task reads merged output if there is any
		}
	}
	slices.SortFunc(out, func(a, b task) int { return strings.Compare(a.path, b.path) })
	if sk.Kind == Resubmission {
		return sk.recovered(out)
	}
	return out
}

// countTasks returns the number of tasks of a workflow that is not a recovery,
// without building the tree.
func (sk *Sketch) countTasks(lean bool) (n int) {
	perOutput := 3 // merge, clean-up, logs of the merge
	if lean {
		perOutput = 2
	}
	for k, s := range sk.Steps {
		if k == 0 || sk.Tasked {
			if n+2+3*len(s.Outputs) > maxTasks {
				break
			}
			n++
			if s.Name != "EndOfRunDQMHarvest" {
				n++
			}
		}
		n += perOutput * len(s.Outputs)
	}
	return n
}

// recovered cuts a tree down to the part that a recovery runs again.
func (sk *Sketch) recovered(tree []task) []task {
	rest := sk.InitialTask[len(sk.Original)+1:] // with its leading slash
	from := "/" + sk.Name + rest
	to := "/" + sk.Name + rest[strings.LastIndexByte(rest, '/'):]
	out := tree[:0]
	for _, t := range tree {
		if below, ok := strings.CutPrefix(t.path, from); ok && (below == "" || below[0] == '/') {
			t.top = below == ""
			t.path = to + below
			out = append(out, t)
		}
	}
	return out
}

func jobTypeOf(s Step) string {
	switch {
	case s.Name == "EndOfRunDQMHarvest":
		return "Harvesting"
	case s.Input == "" && s.InputDataset == "":
		return "Production"
	}
	return "Processing"
}
