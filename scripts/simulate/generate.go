package simulate

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// NewPlan generates the plan of a seed.
func NewPlan(seed uint64, hours float64) Plan {
	g := &generator{rng: rand.New(rand.NewPCG(seed, 20000101)), length: time.Duration(hours * float64(time.Hour))}
	g.p = Plan{Seed: seed, Hours: hours, Workflows: 8 + g.rng.IntN(20), Agents: 1 + g.rng.IntN(3)}
	if g.chance(5) {
		g.p.Poll = Span(g.between(5*time.Second, time.Minute))
	}
	if g.chance(2) {
		g.p.Reread = Span(g.between(10*time.Minute, time.Hour))
	}
	g.p.NoViews, g.p.Login = g.chance(6), g.chance(3)
	g.life()
	for t := g.between(0, 3*time.Minute); t < g.length; {
		t = g.episode(t)
		// Usually there is time to heal; sometimes the next fault comes earlier.
		if g.chance(5) {
			t += g.between(time.Second, healing)
		} else {
			t += healing + time.Minute + g.between(0, 20*time.Minute)
		}
	}
	slices.SortStableFunc(g.p.Events, func(a, b Event) int { return int(a.At - b.At) })
	return g.p
}

// generator generates one plan.
type generator struct {
	rng    *rand.Rand
	length time.Duration
	p      Plan
}

func (g *generator) chance(oneIn int) bool { return g.rng.IntN(oneIn) == 0 }

func (g *generator) between(least, most time.Duration) time.Duration {
	return least + time.Duration(g.rng.Int64N(int64(most-least)))
}

func (g *generator) add(at time.Duration, e Event) {
	e.At = Span(at)
	g.p.Events = append(g.p.Events, e)
}

// life generates the events of documents, which occur with or without faults.
func (g *generator) life() {
	for t := g.between(0, time.Minute); t < g.length; t += g.between(time.Second, 2*time.Minute) {
		doc, agent := g.rng.IntN(g.p.Workflows+4), g.rng.IntN(g.p.Agents)
		e := Event{Doc: doc}
		switch n := g.rng.IntN(100); {
		case n < 35:
			e.Kind, e.Status = Request, statuses[g.rng.IntN(len(statuses))]
		case n < 40:
			e.Kind, e.Status = Archive, "normal-archived"
		case n < 44:
			e.Kind = Remove
		case n < 74:
			e.Kind, e.Agent = Report, agent
		case n < 77:
			e.Kind, e.Agent = Unreport, agent
		case n < 90:
			e = Event{Kind: Jobs, N: 1 + g.rng.IntN(20)}
		case n < 93:
			e = Event{Kind: Info, Agent: agent}
		default:
			e = Event{Kind: Rewrite, Agent: agent}
		}
		g.add(t, e)
	}
	for t := g.between(0, time.Hour); t < g.length; t += g.between(10*time.Minute, 3*time.Hour) {
		g.add(t, Event{Kind: Backup})
	}
}

// episode generates one to four overlapping faults. It returns the time when the
// last one has ended.
func (g *generator) episode(t time.Duration) (end time.Duration) {
	end = t
	for range 1 + g.rng.IntN(4) {
		e := g.fault()
		at := t + g.between(0, 2*time.Minute)
		g.add(at, e)
		end = max(end, at+time.Duration(e.For))
	}
	return end
}

// lasting returns the duration of a fault: short ones are more frequent.
func (g *generator) lasting() Span {
	switch g.rng.IntN(10) {
	case 0:
		return Span(g.between(10*time.Minute, 30*time.Minute))
	case 1, 2, 3:
		return Span(g.between(time.Minute, 10*time.Minute))
	}
	return Span(g.between(time.Second, time.Minute))
}

func (g *generator) database() string { return databases[g.rng.IntN(len(databases))] }

func (g *generator) fault() Event {
	switch n := g.rng.IntN(100); {
	case n < 30:
		return g.ofConnections()
	case n < 55:
		return g.ofAnswers()
	case n < 70:
		return g.ofRows()
	case n < 88:
		return g.ofSource()
	}
	e := Event{Kind: []Kind{Kill, Cold, Halt}[g.rng.IntN(3)], For: Span(g.between(time.Second, time.Minute))}
	if g.chance(4) {
		e.For = g.lasting()
	}
	return e
}

