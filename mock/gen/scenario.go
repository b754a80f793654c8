package gen

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/dmwm/wmstats/mock/jsonout"
)

// Scenario is a small addition to a world in which a question of an operator
// has a known right answer: some workflows, in a campaign of their own, at
// sites and in agents that nothing else uses. Scenarios can be combined, and
// leave the rest of the world as it is.
type Scenario string

// The scenarios. Answers has the right answer of each.
const (
	AgentBroken   Scenario = "agent broken"   // an agent whose components are down holds many workflows
	SiteFails     Scenario = "site fails"     // a workflow with more failed jobs than any other, all of them at one site, with one exit code
	SiteDown      Scenario = "site down"      // a campaign waits, since one of its two sites takes no jobs
	AgentDrains   Scenario = "agent drains"   // an agent still has work while it drains
	StrayJobs     Scenario = "stray jobs"     // agents report jobs of requests that are done, archived or unknown
	ReportsLag    Scenario = "reports lag"    // far fewer job reports than failed jobs, or none
	PriorityAhead Scenario = "priority ahead" // work of higher priority waits at the only site of a workflow
	HalfAName     Scenario = "half a name"    // one workflow has two fragments of a name; others have one of them
	Forgotten     Scenario = "archived"       // a request is archived, and its documents of agents are gone
	Ending        Scenario = "ending"         // a workflow that completes while it is watched
	TwoCampaigns  Scenario = "two campaigns"  // two campaigns of equal size, of which one fails ten times as often
)

// Scenarios returns all of them.
func Scenarios() []Scenario {
	return []Scenario{AgentBroken, SiteFails, SiteDown, AgentDrains, StrayJobs, ReportsLag, PriorityAhead, HalfAName, Forgotten, Ending, TwoCampaigns}
}

// Numbers of the agents of scenarios, after those of every world.
const (
	hostSteady = iota
	hostDrains
	hostBroken
)

// Numbers of the sites of scenarios, after those of every world.
const (
	siteIsDown = iota
	siteIsFine
	siteIsCrowded
	siteIsFailing
)

// cast is what the scenarios add to a world.
type cast struct {
	scenarios []Scenario
	sites     int // position of the first site of theirs in World.sites
	hosts     int // position of the first agent of theirs in World.hosts
	actors    []actor
}

func (c *cast) has(s Scenario) bool { return slices.Contains(c.scenarios, s) }

// actor is a workflow of a scenario: what the scenario decides. The rest follows
// from seed and number, as for every workflow.
type actor struct {
	scenario Scenario
	label    string // part of its name
	campaign string
	status   Status
	age      int64 // s since it entered its status
	priority int
	jobs     int      // expected; 0: those of work
	sites    []int    // white list, numbers of sites of scenarios
	work     []placed // nil: its jobs continue as those of every workflow
	failed   reported
	absent   bool // its request has no document
}

// placed are the jobs of an actor that an agent has at a site.
type placed struct {
	host, site int // numbers of agents and sites of scenarios
	counts     Counts
}

// reported are the job reports of an actor, all alike.
type reported struct {
	n, site int
	exit    exit
}

// Actors have the last numbers that a workflow can have, so that none of a world
// ever has them.
const (
	firstActor = maxWorkflows - 10_000
	firstEnd   = firstActor + 1000 // and following: copies of the workflow of Ending
)

// addCast appends the agents, sites and workflows of the chosen scenarios.
func (w *World) addCast() error {
	w.cast = cast{scenarios: w.opts.Scenarios, sites: len(w.sites), hosts: len(w.hosts)}
	if len(w.opts.Scenarios) == 0 {
		return nil
	}
	for _, s := range w.opts.Scenarios {
		if !slices.Contains(Scenarios(), s) {
			return fmt.Errorf("scenario %q: no scenario has this name", s)
		}
	}
	if w.Units() > firstActor {
		return fmt.Errorf("workflows %d: too many for a world with scenarios", w.opts.Workflows)
	}
	for _, name := range []string{"T2_IS_Hekla", "T2_NZ_Tasman", "T2_CL_Atacama", "T2_ZA_Karoo"} {
		w.sites = append(w.sites, site{name: name, weight: 40, slots: 10_000})
		w.badSites = append(w.badSites, badSite{})
	}
	for _, s := range w.cast.scenarios {
		w.cast.actors = append(w.cast.actors, actorsOf(s)...)
	}
	for h, name := range []string{"vocms0271.cern.ch", "vocms0272.cern.ch", "vocms0273.cern.ch"} {
		running := int64(0)
		for _, a := range w.cast.actors {
			for _, p := range a.work {
				if p.host == h {
					running += p.counts.Running
				}
			}
		}
		w.hosts = append(w.hosts, host{name, "production", "2.4.3", int(running)})
	}
	return nil
}

// Actors returns the numbers of the workflows of scenarios. Their documents are
// in All after all others.
func (w *World) Actors() []int {
	out := make([]int, len(w.cast.actors))
	for k := range out {
		out[k] = firstActor + k
	}
	return out
}

// Ends returns the number of the workflow of Ending after another one of them,
// 0 before the first; ok is false when there is none.
func (w *World) Ends(after int) (i int, ok bool) {
	switch {
	case !w.cast.has(Ending):
		return 0, false
	case after == 0:
		return firstEnd, true
	}
	return after + 1, after+1 < maxWorkflows
}

// Acts reports whether workflow i belongs to a scenario.
func (w *World) Acts(i int) bool { return w.actor(i) != nil }

// HasRequest reports whether the request of workflow i has a document.
func (w *World) HasRequest(i int) bool { a := w.actor(i); return a == nil || !a.absent }

