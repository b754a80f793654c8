package schema

import "cmp"

// States of a site in an agent (WMCore's resource control), from best to worst:
// jobs are sent there, no new work is taken, no job is sent, running jobs are
// killed.
const (
	SiteNormal   = "Normal"
	SiteDraining = "Draining"
	SiteDown     = "Down"
	SiteAborted  = "Aborted"
)

// siteStateRank orders the states of a site. An unknown state is worse than
// Normal and better than the known bad ones.
func siteStateRank(state string) int {
	switch state {
	case "":
		return 0
	case SiteNormal:
		return 1
	case SiteDraining, "Drain":
		return 3
	case SiteDown:
		return 4
	case SiteAborted:
		return 5
	}
	return 2
}

// WorseSiteState returns the worse of two states of a site; the empty state
// means none. The result does not depend on their order.
func WorseSiteState(a, b string) string {
	if c := cmp.Or(siteStateRank(a)-siteStateRank(b), cmp.Compare(a, b)); c >= 0 {
		return a
	}
	return b
}

// SiteTakesJobs reports whether an agent sends jobs to a site in this state.
func SiteTakesJobs(state string) bool { return siteStateRank(state) < siteStateRank(SiteDraining) }
