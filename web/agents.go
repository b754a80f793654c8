package web

import "github.com/dmwm/wmstats/schema"

// AgentsPage are the props of the page with the table of all agents, or of all
// services.
type AgentsPage struct {
	Frame
	Notes []Note
	Tabs  []Link // the current one has no address
	Heads []GroupHead
	Rows  []AgentRow

	Filter  string         // part of the name to search for
	Unknown []UnknownValue // words of Filter that no name holds
	JSON    string
}

// AgentRow is one agent or service.
type AgentRow struct {
	schema.AgentDetail
	List   string // its workflows
	Line   Spark  // running jobs; of a row
	NoLine string // why there is none
}

// Ages in seconds above which a report is late. Agents send a status report every
// five minutes and job counts every ten.
const (
	lateReport = 1800
	lateData   = 1200
)

// silent and oldData report whether an agent's status report or job counts are late.
func (a AgentRow) silent(now int64) bool { return a.UpdateTime > 0 && now-a.UpdateTime > lateReport }
func (a AgentRow) oldData(now int64) bool {
	return a.DataUpdateTime > 0 && now-a.DataUpdateTime > lateData
}

// bySeverity counts the agents of each severity, leaving out severities without any.
func (p AgentsPage) bySeverity() []Part {
	var parts []Part
	for _, severity := range schema.Severities() {
		part := Part{Label: severity}
		for _, a := range p.Rows {
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
