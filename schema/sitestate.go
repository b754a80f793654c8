package schema

import "cmp"

// States of a site in an agent (WMCore's resource control), from the best to the
// worst: jobs are sent there, no new work is taken, no job is sent, what runs is
// killed.
const (
	SiteNormal   = "Normal"
	SiteDraining = "Draining"
	SiteDown     = "Down"
	SiteAborted  = "Aborted"
)

// siteStateRank orders the states of a site; a state that is not known is worse
// than Normal and better than those that are known to be bad.
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

// WorseSiteState returns the worse of two states of a site; the empty one is
// none. It does not depend on their order.
func WorseSiteState(a, b string) string {
	if c := cmp.Or(siteStateRank(a)-siteStateRank(b), cmp.Compare(a, b)); c >= 0 {
		return a
	}
	return b
}

// SiteTakesJobs says that an agent sends jobs to a site in this state.
func SiteTakesJobs(state string) bool { return siteStateRank(state) < siteStateRank(SiteDraining) }
