package web

import "github.com/dmwm/wmstats/schema"

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

// severities in the order of urgency.
var severities = []string{"error", "warning", "drain", "unknown", "ok"}

// Severities lists the severities of agents, the worst first.
func Severities() []string { return append([]string(nil), severities...) }

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
// themselves and every ten on their jobs (domain page, 3.4).
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
	for _, severity := range severities {
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
