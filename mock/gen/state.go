package gen

// Transition is one entry of a status history.
type Transition struct {
	Status Status
	Time   int64 // Unix s
}

// PriorityChange is one entry of a priority history.
type PriorityChange struct {
	Priority int
	Time     int64 // Unix s
}

// AgentState is the progress of one agent with one workflow.
type AgentState struct {
	Host int32 // position in Hosts
	Done int32 // share of its jobs that ended, 0..1 000 000
	Revs int32 // documents written so far, at least 1
	Time int64 // timestamp of the last one, Unix s
}

// State holds everything about a workflow that changes over time. Everything
// else follows from the seed and the workflow's number.
type State struct {
	Transitions []Transition     // never empty
	Priorities  []PriorityChange // never empty
	Agents      []AgentState
	Cleaned     bool // agents have dropped the jobs: their documents are empty
}

// Status returns the status of the last transition.
func (s *State) Status() Status { return s.Transitions[len(s.Transitions)-1].Status }

// Created returns when the request was created, Unix s.
func (s *State) Created() int64 { return s.Transitions[0].Time }

// Passed reports whether the workflow has been in a status.
func (s *State) Passed(status Status) bool { return s.TimeOf(status) != 0 }

// TimeOf returns when the workflow first entered a status, Unix s, or 0.
func (s *State) TimeOf(status Status) int64 {
	for _, t := range s.Transitions {
		if t.Status == status {
			return t.Time
		}
	}
	return 0
}

// killed reports whether the jobs that had not ended were canceled.
func (s *State) killed() bool { return s.Passed(Aborted) || s.Passed(ForceComplete) }

// status returns the status of workflow i at the world's present.
func (w *World) status(i int) Status {
	d := w.dice(forStatus, i)
	if i >= w.opts.Workflows {
		return one(&d, []Status{NormalArchived, NormalArchived, NormalArchived, AbortedArchived, RejectedArchived})
	}
	if w.edgeOf(i).needs == needsAgents {
		return RunningClosed
	}
	return Status(w.statusWeights.draw(&d))
}

// Initial returns the state of workflow i at the world's present.
func (w *World) Initial(i int) State {
	if a := w.actor(i); a != nil {
		return w.actorState(i, a, w.opts.Now)
	}
	d := w.dice(forTimes, i)
	last := w.status(i)
	path := last.path(&d)
	st := State{Transitions: make([]Transition, len(path))}
	t := w.opts.Now - int64(d.logNormal(2*86400, 1.79, 380*86400))
	for k := len(path) - 1; k >= 0; k-- {
		st.Transitions[k] = Transition{path[k], t}
		if k > 0 {
			t -= path[k-1].stay(&d)
		}
	}
	st.Priorities = w.priorities(&d, &st)
	if st.Passed(RunningOpen) {
		st.Agents = w.initialAgents(i, &st)
		st.Cleaned = last == Announced && d.chance(150) || last.Archived() && d.chance(300)
	}
	return st
}

// Arrival returns the state of a workflow that is created now; one of a scenario
// is where the scenario has it.
func (w *World) Arrival(i int, now int64) State {
	if a := w.actor(i); a != nil {
		return w.actorState(i, a, now)
	}
	d := w.dice(forTimes, i)
	st := State{Transitions: []Transition{{NewRequest, now}}}
	st.Priorities = []PriorityChange{{w.drawPriority(&d), now}}
	return st
}

func (w *World) priorities(d *dice, st *State) []PriorityChange {
	out := []PriorityChange{{w.drawPriority(d), st.Created()}}
	for len(out) < 4 && d.chance(250) {
		at := out[len(out)-1].Time
		out = append(out, PriorityChange{w.drawPriority(d), at + int64(d.n(int(max(1, w.opts.Now-at))))})
	}
	return out
}

func (w *World) drawPriority(d *dice) int {
	switch peak := w.priorityWeights.draw(d); peak {
	case 6:
		return min(999999, 110000+d.logNormal(80000, 1.0, 889999))
	case 7:
		return d.n(8001)
	default:
		return []int{63000, 70000, 80000, 85000, 90000, 110000}[peak]
	}
}

// initialAgents returns which agents hold jobs of workflow i, and their
// progress.
func (w *World) initialAgents(i int, st *State) []AgentState {
	hosts := w.HostsOf(i)
	d := w.dice(forTimes, -i-1)
	out := make([]AgentState, len(hosts))
	common := st.initialDone(&d)
	for k, h := range hosts {
		out[k] = AgentState{Host: int32(h), Revs: int32(1 + d.n(400)), Time: w.opts.Now - w.Phase(h), Done: common}
		if common < Ended { // agents differ a little
			out[k].Done = int32(int64(common) * int64(d.between(880, 1000)) / 1000)
		}
	}
	return out
}

// MostDoneOpen is the greatest Done while the global queue holds work.
const MostDoneOpen = 600_000

// initialDone draws the progress of a workflow by its status: those that still
// pull work have mostly begun recently, those that do not are mostly near the
// end.
func (s *State) initialDone(d *dice) int32 {
	u := int64(d.n(Ended))
	switch {
	case s.Status() == RunningOpen:
		return int32(u * u / Ended * MostDoneOpen / Ended)
	case s.Status() == RunningClosed:
		left := u * u / Ended
		return int32(Ended - 1 - left*95/100)
	case s.killed():
		return int32(200_000 + u*7/10)
	}
	return Ended
}

// Ended is the Done of an agent that has no jobs left.
const Ended = 1_000_000

// Phase returns how long ago, in s and less than a cycle of 600 s, agent h
// wrote its documents: all documents of one cycle carry one timestamp.
func (w *World) Phase(h int) int64 {
	d := w.dice(forInfo, h)
	return int64(d.n(600))
}

// HostsOf returns the agents that workflow i runs on once it runs.
func (w *World) HostsOf(i int) []int {
	if a := w.actor(i); a != nil {
		return w.actorHosts(a)
	}
	if w.head(i).relval {
		return []int{relvalHost}
	}
	d := w.dice(forAgents, i)
	n := 1
	switch p := d.n(100); {
	case p >= 99:
		n = d.between(5, 7)
	case p >= 85:
		n = d.between(3, 4)
	case p >= 60:
		n = 2
	}
	if w.edgeOf(i).agents > n {
		n = w.edgeOf(i).agents
	}
	first, step := d.n(relvalHost), one(&d, []int{1, 5, 7, 11})
	out := make([]int, n)
	for k := range out {
		out[k] = (first + k*step) % relvalHost
	}
	return out
}
