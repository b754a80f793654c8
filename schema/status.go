package schema

import "slices"

// StatusInfo is one row of ReqMgr's table of statuses, or of T0's.
type StatusInfo struct {
	Status  string
	Order   int64  // 1..19
	Group   string // Waiting, InTransfer, InQueue, RunningWorkflows, Done, Bad
	Active  bool   // in the cache
	JobInfo bool   // joined with the agents' counts
}

const active, jobs = true, true

// statuses is ReqMgr's table; nothing changes it.
var statuses = [...]StatusInfo{
	{"new", 1, "Waiting", active, !jobs},
	{"assignment-approved", 2, "Waiting", active, !jobs},
	{"assigned", 3, "Waiting", active, !jobs},
	{"staging", 4, "InTransfer", active, !jobs},
	{"staged", 5, "InQueue", active, !jobs},
	{"acquired", 6, "InQueue", active, !jobs},
	{"running-open", 7, "RunningWorkflows", active, jobs},
	{"running-closed", 8, "RunningWorkflows", active, jobs},
	{"force-complete", 9, "RunningWorkflows", active, jobs},
	{"failed", 10, "Bad", active, !jobs},
	{"completed", 11, "Done", active, jobs},
	{"closed-out", 12, "Done", active, jobs},
	{"announced", 13, "Done", active, !jobs},
	{"aborted", 14, "Bad", active, !jobs},
	{"aborted-completed", 15, "Bad", active, !jobs},
	{"rejected", 16, "Bad", active, !jobs},
	{"normal-archived", 17, "Done", !active, !jobs},
	{"aborted-archived", 18, "Bad", !active, !jobs},
	{"rejected-archived", 19, "Bad", !active, !jobs},
}

// tierZero is T0's table; nothing changes it. Three of its statuses share the
// names of ReqMgr's, and their rows. T0 shows job counts in all of its
// statuses; the caller of Join decides that.
var tierZero = [...]StatusInfo{
	statuses[0], // new
	{"Closed", 2, "RunningWorkflows", active, jobs},
	{"AlcaSkim", 3, "RunningWorkflows", active, jobs},
	{"Merge", 4, "RunningWorkflows", active, jobs},
	{"Harvesting", 5, "RunningWorkflows", active, jobs},
	{"Processing Done", 6, "Done", active, jobs},
	statuses[10], // completed
	statuses[16], // normal-archived
}

// TierZeroStatuses returns T0's statuses in the order of its life cycle.
func TierZeroStatuses() []StatusInfo { return slices.Clone(tierZero[:]) }

// Statuses returns ReqMgr's statuses in the order of the life cycle.
func Statuses() []StatusInfo { return slices.Clone(statuses[:]) }

// StatusOf returns the row of one status of ReqMgr or T0. It returns false for
// a status in neither table, such as the old running or epic-FAILED.
func StatusOf(status string) (StatusInfo, bool) {
	for i := range statuses {
		if statuses[i].Status == status {
			return statuses[i], true
		}
	}
	for i := range tierZero {
		if tierZero[i].Status == status {
			return tierZero[i], true
		}
	}
	return StatusInfo{}, false
}

// statusGroups are the groups of StatusInfo; nothing changes them.
var statusGroups = [...]string{"Waiting", "InTransfer", "InQueue", "RunningWorkflows", "Done", "Bad"}

// GroupCounts are workflows by group of status, in the order of StatusGroups;
// the last ones are in an unknown status.
type GroupCounts [len(statusGroups) + 1]int64

// StatusGroups returns the groups of statuses in the order of the life cycle.
func StatusGroups() []string { return slices.Clone(statusGroups[:]) }

// GroupOf returns the index of a status's group in GroupCounts.
func GroupOf(status string) int {
	info, _ := StatusOf(status)
	if i := slices.Index(statusGroups[:], info.Group); i >= 0 {
		return i
	}
	return len(statusGroups)
}
