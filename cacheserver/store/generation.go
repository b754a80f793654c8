package store

import (
	"bytes"
	"slices"
	"time"

	"sync"
	"sync/atomic"

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

// A superseded generation is kept for those who were told of it: first of all
// where an answer gave an address to go on with, which is a promise. One that
// nobody was told of goes at once.

// told is what answers have said of a generation.
type told struct{ named, promised atomic.Bool }

// generations keeps superseded generations for readers that name them. Its lock
// is held for short looks only.
type generations struct {
	keepFor time.Duration

	mu       sync.Mutex
	list     []*keptGeneration // the oldest first
	byID     map[string]*keptGeneration
	nextDrop time.Time

	broken atomic.Int64 // promises that memory has ended before their time
}

// keptGeneration is a superseded generation. What the generation after it in
// the list has not is its own.
type keptGeneration struct {
	g                *Generation
	superseded, till time.Time

	// Guarded by the lock of those who count.
	next *Generation // against which own was counted
	own  int64       // bytes
}

// readers is what all generations of a store answer with: nothing of the writer,
// and nothing that differs between them.
type readers struct {
	opt      Options
	lists    lists
	kept     generations
	fresh    atomic.Pointer[join.Freshness] // newest; it moves also without a generation
	newest   atomic.Int64                   // number of the newest generation
	segments atomic.Int64                   // about the bytes of all segments now
}

// segmentShare is how many times the bytes of segments go into Options.Memory. They
// are made again by whoever reads them next; what they do not take is for kept
// generations.
const segmentShare = 2.4

// room says whether another segment may be kept.
func (r *readers) room() bool {
	const usual = 8 << 10 // bytes of one
	return float64(r.segments.Load()+usual) < float64(r.opt.Memory)/segmentShare
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
