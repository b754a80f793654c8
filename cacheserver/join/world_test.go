package join

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dmwm/wmstats/schema"
)

// start is the first moment, Unix s.
const start = 1_760_000_000

// world generates random inputs; same seed, same inputs.
type world struct {
	rng  *rand.Rand
	at   int64               // moment, Unix s
	last map[Document]Change // newest content of each document
}

func newWorld(seed uint64) *world {
	return &world{rng: rand.New(rand.NewPCG(seed, 3)), at: start, last: map[Document]Change{}}
}

func (w *world) moment() time.Time { return time.Unix(w.at, 0) }

func pick[T any](w *world, list ...T) T { return list[w.rng.IntN(len(list))] }

func (w *world) name() string { return fmt.Sprintf("workflow-%02d", w.rng.IntN(60)) }

func (w *world) hash() uint64 { return w.rng.Uint64() | 1 }

// stamp returns a time of a document: recent, long ago, or from a wrong clock.
func (w *world) stamp() int64 {
	return w.at + pick[int64](w, 0, 0, -5, -100, -1300, -5000, 40, 4000)
}

func (w *world) request() Change {
	name := w.name()
	statuses := schema.Statuses()
	r := &schema.Workflow{Workflow: name, Type: "TaskChain", Status: pick(w, "running-open", "running-open", "assigned", "acquired", statuses[w.rng.IntN(len(statuses))].Status)}
	r.StatusTime, r.Priority = w.at-int64(w.rng.IntN(400_000)), int64(w.rng.IntN(5))
	r.Campaign, r.Release = fmt.Sprint("campaign-", w.rng.IntN(6)), fmt.Sprint("release-", w.rng.IntN(4))
	r.Campaigns, r.Releases = []string{r.Campaign, fmt.Sprint("campaign-", w.rng.IntN(6))}, []string{r.Release}
	r.InputEvents, r.InputLumis, r.RequestedEvents = pick[int64](w, -1, 1000), pick[int64](w, -1, 10), pick[int64](w, -1, 5000)
	r.OutputDatasets = []string{"/a/b/RAW", "/a/c/AOD"}[:w.rng.IntN(3)]
	if w.rng.IntN(4) == 0 {
		r.OriginalRequest = w.name()
	}
	schema.Join(r, nil)
	r.Alerts = []string{}
	id := pick(w, name, name, name, name+"-a", name+"-b", "shared") // another document of the same workflow, or one that moves
	return Change{Kind: Request, ID: id, Hash: w.hash(), Workflow: r}
}

func (w *world) report() Change {
	agent, name := fmt.Sprint("agent-", w.rng.IntN(5)), w.name()
	p := &schema.AgentReport{Workflow: name, Agent: agent, Team: pick(w, "production", "relval"), AgentVersion: pick(w, "2.3", "2.4"), Time: w.stamp()}
	for i := range w.rng.IntN(4) {
		c := schema.JobCounts{Success: w.rng.Int64N(50), Running: w.rng.Int64N(9), FailureException: w.rng.Int64N(30)}
		p.Sites = append(p.Sites, schema.SiteReport{Site: fmt.Sprintf("T2_CH_%d", i), Counts: c})
		p.Counts.Add(&c)
	}
	id := pick(w, agent+"-"+name, agent+"-"+name, agent+"-again-"+name, agent) // two of one agent, or one that moves
	return Change{Kind: AgentReport, ID: id, Hash: w.hash(), Time: p.Time, Report: p}
}

func (w *world) info() Change {
	agent := fmt.Sprint("agent-", w.rng.IntN(6))
	d := &schema.AgentDetail{Agent: schema.Agent{Agent: agent, Kind: "agent", Team: pick(w, "production", "relval")}}
	d.DataError, d.Draining = pick(w, "", "", "couch is away"), w.rng.IntN(4) == 0
	return Change{Kind: AgentInfo, ID: pick(w, agent, agent, agent+"-b"), Hash: w.hash(), Time: w.stamp(), Info: d}
}

