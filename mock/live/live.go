// Package live simulates how a generated world continues: workflows pass
// through their statuses, agents process their jobs, get into trouble and
// recover, new workflows arrive and archived ones leave. Step returns the
// documents that the real writers would have written since the step before:
// agents rewrite all of theirs each cycle, most of them with only timestamp and
// revision changed.
//
// The simulation keeps one small state per workflow and generates documents
// from seed and state. It has no clock and writes nowhere: its caller steps it
// and stores the results.
package live

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dmwm/wmstats/mock/gen"
)

// Options of the simulation.
type Options struct {
	World *gen.World
	Rate  float64       // documents with new content per second, roughly; must be positive
	Cycle time.Duration // longest time between two uploads of an agent; 600 s when 0
	Start time.Time     // when the simulation begins: the world's present moves here
	Share *float64      // see Sim.SetShare; nil: agents' documents change as Rate asks
}

// Shares of the rate by kind of document.
const (
	agentShare   = 0.80
	requestShare = 0.15
	jobShare     = 0.05
)

// changing is the share of an agent's running workflows that have moved between
// two uploads; cycles shorten until it suffices for the rate.
const changing = 0.3

// minCycle limits how often agents upload.
const minCycle = 5 * time.Second

// flow is one active workflow.
type flow struct {
	index  int
	pos    int // in Sim.byStatus
	gone   bool
	scened bool // a scenario decides its state
	jobs   int  // job summaries written by the simulation
	state  gen.State
}

// pair is one agent's report on one workflow: one agent_request document.
type pair struct {
	flow *flow
	k    int // position in flow.state.Agents
}

// agent is one host with the documents that it rewrites.
type agent struct {
	state  gen.HostState
	pairs  []pair
	due    time.Time // of the next upload
	info   time.Time // of the next agent_info
	cursor int       // next pair of the running upload; len(pairs) when there is none
	share  float64   // of its moving pairs that move in this upload
	begun  time.Time
	silent time.Time // writes nothing until then
}

// leftover is a document that waits for the clean-up.
type leftover struct {
	id  string
	due time.Time
}

// Sim is a running simulation. It is not safe for concurrent use.
type Sim struct {
	opts      Options
	world     *gen.World
	rng       *rand.Rand
	byStatus  [][]*flow
	ended     []*flow // all jobs done, to be completed
	agents    []agent
	leftovers []leftover
	active    int
	next      int // number of the next workflow to arrive
	last      time.Time
	service   time.Time
	credit    [2]float64 // of request changes and of job summaries
	moving    int        // pairs whose jobs continue
	counted   time.Time
	docs      []gen.Doc // of the current step
	share     *float64  // of agents' documents that have new content
	ending    *flow     // the workflow of a scenario that is about to complete; nil: none
	ends      time.Time // when it does
	written   int       // agents' documents since share was set
	changed   int       // those of them with new content
}

// New begins a simulation at the world's present state.
func New(opts Options) (*Sim, error) {
	switch {
	case opts.World == nil:
		return nil, fmt.Errorf("simulation: no world")
	case !(opts.Rate > 0):
		return nil, fmt.Errorf("simulation: rate %v: must be positive", opts.Rate)
	case opts.Cycle < 0:
		return nil, fmt.Errorf("simulation: cycle %s: must not be negative", opts.Cycle)
	}
	if opts.Cycle == 0 {
		opts.Cycle = 600 * time.Second
	}
	w := opts.World
	if opts.Share != nil && !(*opts.Share >= 0 && *opts.Share <= 1) {
		return nil, fmt.Errorf("simulation: share %v: must be between 0 and 1", *opts.Share)
	}
	s := &Sim{
		opts: opts, share: opts.Share, world: w, rng: rand.New(rand.NewPCG(w.Options().Seed, 0x6c697665)),
		byStatus: make([][]*flow, gen.RejectedArchived+1), next: w.Units(), last: opts.Start, service: opts.Start,
	}
	for _, state := range w.InitialHosts() {
		s.agents = append(s.agents, agent{state: state, info: s.someTime(opts.Start, 300*time.Second)})
	}
	for i := range w.Units() {
		f := &flow{index: i, state: w.Initial(i)}
		s.enlist(f)
		if f.state.Status().Archived() {
			s.archive(f, s.someTime(opts.Start, 2*opts.Cycle))
			continue
		}
		s.join(f)
		s.active++
	}
	s.play()
	s.countMoving(opts.Start)
	for h := range s.agents {
		a := &s.agents[h]
		a.cursor = len(a.pairs)
		a.due = opts.Start.Add(s.Cycle() * time.Duration(h) / time.Duration(len(s.agents)))
	}
	return s, nil
}

