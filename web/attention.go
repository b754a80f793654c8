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
	New   int64 // those that began at or after Since; -1: no such time
	Since int64 // Unix s; 0: the address has none, or another form of it
	Only  bool  // new items only

	OnlyNew, All string // the same page with only the new items, and with all
	Rules        []AttentionRule
	JSON         string
}

// AttentionRule is one rule with the first workflows or agents that match it.
type AttentionRule struct {
	wire.AttentionRule
	Href string // list of all matches
}

// quiet returns the rules without matches that are shown, loud the others.
func (p AttentionPage) quiet() (out []AttentionRule) {
	for _, r := range p.Rules {
		if p.count(r) == 0 {
			out = append(out, r)
		}
	}
	return out
}

func (p AttentionPage) loud() (out []AttentionRule) {
	for _, r := range p.Rules {
		if p.count(r) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// count is the number of a rule's matches that the page is about.
func (p AttentionPage) count(r AttentionRule) int {
	if p.Only {
		return r.New
	}
	return r.Count
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
