package holds

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// mostNamed is the number of sites, agents or priorities that a Cause names.
const mostNamed = 5

// Holds returns the reasons that apply, in the order of schema.HoldApproval and
// the following; HoldNothing alone if none does.
func (f *Finder) Holds() []schema.Hold {
	out := []schema.Hold{}
	for _, status := range []struct {
		hold, what string
		statuses   []string
	}{
		{schema.HoldApproval, "for approval", []string{"new"}},
		{schema.HoldAssignment, "for assignment", []string{"assignment-approved"}},
		{schema.HoldStaging, "for the input to be staged", []string{"assigned", "staging"}},
	} {
		if s := f.sums[status.hold]; s != nil {
			h := f.hold(status.hold, s, term("Status", status.statuses...))
			h.Cause, h.Jobs = f.counted(s, "waits", "wait")+" "+status.what+sinceWords(s.since), -1
			out = append(out, h)
		}
	}
	out = append(out, f.queueHolds()...)
	for _, hold := range []func() (schema.Hold, bool){f.sitesDown, f.slotsFull, f.priority, f.agents, f.failing, f.skipped} {
		if h, ok := hold(); ok {
			out = append(out, h)
		}
	}
	if len(out) == 0 {
		out = append(out, schema.Hold{Hold: schema.HoldNothing, Cause: "nothing found that holds it", Jobs: -1, Sites: []string{}, Agents: []string{}})
	}
	return out
}

// hold returns a Hold of a sum with the query that lists its workflows.
func (f *Finder) hold(code string, s *sum, terms ...wire.Term) schema.Hold {
	h := schema.Hold{Hold: code, Workflows: s.workflows, Jobs: s.jobs, Since: s.since, Sites: []string{}, Agents: []string{}}
	if f.base != nil && len(terms) > 0 {
		q := *f.base
		q.Terms = append(slices.Clone(q.Terms), terms...)
		h.Query = q.Values().Encode()
	}
	return h
}

func term(field string, values ...string) wire.Term {
	return wire.Term{Field: field, Op: wire.In, Values: values}
}

// counted begins a sentence about workflows: "3 workflows wait", or "waits".
func (f *Finder) counted(s *sum, one, many string) string {
	switch {
	case f.base == nil:
		return one
	case s.workflows == 1:
		return "1 workflow " + one
	}
	return fmt.Sprintf("%d workflows %s", s.workflows, many)
}

func sinceWords(unix int64) string {
	if unix == 0 {
		return ""
	}
	return " since " + time.Unix(unix, 0).UTC().Format("2006-01-02 15:04 UTC")
}

// queueHolds are those of work in the global queue.
func (f *Finder) queueHolds() (out []schema.Hold) {
	sites := f.queueSites()
	for _, q := range []struct {
		hold, where string
		terms       []wire.Term
	}{
		{schema.HoldQueue, "in the global queue", []wire.Term{term("Status", "staged", "acquired")}},
		{schema.HoldPartQueue, "in part in the global queue", []wire.Term{{Field: "QueueInjection", Op: wire.Max, Number: fullyInjected}, term("Status", "running-open")}},
	} {
		s := f.sums[q.hold]
		if s == nil {
			continue
		}
		h := f.hold(q.hold, s, q.terms...)
		h.Cause = f.counted(s, "is", "are") + " " + q.where + fmt.Sprintf(", %d of the expected jobs", s.jobs) + sinceWords(s.since)
		h.Sites = sites
		var named []string
		for _, site := range sites[:min(len(sites), mostNamed)] {
			at := f.world.queue[site]
			named = append(named, fmt.Sprintf("%s %d possible, %d only there", site, at.possible, at.unique))
		}
		if len(named) > 0 {
			h.Cause += "; the queue's jobs for its sites: " + strings.Join(named, ", ") + more(len(sites))
		}
		out = append(out, h)
	}
	return out
}

// queueSites returns the allowed sites for which the global queue has work, those
// with the most first.
func (f *Finder) queueSites() []string {
	sites := []string{}
	for site := range f.allowed {
		if at := f.world.queue[site]; at.possible+at.unique > 0 {
			sites = append(sites, site)
		}
	}
	slices.SortFunc(sites, func(a, b string) int {
		return cmp.Or(cmp.Compare(f.world.queue[b].possible, f.world.queue[a].possible), cmp.Compare(a, b))
	})
	return sites
}

func more(all int) string {
	if all <= mostNamed {
		return ""
	}
	return fmt.Sprintf(" and %d more", all-mostNamed)
}

func (f *Finder) sitesDown() (h schema.Hold, ok bool) {
	s := f.sums[schema.HoldSitesDown]
	if s == nil {
		return h, false
	}
	h = f.hold(schema.HoldSitesDown, s)
	h.Sites = slices.Sorted(maps.Keys(f.closed))
	agents := map[string]bool{}
	var named []string
	for i, site := range h.Sites {
		var by []string
		for _, name := range slices.Sorted(maps.Keys(f.closed[site])) {
			agents[name] = true
			by = append(by, f.closed[site][name]+" in "+name)
		}
		if i < mostNamed {
			named = append(named, site+" ("+strings.Join(by[:min(len(by), mostNamed)], ", ")+more(len(by))+")")
		}
	}
	h.Agents = slices.Sorted(maps.Keys(agents))
	of := ""
	if n := len(f.allowed); n > 0 {
		of = fmt.Sprintf(" of %d", n)
	}
	h.Cause = fmt.Sprintf("%d%s allowed sites take no jobs: ", len(h.Sites), of) + strings.Join(named, ", ") + more(len(h.Sites))
	if h.Jobs > 0 {
		h.Cause += fmt.Sprintf("; %d jobs are queued in agents, for all allowed sites together", h.Jobs)
	}
	return h, true
}

