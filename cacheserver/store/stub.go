// Package store keeps what the API lists: workflows and the sums made of them,
// as immutable generations. Writers (the follower) take a lock, join documents
// to records and publish the next generation with one atomic pointer; readers
// load that pointer once per request and never lock. The store knows neither
// HTTP nor CouchDB.
package store

import (
	"log/slog"
	"time"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// STUBS: the surface that follower and api build on.

// Kind says what a Change is about.
type Kind uint8

const (
	ReqMgr    Kind = iota + 1 // a request document
	AgentWork                 // an agent_request document
	AgentInfo                 // an agent_info document
)

// Change is one document in the form the store takes: already decoded, by as
// many goroutines as there are cores, outside of the store's lock.
type Change struct {
	Kind    Kind
	ID, Rev string
	Deleted bool   // the document is gone, or no longer of interest
	Hash    uint64 // schema.ContentHash of the document
	Time    int64  // timestamp of the document, Unix s (AgentWork, AgentInfo)

	Workflow *schema.Workflow    // ReqMgr: the request's side of the record
	Part     *schema.AgentPart   // AgentWork
	Info     *schema.AgentDetail // AgentInfo
}

// Result says what an Apply did.
type Result struct {
	Generation              string // newest after the call
	Published               bool   // it made a new generation
	Added, Changed, Removed int    // workflows
	Same                    int    // changes with the content that was known
	Orphans                 int    // agent documents now waiting for their request
}

// Cache keeps what costs something to make. It may forget at any time; a key
// never gets a second value. ristretto behind it, or nothing (tests).
type Cache interface {
	Get(key string) (value any, ok bool)
	Set(key string, value any, cost int64)
}

type Options struct {
	Process   string        // tag of generation ids: "a" gives a-1, a-2, ...
	Cache     Cache         // nil: keeps nothing
	KeepFor   time.Duration // a generation can be read at least so long; 0: 15 min
	KeepBytes int64         // memory that superseded generations may hold; 0: 256 MiB
	MaxLoss   float64       // a full read that loses more than this share is held back; 0: 0.5
	Limits    schema.Limits
	Now       func() time.Time
	Log       *slog.Logger
}

type Store struct{}

func New(o Options) (*Store, error) { panic("stub") }

// Apply joins changes to what is there and publishes at most one generation.
// Before the first Commit of a Load it only gathers. Applying a change again
// changes nothing.
func (s *Store) Apply(changes []Change) Result { panic("stub") }

// Tick applies the rules that depend on time (alerts); call it now and then.
func (s *Store) Tick() Result { panic("stub") }

// Load is a full read in progress. Add applies documents as they come;
// Commit removes what the read did not see, unless that is suspiciously much.
type Load struct{}

func (s *Store) BeginLoad() *Load       { panic("stub") }
func (l *Load) Add(changes []Change)    { panic("stub") }
func (l *Load) Commit() (Result, error) { panic("stub") } // *ShrunkError: held back, the old records stay
func (l *Load) Abort()                  { panic("stub") } // keeps what was added, removes nothing

// SourceState is what the follower knows of the source.
type SourceState struct {
	Source              string // for people: URL without user and password, or "mock seed 1"
	Stale               bool
	Reason              string    // why stale, fit for the public: no URL, no path
	CheckTime           time.Time // when the source last answered
	LoadSeconds         float64
	Complete            bool
	BadDocuments, Flaws int64
}

func (s *Store) SetSource(SourceState)  { panic("stub") }
func (s *Store) Source() SourceState    { panic("stub") }
func (s *Store) Info() schema.CacheInfo { panic("stub") }

// Snapshot is one generation. It is immutable and shared.
type Snapshot struct{}

func (s *Store) Snapshot() (snap *Snapshot, ok bool)    { panic("stub") } // false before the first Commit
func (s *Store) Generation(id string) (*Snapshot, bool) { panic("stub") } // a kept generation; reading prolongs it
func (s *Store) Wait(after string) <-chan struct{}      { panic("stub") } // closed when a generation other than after is there

func (g *Snapshot) ID() string      { panic("stub") }
func (g *Snapshot) Time() time.Time { panic("stub") } // published
func (g *Snapshot) Total() int      { panic("stub") }

// Selection is the ordered result list of a query on one generation: a filter
// and a sort cost once, every page of them costs its own length.
type Selection struct{}

func (g *Snapshot) Select(q wire.Query) (*Selection, error) { panic("stub") } // kept per generation and (terms, text, names, after, sort)
func (l *Selection) Total() int                             { panic("stub") }

// Page returns encoded records idx..idx+limit, each one JSON object, no newline.
func (l *Selection) Page(idx, limit int) [][]byte   { panic("stub") }
func (l *Selection) Versions(idx, limit int) uint64 { panic("stub") } // content hash of that page, for ETags and cache keys
func (l *Selection) Last(idx, limit int) string     { panic("stub") } // name of the last workflow of that page
// Stitched returns the page as one gzip member made of kept segments, when
// the selection is the unfiltered list in name order; else ok is false.
func (l *Selection) Stitched(idx, limit int, format wire.Format) (parts [][]byte, size int64, ok bool) {
	panic("stub")
}
func (g *Snapshot) Facets(q wire.Query) (map[string]wire.FacetResult, error) { panic("stub") } // drill-sideways, exact
func (g *Snapshot) Stats(q wire.Query, by, sum []string) ([]wire.StatsGroup, int, error) {
	panic("stub")
}

// Sources names the documents behind one workflow, newest known.
type Sources struct {
	Request string   // id of the request document
	Agents  []string // ids of the agent_request documents
	Version uint64   // hash over their content
}

func (g *Snapshot) Workflow(name string) (encoded []byte, src Sources, ok bool) { panic("stub") }
func (g *Snapshot) NearWorkflows(name string, n int) []string                   { panic("stub") }
func (g *Snapshot) RecoveriesOf(name string) []string                           { panic("stub") }

// Sums. Agents are finished with the present time: their age counts.
func (g *Snapshot) Campaigns() []schema.Campaign         { panic("stub") }
func (g *Snapshot) Releases() []schema.Release           { panic("stub") }
func (g *Snapshot) Sites() []schema.Site                 { panic("stub") }
func (g *Snapshot) Statuses() []schema.StatusSummary     { panic("stub") }
func (s *Store) Agents(g *Snapshot) []schema.AgentDetail { panic("stub") }
