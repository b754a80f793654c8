package live

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
)

// upload lets an agent write the documents that are due: all of them within the
// first half of each cycle, with the timestamp of the start of the cycle.
func (s *Sim) upload(h int, now time.Time) {
	a := &s.agents[h]
	if now.Before(a.silent) {
		return
	}
	cycle := s.Cycle()
	if a.cursor >= len(a.pairs) && !now.Before(a.due) {
		a.pairs = slices.DeleteFunc(a.pairs, func(p pair) bool { return p.flow.gone })
		a.cursor, a.begun = 0, now
		a.due = now.Add(cycle)
		a.state.Data = now.Unix()
		a.share = min(1, agentShare*s.opts.Rate*cycle.Seconds()/float64(max(1, s.moving)))
	}
	if a.cursor >= len(a.pairs) {
		return
	}
	progress := math.Min(1, 2*(now.Sub(a.begun)+time.Second).Seconds()/cycle.Seconds())
	upTo := int(math.Ceil(progress * float64(len(a.pairs))))
	for ; a.cursor < upTo; a.cursor++ {
		s.rewrite(a, a.pairs[a.cursor])
	}
}

// rewrite writes one document again, whether its jobs have moved or not.
func (s *Sim) rewrite(a *agent, p pair) {
	f := p.flow
	if f.gone {
		return
	}
	status := f.state.Status()
	mine := &f.state.Agents[p.k]
	moves := (status == gen.RunningOpen || status == gen.RunningClosed) && mine.Done < gen.Ended && !f.scened
	if moves && s.share == nil && s.rng.Float64() < a.share {
		s.work(f, mine)
	}
	mine.Time = a.begun.Unix()
	mine.Revs++
	doc := s.world.Agent(f.index, &f.state, p.k)
	if s.share != nil {
		s.written++
		if moves && float64(s.changed+1) <= *s.share*float64(s.written) {
			s.work(f, mine)
			same := doc
			if doc = s.world.Agent(f.index, &f.state, p.k); !bytes.Equal(doc.JSON, same.JSON) { // few jobs may round to the same counts
				s.changed++
			}
		}
	}
	s.emit(doc)
}

// work advances the jobs of one agent. While the queue is open they can't all
// end.
func (s *Sim) work(f *flow, mine *gen.AgentState) {
	limit := int32(gen.Ended)
	if f.state.Status() == gen.RunningOpen {
		limit = gen.MostDoneOpen
	}
	mine.Done = min(limit, max(mine.Done, mine.Done+int32(5_000+s.rng.IntN(35_000))))
	for _, a := range f.state.Agents {
		if a.Done < gen.Ended {
			return
		}
	}
	s.ended = append(s.ended, f)
}

// inform lets an agent write its agent_info, and changes its condition.
func (s *Sim) inform(h int, now time.Time) {
	a := &s.agents[h]
	if now.Before(a.info) || now.Before(a.silent) {
		return
	}
	cycle := s.Cycle()
	a.info = now.Add(cycle / 2)
	a.state.Time = now.Unix()
	a.state.Round++
	scripted, ok := s.world.Scripted(h, now.Unix())
	switch {
	case ok:
		scripted.Data, scripted.Round = a.state.Data, a.state.Round
		a.state = scripted
	default:
		s.trouble(a, now)
		if a.state.Trouble&gen.Draining != 0 {
			a.state.Running = a.state.Running * 9 / 10
		} else {
			a.state.Running = min(35_000, max(5_000, a.state.Running+s.rng.IntN(1201)-600))
		}
	}
	s.emit(s.world.Info(h, a.state))
}

// trouble starts and ends problems. About one agent in five has some.
func (s *Sim) trouble(a *agent, now time.Time) {
	if a.state.Trouble != 0 {
		if s.chance(120) {
			a.state.Trouble = 0
		}
		return
	}
	if !s.chance(25) {
		return
	}
	a.state.Since = now.Unix()
	kinds := []gen.Trouble{gen.Draining, gen.Draining, gen.DiskFull, gen.DiskFull, gen.ComponentDown, gen.CouchBusy, gen.DataStuck, gen.ProxyEnding, 0}
	a.state.Trouble = kinds[s.rng.IntN(len(kinds))]
	if a.state.Trouble == 0 {
		a.silent = now.Add(max(25*time.Minute, 3*s.Cycle())) // long enough to count as stale
	}
}

// serve writes the documents of the central services.
func (s *Sim) serve(now time.Time) {
	if now.Before(s.service) {
		return
	}
	s.service = now.Add(300 * time.Second)
	census := gen.NewCensus()
	for status, list := range s.byStatus {
		for _, f := range list {
			s.world.CountIn(census, f.index, gen.Status(status))
		}
	}
	for _, i := range s.world.Actors() {
		st := s.world.Initial(i)
		s.world.CountIn(census, i, st.Status())
	}
	for _, d := range s.world.Services(census, now.Unix()) {
		s.emit(d)
	}
}

// cleanUp deletes the remaining agent documents of archived workflows.
func (s *Sim) cleanUp(now time.Time) {
	s.leftovers = slices.DeleteFunc(s.leftovers, func(g leftover) bool {
		if now.Before(g.due) {
			return false
		}
		id, err := json.Marshal(g.id)
		if err == nil {
			s.emit(gen.Doc{DB: design.WMStatsDB, ID: g.id, JSON: []byte(`{"_id":` + string(id) + `,"_deleted":true}`)})
		}
		return true
	})
}