// change returns one of any kind: new, repeated with and without content, gone,
// standing, or unknown without content.
func (w *world) change() Change {
	c := pick(w, w.request, w.report, w.report, w.report, w.info)()
	d := Document{c.Kind, c.ID}
	old, known := w.last[d]
	switch n := w.rng.IntN(20); {
	case n < 3:
		delete(w.last, d)
		return Change{Kind: c.Kind, ID: c.ID, Deleted: true}
	case n < 9 && known:
		old.Time = w.stamp()
		if n < 6 {
			old.Workflow, old.Report, old.Info = nil, nil, nil
		}
		return old
	case n == 9:
		return Change{Kind: c.Kind, ID: c.ID, Stands: true}
	case n == 10:
		return Change{Kind: c.Kind, ID: c.ID, Hash: w.hash()}
	}
	w.last[d] = c
	return c
}

func (w *world) changes(n int) []Change {
	out := make([]Change, 1+w.rng.IntN(n))
	for i := range out {
		out[i] = w.change()
	}
	return out
}

// all returns the newest contents of all documents, some left out.
func (w *world) all(share float64) []Change {
	var out []Change
	for _, c := range w.last {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Change) int { return compareDocuments(Document{a.Kind, a.ID}, Document{b.Kind, b.ID}) })
	return slices.DeleteFunc(out, func(Change) bool { return w.rng.Float64() > share })
}

// ownRules returns some of the rules of ownWorld, in any order.
func (w *world) ownRules() (rules []schema.OwnRule) {
	all := ownWorld()
	for _, i := range w.rng.Perm(len(all))[:w.rng.IntN(len(all)+1)] {
		rules = append(rules, all[i].OwnRule)
	}
	return rules
}

// machine is a Join with an optional Read in progress.
type machine struct {
	*Join
	read *Read
}

// input is one input; its results must be the same for equal machines.
type input func(m *machine) (Outcome, any)

// input generates the next one. reading means that a read is in progress.
func (w *world) input(reading bool) (in input, what string) {
	w.at += pick[int64](w, 0, 1, 1, 5, 60, 700, -3)
	moment := w.moment()
	switch n := w.rng.IntN(100); {
	case n < 60:
		changes := w.changes(5)
		return func(m *machine) (Outcome, any) { return m.Apply(moment, changes), nil }, "apply"
	case n < 75:
		return func(m *machine) (Outcome, any) { return m.Tick(moment), nil }, "tick"
	case n < 76:
		l := schema.DefaultLimits()
		l.AgentSilent, l.AssignedStall = pick[int64](w, 600, 1200, 4000), pick[int64](w, 50, 100_000)
		l.Own = w.ownRules()
		return func(m *machine) (Outcome, any) { return m.Rules(moment, l), nil }, "rules"
	case n < 78:
		gone := []Change{
			{Kind: Request, ID: w.name(), Deleted: true},
			{Kind: AgentReport, ID: fmt.Sprint("agent-", w.rng.IntN(5), "-", w.name()), Deleted: true},
			{Kind: AgentInfo, ID: "nosuch", Deleted: true},
		}
		for _, c := range gone {
			delete(w.last, Document{c.Kind, c.ID})
		}
		return func(m *machine) (Outcome, any) { return m.Apply(moment, gone), nil }, "remove"
	case n < 80 || !reading:
		return func(m *machine) (Outcome, any) { m.read = m.BeginRead(); return Outcome{}, nil }, "begin"
	case n < 90:
		changes := w.all(pick(w, 0.5, 0.95, 0.99, 1))
		return func(m *machine) (Outcome, any) { return m.read.Add(moment, changes), nil }, "add"
	case n < 92:
		changes := w.changes(30) // they may become doubtful
		return func(m *machine) (Outcome, any) { return m.read.Add(moment, changes), nil }, "add"
	case n < 95:
		return func(m *machine) (Outcome, any) {
			missing, err := m.read.Missing()
			return Outcome{}, fmt.Sprint(missing, err)
		}, "missing"
	case n < 99:
		return func(m *machine) (Outcome, any) {
			out, err := m.read.Commit(moment, func() bool { return false })
			return out, fmt.Sprint(err)
		}, "commit"
	}
	return func(m *machine) (Outcome, any) { m.read.Abort(); return Outcome{}, nil }, "abort"
}
