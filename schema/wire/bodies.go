package wire

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/dmwm/wmstats/schema"
)

// FacetResult is the answer to one Facet.
type FacetResult struct {
	Values   []FacetValue
	Distinct int // different values under the other filters
	Other    int // records, or list elements, of the values not shown
	Missing  int // records without a value
}

// FacetValue is one value with the number of records that have it.
type FacetValue struct {
	Value string
	Count int
}

// FacetPage is the body of /facet/{field}.
type FacetPage struct {
	Generation string
	Time       string
	Field      string // schema key
	FacetResult
}

// Envelope is the body of a list with envelope=1 or facets=.
type Envelope[T any] struct {
	Generation string
	Time       string // RFC 3339, UTC
	Total      int
	Idx        int
	Limit      int    // 0 with limit=all
	Next       string // URL of the next page, "" at the end
	Items      []T
	Facets     map[string]FacetResult // by schema key
}

// FailureReports compares the failed jobs that agents count with those whose
// job reports have arrived. ReportedJobs may be greater: agents forget
// workflows before the source does.
type FailureReports struct {
	Failure      int64
	ReportedJobs int64
	Agents       []AgentFailureReports // those with any failed or reported jobs, most missing first
}

// AgentFailureReports is FailureReports for one agent.
type AgentFailureReports struct {
	Agent        string
	Failure      int64
	ReportedJobs int64
}

// NewFailureReports builds FailureReports from counts by agent.
func NewFailureReports(failure, reported map[string]int64) (r FailureReports) {
	all := maps.Clone(failure)
	for agent := range reported {
		all[agent] += 0
	}
	r.Agents = []AgentFailureReports{}
	for agent, n := range all {
		if one := (AgentFailureReports{agent, n, reported[agent]}); one.Failure > 0 || one.ReportedJobs > 0 {
			r.Failure += one.Failure
			r.ReportedJobs += one.ReportedJobs
			r.Agents = append(r.Agents, one)
		}
	}
	slices.SortFunc(r.Agents, func(a, b AgentFailureReports) int {
		return cmp.Or(cmp.Compare(b.Failure-b.ReportedJobs, a.Failure-a.ReportedJobs), cmp.Compare(a.Agent, b.Agent))
	})
	return r
}

// ErrorsEnvelope is the body of /errors with envelope=1.
type ErrorsEnvelope struct {
	Envelope[schema.ErrorSummary]
	FailureReports
}

// JobErrorsEnvelope is the body of /fetch/{workflow}/errors with envelope=1.
type JobErrorsEnvelope struct {
	FailureReports
	Items []schema.JobError
}

// StatsGroup is one group of /stats.
type StatsGroup struct {
	Keys  []string // one value for each field of by, "" where missing
	Count int      // workflows
	Sums  []int64  // one for each field of sum
}

// Stats is the body of /stats. Its counts are always exact.
type Stats struct {
	Generation string
	Time       string
	Total      int      // workflows under the filter
	By         []string // schema keys; none: one group of all
	Sum        []string
	Groups     []StatsGroup // by Count, most first, then by Keys
}

// Group is the body of /sites/{site} and of the other group pages. The summary
// record comes before it, under the key of its kind (Site, Campaign, Release,
// Agent), and Facets come after it when facets were requested.
type Group[W any] struct {
	Total     int
	Idx       int
	Limit     int
	Next      string
	Note      string // why the number of Workflows may differ from the record's count; nearly always ""
	Workflows []W
}

// Pulse is the body of /pulse.
type Pulse struct {
	schema.CacheInfo

	Attention int // workflows and agents that match rules of /attention; -1 before the first generation
	New       int // those of them that began at or after since=; -1 without since=, and before the first generation
}

// Attention is the body of /attention.
type Attention struct {
	Generation string
	Time       string
	Total      int             // distinct workflows and agents that match
	New        int             // those of them that began at or after since=; -1 without since=
	Rules      []AttentionRule // all: those that hold back most workflows first; those without matches last, in a fixed order
}

// AttentionRule is one rule with its matches.
type AttentionRule struct {
	Rule      string
	Title     string
	Help      string          // what the rule checks
	Count     int             // workflows or agents that match
	New       int             // those of them that began at or after since=; -1 without since=
	Workflows int64           // workflows that all matches hold back; those with a Score of 1 hold back nothing
	Query     string          // address of the list of all of them
	Items     []AttentionItem // the first, at most 20
}

// AttentionItem is one workflow or agent, or the source. Items of a rule are
// ordered by Workflows, Score and Priority, the greatest first, then by Since
// and Name.
type AttentionItem struct {
	Kind      string // Workflow, Agent or Source
	Name      string
	Status    string   // status of the workflow, severity of the agent
	Priority  int64    // 0 for what has none
	Since     int64    // Unix s: start of the status, last report or last answer; 0 if unknown
	Failure   int64    // failed jobs
	Workflows int64    // workflows that it holds back: 1 for a workflow; those of an agent in error; 0 for a warning
	Score     int64    // jobs that these have and that have not succeeded, as Score of a workflow
	Cause     string   // the likely cause
	Who       string   // who can act; "" if no document says it
	Reasons   []string // why the rule matches, in words
	New       bool     // it began at or after since=

	Alerts []schema.Alert // the same for a workflow or agent as records, with Since
}

// Events of /changes.
const (
	EventGeneration = "generation" // what changed from Previous to Generation
	EventReset      = "reset"      // Previous can't be compared: read the list at Generation, then continue from it
)

// LastEvent ends a stream of events when the server shuts down. The reader
// connects again, here or elsewhere, with the last id that it has.
const LastEvent = "event: end\ndata: {\"Event\":\"end\"}\n\n"

// MaxChanges is the maximum number of names of each kind in one Change.
const MaxChanges = 500

// Change is the body of /changes, and the data of an event of its stream. Under
// filters it covers only workflows that match: adding Workflows to a set and
// removing Gone from it yields the list of Generation.
type Change struct {
	Event      string
	Generation string
	Previous   string // "" in a reset
	Time       string // of Generation
	Added      int    // workflows that are new in the list
	Changed    int
	Removed    int
	Total      int               // workflows in the list
	Workflows  []string          // added and changed, by name, at most MaxChanges
	Gone       []string          // removed, by name, at most MaxChanges
	Truncated  bool              // there are more than those named: read the list
	Records    []json.RawMessage // of Workflows, with include=records
}

// FindStats is the cost of a selector, with execution_stats.
type FindStats struct {
	Workflows int // in the generation
	Examined  int // records that were matched one by one; 0: the answer came from columns
	Matched   int
}