func (f *Finder) slotsFull() (h schema.Hold, ok bool) {
	s := f.sums[schema.HoldSlotsFull]
	if s == nil {
		return h, false
	}
	h = f.hold(schema.HoldSlotsFull, s)
	h.Sites = slices.Sorted(maps.Keys(f.full))
	var named []string
	for _, site := range h.Sites[:min(len(h.Sites), mostNamed)] {
		jobs, slots := f.fullAt(site)
		named = append(named, fmt.Sprintf("%s (%d jobs wait there for %d slots)", site, jobs, slots))
	}
	h.Cause = fmt.Sprintf("%d jobs are queued in agents, for all allowed sites together, and the pending slots are full at %s", s.jobs,
		strings.Join(named, ", ")+more(len(h.Sites)))
	return h, true
}

// fullAt returns the jobs of all workflows that wait at a site, and its pending
// slots, in the agents where these are full.
func (f *Finder) fullAt(site string) (jobs, slots int64) {
	for name := range f.full[site] {
		for _, s := range f.world.agents[name].detail.Sites {
			if s.Site == site {
				jobs, slots = jobs+s.PendingJobs, slots+s.PendingSlots
			}
		}
	}
	return jobs, slots
}

func (f *Finder) priority() (h schema.Hold, ok bool) {
	jobs, sites := map[int64]int64{}, map[string]int64{}
	var all int64
	for at, least := range f.least {
		for _, p := range f.world.agents[at.agent].waiting[at.site] {
			if p.Priority > least {
				jobs[p.Priority] += p.Jobs
				sites[at.site] += p.Jobs
				all += p.Jobs
			}
		}
	}
	if all == 0 {
		return h, false
	}
	h = f.hold(schema.HoldPriority, f.sums[schema.HoldPriority])
	h.Jobs, h.Sites = all, slices.Sorted(maps.Keys(sites))
	priorities := slices.SortedFunc(maps.Keys(jobs), func(a, b int64) int { return cmp.Compare(b, a) })
	var named []string
	for _, p := range priorities[:min(len(priorities), mostNamed)] {
		named = append(named, fmt.Sprintf("%d at %d", jobs[p], p))
	}
	h.Cause = fmt.Sprintf("%d jobs of higher priority wait at %d of its sites: ", all, len(h.Sites)) + strings.Join(named, ", ") + more(len(priorities))
	at := slices.SortedFunc(maps.Keys(sites), func(a, b string) int { return cmp.Or(cmp.Compare(sites[b], sites[a]), cmp.Compare(a, b)) })
	named = nil
	for _, site := range at[:min(len(at), mostNamed)] {
		named = append(named, fmt.Sprintf("%d at %s", sites[site], site))
	}
	h.Cause += "; by site: " + strings.Join(named, ", ") + more(len(at))
	return h, true
}

func (f *Finder) agents() (h schema.Hold, ok bool) {
	s := f.sums[schema.HoldAgents]
	if s == nil {
		return h, false
	}
	names := slices.SortedFunc(maps.Keys(f.troubled), func(a, b string) int {
		return cmp.Or(cmp.Compare(f.troubled[b].workflows, f.troubled[a].workflows), cmp.Compare(a, b))
	})
	h = f.hold(schema.HoldAgents, s, term("Agents", slices.Sorted(slices.Values(names))...))
	h.Agents = names
	var named []string
	for _, name := range names[:min(len(names), mostNamed)] {
		state := "in error"
		if a := f.world.agents[name].detail; a.Severity != schema.SeverityError {
			state = "draining"
		}
		text := name + " is " + state
		if f.base != nil {
			text += fmt.Sprintf(" with %d of these workflows", f.troubled[name].workflows)
		}
		named = append(named, text)
	}
	h.Cause = strings.Join(named, "; ") + more(len(names)) + fmt.Sprintf("; %d jobs wait", s.jobs)
	return h, true
}

func (f *Finder) failing() (h schema.Hold, ok bool) {
	s := f.sums[schema.HoldFailing]
	if s == nil {
		return h, false
	}
	failed, succeeded, when := s.jobs, f.success, "so far"
	if f.rate != nil {
		failed, succeeded, when = f.rate.Failure, f.rate.Success, "in the last "+span(f.rate)
	}
	if failed <= succeeded {
		return h, false
	}
	h = f.hold(schema.HoldFailing, s, wire.Term{Field: "Failure", Op: wire.Has})
	h.Jobs = failed
	h.Cause = fmt.Sprintf("more jobs fail than succeed: %s %d have failed and %d succeeded", when, failed, succeeded)
	return h, true
}

// span is the time of a rate in words.
func span(r *schema.Rate) string {
	const hour, full = 3600, 23*3600 + 1800
	if d := r.To - r.From; d < full {
		return fmt.Sprintf("%d h %d min", d/hour, d%hour/60)
	}
	return "24 h"
}

func (f *Finder) skipped() (h schema.Hold, ok bool) {
	s := f.sums[schema.HoldSkipped]
	if s == nil {
		return h, false
	}
	h = f.hold(schema.HoldSkipped, s, wire.Term{Field: "Skipped", Op: wire.Has})
	h.Jobs = -1
	h.Cause = "jobs skipped input files"
	if f.base != nil {
		h.Cause += fmt.Sprintf(" in %d workflows", s.workflows)
	}
	return h, true
}
