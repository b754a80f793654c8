package schema

import "cmp"

// Jobs that fail are counted twice: by agents, in their counters, and by the
// reports of single jobs, which are replicated to the source on another way, later
// or never. What agents count is Failure, what has come is ReportedJobs.

// States of Detail.Errors.
const (
	ErrorsLoaded    = "loaded"
	ErrorsNone      = "none" // agents count no failed job either
	ErrorsNotLoaded = "not_loaded"

	ErrorsNoneReported = "none_reported" // agents count failed jobs, no report of any has come
	ErrorsFailed       = "failed"
)

// FailedForGood says that a job in this state is one that agents count as failed:
// its retries are used up. Jobs that wait to be tried again are not.
func FailedForGood(state string) bool {
	switch state {
	case "createfailed", "submitfailed", "jobfailed", "exhausted", "retrydone":
		return true
	}
	return false
}

// ReportsByAgent counts the failed jobs of which reports have come, by agent.
func ReportsByAgent(groups []JobError) (total int64, agents map[string]int64) {
	agents = map[string]int64{}
	for i := range groups {
		if g := &groups[i]; FailedForGood(g.State) {
			total += g.Count
			agents[g.Agent] += g.Count
		}
	}
	return total, agents
}

// SetErrors puts in the groups of failing jobs. state is empty when they were
// read; else it says why they were not, and nothing is known of reports.
func (d *Detail) SetErrors(groups []JobError, state string) {
	d.Errors, d.ErrorsState, d.ReportedJobs = append([]JobError{}, groups...), cmp.Or(state, ErrorsLoaded), -1
	for i := range d.Agents {
		d.Agents[i].ReportedJobs = -1
	}
	if state != "" {
		return
	}
	total, agents := ReportsByAgent(groups)
	d.ReportedJobs = total
	for i := range d.Agents {
		d.Agents[i].ReportedJobs = agents[d.Agents[i].Agent]
	}
	switch {
	case len(groups) > 0:
	case d.Failure > 0:
		d.ErrorsState = ErrorsNoneReported
	default:
		d.ErrorsState = ErrorsNone
	}
}
