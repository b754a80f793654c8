package schema

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema/internal/jsonscan"
)

// StateSuccess is the state of a job that succeeded in the end. It has a
// jobsummary document when it was tried more than once, and so is in the view of
// failing jobs, with no error of its own.
const StateSuccess = "success"

// DecodeJobGroup makes a record of one row of the view jobsByStatusWorkflow.
// The key is [workflow, task, state, exit code, site, ACDC URL, agent, error
// types] or begins so: what a shorter one lacks is as absent. ok is false for
// what is no list, or has no workflow.
func DecodeJobGroup(key []byte, count int64) (g JobError, ok bool) {
	d := newDecoder(key)
	if d.scan.Kind() != jsonscan.Array {
		return g, false
	}
	g.ExitCode, g.Count = -1, count
	site := ""
	d.scan.Open()
	for i := 0; d.scan.NextElem(); i++ {
		switch i {
		case 0:
			g.Workflow = d.text("")
		case 1:
			g.Task = d.text("")
		case 2:
			g.State = d.text("")
		case 3:
			g.ExitCode = d.integer("", -1)
		case 4:
			site = d.text("")
		case 6:
			g.Agent = agentName(d.text(""))
		case 7:
			types := d.texts("")
			slices.Sort(types)
			g.ErrorTypes = strings.Join(slices.Compact(types), ";")
		default:
			d.scan.Skip()
		}
	}
	g.Site = siteName(site)
	return g, d.scan.End() == nil && g.Workflow != ""
}

// MergeJobErrors adds up groups that are the same but for their count, and puts
// the result in order: most jobs first, then by key. The source tells groups
// apart by more than a record has: by the address of the recovery database, by
// sites that have no name, and by how often an error type occurs in one job.
func MergeJobErrors(groups []JobError) []JobError {
	at := make(map[JobError]int, len(groups))
	merged := make([]JobError, 0, len(groups))
	for _, g := range groups {
		count := g.Count
		g.Count = 0
		i, seen := at[g]
		if !seen {
			i = len(merged)
			at[g] = i
			merged = append(merged, g)
		}
		merged[i].Count += count
	}
	slices.SortFunc(merged, func(a, b JobError) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Workflow, b.Workflow), cmp.Compare(a.Task, b.Task),
			cmp.Compare(a.State, b.State), cmp.Compare(a.ExitCode, b.ExitCode), cmp.Compare(a.Site, b.Site),
			cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.ErrorTypes, b.ErrorTypes))
	})
	return merged
}

// ErrorSummary is a number of failing jobs that have something in common, over
// all workflows of the cache. Keys that the groups were not made by are empty,
// or -1 for ExitCode; the counts of different things are exact for each group
// and do not add up over groups. Jobs that succeeded in the end are not in it,
// unless asked for.
type ErrorSummary struct {
	ExitCode  int64  `from:"key[3] of jobsByStatusWorkflow" doc:"exit code of the jobs; -1 if they have none, or if groups are not made by it"`
	Meaning   string `from:"table of exit codes" doc:"what the exit code means; empty if groups are not made by it"`
	Area      string `from:"table of exit codes" doc:"where such jobs fail: application, environment, data, stage-out, limits, agent, ..."`
	Site      string `from:"key[4]" doc:"the site, or (unknown); empty if groups are not made by it"`
	Workflow  string `from:"key[0]" doc:"name of the workflow; empty if groups are not made by it"`
	State     string `from:"key[2]" doc:"state of the jobs; empty if groups are not made by it"`
	Jobs      int64  `unit:"jobs" from:"sum of the view's counts" doc:"jobs"`
	Workflows int64  `unit:"workflows" from:"distinct key[0]" doc:"workflows that they belong to"`
	Sites     int64  `unit:"sites" from:"distinct key[4]" doc:"sites that they failed at"`
	ExitCodes int64  `unit:"codes" from:"distinct key[3]" doc:"exit codes that they have"`
}
