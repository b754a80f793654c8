package schema

import (
	"cmp"
	"slices"
)

// StateSuccess is the state of a job that succeeded in the end. Such a job has
// a jobsummary document if it was tried more than once, so it is in the view of
// failing jobs, without an error of its own.
const StateSuccess = "success"

// Retried reports whether a job in a state is tried again, or was: one that
// succeeded has a document only if it had been tried more than once.
func Retried(state string) bool {
	switch state {
	case "createcooloff", "submitcooloff", "jobcooloff", StateSuccess:
		return true
	}
	return false
}

// MergeJobErrors adds up groups that differ only in their counts, and sorts the
// result: most jobs first, then by key. The source separates groups by more
// than a record has: by the address of the recovery database, by different ways
// to write "no site", and by how often an error type occurs in one job.
func MergeJobErrors(groups []JobError) []JobError {
	at := make(map[JobError]int, len(groups))
	merged := make([]JobError, 0, len(groups))
	for _, g := range groups {
		count, retries := g.Count, g.Retries
		g.Count, g.Retries = 0, 0
		i, seen := at[g]
		if !seen {
			i = len(merged)
			at[g] = i
			merged = append(merged, g)
		}
		merged[i].Count += count
		merged[i].Retries += retries
	}
	slices.SortFunc(merged, func(a, b JobError) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Workflow, b.Workflow), cmp.Compare(a.Task, b.Task),
			cmp.Compare(a.State, b.State), cmp.Compare(a.ExitCode, b.ExitCode), cmp.Compare(a.Site, b.Site),
			cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.ErrorTypes, b.ErrorTypes))
	})
	return merged
}

// ErrorSummary is a number of failing jobs that have something in common, over
// all workflows of the cache. Keys that the jobs are not grouped by are empty,
// or -1 for ExitCode. Counts of distinct values are exact for each group and do
// not add up over groups. Jobs that succeeded in the end are left out, unless
// requested.
type ErrorSummary struct {
	ExitCode  int64   `from:"key[3] of jobsByStatusWorkflow" doc:"exit code of the jobs; -1 if they have none, or if jobs are not grouped by it"`
	Meaning   string  `from:"table of exit codes" doc:"meaning of the exit code; empty if jobs are not grouped by it"`
	Area      string  `from:"table of exit codes" doc:"where such jobs fail: application, environment, data, stage-out, limits, agent, ..."`
	Site      string  `from:"key[4]" doc:"the site, or (unknown); empty if jobs are not grouped by it"`
	Workflow  string  `from:"key[0]" doc:"name of the workflow; empty if jobs are not grouped by it"`
	State     string  `order:"job state" from:"key[2]" doc:"state of the jobs; empty if jobs are not grouped by it"`
	Jobs      int64   `unit:"jobs" from:"sum of the view's counts" doc:"job reports"`
	Workflows int64   `unit:"workflows" from:"distinct key[0]" doc:"workflows that they belong to"`
	Sites     int64   `unit:"sites" from:"distinct key[4]" doc:"sites that they failed at"`
	ExitCodes int64   `unit:"codes" from:"distinct key[3]" doc:"exit codes that they have"`
	Retries   int64   `unit:"jobs" from:"states createcooloff, submitcooloff and jobcooloff of key[2], and success" doc:"those of Jobs that are tried again: in cool-off or, where they are requested, that succeeded in the end"`
	Share     float64 `unit:"%" from:"100 x Jobs / sum of Jobs of all groups" doc:"share of the selected job reports"`
}
