package web

import "github.com/dmwm/wmstats/schema"

// AgentsPage are the props of the cards of all agents and services.
type AgentsPage struct {
	Frame
	Notes  []Note
	Groups []AgentCards
	JSON   string
}

// AgentCards are the cards of one kind.
type AgentCards struct {
	ID, Title string
	Agents    []AgentCard // the worst first
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

// bySeverity counts the cards of each severity that is there.
func (g AgentCards) bySeverity() []Part {
	var parts []Part
	for _, severity := range severities {
		part := Part{Label: severity}
		for _, a := range g.Agents {
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
