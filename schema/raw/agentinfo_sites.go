package raw

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/dmwm/wmstats/schema"
)

// wmbsInfo holds the limits of an agent at its sites, and the states of its
// jobs.
type wmbsInfo struct {
	Thresholds     keyed[siteThreshold] `json:"thresholds"`
	Free           keyed[float]         `json:"thresholdsGQ2LQ"`
	Pending        keyed[sitePending]   `json:"sitePendCountByPrio"`
	ByState        keyed[count]         `json:"wmbsCountByState"`
	Active         keyed[count]         `json:"activeRunJobByStatus"`
	Completed      keyed[count]         `json:"completeRunJobByStatus"`
	CreatedTypes   keyed[count]         `json:"wmbsCreatedTypeCount"`
	ExecutingTypes keyed[count]         `json:"wmbsExecutingTypeCount"`
}

type siteThreshold struct {
	State        text  `json:"state"`
	PendingSlots known `json:"pending_slots"`
	RunningSlots known `json:"running_slots"`
}

// sitePending holds the jobs that wait at a site by their priorities, which are
// the keys. A site without waiting jobs has a priority 0 with 0 jobs, for which
// there is no record.
type sitePending []waitingJobs

type waitingJobs struct{ priority, jobs int64 }

func (v *sitePending) read(raw json.RawMessage, at place) {
	*v = nil
	var byPriority keyed[count]
	byPriority.read(raw, at)
	for _, w := range byPriority {
		if w.value == 0 {
			continue
		}
		priority, ok := parseInt([]byte(w.key))
		if !ok {
			at.under(w.key).flaw([]byte(w.key), "a priority as the key")
			priority = 0
		}
		*v = append(*v, waitingJobs{priority, int64(w.value)})
	}
}

// sites returns the records of the limits and of the waiting jobs of each site.
func (a *AgentInfoDoc) sites() []schema.AgentSite {
	named := map[string]*schema.AgentSite{}
	at := func(name string) *schema.AgentSite {
		if named[name] == nil {
			named[name] = &schema.AgentSite{
				Agent: a.Name, Site: siteName(name), PendingSlots: -1, RunningSlots: -1, FreeForQueue: -1, PendingJobs: -1,
			}
		}
		return named[name]
	}
	for _, t := range a.WMBS.Thresholds {
		site := at(t.key)
		site.State, site.PendingSlots, site.RunningSlots = string(t.value.State), int64(t.value.PendingSlots), int64(t.value.RunningSlots)
	}
	for _, f := range a.WMBS.Free {
		at(f.key).FreeForQueue = float64(f.value)
	}
	for _, p := range a.WMBS.Pending {
		site := at(p.key)
		site.PendingJobs = max(site.PendingJobs, 0)
		for _, w := range p.value {
			site.PendingJobs += w.jobs
		}
	}
	out := []schema.AgentSite{}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		site := *named[name]
		// The agent leaves out sites with nothing to count.
		if a.WMBS.Free != nil {
			site.FreeForQueue = max(site.FreeForQueue, 0)
		}
		if a.WMBS.Pending != nil {
			site.PendingJobs = max(site.PendingJobs, 0)
		}
		out = append(out, site)
	}
	return merge(out,
		func(x, y *schema.AgentSite) int { return cmp.Compare(x.Site, y.Site) },
		func(x, y *schema.AgentSite) {
			x.State = schema.WorseSiteState(x.State, y.State)
			x.PendingSlots = schema.AddKnown(x.PendingSlots, y.PendingSlots)
			x.RunningSlots = schema.AddKnown(x.RunningSlots, y.RunningSlots)
			x.FreeForQueue = schema.AddKnownFloat(x.FreeForQueue, y.FreeForQueue)
			x.PendingJobs = schema.AddKnown(x.PendingJobs, y.PendingJobs)
		})
}

// priorities returns the records of the waiting jobs, the highest priority of a
// site first.
func (a *AgentInfoDoc) priorities() []schema.AgentSitePriority {
	out := []schema.AgentSitePriority{}
	for _, p := range a.WMBS.Pending {
		for _, w := range p.value {
			out = append(out, schema.AgentSitePriority{Agent: a.Name, Site: siteName(p.key), Priority: w.priority, Jobs: w.jobs})
		}
	}
	return merge(out,
		func(x, y *schema.AgentSitePriority) int {
			return cmp.Or(cmp.Compare(x.Site, y.Site), cmp.Compare(y.Priority, x.Priority))
		},
		func(x, y *schema.AgentSitePriority) { x.Jobs = schema.AddUp(x.Jobs, y.Jobs) })
}
