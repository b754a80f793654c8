package join

// freshness is when agents were last heard of. Returned parts are not changed
// any more.
type freshness struct {
	reports   map[string]int64 // time of the newest report by agent
	returned  *Freshness       // nil before the first
	again     struct{ reports, agents bool }
	listAgain bool // agent_info documents have changed since the newest State
}

// report records the time of an agent's report.
func (f *freshness) report(agent string, time int64) {
	if at, ok := f.reports[agent]; !ok || at < time {
		f.reports[agent] = time
		f.again.reports = true
	}
}

// movedAgents records that an agent_info document was added, removed, or has a
// new time.
func (f *freshness) movedAgents() { f.again.agents, f.listAgain = true, true }
