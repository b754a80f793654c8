// Package join is the one writer of the cache server: it joins request
// documents, agent reports and agent_info documents to records, and keeps the
// sums over them. It is a deterministic state machine: equal inputs (documents,
// moments, rules) in equal order return equal bytes. It reads no clock, no
// random number, no file, and nothing in it depends on the order of a Go map.
// It knows no readers, no generations and no HTTP, and it takes no lock: its
// owner (package store) calls one method at a time and shows what it returns.
package join

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dmwm/wmstats/cacheserver/join/report"
	"github.com/dmwm/wmstats/cacheserver/join/sums"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// Options are part of what a Join makes of its inputs: those of two that are to
// make the same must be equal. The zero value is good.
type Options struct {
	Limits  schema.Limits // of alerts; zero: those of the present system
	JoinAll bool          // agents' counts are joined in every status, as T0 does; else as schema.StatusInfo says
	MaxLoss float64       // a full read that misses this share of one kind of documents, or more, is held back; 0: 0.2; 1: none is

	Log *slog.Logger // for memory that is broken; nil: none
}

func (o *Options) complete() error {
	if !(o.MaxLoss >= 0 && o.MaxLoss <= 1) {
		return fmt.Errorf("greatest loss %v: must be between 0 and 1", o.MaxLoss)
	}
	if o.MaxLoss == 0 {
		o.MaxLoss = 0.2
	}
	if o.Limits.IsZero() {
		o.Limits = schema.DefaultLimits()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Join is the writer. It is not safe for concurrent use; what it returns is.
type Join struct {
	opt     Options
	layout  *block.Layout
	columns columns
	editor  *table.Editor

	moment time.Time // of the newest input
	limits schema.Limits
	state  *State // nil before the first

	names     *report.Names
	sums      *sums.Sums
	workflows map[string]*workflow // by name
	aliases   map[string]*workflow // by id of a request document that is not named like its workflow
	reports   map[string]*agentReport
	agents    map[string]*agentInfo
	unmatched int // reports whose workflow has no request
	known     *Known
	recovery  recoveries
	fresh     freshness
	dues      dueHeap

	epoch    uint32            // number of the newest Read: what it saw carries it
	reading  uint32            // number of the Read in progress; 0: none
	believed *census           // known before the first of the reads since the last one that was believed; nil: none since
	doubtful map[Document]bool // that only reads have brought that were not believed

	work working
}

// working is memory that is used again by each batch.
type working struct {
	encoded []byte            // the records of a batch
	records []schema.Workflow // the same, before they are encoded
	old     schema.Workflow   // numbers and frequent texts of a record that is replaced
	packing []byte            // one record
}

// columns are those of the record that the writer reads.
type columns struct {
	status, original, campaigns, releases, outputs *block.Column
}

// New makes a Join without documents.
func New(o Options) (*Join, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	layout, err := block.NewLayout()
	if err != nil {
		return nil, fmt.Errorf("columns of the record: %w", err)
	}
	j := &Join{opt: o, layout: layout, editor: table.NewEditor(layout), limits: o.Limits, known: newKnown()}
	var missing []error
	for key, column := range map[string]**block.Column{
		"Status": &j.columns.status, "OriginalRequest": &j.columns.original, "Campaigns": &j.columns.campaigns,
		"Releases": &j.columns.releases, "OutputDatasets": &j.columns.outputs,
	} {
		n, ok := layout.Column(key)
		if !ok {
			missing = append(missing, fmt.Errorf("the record has no %s", key))
			continue
		}
		*column = &layout.Columns[n]
	}
	j.reset()
	return j, errors.Join(missing...)
}

// reset forgets all documents; there is no State yet.
func (j *Join) reset() {
	j.names, j.sums = report.NewNames(), sums.New()
	j.workflows, j.aliases = map[string]*workflow{}, map[string]*workflow{}
	j.reports, j.agents = map[string]*agentReport{}, map[string]*agentInfo{}
	j.unmatched, j.dues, j.believed, j.doubtful = 0, nil, nil, nil
	j.known.empty()
	j.recovery = newRecoveries()
	j.fresh = freshness{reports: map[string]int64{}}
}

// State returns the newest state; nil before the first.
func (j *Join) State() *State { return j.state }

// Known tells which content is there of which document.
func (j *Join) Known() *Known { return j.known }

// Empty says that there is no document.
func (j *Join) Empty() bool {
	return j.state == nil && len(j.workflows) == 0 && len(j.agents) == 0
}

func (j *Join) now() int64 { return j.moment.Unix() }

// ahead says by how many seconds a timestamp lies in the future.
func (j *Join) ahead(time int64) int64 { return max(time-j.now(), 0) }
