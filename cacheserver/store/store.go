// Package store keeps what the API lists: workflows and the sums made of them,
// as immutable generations. Writers (the follower) take a lock, join documents
// to records and publish the next generation with one atomic pointer; readers
// load that pointer once per request and never lock. The store knows neither
// HTTP nor CouchDB.
package store

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/store/part"
	"github.com/dmwm/wmstats/cacheserver/store/sums"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema"
)

// Kind says what a Change is about.
type Kind uint8

const (
	ReqMgr    Kind = iota + 1 // a request document
	AgentWork                 // an agent_request document
	AgentInfo                 // an agent_info document
)

// Change is one document in the form the store takes: already decoded, by as
// many goroutines as there are cores, outside of the store's lock. Without
// Workflow, Part and Info it says that the content is the known one
// (Store.KnownHash gave Hash): then only the time counts.
type Change struct {
	Kind    Kind
	ID, Rev string
	Deleted bool   // the document is gone, or no longer of interest
	Stands  bool   // nothing new is known of it: what the store has stands, also after a read that did not bring it
	Hash    uint64 // raw.ContentHash of the document; 0: not known, the content counts as new
	Time    int64  // timestamp of the document, Unix s (AgentWork, AgentInfo)

	Workflow *schema.Workflow    // ReqMgr: the request's side of the record
	Part     *schema.AgentReport // AgentWork
	Info     *schema.AgentDetail // AgentInfo
}

// Result says what an Apply did.
type Result struct {
	Generation              string // newest after the call; empty before the first
	Published               bool   // it made a new generation
	Added, Changed, Removed int    // workflows
	Same                    int    // changes with the content that was known
	Orphans                 int    // agent documents now waiting for their request
	// Refetch names the documents of changes that came without content although
	// the content was not the known one: they were left out.
	Refetch []string
	Swept   []Document // that a Commit removed, as its read did not see them
}

// Document names a document.
type Document struct {
	Kind Kind
	ID   string
}

// Options are what a Store is made with. The zero value is good.
type Options struct {
	Process string        // tag of generation ids: "a" gives a-1, a-2, ...; empty: a
	Cache   Cache         // nil: keeps nothing
	KeepFor time.Duration // a generation can be read at least so long; 0: 15 min
	Memory  int64         // bytes of superseded generations and compressed blocks, together; 0: 192 MiB
	MaxLoss float64       // a full read that misses this share of one kind of documents, or more, is held back; 0: 0.2; 1: none is
	Limits  schema.Limits // zero: those of the present system
	JoinAll bool          // agents' counts are joined in every status, as T0 does; else as schema.StatusInfo says
	Now     func() time.Time
	Log     *slog.Logger
}

func (o *Options) complete() error {
	var err error
	if o.KeepFor < 0 {
		err = errors.Join(err, fmt.Errorf("keep generations for %s: must not be negative", o.KeepFor))
	}
	if o.Memory < 0 {
		err = errors.Join(err, fmt.Errorf("memory of %d bytes: must not be negative", o.Memory))
	}
	if !(o.MaxLoss >= 0 && o.MaxLoss <= 1) {
		err = errors.Join(err, fmt.Errorf("greatest loss %v: must be between 0 and 1", o.MaxLoss))
	}
	if o.Process == "" {
		o.Process = "a"
	}
	if o.Cache == nil {
		o.Cache = NoCache{}
	}
	if o.KeepFor == 0 {
		o.KeepFor = 15 * time.Minute
	}
	if o.Memory == 0 {
		o.Memory = usualMemory
	}
	if o.MaxLoss == 0 {
		o.MaxLoss = 0.2
	}
	if o.Limits.IsZero() {
		o.Limits = schema.DefaultLimits()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return err
}

// usualMemory is Options.Memory where it is not said.
const usualMemory = 192 << 20

// Store holds all generations. Its methods may be called by any goroutine.
type Store struct {
	opt    Options
	layout *block.Layout

	original, campaigns, releases, outputs *block.Column // of layout

	current    atomic.Pointer[Snapshot] // nil before the first generation
	first      chan struct{}            // closed with the first generation
	known      known
	reported   sync.Map // agent name to *atomic.Int64: time of its newest agent_request document
	recoveries recoveries
	kept       generations
	history    history
	made       made
	account    accounting
	lists      lists
	source     atomic.Pointer[SourceState]
	thresholds atomic.Pointer[schema.Limits] // changed under the lock
	waiting    atomic.Int64                  // orphans, for readers
	paused     atomic.Int64                  // ns that writers waited at most for the newest capture

	mu       sync.Mutex // held by the writer; guards all below
	names    *part.Names
	editor   *table.Editor
	sums     *sums.Sums
	entries  map[string]*entry // by workflow
	aliases  map[string]*entry // by id of a request document that is not named like its workflow
	docs     map[string]*agentDoc
	infos    map[string]*info
	orphans  int               // docs whose entry has no request
	epoch    uint32            // number of the newest Load: what it saw carries it
	load     *Load             // in progress, or nil
	believed *census           // known before the first of the reads since the last one that was believed; nil: none since
	doubtful map[Document]bool // that only reads have brought that were not believed
	dues     dueHeap
	encoded  []byte            // working memory: the records of a batch
	records  []schema.Workflow // the same, before they are encoded
	old      schema.Workflow   // working memory: numbers and frequent texts of a record that is replaced
	packing  []byte            // working memory: one record
	number   int64             // of the newest generation

	capturing *captured // under way, or nil
	captures  uint16    // number of the newest one; they repeat, long after anybody has an old one
}

// New makes an empty store. The error names all faults of the options.
func New(o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("store options: %w", err)
	}
	layout, err := block.NewLayout()
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{opt: o, layout: layout, first: make(chan struct{}), editor: table.NewEditor(layout)}
	for key, column := range map[string]**block.Column{
		"OriginalRequest": &s.original, "Campaigns": &s.campaigns, "Releases": &s.releases, "OutputDatasets": &s.outputs,
	} {
		n, ok := layout.Column(key)
		if !ok {
			return nil, fmt.Errorf("store: the record has no %s", key)
		}
		*column = &layout.Columns[n]
	}
	s.kept.init(o.KeepFor)
	s.lists = lists{cache: o.Cache, pending: map[string]*pending{}}
	s.empty()
	s.source.Store(&SourceState{})
	s.thresholds.Store(&s.opt.Limits)
	return s, nil
}

// empty forgets all documents; there is no generation yet.
func (s *Store) empty() {
	s.names, s.sums = part.NewNames(), sums.New()
	s.entries, s.aliases = map[string]*entry{}, map[string]*entry{}
	s.docs, s.infos = map[string]*agentDoc{}, map[string]*info{}
	s.orphans, s.dues, s.believed, s.doubtful = 0, nil, nil, nil
	s.known.empty()
	s.recoveries.empty()
	s.reported.Clear()
}

func (s *Store) now() int64 { return s.opt.Now().Unix() }
