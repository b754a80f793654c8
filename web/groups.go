package web

import "github.com/dmwm/wmstats/schema"

// GroupsPage are the props of the tables of campaigns, releases and sites.
type GroupsPage struct {
	Frame
	Notes   []Note
	Heading string
	Kind    string // campaign, release, site
	Filter  string // part of the name that is asked for
	Total   int64
	Heads   []GroupHead
	Rollups []RollupRow // campaigns and releases
	Sites   []SiteRow
	SiteMap Heat   // jobs by site and state; of the page of sites
	More    string // address with all sites in the map; "" when they are all there
	Pager   Pager
	Hidden  []Field // of the form
	JSON    string
}

// GroupHead is one column of such a table.
type GroupHead struct {
	Label, Doc string
	Numeric    bool
	Href, Sort string
}

// Arrow shows the order of a sorted column.
func (h GroupHead) Arrow() string { return Head{Sort: h.Sort}.Arrow() }

// RollupRow is a campaign or a release.
type RollupRow struct {
	Name, Href string
	List       string // its workflows as a list with all filters
	Line       Spark  // of its running jobs
	NoLine     string // why there is none; of a kind that has lines
	schema.Rollup
	schema.Counters
}

// SiteRow is a site.
type SiteRow struct {
	schema.Site
	List   string
	Line   Spark  // of its running jobs
	NoLine string // why there is none
}

// GroupPage are the props of one campaign, release or site: its summary and
// the page of its workflows.
type GroupPage struct {
	Frame
	Notes  []Note
	Kind   string
	Name   string
	Rollup *schema.Rollup     // campaign or release
	Site   *schema.SiteDetail // site
	schema.Counters
	History *History    // jobs by state; nil where none are kept
	Worst   *WorstSites // of a campaign
	Errors  string      // its failing jobs by site and exit code
	List    List
	All     string // its workflows as a list with all filters
	JSON    string
}

// WorstSites are those where most jobs of a campaign fail.
type WorstSites struct {
	Rows    []ErrorRow
	Total   int64    // sites where any fail
	Missing *Missing // why there are none; nil when they were read
}

// Counted is how many workflows a campaign or release has: those that have it as
// their main one, and those that have it in a step alone.
func Counted(r schema.Rollup) string {
	if r.StepWorkflows == 0 {
		return Int(r.Workflows)
	}
	return Int(r.Workflows) + " + " + Int(r.StepWorkflows)
}

// stepNote says what the second figure of Counted is.
func stepNote(r schema.Rollup, kind string) string {
	if r.StepWorkflows == 0 {
		return ""
	}
	return Plural(r.StepWorkflows, "workflow has", "workflows have") + " this " + kind + " in a step alone: in the list, and in no sum"
}

// statusParts are the workflows of a campaign or release by status group.
func statusParts(r schema.Rollup) []Part {
	counts := []int64{r.Waiting, r.InTransfer, r.InQueue, r.RunningWorkflows, r.Done, r.Bad}
	parts := make([]Part, len(groups))
	for i, g := range groups {
		parts[i] = Part{Label: words(g.title), Class: g.fill, Count: counts[i], Hatch: g.group == "Bad"}
	}
	return parts
}

// stateNote says who says the state of a site, and that others say otherwise.
func stateNote(s *schema.SiteDetail) string {
	if len(s.StateAgents) == 0 {
		return "no agent that is alive says"
	}
	alive := 0
	for _, a := range s.AgentStates {
		if a.Alive && a.State != "" {
			alive++
		}
	}
	said := "as " + joined(s.StateAgents[:min(len(s.StateAgents), mostShown)])
	if more := len(s.StateAgents) - mostShown; more > 0 {
		said += " and " + Int(int64(more)) + " more"
	}
	said += map[bool]string{true: " says", false: " say"}[len(s.StateAgents) == 1]
	if alive > len(s.StateAgents) {
		said += ", the worst of " + Int(int64(alive)) + " agents"
	}
	return said
}

// siteStateMark is how the state of a site looks.
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
		return "not given"
	}
	return state
}
