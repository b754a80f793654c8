package web

import "github.com/dmwm/wmstats/schema"

// Held is what holds the workflows of a campaign, and the work left.
type Held struct {
	Holds    []schema.Hold
	Left     []schema.StatusLeft
	MostLeft []schema.WorkflowLeft
}

// heldList is the address of the workflows that a reason holds; "" if no filter
// selects them.
func heldList(h schema.Hold) string {
	if h.Query == "" {
		return ""
	}
	return WorkflowsPath + "?" + h.Query
}

// linkedNames is the number of sites or agents of a reason that are links.
const linkedNames = 5

// heldLinks are the links to the first sites and agents of a reason.
func heldLinks(h schema.Hold) []Link {
	var links []Link
	for _, site := range h.Sites[:min(len(h.Sites), linkedNames)] {
		links = append(links, Link{Text: site, Href: SitePath(site)})
	}
	for _, agent := range h.Agents[:min(len(h.Agents), linkedNames)] {
		links = append(links, Link{Text: agent, Href: AgentPath(agent)})
	}
	return links
}

// holdTitle is the heading of a reason.
func holdTitle(code string) string {
	titles := map[string]string{
		schema.HoldApproval: "approval", schema.HoldAssignment: "assignment", schema.HoldStaging: "staging", schema.HoldQueue: "global queue",
		schema.HoldPartQueue: "global queue, in part", schema.HoldSitesDown: "sites down", schema.HoldSlotsFull: "slots full", schema.HoldPriority: "priority",
		schema.HoldAgents: "agents", schema.HoldFailing: "failing", schema.HoldSkipped: "skipped input", schema.HoldNothing: "nothing",
	}
	if title := titles[code]; title != "" {
		return title
	}
	return words(code)
}