func (g *generator) ofConnections() Event {
	kinds := []Kind{Refuse, Hang, Reset, Vanish, Stall, Slow, Cut, Buffer}
	e := Event{Kind: kinds[g.rng.IntN(len(kinds))], For: g.lasting()}
	if g.chance(3) {
		e.Every = 2 + g.rng.IntN(2)
	}
	switch e.Kind {
	case Reset, Vanish:
		e.For = 0
	case Slow:
		e.Bytes = 50 + g.rng.IntN(5000)
	case Cut:
		e.Bytes = g.rng.IntN(20000)
	case Buffer:
		e.Bytes = 1 + g.rng.IntN(1<<g.rng.IntN(20))
		if g.chance(2) {
			e.Wait = Span(g.between(time.Second, 3*time.Minute))
		}
	}
	return e
}

// path returns the path of requests that a fault of the stand-in affects.
func (g *generator) path() string {
	db := "/" + g.database()
	return []string{"", db, db + "/_changes", db + "/_design/", db + "/_all_docs", db + "/_find"}[g.rng.IntN(6)]
}

func (g *generator) ofAnswers() Event {
	kinds := []couchfake.Kind{
		couchfake.Cut, couchfake.CutInRow, couchfake.Freeze, couchfake.FreezeAfter, couchfake.FreezeInRow, couchfake.Delay, couchfake.Slow,
		couchfake.FailStatus, couchfake.TimeOut, couchfake.Forbid, couchfake.Deny, couchfake.NoDatabase, couchfake.ErrorRow,
		couchfake.Replay, couchfake.Reorder, couchfake.EndFeed, couchfake.ForgetSeqs, couchfake.RewindSeqs,
		couchfake.EmptyDB, couchfake.HalveDB, couchfake.OtherCopy, couchfake.Buffer,
	}
	kind := kinds[g.rng.IntN(len(kinds))]
	e := Event{Kind: Answer, Fault: string(kind), Path: g.path(), For: g.lasting(), Rows: g.rng.IntN(6), Bytes: g.rng.IntN(5000)}
	if g.chance(4) {
		e.N = 1 + g.rng.IntN(5) // number of requests
	}
	switch kind {
	case couchfake.FailStatus:
		e.Code = []int{500, 502, 503, 429, 404, 400, 408}[g.rng.IntN(7)]
	case couchfake.Delay, couchfake.TimeOut:
		e.Wait = Span(g.between(time.Second, time.Minute))
	case couchfake.Slow:
		e.Bytes = 50 + g.rng.IntN(2000)
	case couchfake.Replay, couchfake.OtherCopy:
		e.Rows = 1 + g.rng.IntN(6)
	case couchfake.ErrorRow:
		e.Ending = g.chance(2)
	}
	return g.unlessForGood(e)
}

func (g *generator) ofRows() Event {
	kinds := []couchfake.Kind{
		couchfake.NullDoc, couchfake.NoDoc, couchfake.DocError, couchfake.OddDoc, couchfake.BrokenDoc, couchfake.OtherDoc,
		couchfake.TwiceRow, couchfake.OmitRow, couchfake.NullID, couchfake.NullSeq, couchfake.TurnRows,
	}
	e := Event{Kind: Answer, Fault: string(kinds[g.rng.IntN(len(kinds))]), Path: g.path(), For: g.lasting()}
	if g.chance(2) {
		for range 1 + g.rng.IntN(3) {
			e.Only = append(e.Only, g.rng.IntN(g.p.Workflows))
		}
	}
	return g.unlessForGood(e)
}

// unlessForGood replaces a fault that hides documents until the next re-read, if no
// re-read is due soon.
func (g *generator) unlessForGood(e Event) Event {
	if hides, _ := e.hides(); hides && (g.p.Reread == 0 || time.Duration(g.p.Reread) > 30*time.Minute) {
		e.Fault = string(couchfake.TwiceRow)
	}
	return e
}

func (g *generator) ofSource() Event {
	e := Event{DB: g.database(), For: g.lasting()}
	switch g.rng.IntN(8) {
	case 0:
		e.Kind = Stop
	case 1:
		e.Kind, e.Wait, e.N = Recreate, Span(g.between(2*time.Second, 30*time.Second)), []int{0, 30, 90, 100}[g.rng.IntN(4)]
		e.For = Span(g.between(time.Minute, 5*time.Minute))
	case 2:
		e.Kind = Restore
		e.For = Span(g.between(time.Minute, 5*time.Minute))
	case 3:
		e = Event{Kind: Purge, DB: e.DB, Doc: g.rng.IntN(100), N: 1 + g.rng.IntN(2)}
	case 4:
		e.Kind = Undesign
	case 5:
		e.Kind = Index
	case 6:
		e.Kind, e.N = Clock, []int{-3600, -60, 60, 3600, 100000}[g.rng.IntN(5)]
	default:
		e.Kind = Password
		if !g.p.Login {
			e.Kind = Stop
		}
	}
	return e
}
