package live

import (
	"time"

	"github.com/dmwm/wmstats/mock/gen"
)

// endsAfter is how long the workflow of the scenario Ending runs until it
// completes and the next one begins.
const endsAfter = 15 * time.Minute

// play adds the workflows of scenarios. Their agents report on them in each
// cycle, and nothing of theirs changes, so that the answers stay right: the
// agent that drains does not finish, and stray jobs stay.
func (s *Sim) play() {
	for _, i := range s.world.Actors() {
		s.join(&flow{index: i, scened: true, state: s.world.Initial(i)})
	}
	if i, ok := s.world.Ends(0); ok {
		s.ending = &flow{index: i, scened: true, state: s.world.Initial(i)}
		s.join(s.ending)
	}
}

// end moves the workflow of the scenario Ending towards its end. One that has
// completed leaves the scenario, and the next one begins.
func (s *Sim) end(now time.Time) {
	f := s.ending
	if f == nil {
		return
	}
	if s.ends.IsZero() {
		s.ends = now.Add(endsAfter)
	}
	left := max(0, s.ends.Sub(now))
	done := int32(gen.Ended - gen.Ended/2*left/endsAfter)
	for k := range f.state.Agents {
		f.state.Agents[k].Done = done
	}
	if left > 0 {
		return
	}
	for k := range f.state.Agents {
		mine := &f.state.Agents[k]
		mine.Time = now.Unix()
		mine.Revs++
		s.emit(s.world.Agent(f.index, &f.state, k))
	}
	f.scened = false
	s.enlist(f)
	s.active++
	s.enter(f, gen.Completed, now)
	s.ending, s.ends = nil, time.Time{}
	if i, ok := s.world.Ends(f.index); ok {
		s.ending = &flow{index: i, scened: true, state: s.world.Arrival(i, now.Unix())}
		s.join(s.ending)
		s.emit(s.world.Request(i, &s.ending.state))
		for k := range s.ending.state.Agents {
			s.emit(s.world.Agent(i, &s.ending.state, k))
		}
	}
}
