package timeline

import (
	"cmp"
	"slices"

	"github.com/dmwm/wmstats/schema"
)

// ofState is the kind of a site's only fact.
const ofState = "state"

// noState is the state of a site that no live agent reports.
const noState = "unknown"

// siteStates returns the state of each site.
func siteStates(sites []schema.Site) map[string]map[fact]string {
	out := make(map[string]map[fact]string, len(sites))
	for i := range sites {
		out[short(sites[i].Site)] = map[fact]string{{ofState, ""}: cmp.Or(short(sites[i].State), noState)}
	}
	return out
}

// SiteChanges returns the changes of the states of some sites since a time, oldest
// first; of all sites without names.
func (t *Timeline) SiteChanges(sites []string, since int64) []schema.SiteChange {
	t.sites.mu.Lock()
	defer t.sites.mu.Unlock()
	out := []schema.SiteChange{}
	for _, c := range t.sites.changes {
		if c.Time >= since && (len(sites) == 0 || slices.Contains(sites, c.Agent)) {
			out = append(out, schema.SiteChange{Time: c.Time, Site: c.Agent, From: c.From, To: c.To, Seconds: c.Seconds})
		}
	}
	return out
}
