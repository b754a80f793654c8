package schema

import "cmp"

// Failing jobs are counted twice: by agents, in their counters, and by the
// reports of single jobs, which are replicated to the source separately, later
// or never. Failure is the count of the agents; ReportedJobs is the number of
// jobs whose reports have arrived.

// States of Detail.Errors.
const (
	ErrorsLoaded    = "loaded"
	ErrorsNone      = "none" // agents count no failed job either
	ErrorsNotLoaded = "not_loaded"

	ErrorsNoneReported = "none_reported" // agents count failed jobs, no job report has arrived
	ErrorsFailed       = "failed"
)

// FailedForGood reports whether agents count a job in this state as failed: its
// retries are used up. Jobs that wait for a retry are not failed.
func FailedForGood(state string) bool {
	switch state {
	case "createfailed", "submitfailed", "jobfailed", "exhausted", "retrydone":
		return true
	}
	return false
}

// ReportsByAgent counts, by agent, the failed jobs whose reports have arrived.
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

// SetErrors sets the groups of failing jobs. state is empty when they were
// read. Otherwise it says why they were not, and nothing is known about
// reports.
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
