package legacy

import (
	"slices"

	"github.com/dmwm/wmstats/schema"
)

// lockedStatuses returns the statuses in which the datasets and files of a request
// are protected.
func lockedStatuses() []string {
	return []string{
		"assignment-approved", "assigned", "staging", "staged", "failed", "acquired",
		"running-open", "running-closed", "force-complete", "completed", "closed-out",
	}
}

// Statuses returns the statuses of the requests that the old API shows, no matter
// which ones the server lists.
func Statuses(tierZero bool) (current []string) {
	all := schema.Statuses()
	if tierZero {
		all = schema.TierZeroStatuses()
	}
	for _, s := range all {
		if s.Active {
			current = append(current, s.Status)
		}
	}
	return current
}

// numbers returns the indexes in Statuses of the locked statuses, and of those with
// AgentJobInfo, which at Tier-0 are all.
func numbers(tierZero bool) (locked, joined map[uint8]bool) {
	locked, joined = map[uint8]bool{}, map[uint8]bool{}
	for i, status := range Statuses(tierZero) {
		n := uint8(i) //nolint:gosec // there are 16
		if slices.Contains(lockedStatuses(), status) {
			locked[n] = true
		}
		if info, _ := schema.StatusOf(status); info.JobInfo || tierZero {
			joined[n] = true
		}
	}
	return locked, joined
}
