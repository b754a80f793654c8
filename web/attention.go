package web

import (
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// AttentionPage are the props of the page of workflows and agents that need
// attention.
type AttentionPage struct {
	Frame
	Notes []Note
	Total int64 // distinct workflows and agents
	Rules []AttentionRule
	JSON  string
}

// AttentionRule is one rule with the first workflows or agents that match it.
type AttentionRule struct {
	wire.AttentionRule
	Href string // list of all matches
}

// quiet returns the rules without matches, loud the others.
func (p AttentionPage) quiet() (out []AttentionRule) {
	for _, r := range p.Rules {
		if r.Count == 0 {
			out = append(out, r)
		}
	}
	return out
}

func (p AttentionPage) loud() (out []AttentionRule) {
	for _, r := range p.Rules {
		if r.Count > 0 {
			out = append(out, r)
		}
	}
	return out
}

// itemPath is the address of the page of an item.
func itemPath(item wire.AttentionItem) string {
	switch item.Kind {
	case "Agent":
		return AgentPath(item.Name)
	case "Source":
		return AboutPath
	}
	return WorkflowPath(item.Name)
}

// itemMark is the mark of an item's status.
func itemMark(item wire.AttentionItem) Mark {
	if item.Kind == "Workflow" {
		return StatusMark(item.Status)
	}
	return SeverityMark(item.Status)
}

// prioritized reports whether the items are workflows whose priority is known:
// those with stray jobs may be in no list.
func (r AttentionRule) prioritized() bool {
	return len(r.Items) > 0 && r.Items[0].Kind == "Workflow" && r.Rule != schema.AlertStrayJobs
}
