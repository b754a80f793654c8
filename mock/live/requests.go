package live

import (
	"time"

	"github.com/dmwm/wmstats/mock/gen"
)

// line is the sequence of statuses of a workflow without mishap. All are left
// equally often, so that the shares of the statuses stay constant.
func line() []gen.Status {
	return []gen.Status{
		gen.NewRequest, gen.AssignmentApproved, gen.Assigned, gen.Staging, gen.Staged, gen.Acquired, gen.RunningOpen,
		gen.Completed, gen.ClosedOut, gen.Announced,
	}
}

// sideline lists the statuses of mishaps.
func sideline() []gen.Status {
	return []gen.Status{gen.ForceComplete, gen.Failed, gen.Aborted, gen.AbortedCompleted, gen.Rejected}
}

// changeRequest makes one change to one request document.
func (s *Sim) changeRequest(now time.Time) {
	if n := len(s.ended); n > 0 {
		f := s.ended[n-1]
		s.ended = s.ended[:n-1]
		if f.state.Status() == gen.RunningClosed {
			s.enter(f, gen.Completed, now)
			return
		}
	}
	switch p := s.rng.IntN(100); {
	case p < 8 || s.active < s.world.Options().Workflows*98/100:
		s.arrive(now)
	case p < 16:
		s.reprioritize(now)
	case p < 22:
		s.leave(sideline()[s.rng.IntN(len(sideline()))], now)
	default:
		s.leave(line()[s.rng.IntN(len(line()))], now)
	}
}

// leave moves some workflow from a status to the next; if none is in it,
// nothing happens.
func (s *Sim) leave(from gen.Status, now time.Time) {
	list := s.byStatus[from]
	if len(list) == 0 {
		return
	}
	s.enter(list[s.rng.IntN(len(list))], s.after(from), now)
}

// after draws the status that follows another: the usual one, or a mishap.
func (s *Sim) after(from gen.Status) gen.Status {
	mishap := s.chance(25)
	switch from {
	case gen.NewRequest:
		if mishap {
			return gen.Rejected
		}
		return gen.AssignmentApproved
	case gen.AssignmentApproved:
		if mishap {
			return gen.Rejected
		}
		return gen.Assigned
	case gen.Staged, gen.Acquired:
		if mishap {
			return gen.Failed
		}
	case gen.Assigned, gen.Staging:
		if mishap {
			return gen.Aborted
		}
	case gen.RunningOpen:
		switch {
		case mishap:
			return gen.Aborted
		case s.chance(15):
			return gen.ForceComplete
		}
		return gen.RunningClosed
	case gen.Failed:
		if s.chance(500) {
			return gen.Assigned
		}
		return gen.Rejected
	case gen.Completed, gen.ClosedOut:
		if mishap {
			return gen.Rejected
		}
	case gen.Announced:
		return gen.NormalArchived
	}
	return from.Next()[0]
}

// enter moves a workflow to a status and writes its request document.
func (s *Sim) enter(f *flow, to gen.Status, now time.Time) {
	s.delist(f)
	f.state.Transitions = append(f.state.Transitions, gen.Transition{Status: to, Time: now.Unix()})
	s.enlist(f)
	switch {
	case to == gen.RunningOpen:
		for _, h := range s.world.HostsOf(f.index) {
			f.state.Agents = append(f.state.Agents, gen.AgentState{Host: int32(h), Time: now.Unix()})
		}
		s.join(f)
	case to == gen.Announced:
		f.state.Cleaned = s.chance(150)
	case to.Archived():
		s.active--
		s.archive(f, now.Add(2*s.Cycle()))
	}
	s.emit(s.world.Request(f.index, &f.state))
}

func (s *Sim) arrive(now time.Time) {
	f := &flow{index: s.next, state: s.world.Arrival(s.next, now.Unix())}
	s.next++
	s.active++
	s.enlist(f)
	s.emit(s.world.Request(f.index, &f.state))
}

// reprioritize changes the priority of some workflow that waits or runs.
func (s *Sim) reprioritize(now time.Time) {
	status := []gen.Status{gen.AssignmentApproved, gen.Staging, gen.Acquired, gen.RunningOpen, gen.RunningClosed}[s.rng.IntN(5)]
	list := s.byStatus[status]
	if len(list) == 0 {
		return
	}
	f := list[s.rng.IntN(len(list))]
	p := []int{63000, 70000, 80000, 85000, 90000, 110000, 200000}[s.rng.IntN(7)]
	f.state.Priorities = append(f.state.Priorities, gen.PriorityChange{Priority: p, Time: now.Unix()})
	s.emit(s.world.Request(f.index, &f.state))
}

// firstJob is the number of the first job summary that the simulation
// generates: well above those of the world.
const firstJob = 100_000

// failJob writes a job summary for some running workflow that has failures.
func (s *Sim) failJob() {
	for range 6 {
		list := s.byStatus[gen.RunningClosed]
		if s.chance(300) {
			list = s.byStatus[gen.RunningOpen]
		}
		if len(list) == 0 {
			continue
		}
		f := list[s.rng.IntN(len(list))]
		if len(f.state.Agents) > 0 && s.world.Sketch(f.index, f.state.Created()).FailPermille >= 5 {
			s.emit(s.world.JobSummary(f.index, &f.state, firstJob+f.jobs))
			f.jobs++
			return
		}
	}
}

// archive takes an archived workflow out of the simulation: its agents stop
// rewriting, and the clean-up deletes their documents when due.
func (s *Sim) archive(f *flow, due time.Time) {
	s.delist(f)
	f.gone = true
	for k, a := range f.state.Agents {
		if a.Revs == 0 {
			continue // its agent has not written it yet
		}
		s.leftovers = append(s.leftovers, leftover{s.world.AgentID(f.index, &f.state, k), due})
	}
	f.state.Agents = nil
}
