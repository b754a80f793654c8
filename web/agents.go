package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// AgentsPage are the props of a table and cards of all agents, or of all
// services.
type AgentsPage struct {
	Frame
	Notes []Note
	Tabs  []Link // the one that is shown has no address
	Heads []GroupHead
	Rows  []AgentCard // in the order of the table
	Cards []AgentCard // the worst first
	JSON  string
}

// AgentCard is one agent or service.
type AgentCard struct {
	schema.AgentDetail
	List string // its workflows
}

// AgentPage are the props of one agent.
type AgentPage struct {
	Frame
	Notes []Note
	AgentCard
	Workflows List
	JSON      string
}

// tint is the class of an agent's card.
func (a AgentCard) tint() string {
	switch a.Severity {
	case "ok", "drain":
		return a.Severity
	case "warning":
		return "warn"
	case "error":
		return "bad"
	}
	return ""
}

// Seconds after which a report is late: agents write every five minutes on
// themselves and every ten on their jobs.
const (
	lateReport = 1800
	lateData   = 1200
)

// silent and oldData judge the ages of an agent's reports.
func (a AgentCard) silent(now int64) bool { return a.UpdateTime > 0 && now-a.UpdateTime > lateReport }
func (a AgentCard) oldData(now int64) bool {
	return a.DataUpdateTime > 0 && now-a.DataUpdateTime > lateData
}

// bySeverity counts the cards of each severity that is there.
func (p AgentsPage) bySeverity() []Part {
	var parts []Part
	for _, severity := range schema.Severities() {
		part := Part{Label: severity}
		for _, a := range p.Cards {
			if a.Severity == severity {
				part.Count++
			}
		}
		if part.Count > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}

// mostPlaces is how many sites the page of an agent shows.
const mostPlaces = 40

// agentPlace is a site as an agent sees it.
type agentPlace struct {
	schema.AgentSite

	known bool                       // the agent tells its thresholds
	jobs  []schema.AgentSitePriority // that wait
}

// placesOf are the sites that an agent has thresholds or waiting jobs for, those
// with most pending jobs first.
func placesOf(a schema.AgentDetail) []agentPlace {
	var out []agentPlace
	for _, s := range a.Sites {
		out = append(out, agentPlace{AgentSite: s, known: true})
	}
	for _, p := range a.SitePriorities {
		i := slices.IndexFunc(out, func(o agentPlace) bool { return o.Site == p.Site })
		if i < 0 {
			i = len(out)
			out = append(out, agentPlace{AgentSite: schema.AgentSite{Agent: p.Agent, Site: p.Site}})
		}
		out[i].jobs = append(out[i].jobs, p)
	}
	slices.SortStableFunc(out, func(a, b agentPlace) int {
		return cmp.Or(cmp.Compare(b.PendingJobs, a.PendingJobs), strings.Compare(a.Site, b.Site))
	})
	return out
}

// waiting are the jobs that wait, the highest priority first.
func (p agentPlace) waiting() string {
	sorted := slices.SortedStableFunc(slices.Values(p.jobs), func(a, b schema.AgentSitePriority) int { return cmp.Compare(b.Priority, a.Priority) })
	texts := make([]string, len(sorted))
	for i, one := range sorted {
		texts[i] = Int(one.Jobs) + " at " + Int(one.Priority)
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}

// noThresholds stands where an agent has jobs at a site and says no more of it.
func noThresholds() Text { return NA("the agent gives no thresholds for this site") }

// jobSource names the part of an agent that counts jobs.
func jobSource(source string) string {
	names := map[string]string{
		"wmbs": "job database", "active": "batch jobs under way", "completed": "batch jobs that ended", "created_type": "created, by type",
		"executing_type": "executing, by type", "local_queue": "local work queue", "global_queue": "global work queue",
	}
	if name := names[source]; name != "" {
		return name
	}
	return words(source)
}
