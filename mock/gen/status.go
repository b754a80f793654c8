package gen

// Status is a request status, in the order of ReqMgr's table.
type Status uint8

// The statuses of RequestStatus.py.
const (
	NewRequest Status = iota
	AssignmentApproved
	Assigned
	Staging
	Staged
	Acquired
	RunningOpen
	RunningClosed
	ForceComplete
	Failed
	Completed
	ClosedOut
	Announced
	Aborted
	AbortedCompleted
	Rejected
	NormalArchived
	AbortedArchived
	RejectedArchived
)

func statusNames() [RejectedArchived + 1]string {
	return [...]string{
		"new", "assignment-approved", "assigned", "staging", "staged", "acquired", "running-open", "running-closed",
		"force-complete", "failed", "completed", "closed-out", "announced", "aborted", "aborted-completed", "rejected",
		"normal-archived", "aborted-archived", "rejected-archived",
	}
}

// String returns the name in documents.
func (s Status) String() string { return statusNames()[s] }

// statusShares are the permille of active workflows in each status.
func statusShares() []int {
	return []int{10, 200, 30, 60, 10, 90, 90, 180, 3, 5, 120, 10, 160, 4, 10, 18}
}

// Next lists the statuses that may follow s.
func (s Status) Next() []Status {
	return [][]Status{
		{NewRequest, AssignmentApproved, Rejected},
		{Assigned, Rejected},
		{Staging, Aborted},
		{Staged, Aborted},
		{Acquired, Aborted, Failed},
		{RunningOpen, Aborted, Failed},
		{RunningClosed, ForceComplete, Aborted},
		{ForceComplete, Completed, Aborted},
		{Completed},
		{Rejected, Assigned},
		{ClosedOut, Rejected},
		{Announced, Rejected},
		{Rejected, NormalArchived},
		{AbortedCompleted},
		{AbortedArchived},
		{RejectedArchived},
		{RejectedArchived},
		nil,
		nil,
	}[s]
}

// Archived reports that the workflow has left the active set.
func (s Status) Archived() bool { return s >= NormalArchived }

// Running reports that agents work on it.
func (s Status) Running() bool {
	return s == RunningOpen || s == RunningClosed || s == ForceComplete
}

// path returns one way to a status: the statuses passed, with the status itself
// last.
func (s Status) path(d *dice) []Status {
	line := []Status{NewRequest, AssignmentApproved, Assigned, Staging, Staged, Acquired, RunningOpen, RunningClosed, Completed, ClosedOut, Announced, NormalArchived}
	upTo := func(last Status, rest ...Status) []Status {
		for i, v := range line {
			if v == last {
				return append(line[:i+1:i+1], rest...)
			}
		}
		return rest
	}
	switch s {
	case ForceComplete:
		return upTo(one(d, []Status{RunningOpen, RunningClosed}), s)
	case Failed:
		return upTo(one(d, []Status{Staged, Acquired}), s)
	case Aborted, AbortedCompleted, AbortedArchived:
		p := upTo(one(d, []Status{Assigned, Staging, Acquired, RunningOpen, RunningClosed, RunningClosed}), Aborted)
		if s != Aborted {
			p = append(p, AbortedCompleted)
		}
		if s == AbortedArchived {
			p = append(p, s)
		}
		return p
	case Rejected, RejectedArchived:
		p := upTo(one(d, []Status{NewRequest, AssignmentApproved, AssignmentApproved, Completed}), Rejected)
		if s == RejectedArchived {
			p = append(p, s)
		}
		return p
	case Completed, ClosedOut, Announced, NormalArchived:
		if d.chance(20) {
			p := upTo(RunningClosed, ForceComplete)
			for _, v := range line[8:] {
				if v <= s {
					p = append(p, v)
				}
			}
			return p
		}
	}
	return upTo(s)
}

// stay returns how long a workflow spends in status s before the next one.
func (s Status) stay(d *dice) int64 {
	medians := [...]int{
		NewRequest: 600, AssignmentApproved: 20000, Assigned: 400, Staging: 7000, Staged: 500, Acquired: 2500,
		RunningOpen: 15000, RunningClosed: 180000, ForceComplete: 2000, Failed: 80000, Completed: 50000,
		ClosedOut: 3000, Announced: 300000, Aborted: 1500, AbortedCompleted: 30000, Rejected: 30000,
		NormalArchived: 0, AbortedArchived: 0, RejectedArchived: 0,
	}
	if medians[s] == 0 {
		return 0
	}
	return int64(d.logNormal(medians[s], 1.0, 90*86400))
}
