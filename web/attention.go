package web

import "github.com/dmwm/wmstats/schema/wire"

// AttentionPage are the props of the page on what somebody should look at.
type AttentionPage struct {
	Frame
	Notes []Note
	Total int64 // different workflows and agents
	Rules []AttentionRule
	JSON  string
}

// AttentionRule is one reason, with the first of those that it names.
type AttentionRule struct {
	wire.AttentionRule
	Href string // list of all
}

// quiet are the rules that name nothing, and loud the others.
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

// itemPath is the page of what a rule names.
func itemPath(item wire.AttentionItem) string {
	switch item.Kind {
	case "Agent":
		return AgentPath(item.Name)
	case "Source":
		return "/about"
	}
	return WorkflowPath(item.Name)
}

// itemMark is how its status looks.
func itemMark(item wire.AttentionItem) Mark {
	if item.Kind == "Workflow" {
		return StatusMark(item.Status)
	}
	return SeverityMark(item.Status)
}

// prioritized reports whether a rule names workflows, which have a priority.
func (r AttentionRule) prioritized() bool {
	return len(r.Items) > 0 && r.Items[0].Kind == "Workflow"
}