// Active is the number of workflows that are not archived.
func (s *Sim) Active() int { return s.active }

// SetShare sets the share of agents' documents, from 0 to 1, that have new
// content from now on, whatever the rate; all others change only in timestamp
// and revision. Documents whose jobs have all ended can't change, so the share
// is reached only where others make up for them.
func (s *Sim) SetShare(share float64) { s.share, s.written, s.changed = &share, 0, 0 }

// Cycle returns the present time between two uploads of an agent: shorter than
// the option when the rate asks for more changes than a cycle yields.
func (s *Sim) Cycle() time.Duration {
	want := time.Duration(changing * float64(s.moving) / (agentShare * s.opts.Rate) * float64(time.Second))
	return min(max(want, minCycle), s.opts.Cycle)
}

// Step moves the world to now and returns the documents written since the last
// step, in order. A document without content but "_deleted" is a deletion.
func (s *Sim) Step(now time.Time) []gen.Doc {
	elapsed := now.Sub(s.last).Seconds()
	if elapsed <= 0 {
		return nil
	}
	s.last = now
	s.docs = nil
	if now.Sub(s.counted) >= 30*time.Second {
		s.countMoving(now)
	}
	s.credit[0] += elapsed * s.opts.Rate * requestShare
	for ; s.credit[0] >= 1; s.credit[0]-- {
		s.changeRequest(now)
	}
	s.credit[1] += elapsed * s.opts.Rate * jobShare
	for ; s.credit[1] >= 1; s.credit[1]-- {
		s.failJob()
	}
	for h := range s.agents {
		s.upload(h, now)
		s.inform(h, now)
	}
	s.end(now)
	s.serve(now)
	s.cleanUp(now)
	return s.docs
}

func (s *Sim) emit(d gen.Doc) { s.docs = append(s.docs, d) }

func (s *Sim) chance(permille int) bool { return s.rng.IntN(1000) < permille }

// someTime returns a time within span after from.
func (s *Sim) someTime(from time.Time, span time.Duration) time.Time {
	return from.Add(time.Duration(s.rng.Int64N(int64(span))))
}

// enlist puts a workflow into the list of its status.
func (s *Sim) enlist(f *flow) {
	list := &s.byStatus[f.state.Status()]
	f.pos = len(*list)
	*list = append(*list, f)
}

// delist takes a workflow out of the list of its status.
func (s *Sim) delist(f *flow) {
	list := &s.byStatus[f.state.Status()]
	last := (*list)[len(*list)-1]
	(*list)[f.pos], last.pos = last, f.pos
	(*list)[len(*list)-1] = nil
	*list = (*list)[:len(*list)-1]
}

// join assigns a workflow's documents to the agents that rewrite them.
func (s *Sim) join(f *flow) {
	for k, a := range f.state.Agents {
		host := &s.agents[a.Host]
		if host.cursor == len(host.pairs) {
			host.cursor++ // no upload is running, and this starts none
		}
		host.pairs = append(host.pairs, pair{f, k})
	}
}

// countMoving counts the documents that can change without an event.
func (s *Sim) countMoving(now time.Time) {
	s.counted, s.moving = now, 0
	for _, status := range []gen.Status{gen.RunningOpen, gen.RunningClosed} {
		for _, f := range s.byStatus[status] {
			for _, a := range f.state.Agents {
				if a.Done < gen.Ended {
					s.moving++
				}
			}
		}
	}
}
