package join

import (
	"time"

	"github.com/dmwm/wmstats/cacheserver/join/sums"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/schema"
)

// State is the content of a generation. It is immutable, and the next State
// shares its unchanged parts.
type State struct {
	Moment     time.Time // of the input that made it
	Table      *table.Table
	Sums       *sums.View
	Agents     []Agent // by agent, then by id of the document
	Limits     schema.Limits
	Recoveries *Recoveries
	Names      []string // agents' names by number, as in records' sources
	Documents  int      // agent reports that are joined to a request
	Unmatched  int      // agent reports without their request, at that moment
}

// Agent is one agent_info document.
type Agent struct {
	ID     string
	Detail *schema.AgentDetail
	Heard  Heard // at the moment of the State
	Turned int64 // when schema.ReportedSeverity was seen to change, Unix s; 0: it has not since the first read
}

// Heard is when a document was written, as far as that is credible.
type Heard struct {
	Time  int64 // Unix s: its timestamp, or the time of arrival if that was in the future
	Ahead int64 // s by which its timestamp was in the future
}

// Freshness is when agents were last heard of. It changes even when nothing else
// does, so it is not part of a State. It is immutable.
type Freshness struct {
	Reports map[string]int64 // time of the newest agent report by agent, Unix s
	Agents  map[string]Heard // by id of the agent_info document
}

// Diff is the difference between a State and the previous one: names of
// workflows, sorted.
type Diff struct{ Added, Changed, Removed []string }

// Outcome is the result of an input.
type Outcome struct {
	Result
	Publish   bool       // State is new, and to be published
	State     *State     // the newest; nil before the first
	Diff      Diff       // to the previous State; empty for the first
	Freshness *Freshness // the newest
}
