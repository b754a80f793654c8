package simulate

import (
	"math/rand/v2"
	"slices"
	"time"
)

// NewClusterPlan generates the plan of a seed with several servers and one log.
func NewClusterPlan(seed uint64, hours float64) Plan {
	g := &generator{rng: rand.New(rand.NewPCG(seed, 20000102)), length: time.Duration(hours * float64(time.Hour))}
	g.p = Plan{Seed: seed, Hours: hours, Servers: 2 + g.rng.IntN(2), Workflows: 8 + g.rng.IntN(20), Agents: 1 + g.rng.IntN(3)}
	if g.chance(2) {
		g.p.Reread = Span(g.between(10*time.Minute, time.Hour))
	}
	if g.chance(3) { // an input takes several entries
		g.p.Entry = 200 + g.rng.IntN(1000)
	}
	g.life()
	for t := g.between(0, 3*time.Minute); t < g.length; {
		end := t
		for range 1 + g.rng.IntN(5) {
			e := g.ofServers()
			at := t + g.between(0, time.Minute)
			g.add(at, e)
			end = max(end, at+time.Duration(e.For))
		}
		t = end
		if g.chance(3) {
			t += g.between(time.Second, healing)
		} else {
			t += healing + time.Minute + g.between(0, 10*time.Minute)
		}
	}
	slices.SortStableFunc(g.p.Events, func(a, b Event) int { return int(a.At - b.At) })
	return g.p
}

// ofServers generates a fault of a server, between it and the log, or of the source.
func (g *generator) ofServers() Event {
	e := Event{Server: g.rng.IntN(g.p.Servers), For: g.lasting()}
	switch n := g.rng.IntN(100); {
	case n < 25:
		e.Kind = []Kind{Kill, Halt}[g.rng.IntN(2)]
	case n < 77:
		kinds := []Kind{LogCut, LogDeaf, LogBlind, LogFull, LogExcuse, LogFreeze, LogSlow, LogLossy, LogDouble}
		switch e.Kind = kinds[g.rng.IntN(len(kinds))]; e.Kind {
		case LogSlow:
			e.Wait = Span(g.between(10*time.Millisecond, 4*time.Second))
		case LogLossy, LogDouble:
			e.N = 1 + g.rng.IntN(3)
		}
	case n < 81:
		e = Event{Kind: []Kind{LogReplace, LogNoRoom}[g.rng.IntN(2)], For: e.For}
		if e.Kind == LogReplace {
			e.For = 0
		}
	case n < 89:
		e = g.ofSource()
	case n < 93:
		e = g.ofConnections()
	case n < 97:
		e = g.ofAnswers()
	default:
		e = g.ofRows()
	}
	return e
}
