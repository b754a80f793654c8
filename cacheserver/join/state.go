package join

import (
	"time"

	"github.com/dmwm/wmstats/cacheserver/join/sums"
	"github.com/dmwm/wmstats/cacheserver/table"
	"github.com/dmwm/wmstats/schema"
)

// State is all that a generation shows. It is immutable: nothing in it may be
// changed, and the next State shares what did not change.
type State struct {
	Moment     time.Time // of the input that made it
	Table      *table.Table
	Sums       *sums.View
	Agents     []Agent // by agent, then by id of the document
	Limits     schema.Limits
	Recoveries *Recoveries
	Names      []string // agents' names by the numbers that records' sources have
	Documents  int      // agent reports that are joined to a request
	Unmatched  int      // agent reports without their request, at that moment
}

// Agent is one agent_info document.
type Agent struct {
	ID     string
	Detail *schema.AgentDetail
	Heard  Heard // at the moment of the State
}

// Heard is when a document was written, as far as it can be believed.
type Heard struct {
	Time  int64 // Unix s: its timestamp, or when it came if that lay in the future
	Ahead int64 // s by which its timestamp lay in the future
}

// Freshness is when agents were heard of last. It moves also where nothing else
// changes, so it is no part of a State. It is immutable.
type Freshness struct {
	Reports map[string]int64 // time of the newest agent report by agent, Unix s
	Agents  map[string]Heard // by id of the agent_info document
}

// Diff is what one State changed against the one before it: workflows, by name,
// sorted.
type Diff struct{ Added, Changed, Removed []string }

// Outcome is what an input led to.
type Outcome struct {
	Result
	Publish   bool       // State is new, and to be shown
	State     *State     // the newest; nil before the first
	Diff      Diff       // against the State before; empty for the first
	Freshness *Freshness // the newest
}
