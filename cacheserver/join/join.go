// Package join is the only writer of the cache server's data: it joins request
// documents, agent reports and agent_info documents to records, and maintains
// the sums over them. It is a deterministic state machine: equal inputs
// (documents, moments, rules) in equal order produce equal bytes. It uses no
// clock, random numbers or files, and does not depend on the order of Go maps.
// It does not know readers, generations or HTTP, and has no lock: its owner
// (package store) calls one method at a time and publishes the result.
package join

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dmwm/wmstats/cacheserver/join/ownrules"
	"github.com/dmwm/wmstats/cacheserver/join/report"
	"github.com/dmwm/wmstats/cacheserver/join/sums"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// Options are inputs of the state machine: two Joins produce the same results
// only if their Options are equal. The zero value is valid.
type Options struct {
	Limits  schema.Limits // of alerts; zero: the old server's
	JoinAll bool          // join agents' counts in every status, as T0 does; otherwise as schema.StatusInfo says
	MaxLoss float64       // a full read that misses at least this share of one kind of documents is held back; 0: 0.2; 1: never

	Log *slog.Logger // for damaged memory; nil: none
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

// Join is the writer. It is not safe for concurrent use; its results are.
type Join struct {
	opt     Options
	layout  *block.Layout
	columns columns
	editor  *table.Editor

	moment time.Time // of the newest input
	limits schema.Limits
	own    *ownrules.Rules // of limits
	again  bool            // alerts were computed by other limits: the next Tick computes them again
	state  *State          // nil before the first

	names     *report.Names
	sums      *sums.Sums
	workflows map[string]*workflow // by name
	aliases   map[string]*workflow // by id of a request document, if that differs from the workflow's name
	reports   map[string]*agentReport
	agents    map[string]*agentInfo
	unmatched int // reports of workflows without a request
	strays    map[*workflow]*stray
	known     *Known
	recovery  recoveries
	fresh     freshness
	dues      dueHeap

	epoch    uint32            // number of the newest Read; documents that it saw are marked with it
	reading  uint32            // number of the Read in progress; 0: none
	believed *census           // counts known before the first read since the last accepted one; nil: none since
	doubtful map[Document]bool // returned only by rejected reads

	work working
}

// working is memory that each batch reuses.
type working struct {
	encoded []byte            // the records of a batch
	records []schema.Workflow // the same before encoding
	old     schema.Workflow   // numbers and frequent texts of a replaced record
	packing []byte            // one record
}

// columns are the columns of the record that the writer reads.
type columns struct {
	status, original, campaigns, releases, outputs, alerts *block.Column
}

// New returns a Join without documents.
func New(o Options) (*Join, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	layout, err := block.NewLayout()
	if err != nil {
		return nil, fmt.Errorf("columns of the record: %w", err)
	}
	j := &Join{opt: o, layout: layout, editor: table.NewEditor(layout), limits: o.Limits, known: newKnown()}
	if j.own, err = ownrules.Compile(o.Limits.Own); err != nil {
		return nil, fmt.Errorf("own rules: %w", err)
	}
	var missing []error
	for key, column := range map[string]**block.Column{
		"Status": &j.columns.status, "OriginalRequest": &j.columns.original, "Campaigns": &j.columns.campaigns,
		"Releases": &j.columns.releases, "OutputDatasets": &j.columns.outputs,
		"Alerts": &j.columns.alerts,
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

// reset removes all documents; there is no State yet.
func (j *Join) reset() {
	j.names, j.sums = report.NewNames(), sums.New()
	j.workflows, j.aliases = map[string]*workflow{}, map[string]*workflow{}
	j.reports, j.agents = map[string]*agentReport{}, map[string]*agentInfo{}
	j.strays = map[*workflow]*stray{}
	j.unmatched, j.dues, j.believed, j.doubtful = 0, nil, nil, nil
	j.known.empty()
	j.recovery = newRecoveries()
	j.fresh = freshness{reports: map[string]int64{}}
}

// State returns the newest state; nil before the first.
func (j *Join) State() *State { return j.state }

// Known returns the content hashes of the known documents.
func (j *Join) Known() *Known { return j.known }

// Limits returns the thresholds of alerts and the own rules.
func (j *Join) Limits() schema.Limits { return j.limits }

// Empty reports whether there are no documents.
func (j *Join) Empty() bool {
	return j.state == nil && len(j.workflows) == 0 && len(j.agents) == 0
}

func (j *Join) now() int64 { return j.moment.Unix() }

// ahead returns by how many seconds a timestamp is in the future.
func (j *Join) ahead(time int64) int64 { return max(time-j.now(), 0) }
