package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// AgentsPage are the props of the page with the table and the cards of all agents,
// or of all services.
type AgentsPage struct {
	Frame
	Notes []Note
	Tabs  []Link // the current one has no address
	Heads []GroupHead
	Rows  []AgentCard // in the order of the table
	Cards []AgentCard // worst first
	JSON  string
}

// AgentCard is one agent or service.
type AgentCard struct {
	schema.AgentDetail
	List   string // its workflows
	Line   Spark  // running jobs; of a row
	NoLine string // why there is none
}

// AgentPage are the props of one agent.
type AgentPage struct {
	Frame
	Notes []Note
	AgentCard
	Drain     schema.Drain
	Rate      schema.Rate
	Workflows List
	History   *History // jobs by state
	JSON      string
}

// tint is the CSS class of an agent's card.
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

// Ages in seconds above which a report is late. Agents send a status report every
// five minutes and job counts every ten.
const (
	lateReport = 1800
	lateData   = 1200
)

// silent and oldData report whether an agent's status report or job counts are late.
func (a AgentCard) silent(now int64) bool { return a.UpdateTime > 0 && now-a.UpdateTime > lateReport }
func (a AgentCard) oldData(now int64) bool {
	return a.DataUpdateTime > 0 && now-a.DataUpdateTime > lateData
}

// bySeverity counts the cards of each severity, leaving out severities without any.
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

// mostSites is the number of sites shown on the page of an agent.
const mostSites = 40

// agentSite is a site as an agent sees it.
type agentSite struct {
	schema.AgentSite

	known bool                       // the agent reports its thresholds
	jobs  []schema.AgentSitePriority // waiting
}

// sitesOf returns the sites for which an agent has thresholds or waiting jobs,
// those with the most pending jobs first.
func sitesOf(a schema.AgentDetail) []agentSite {
	var out []agentSite
	for _, s := range a.Sites {
		out = append(out, agentSite{AgentSite: s, known: true})
	}
	for _, p := range a.SitePriorities {
		i := slices.IndexFunc(out, func(o agentSite) bool { return o.Site == p.Site })
		if i < 0 {
			i = len(out)
			out = append(out, agentSite{AgentSite: schema.AgentSite{Agent: p.Agent, Site: p.Site}})
		}
		out[i].jobs = append(out[i].jobs, p)
	}
	slices.SortStableFunc(out, func(a, b agentSite) int {
		return cmp.Or(cmp.Compare(b.PendingJobs, a.PendingJobs), strings.Compare(a.Site, b.Site))
	})
	return out
}

// waiting lists the waiting jobs by priority, highest first.
func (p agentSite) waiting() string {
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

// noThresholds is shown where an agent has jobs at a site but reports no thresholds.
func noThresholds() Text { return NA("the agent reports no thresholds for this site") }

// jobSource names the component of an agent that counts jobs.
func jobSource(source string) string {
	names := map[string]string{
		"wmbs": "job database", "active": "active batch jobs", "completed": "completed batch jobs", "created_type": "created, by type",
		"executing_type": "executing, by type", "local_queue": "local work queue", "global_queue": "global work queue",
	}
	if name := names[source]; name != "" {
		return name
	}
	return words(source)
}
