package web

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// GroupsPage are the props of the page of campaigns, releases or sites.
type GroupsPage struct {
	Frame
	Notes   []Note
	Heading string
	Kind    string         // campaign, release, site
	Filter  string         // part of the name to search for
	Unknown []UnknownValue // words of Filter that no name holds
	Total   int64
	Heads   []GroupHead
	Rollups []RollupRow // campaigns and releases
	Sites   []SiteRow
	SiteMap Heat   // jobs by site and state; only on the page of sites
	More    string // address with all sites in the map; "" when all are shown
	Pager   Pager
	Hidden  []Field // fields of the form
	JSON    string
}

// GroupHead is the heading of one column.
type GroupHead struct {
	Key, Label, Doc string // Key is the schema key, "" for a column that does not sort
	Numeric         bool
	Href, Sort      string
}

// groupRoles are the classes of columns that are left out in a narrow window and on paper,
// w3 first. Columns that do not sort have the lines.
var groupRoles = map[string]string{
	"RunningWorkflows": "w1", "JobProgress": "w1", "Tier": "w2", "Country": "w2", "Pending": "w1", "Running": "w1",
	"EventProgress": "w2", "Cooloff": "w2", "RunningSlots": "w2", "OldestStatusTime": "w2", "MaxPriority": "w2", "TotalJobs": "w1",
	"LumiProgress": "w3", "": "w3",
}

// class returns the classes of the heading.
func (h GroupHead) class() string {
	if h.Numeric {
		return strings.TrimSpace("n " + groupRoles[h.Key])
	}
	return groupRoles[h.Key]
}

// Arrow is the sign of a sorted column, "" for the others.
func (h GroupHead) Arrow() string { return Head{Sort: h.Sort}.Arrow() }

// RollupRow is a campaign or a release.
type RollupRow struct {
	Name, Href string
	List       string // its workflows in the full list
	Line       Spark  // running jobs
	NoLine     string // why there is none; "" for kinds without lines
	schema.Rollup
	schema.Counters
}

// SiteRow is a site.
type SiteRow struct {
	schema.Site
	List   string
	Line   Spark  // running jobs
	NoLine string // why there is none
}

// GroupPage are the props of the page of one campaign, release or site: its
// summary and a page of its workflows.
type GroupPage struct {
	Frame
	Notes  []Note
	Pin    PinButton // none for a release
	Kind   string
	Name   string
	Rollup *schema.Rollup     // campaign or release
	Site   *schema.SiteDetail // site
	schema.Counters
	Rate    schema.Rate
	History *History    // jobs by state
	Worst   *WorstSites // of a campaign
	Held    *Held       // of a campaign
	Errors  string      // its failing jobs by site and exit code
	List    List
	All     string // its workflows in the full list
	JSON    string
}

// WorstSites are the sites of a campaign where most jobs failed, as agents count
// them, and their job reports.
type WorstSites struct {
	Rows    []WorstSite
	Reports wire.FailureReports
	Missing *Missing // why job reports could not be read; nil if they were
}

// WorstSite is one of these sites. Reports and ExitCodes are -1 if they could not be
// read.
type WorstSite struct {
	schema.SiteFailures
	Reports, ExitCodes, Retries int64
	Href                        string // its job reports
}

// Counted is the number of workflows of a campaign or release: those that have it
// as their main one, "+" those that have it in a step only.
func Counted(r schema.Rollup) string {
	if r.StepWorkflows == 0 {
		return Int(r.Workflows)
	}
	return Int(r.Workflows) + " + " + Int(r.StepWorkflows)
}

// stepNote explains the second figure of Counted.
func stepNote(r schema.Rollup, kind string) string {
	if r.StepWorkflows == 0 {
		return ""
	}
	return Plural(r.StepWorkflows, "workflow has", "workflows have") + " this " + kind + " in a step only: listed, but not in any total"
}

// statusParts returns the workflows of a campaign or release by status group.
func statusParts(r schema.Rollup) []Part {
	counts := []int64{r.Waiting, r.InTransfer, r.InQueue, r.RunningWorkflows, r.Done, r.Bad}
	parts := make([]Part, len(groups))
	for i, g := range groups {
		parts[i] = Part{Label: words(g.title), Class: g.fill, Count: counts[i], Hatch: g.group == "Bad"}
	}
	return parts
}

// stateNote names the agents that report the state of a site, and says if others
// report a better one.
func stateNote(s *schema.SiteDetail) string {
	if len(s.StateAgents) == 0 {
		return noSlots
	}
	alive := 0
	for _, a := range s.AgentStates {
		if a.Alive && a.State != "" {
			alive++
		}
	}
	reported := "reported by " + joined(s.StateAgents[:min(len(s.StateAgents), mostShown)])
	if more := len(s.StateAgents) - mostShown; more > 0 {
		reported += " and " + Int(int64(more)) + " more"
	}
	if alive > len(s.StateAgents) {
		reported += ", the worst of " + Int(int64(alive)) + " agents"
	}
	return reported
}

// siteStateMark is the mark of the state of a site.
func siteStateMark(state string) Mark {
	switch state {
	case "Normal":
		return Mark{"ok", "●"}
	case "Drain", "Draining":
		return Mark{"run", "◐"}
	case "Down", "Aborted":
		return Mark{"bad", "✕"}
	}
	return Mark{"", "?"}
}

func siteState(state string) string {
	if state == "" {
		return "unknown"
	}
	return state
}
