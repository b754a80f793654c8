package join

// freshness is when agents were heard of last. What has been returned of it is
// not changed any more.
type freshness struct {
	reports   map[string]int64 // time of the newest report by agent
	returned  *Freshness       // nil before the first
	again     struct{ reports, agents bool }
	listAgain bool // agent_info documents have moved since the newest State
}

// report notes the time of an agent's report.
func (f *freshness) report(agent string, time int64) {
	if at, ok := f.reports[agent]; !ok || at < time {
		f.reports[agent] = time
		f.again.reports = true
	}
}

// movedAgents notes that an agent_info document came, went, or has another time.
func (f *freshness) movedAgents() { f.again.agents, f.listAgain = true, true }
