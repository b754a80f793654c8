package web

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// AgentPage are the props of one agent.
type AgentPage struct {
	Frame
	Notes []Note
	Pin   PinButton
	AgentRow
	Drain     schema.Drain
	Rate      schema.Rate
	Workflows List
	History   *History             // jobs by state
	Changes   []schema.AgentChange // of its state, newest first
	NoChanges string               // why there are none
	ChangesAt string               // address of all of them
	JSON      string
}

// components splits the components into those in trouble, silent longest first, and
// those that are well. One may have several lines: one for each thread in trouble.
func (p AgentPage) components() (bad, fine []schema.AgentComponent) {
	for _, c := range p.Components {
		if c.Down || c.Error != "" || c.WorkerName != "" || c.State != "" {
			bad = append(bad, c)
		} else {
			fine = append(fine, c)
		}
	}
	slices.SortStableFunc(bad, func(a, b schema.AgentComponent) int {
		return cmp.Or(cmp.Compare(unknownLast(a.LastUpdate), unknownLast(b.LastUpdate)), strings.Compare(a.Component, b.Component))
	})
	return bad, fine
}

func unknownLast(unix int64) int64 {
	if unix <= 0 {
		return math.MaxInt64
	}
	return unix
}

// mostChanges is the number of changes that are not folded.
const mostChanges = 10

// lasted is how long the state before a change lasted.
func lasted(c schema.AgentChange) Text {
	if c.Seconds < 0 {
		return NA("it began before states were followed")
	}
	return Text{Shown: Duration(c.Seconds)}
}

// mostSites is the number of sites shown on the page of an agent.
const mostSites = 40

// agentSite is a site as an agent sees it.
type agentSite struct {
	schema.AgentSite

	known bool                       // the agent reports its thresholds
	jobs  []schema.AgentSitePriority // waiting
}

// sitesOf returns the sites for which an agent has thresholds or waiting jobs,
// those with the most pending jobs first.
func sitesOf(a schema.AgentDetail) []agentSite {
	var out []agentSite
	for _, s := range a.Sites {
		out = append(out, agentSite{AgentSite: s, known: true})
	}
	for _, p := range a.SitePriorities {
		i := slices.IndexFunc(out, func(o agentSite) bool { return o.Site == p.Site })
		if i < 0 {
			i = len(out)
			out = append(out, agentSite{AgentSite: schema.AgentSite{Agent: p.Agent, Site: p.Site}})
		}
		out[i].jobs = append(out[i].jobs, p)
	}
	slices.SortStableFunc(out, func(a, b agentSite) int {
		return cmp.Or(cmp.Compare(b.PendingJobs, a.PendingJobs), strings.Compare(a.Site, b.Site))
	})
	return out
}

// waiting lists the waiting jobs by priority, highest first.
func (p agentSite) waiting() string {
	sorted := slices.SortedStableFunc(slices.Values(p.jobs), func(a, b schema.AgentSitePriority) int { return cmp.Compare(b.Priority, a.Priority) })
	texts := make([]string, len(sorted))
	for i, one := range sorted {
		texts[i] = Int(one.Jobs) + " at " + Int(one.Priority)
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}

// noThresholds is shown where an agent has jobs at a site but reports no thresholds.
func noThresholds() Text { return NA("the agent reports no thresholds for this site") }

// jobSource names the component of an agent that counts jobs.
func jobSource(source string) string {
	names := map[string]string{
		"wmbs": "job database", "active": "active batch jobs", "completed": "completed batch jobs", "created_type": "created, by type",
		"executing_type": "executing, by type", "local_queue": "local work queue", "global_queue": "global work queue",
	}
	if name := names[source]; name != "" {
		return name
	}
	return words(source)
}
