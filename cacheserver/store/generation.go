package store

import (
	"bytes"
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

// Generation is one immutable state of all records. It is shared.
type Generation struct {
	id     string
	number int64
	time   time.Time
	told   told
	with   *readers
	state  *join.State
	table  *table.Table // of state
	sums   *sums.View   // of state

	superseded chan struct{} // closed when the next generation is published
}

// A superseded generation is kept for readers that know its name: above all if
// an answer linked to it, which is a promise. One whose name no answer has is
// dropped at once.

// told records how answers have named a generation.
type told struct{ named, promised, shared atomic.Bool } // shared: see Options.KeepAll

// generations keeps superseded generations for readers that name them. Its lock
// is held only briefly.
type generations struct {
	keepFor time.Duration

	mu       sync.Mutex
	list     []*keptGeneration // oldest first
	byID     map[string]*keptGeneration
	nextDrop time.Time

	broken atomic.Int64 // promises broken for lack of memory
}

// keptGeneration is a superseded generation. Its own memory is what the next one
// in the list does not share.
type keptGeneration struct {
	g                *Generation
	superseded, till time.Time

	// Guarded by the lock of accounting.
	next *Generation // the one to which own refers
	own  int64       // bytes
}

// readers is shared by all generations of a store for reading: nothing of the
// writer, and nothing that differs between generations.
type readers struct {
	opt      Options
	lists    lists
	kept     generations
	heard    hearing
	newest   atomic.Int64 // number of the newest generation
	segments atomic.Int64 // approximate bytes of all segments
}

// segmentShare is the ratio of Options.Memory to the bytes for segments.
// Segments are rebuilt by the next reader; the remaining memory is for kept
// generations.
const segmentShare = 2.4

// room reports whether another segment may be kept.
func (r *readers) room() bool {
	const usual = 8 << 10 // typical bytes of one
	return float64(r.segments.Load()+usual) < float64(r.opt.Memory)/segmentShare
}

// ID returns the name of the generation.
func (g *Generation) ID() string { return g.id }

// Time returns when the generation was published.
func (g *Generation) Time() time.Time { return g.time }

// Limits returns the thresholds of alerts and of silence.
func (g *Generation) Limits() schema.Limits { return g.state.Limits }

// Total returns the number of workflows.
func (g *Generation) Total() int { return g.table.Len() }

// Workflow returns the encoded record of a workflow and its sources. The bytes
// must not be changed.
func (g *Generation) Workflow(name string) (encoded []byte, src join.Sources, ok bool) {
	at, ok := g.table.Search(name)
	if !ok {
		return nil, join.Sources{}, false
	}
	b, i := g.table.At(at)
	return b.Record(i), g.state.Sources(name, b.Source(i)), true
}

// Alerts returns the alerts of a workflow with their reasons; none for an
// unknown workflow.
func (g *Generation) Alerts(name string) []schema.Alert {
	return g.AlertsKnowing(name, schema.Part{})
}

// AlertsKnowing is Alerts for a reader who knows the exit code of most job
// reports, which the generation does not have.
func (g *Generation) AlertsKnowing(name string, exit schema.Part) []schema.Alert {
	at, ok := g.table.Search(name)
	if !ok {
		return []schema.Alert{}
	}
	b, i := g.table.At(at)
	if bytes.Contains(b.Record(i), []byte(`"Alerts":[]`)) { // inside a text the quotes would be escaped
		return []schema.Alert{}
	}
	w, facts := g.alerting(b, i, name)
	facts.Exit = exit
	return schema.AlertsOf(&w, facts, g.state.Limits)
}

// AlertSeen returns when an alert of a workflow was first seen to hold, as
// schema.SeenSince; 0 for an unknown workflow.
func (g *Generation) AlertSeen(name, rule string) int64 {
	at, ok := g.table.Search(name)
	if !ok {
		return 0
	}
	b, i := g.table.At(at)
	w, facts := g.alerting(b, i, name)
	return schema.SeenSince(&w, rule, &facts, g.state.Limits, g.time.Unix())
}

// alerting returns a record with the fields that alerts need, and the facts that
// explain them.
func (g *Generation) alerting(b *block.Block, i int, name string) (w schema.Workflow, facts schema.Facts) {
	w.Workflow = name
	b.Scalars(g.table.Layout, i, &w)
	k, _ := g.table.Layout.Column("Alerts")
	w.Alerts = b.List(&g.table.Layout.Columns[k], i)
	return w, g.state.Facts(b.Source(i))
}

// near is how many names before and after a missing one are compared.
const near = 64

// NearWorkflows returns at most n names that resemble name, the nearest first.
// It only looks at those that sort next to it, so the cost does not depend on
// the number of workflows.
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
