package store

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/join/sums"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Generation is one immutable state of all records. It is immutable and shared.
type Generation struct {
	id     string
	number int64
	time   time.Time
	told   told
	with   *readers
	state  *join.State
	table  *table.Table // of state
	sums   *sums.View   // of state

	superseded chan struct{} // closed when the next generation is there
}

// publish makes a generation of a state and shows it to readers.
func (s *Store) publish(state *join.State, changed join.Diff, how making) {
	old := s.current.Load()
	s.number++
	g := &Generation{
		id:         s.opt.Process + "-" + strconv.FormatInt(s.number, 10),
		number:     s.number,
		time:       state.Moment,
		with:       s.readers,
		state:      state,
		table:      state.Table,
		sums:       state.Sums,
		superseded: make(chan struct{}),
	}
	diff := Diff{Added: changed.Added, Changed: changed.Changed, Removed: changed.Removed}
	s.noteMade(g, old == nil, &diff, how)
	if old == nil {
		s.account.weighed = time.Time{} // what waited for the first one is gone
		s.readers.newest.Store(g.number)
		s.current.Store(g)
		close(s.first)
		return
	}
	diff.Generation, diff.Previous, diff.Time, diff.Total = g.id, old.id, g.time, state.Table.Len()
	s.differences.add(diff)
	if old.told.by() { // before it can't be found as the newest
		s.readers.kept.add(old, g.time)
	}
	s.readers.newest.Store(g.number)
	s.current.Store(g)
	if old.told.by() { // in between
		s.readers.kept.add(old, g.time)
	}
	close(old.superseded)
	s.bound(s.retire(old.table, state.Table))
}

// retire lets go of what is made of records that only superseded generations
// have now, and gives about the bytes that they hold.
func (s *Store) retire(old, now *table.Table) (bytes int64) {
	old.Retire(now)
	return generationBytes + old.Own(now)
}

// Newest returns the newest generation; false before the first one.
func (s *Store) Newest() (g *Generation, ok bool) {
	g = s.current.Load()
	return g, g != nil
}

// Generation gives a kept generation. Reading it prolongs its time. A superseded
// one is kept when an answer has told of it: see Named and Promise.
func (s *Store) Generation(id string) (*Generation, bool) {
	if cur := s.current.Load(); cur != nil && cur.id == id {
		return cur, true
	}
	return s.readers.kept.get(id, s.opt.Now())
}

// Wait gives a channel that is closed when a generation other than after is
// there; after may be empty.
func (s *Store) Wait(after string) <-chan struct{} {
	cur := s.current.Load()
	switch {
	case cur == nil:
		return s.first
	case cur.id == after:
		return cur.superseded
	}
	return s.first // closed
}

// ID is the name of the generation.
func (g *Generation) ID() string { return g.id }

// Time is when the generation was published.
func (g *Generation) Time() time.Time { return g.time }

// Total is the number of workflows.
func (g *Generation) Total() int { return g.table.Len() }

// Workflow gives the encoded record of a workflow and what it was made of. The
// bytes must not be changed.
func (g *Generation) Workflow(name string) (encoded []byte, src join.Sources, ok bool) {
	at, ok := g.table.Search(name)
	if !ok {
		return nil, join.Sources{}, false
	}
	b, i := g.table.At(at)
	return b.Record(i), g.state.Sources(name, b.Source(i)), true
}

// Alerts tells the reason of each alert of a workflow; none for one that is not
// there.
func (g *Generation) Alerts(name string) []schema.Alert {
	at, ok := g.table.Search(name)
	if !ok {
		return []schema.Alert{}
	}
	b, i := g.table.At(at)
	if bytes.Contains(b.Record(i), []byte(`"Alerts":[]`)) { // within a text the quotes would be escaped
		return []schema.Alert{}
	}
	w := schema.Workflow{Workflow: name} // as much of it as alerts are told from
	b.Scalars(g.table.Layout, i, &w)
	k, _ := g.table.Layout.Column("Alerts")
	w.Alerts = b.List(&g.table.Layout.Columns[k], i)
	var silent []schema.Silence
	if slices.Contains(w.Alerts, schema.AlertStaleAgent) {
		silent = g.state.Silent(b.Source(i))
	}
	return schema.AlertsOf(&w, silent, g.state.Limits)
}

// near is how many names before and after a missing one are looked at.
const near = 64

// NearWorkflows gives at most n names that resemble name, the nearest first:
// of those that sort next to it, so that the answer costs the same however
// many workflows there are.
func (g *Generation) NearWorkflows(name string, n int) []string {
	at, _ := g.table.Search(name)
	var names []string
	g.table.Range(max(0, at-near), min(g.table.Len(), at+near), func(b *block.Block, i, j int) bool {
		for ; i < j; i++ {
			names = append(names, string(b.Name(g.table.Layout, i)))
		}
		return true
	})
	return wire.Near(name, names, n)
}

// RecoveriesOf returns the workflows whose OriginalRequest is name, by name.
func (g *Generation) RecoveriesOf(name string) []string {
	return append([]string{}, g.state.Recoveries.Of(name)...)
}

// SourceState is what the follower knows of the source.
type SourceState struct {
	Source              string // for people: URL without user and password, or "mock seed 1"
	Stale               bool
	Reason              string    // why stale, fit for the public: no URL, no path
	CheckTime           time.Time // when the source last answered
	RequestsAsOf        time.Time // as of when all request documents of the source are known to be applied; zero: not yet since the start
	AgentsAsOf          time.Time // the same of the agents' documents
	LoadSeconds         float64
	Complete            bool
	BadDocuments, Flaws int64
	Owed                int64    // documents that are there, for all that is known, and could not be read
	Polled              []Polled // databases whose changes feed is not followed though it should be
}

// Polled is a database that is polled because its changes feed brings nothing.
type Polled struct{ Database, Why string }

// SetSource notes how the source is.
func (s *Store) SetSource(state SourceState) { s.source.Store(&state) }

// Source tells how the source is.
func (s *Store) Source() SourceState { return *s.source.Load() }

// Info tells how fresh and how complete the data are.
func (s *Store) Info() schema.CacheInfo {
	src := s.Source()
	out := schema.CacheInfo{
		LoadSeconds: src.LoadSeconds, Complete: src.Complete, Stale: src.Stale, StaleReason: src.Reason,
		Source: src.Source, BadDocuments: src.BadDocuments, OwedDocuments: src.Owed, Flaws: src.Flaws,
	}
	if !src.CheckTime.IsZero() {
		out.CheckTime = src.CheckTime.Unix()
	}
	if g := s.current.Load(); g != nil {
		out.Generation, out.CacheTime = g.id, g.time.Unix()
		out.Workflows, out.Bytes = int64(g.Total()), g.table.EncodedBytes()
		// Documents without their request come and go without a generation.
		out.AgentReports, out.UnmatchedReports = int64(g.state.Documents), s.waiting.Load()
	}
	return out
}
