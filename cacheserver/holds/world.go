package holds

import (
	"slices"

	"github.com/dmwm/wmstats/schema"
)

// World is the state of agents and queues, prepared for any number of Finders.
// It is immutable.
type World struct {
	agents map[string]*agent
	names  []string // of the agents that are alive, sorted
	queue  map[string]queued
}

// agent is what matters of one agent.
type agent struct {
	detail  *schema.AgentDetail
	closed  map[string]string // state of each site that takes no jobs
	full    []string          // sites whose pending slots are full
	waiting map[string][]schema.AgentSitePriority
}

// queued is the work in the global queue that may run at a site.
type queued struct{ possible, unique int64 }

// NewWorld prepares the agents, as /agent has them. What a silent agent
// reported on its sites does not count.
func NewWorld(agents []schema.AgentDetail, now int64, limits schema.Limits) *World {
	w := &World{agents: map[string]*agent{}, queue: map[string]queued{}}
	for i := range agents {
		d := &agents[i]
		a := &agent{detail: d}
		w.agents[d.Agent.Agent] = a
		if d.UpdateTime <= 0 || now-d.UpdateTime > limits.AgentSilent {
			continue
		}
		for _, q := range d.QueueSites {
			if q.State == queueAvailable {
				at := w.queue[q.Site]
				w.queue[q.Site] = queued{at.possible + max(0, q.PossibleJobs), at.unique + max(0, q.UniqueJobs)}
			}
		}
		if d.Kind != schema.KindAgent {
			continue
		}
		w.names = append(w.names, d.Agent.Agent)
		a.readSites()
	}
	slices.Sort(w.names)
	return w
}

// queueAvailable is the state of work that no agent has taken.
const queueAvailable = "Available"

func (a *agent) readSites() {
	a.closed, a.waiting = map[string]string{}, map[string][]schema.AgentSitePriority{}
	for _, s := range a.detail.Sites {
		switch {
		case s.State != "" && !schema.SiteTakesJobs(s.State):
			a.closed[s.Site] = s.State
		case s.PendingSlots >= 0 && s.PendingJobs > 0 && s.PendingJobs >= s.PendingSlots:
			a.full = append(a.full, s.Site)
		}
	}
	for _, p := range a.detail.SitePriorities {
		a.waiting[p.Site] = append(a.waiting[p.Site], p)
	}
}

// troubled reports whether an agent does no new work.
func (a *agent) troubled() bool {
	return a.detail.Draining || a.detail.Severity == schema.SeverityError
}