// actor returns what a scenario decides of workflow i, or nil.
func (w *World) actor(i int) *actor {
	switch k := i - firstActor; {
	case k < 0:
		return nil
	case k < len(w.cast.actors):
		return &w.cast.actors[k]
	case i >= firstEnd && w.cast.has(Ending):
		return &actor{scenario: Ending, label: "Ending", campaign: "DemoEnding", status: RunningClosed, age: 6 * 3600, priority: 85_000, jobs: 800, sites: []int{siteIsFine}}
	}
	return nil
}

// actorHosts returns the positions of the agents of an actor.
func (w *World) actorHosts(a *actor) (out []int) {
	for _, p := range a.work {
		if at := w.cast.hosts + p.host; !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	if a.work == nil && a.status.Running() {
		out = append(out, w.cast.hosts+hostSteady)
	}
	return out
}

// actorState returns the state of an actor.
func (w *World) actorState(i int, a *actor, now int64) State {
	const stay = 3600 // s in each status before
	d := w.dice(forTimes, i)
	path := a.status.path(&d)
	st := State{Transitions: make([]Transition, len(path))}
	for k, status := range path {
		st.Transitions[k] = Transition{status, now - a.age - stay*int64(len(path)-1-k)}
	}
	st.Priorities = []PriorityChange{{a.priority, st.Created()}}
	for _, h := range w.actorHosts(a) {
		st.Agents = append(st.Agents, AgentState{Host: int32(h), Done: Ended / 2, Revs: 10, Time: now - w.Phase(h)})
	}
	return st
}

// sketchActor returns the constant facts of an actor.
func (w *World) sketchActor(i int, a *actor, created int64) *Sketch {
	d := w.dice(forSketch, i)
	sk := &Sketch{
		Index: i, Kind: StepChain, actor: a, Campaign: a.campaign, Release: w.releases[0], Team: "production", Requestor: "pdmvserv",
		Group: "DATAOPS", RequestString: a.campaign + "_" + a.label, PrepID: fmt.Sprintf("DEMO-%s-%05d", a.campaign, i-firstActor),
	}
	w.sketchSteps(&d, sk, campaign{name: a.campaign})
	for k := range sk.Steps {
		sk.Steps[k].Campaign = a.campaign
	}
	sk.Name = sk.Requestor + "_" + sk.RequestString + "_" + nameTail(i, created)
	w.sketchWork(&d, sk)
	sk.FailPermille, sk.Files, sk.EventsPerJob, sk.LumisPerJob = 0, 0, 1000, 10
	sk.Jobs = a.jobs
	for _, p := range a.work {
		if a.jobs == 0 {
			sk.Jobs += int(p.counts.created())
		}
	}
	for _, s := range a.sites {
		sk.Sites = append(sk.Sites, w.cast.sites+s)
	}
	return sk
}

// created is the number of all jobs.
func (c *Counts) created() int64 {
	return c.Success + c.Canceled + c.Transition + c.QueuedFirst + c.QueuedRetry + c.Pending + c.Running +
		c.FailureCreate + c.FailureSubmit + c.FailureException + c.CooloffCreate + c.CooloffSubmit + c.CooloffJob +
		c.PausedCreate + c.PausedSubmit + c.PausedJob
}

// Scripted returns the condition of agent h at a time, if a scenario decides it:
// the agent that drains and the broken one are well again for the last ten
// minutes of each hour of the world.
func (w *World) Scripted(h int, now int64) (st HostState, ok bool) {
	const period, troubled = 3600, 3000
	if h < w.cast.hosts {
		return st, false
	}
	st = HostState{Time: now, Data: now, Running: w.hosts[h].running, Round: h}
	trouble := Trouble(0)
	switch h - w.cast.hosts {
	case hostDrains:
		if w.cast.has(AgentDrains) {
			trouble = Draining
		}
	case hostBroken:
		if w.cast.has(AgentBroken) {
			trouble = ComponentDown
		}
	}
	lived := max(0, now-w.opts.Now)
	if lived%period < troubled {
		st.Trouble, st.Since = trouble, now-lived%period
		if lived < period {
			st.Since = w.opts.Now - 2*period
		}
	}
	return st, true
}

// sitesOf returns the sites that agent h reports on: those of scenarios are
// known to their own agents only, and nothing else is to them.
func (w *World) sitesOf(h int) []site {
	if h >= w.cast.hosts {
		return w.sites[w.cast.sites:]
	}
	return w.sites[:w.cast.sites]
}

// castState returns the state of a site of scenarios.
func (w *World) castState(site string) string {
	if site == w.castSite(siteIsDown) && w.cast.has(SiteDown) {
		return "Down"
	}
	return "Normal"
}

// castWaiting writes the jobs that wait at a site of scenarios in agent h, by
// priority.
func (w *World) castWaiting(j *jsonout.Buf, h int, site string) {
	waiting := map[int]int64{}
	for _, a := range w.cast.actors {
		for _, p := range a.work {
			if w.cast.hosts+p.host == h && w.castSite(p.site) == site {
				waiting[a.priority] += p.counts.Pending
			}
		}
	}
	for _, priority := range slices.Sorted(maps.Keys(waiting)) {
		j.Int(strconv.Itoa(priority), waiting[priority])
	}
}

// castPossible returns the jobs of scenarios in the global queue, by each site
// at which they may run.
func (w *World) castPossible() map[string]int {
	possible := map[string]int{}
	for _, a := range w.cast.actors {
		if a.status != Acquired {
			continue
		}
		for _, s := range a.sites {
			possible[w.castSite(s)] += a.jobs
		}
	}
	return possible
}
