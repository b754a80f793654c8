package simulate

import (
	"math"
	"testing"
	"time"
)

// Shrink searches for a smaller plan that breaks the same promise: fewer
// events, fewer documents, shorter faults. It runs plans until its time is
// up. The plan does not decide the order of goroutines at one instant, so
// each smaller plan gets two tries.
func Shrink(t *testing.T, p Plan, broken *Broken, trace string, patience time.Duration) (Plan, *Broken, string) {
	t.Helper()
	s := &shrinker{t: t, p: p, broken: broken, trace: trace, over: time.Now().Add(patience)}
	s.cutTail()
	s.cutHead()
	s.events(func(e *Event) bool { return !e.isFault() })
	s.events(func(e *Event) bool { return e.isFault() })
	s.world()
	s.events(func(*Event) bool { return true })
	s.simpler()
	return s.p, s.broken, s.trace
}

type shrinker struct {
	t      *testing.T
	p      Plan
	broken *Broken
	trace  string
	over   time.Time
}

// tries is how often each smaller plan is run.
const tries = 2

// try keeps a plan that still breaks the promise.
func (s *shrinker) try(p Plan) bool {
	for range tries {
		if time.Now().After(s.over) {
			return false
		}
		if broken, trace := Run(s.t, p); broken != nil && broken.Promise == s.broken.Promise {
			s.p, s.broken, s.trace = p, broken, trace
			s.cutTail()
			return true
		}
	}
	return false
}

// cutTail removes the events after the promise was broken.
func (s *shrinker) cutTail() {
	var kept []Event
	for _, e := range s.p.Events {
		if e.At <= s.broken.At {
			kept = append(kept, e)
		}
	}
	s.p.Events = kept
	s.p.Hours = math.Ceil(time.Duration(s.broken.At).Minutes()+1) / 60
}

// cutHead removes the events long before the promise was broken, and moves the rest
// to the beginning.
func (s *shrinker) cutHead() {
	const settled = 2 * time.Minute // for the first read
	for _, last := range []time.Duration{2 * time.Minute, 7 * time.Minute, 20 * time.Minute, time.Hour, 3 * time.Hour} {
		from := time.Duration(s.broken.At) - last
		if from < settled {
			return
		}
		for _, whole := range []bool{false, true} { // with and without the earlier events of documents
			p := s.p
			p.Events = nil
			p.Hours -= (from - settled).Hours()
			for _, e := range s.p.Events {
				switch {
				case time.Duration(e.At) >= from:
					e.At -= Span(from - settled)
				case whole && !e.isFault():
					e.At = Span(time.Second)
				default:
					continue
				}
				p.Events = append(p.Events, e)
			}
			if s.try(p) {
				return
			}
		}
	}
}

// events removes events: halves first, then smaller and smaller parts.
func (s *shrinker) events(may func(*Event) bool) {
	for size := max(1, len(s.p.Events)/2); size >= 1; size /= 2 {
		for from := 0; from < len(s.p.Events); {
			p, gone := s.p, 0
			p.Events = nil
			for i, e := range s.p.Events {
				if i >= from && gone < size && may(&e) {
					gone++
					continue
				}
				p.Events = append(p.Events, e)
			}
			if gone == 0 {
				break
			}
			if !s.try(p) {
				from += size
			}
		}
	}
}

// world tries smaller and simpler worlds.
func (s *shrinker) world() {
	for _, change := range []func(*Plan){
		func(p *Plan) { p.Workflows /= 2 },
		func(p *Plan) { p.Workflows /= 2 },
		func(p *Plan) { p.Workflows = max(1, p.Workflows-1) },
		func(p *Plan) { p.Agents = 1 },
		func(p *Plan) { p.Reread = 0 },
		func(p *Plan) { p.Poll = 0 },
		func(p *Plan) { p.Entry = 0 },
		func(p *Plan) { p.NoViews = false },
		func(p *Plan) { p.Login = false },
	} {
		p := s.p
		change(&p)
		if p.Workflows > 0 {
			s.try(p)
		}
	}
}

// simpler tries simpler forms of single events.
func (s *shrinker) simpler() {
	for i := range s.p.Events {
		for _, change := range []func(*Event){
			func(e *Event) { e.Every = 0 },
			func(e *Event) { e.Only = nil },
			func(e *Event) { e.For = Span(time.Duration(e.For).Round(time.Minute)) },
			func(e *Event) { e.At = Span(time.Duration(e.At).Round(time.Second)) },
			func(e *Event) { e.Wait = 0 },
			func(e *Event) { e.N = 0 },
		} {
			if i >= len(s.p.Events) {
				return
			}
			p := s.p
			p.Events = append([]Event(nil), s.p.Events...)
			before := p.Events[i].String()
			change(&p.Events[i])
			if p.Events[i].String() != before {
				s.try(p)
			}
		}
	}
}
