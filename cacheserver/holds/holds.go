// Package holds finds what holds workflows back: a status that waits for
// somebody, the global queue, sites that take no jobs or whose slots are full,
// work of higher priority, agents that drain or are in error, failures, skipped
// input. It works for one workflow and for all of a campaign, from the list
// records and from what agents report on themselves.
//
// It does no I/O and keeps nothing: same records, same holds. It does not judge
// agents or workflows, as schema does, and it knows only totals of a workflow's
// jobs, not those by site.
package holds

import (
	"cmp"
	"slices"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Finder gathers the holds of a set of workflows.
type Finder struct {
	world *World
	base  *wire.Query // selects the set, for links; nil: a single workflow
	sums  map[string]*sum
	left  map[string]*schema.StatusLeft
	most  []schema.WorkflowLeft

	allowed  map[string]bool              // sites of workflows that wait to be sent
	closed   map[string]map[string]string // site, agent: state
	full     map[string]map[string]bool   // site, agent
	least    map[place]int64              // lowest priority of the workflows that wait there
	troubled map[string]*sum              // by agent
	success  int64                        // of workflows that count for HoldFailing
	rate     *schema.Rate                 // of the set; nil: not known
}

// place is a site in an agent.
type place struct{ agent, site string }

// sum is what one rule counts.
type sum struct{ workflows, jobs, since int64 }

func (s *sum) add(w *schema.Workflow, jobs int64) {
	s.workflows++
	s.jobs += jobs
	if w.StatusTime > 0 && (s.since == 0 || w.StatusTime < s.since) {
		s.since = w.StatusTime
	}
}

// New returns a Finder. base selects the workflows that will be added; nil for
// a single one.
func New(world *World, base *wire.Query) *Finder {
	return &Finder{
		world: world, base: base, sums: map[string]*sum{}, left: map[string]*schema.StatusLeft{},
		allowed: map[string]bool{}, closed: map[string]map[string]string{}, full: map[string]map[string]bool{},
		least: map[place]int64{}, troubled: map[string]*sum{},
	}
}

func (f *Finder) count(hold string, w *schema.Workflow, jobs int64) {
	if f.sums[hold] == nil {
		f.sums[hold] = &sum{}
	}
	f.sums[hold].add(w, jobs)
}

// Rate sets how fast jobs of the set end: HoldFailing then compares the jobs that
// ended lately, not all.
func (f *Finder) Rate(r schema.Rate) { f.rate = &r }

// fullyInjected is the share of jobs, in %, from which all are taken: shares
// are rounded to two digits.
const fullyInjected = 99.99

// Add counts a workflow. Of its lists it reads Agents, Sites, SiteWhitelist and
// SiteBlacklist.
func (f *Finder) Add(w *schema.Workflow) {
	f.addLeft(w)
	waits := w.Queued > 0 // to be sent by an agent
	inQueue := max(0, w.EstimatedJobs-w.JobsInWMBS)
	switch {
	case w.Status == "new":
		f.count(schema.HoldApproval, w, 0)
	case w.Status == "assignment-approved":
		f.count(schema.HoldAssignment, w, 0)
	case w.Status == "assigned", w.Status == "staging":
		f.count(schema.HoldStaging, w, 0)
	case w.Status == "staged", w.Status == "acquired":
		f.count(schema.HoldQueue, w, inQueue)
		waits = true
	case w.Status == "running-open" && w.QueueInjection >= 0 && w.QueueInjection <= fullyInjected:
		f.count(schema.HoldPartQueue, w, inQueue)
		waits = true
	}
	if waits {
		f.addClosed(w)
	}
	if open := w.TotalJobs - w.Canceled - w.Success - w.Failure; open > 0 && running(w.Status) {
		f.addRunning(w)
	}
	if w.Skipped {
		f.count(schema.HoldSkipped, w, 0)
	}
}

func running(status string) bool {
	info, known := schema.StatusOf(status)
	return known && info.Group == "RunningWorkflows"
}

// addClosed notes which of the sites that the workflow may use take no jobs: in
// agents of its team, and in those that have it.
func (f *Finder) addClosed(w *schema.Workflow) {
	for _, site := range w.SiteWhitelist {
		if allows(w, site) {
			f.allowed[site] = true
		}
	}
	hit := false
	for _, name := range f.world.names {
		a := f.world.agents[name]
		if a.detail.Team != w.Team && !slices.Contains(w.Teams, a.detail.Team) && !slices.Contains(w.Agents, name) {
			continue
		}
		for site, state := range a.closed {
			if !allows(w, site) {
				continue
			}
			if f.closed[site] == nil {
				f.closed[site] = map[string]string{}
			}
			f.closed[site][name], hit = state, true
		}
	}
	if hit {
		f.count(schema.HoldSitesDown, w, w.Queued)
	}
}

// addRunning counts what holds the jobs that agents have.
func (f *Finder) addRunning(w *schema.Workflow) {
	full, troubled, ahead := false, false, false
	for _, name := range w.Agents {
		a := f.world.agents[name]
		if a == nil {
			continue
		}
		if a.troubled() {
			if f.troubled[name] == nil {
				f.troubled[name] = &sum{}
			}
			f.troubled[name].add(w, w.Pending+w.Queued)
			troubled = true
		}
		if w.Queued > 0 {
			for _, site := range a.full {
				if allows(w, site) {
					if f.full[site] == nil {
						f.full[site] = map[string]bool{}
					}
					f.full[site][name], full = true, true
				}
			}
		}
		if w.Queued+w.Pending > 0 && w.Priority >= 0 {
			ahead = f.addPlaces(w, name, a) || ahead
		}
	}
	if full {
		f.count(schema.HoldSlotsFull, w, w.Queued)
	}
	if ahead {
		f.count(schema.HoldPriority, w, 0)
	}
	if troubled {
		f.count(schema.HoldAgents, w, w.Pending+w.Queued)
	}
	if w.Failure > 0 {
		f.count(schema.HoldFailing, w, w.Failure)
	}
	f.success += w.Success
}

// addPlaces notes where jobs of the workflow wait in an agent, and reports
// whether jobs of higher priority wait there.
func (f *Finder) addPlaces(w *schema.Workflow, name string, a *agent) (ahead bool) {
	for site, jobs := range a.waiting {
		if !allows(w, site) {
			continue
		}
		at := place{name, site}
		if least, known := f.least[at]; !known || w.Priority < least {
			f.least[at] = w.Priority
		}
		ahead = ahead || slices.ContainsFunc(jobs, func(p schema.AgentSitePriority) bool { return p.Priority > w.Priority })
	}
	return ahead
}

// allows reports whether jobs of a workflow may run at a site. One without a
// list of sites is taken to use those that have its jobs.
func allows(w *schema.Workflow, site string) bool {
	list := w.SiteWhitelist
	if len(list) == 0 {
		list = w.Sites
	}
	return slices.Contains(list, site) && !slices.Contains(w.SiteBlacklist, site)
}

// mostLeft is the number of workflows that MostLeft returns.
const mostLeft = 5

func (f *Finder) addLeft(w *schema.Workflow) {
	s := f.left[w.Status]
	if s == nil {
		s = &schema.StatusLeft{Status: w.Status, EventsLeft: -1}
		f.left[w.Status] = s
	}
	s.Workflows++
	events := w.EventsLeft()
	s.EventsLeft = schema.AddKnown(s.EventsLeft, events)
	if w.StatusTime > 0 && (s.OldestStatusTime == 0 || w.StatusTime < s.OldestStatusTime) {
		s.OldestStatusTime = w.StatusTime
	}
	if info, _ := schema.StatusOf(w.Status); events <= 0 || info.Group == "Done" || info.Group == "Bad" {
		return
	}
	f.most = append(f.most, schema.WorkflowLeft{Workflow: w.Workflow, Status: w.Status, StatusTime: w.StatusTime, EventsLeft: events})
	slices.SortFunc(f.most, func(a, b schema.WorkflowLeft) int {
		return cmp.Or(cmp.Compare(b.EventsLeft, a.EventsLeft), cmp.Compare(a.Workflow, b.Workflow))
	})
	f.most = f.most[:min(len(f.most), mostLeft)]
}

// Left returns the work left by status, in the order of the life cycle.
func (f *Finder) Left() []schema.StatusLeft {
	out := []schema.StatusLeft{}
	for _, s := range f.left {
		out = append(out, *s)
	}
	order := func(status string) int64 {
		const unknown = 99
		info, _ := schema.StatusOf(status)
		return cmp.Or(info.Order, unknown)
	}
	slices.SortFunc(out, func(a, b schema.StatusLeft) int {
		return cmp.Or(cmp.Compare(order(a.Status), order(b.Status)), cmp.Compare(a.Status, b.Status))
	})
	return out
}

// MostLeft returns the workflows that are not done with the most events left.
func (f *Finder) MostLeft() []schema.WorkflowLeft { return append([]schema.WorkflowLeft{}, f.most...) }
