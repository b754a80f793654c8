package web

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// ChangedPage are the props of the page of what changed.
type ChangedPage struct {
	Frame
	Notes                   []Note
	Since                   string // generation to compare with; "" for none
	Reset                   bool   // its changes are no longer known
	Added, Changed, Removed int64
	Rows                    List     // added and changed workflows
	Gone                    []string // names
	Cut                     bool     // not all are shown
	From                    int64    // Unix s
	Choices                 []Choice
	ByStatus                []StatusCount
	Moved                   List
	All                     string // Moved as a list
	Ahead                   int64  // workflows whose status time is in the future
	AheadHref               string

	Failing []FailingNames // campaigns, sites, workflows
	Alerts  AlertChanges
	Agents  ChangesOf[schema.AgentChange]
	Sites   ChangesOf[schema.SiteChange]
}

// StatusCount is a status with the number of workflows that entered it.
type StatusCount struct {
	Status string
	Count  int64
	Href   string
}

// FailingNames are the names of one kind that gained most failed jobs.
type FailingNames struct {
	Kind    string // campaign, site, workflow
	Total   int64  // all that gained any
	Rows    []schema.FailureChange
	From    int64 // time of the counts that they are compared with; 0: none yet
	Missing bool  // they could not be read
	Data    string
}

// path returns the address of the page of a name.
func (f FailingNames) path(name string) string {
	switch f.Kind {
	case "campaign":
		return CampaignPath(name)
	case "site":
		return SitePath(name)
	}
	return WorkflowPath(name)
}

// AlertChanges are the alerts of workflows that began or ended.
type AlertChanges struct {
	Rows    []schema.AlertChange
	From    int64
	Missing bool
	List    func(rule string) string        // workflows under the rule
	Began   func(schema.AlertChange) string // those that came under it
	Data    string
}

// ChangesOf are changes of states, the newest first.
type ChangesOf[T any] struct {
	Rows    []T
	Total   int64 // also those that are not shown
	Missing bool
	Data    string // address of all of them
}

// nothingFailed says in one line that nothing gained failed jobs; "" if something did.
func (p ChangedPage) nothingFailed() string {
	for _, f := range p.Failing {
		switch {
		case f.Missing:
			return "Could not be read."
		case len(f.Rows) > 0:
			return ""
		}
	}
	if len(p.Failing) == 0 || p.Failing[0].From == 0 {
		return "No counts over time yet."
	}
	return "Nothing has gained any" + p.known(p.Failing[0].From) + "."
}

// slack is the time between the chosen one and that of the counts before it, in s,
// that is not worth a word: counts are taken every five minutes.
const slack = 600

// known names the time from which on changes are known, if that is not the chosen one.
func (p ChangedPage) known(from int64) string {
	if d := from - p.From; d > slack || d < -slack {
		return " since " + UTC(from) + ", from which on this is known"
	}
	return ""
}

// agentFact names the part of an agent's state that changed: "component JobSubmitter".
func agentFact(c schema.AgentChange) string {
	return strings.TrimSpace(c.Kind + " " + c.Name)
}

// stateBefore says how long the state before lasted; "" if that is unknown.
func stateBefore(seconds int64) string {
	if seconds < 0 {
		return ""
	}
	return "after " + Duration(seconds)
}
