package web

import (
	"slices"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// OverviewPage are the props of the first page.
type OverviewPage struct {
	Frame
	Notes     []Note
	Needs     Needs
	Statuses  []StatusTile
	Jobs      []Part // all jobs; nil if unavailable
	ByType    []TypeBar
	Campaigns []TopRow
	Sites     []TopRow
	Agents    []AgentGroup
	Ages      []Bucket
	History   History // workflows by status

	TodayTotal int64 // statuses entered since 00:00 UTC
}

// Needs is the strip of what needs somebody.
type Needs struct {
	Missing bool  // it could not be read
	Total   int64 // distinct workflows and agents
	Agents  int   // in error
	Worst   []Need
}

// Need is a workflow or agent with the rules that it matches.
type Need struct {
	wire.AttentionItem
	Rule   string // the first of them
	Titles []string
}

// StatusTile is one status with its workflows.
type StatusTile struct {
	schema.StatusSummary
	Href   string // its workflows
	Oldest string // its workflows, longest in it first; "" for final statuses

	Entered int64 // workflows that entered it since 00:00 UTC
	Half    Text  // half of them are in it for less than this time
	Most    Text  // 95 % of them
}

// waiting reports whether any workflow is in a status that is not final.
func (p OverviewPage) waiting() bool {
	return slices.ContainsFunc(p.Statuses, func(t StatusTile) bool { return t.Oldest != "" })
}

// TypeBar has the jobs of one request type.
type TypeBar struct {
	Type      string
	Workflows int64
	Href      string
	Parts     []Part
}

// TopRow is a campaign or a site in a ranking.
type TopRow struct {
	Name, Href string
	Workflows  int64
	Counted    string // Workflows, "+" those that have it in a step only
	schema.Counters
	List string // its workflows, most failures first
}

// AgentGroup has the agents of one severity.
type AgentGroup struct {
	Severity string
	Agents   []schema.Agent
}

// named returns the agents that the overview names; healthy ones are only counted.
func (g AgentGroup) named() []schema.Agent {
	if g.Severity == "ok" {
		return nil
	}
	return g.Agents
}

// lifeGroup is one group of the life cycle with its statuses.
type lifeGroup struct {
	Title string
	Tiles []StatusTile
}

// lifeCycle groups statuses in the order of the life cycle; unknown statuses come
// last.
func lifeCycle(tiles []StatusTile) []lifeGroup {
	var out []lifeGroup
	taken := map[string]bool{}
	for _, g := range groups {
		group := lifeGroup{Title: g.title}
		for _, tile := range tiles {
			if info, ok := schema.StatusOf(tile.Status); ok && info.Group == g.group {
				group.Tiles = append(group.Tiles, tile)
				taken[tile.Status] = true
			}
		}
		if group.Tiles != nil {
			out = append(out, group)
		}
	}
	rest := lifeGroup{Title: "Unknown"}
	for _, tile := range tiles {
		if !taken[tile.Status] {
			rest.Tiles = append(rest.Tiles, tile)
		}
	}
	if rest.Tiles != nil {
		out = append(out, rest)
	}
	return out
}

// hasJobs reports whether a bar has anything to show.
func hasJobs(parts []Part) bool {
	for _, p := range parts {
		if p.Count > 0 {
			return true
		}
	}
	return false
}
