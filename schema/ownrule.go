package schema

import "slices"

// OwnRule is a rule of the alerts file: it holds for the workflows that have
// matched a query for some time. The code of its alerts is its name.
type OwnRule struct {
	Name     string
	Title    string
	Query    string // filters of /fetch, as in a URL
	For      int64  // s for which the query must have matched
	Severity string // SeverityError or SeverityWarning
	Who      string // who acts; empty: the requestor
	Notify   bool   // people are notified
}

// OwnRule returns the own rule of a name.
func (l Limits) OwnRule(name string) (r OwnRule, ok bool) {
	i := slices.IndexFunc(l.Own, func(r OwnRule) bool { return r.Name == name })
	if i < 0 {
		return r, false
	}
	return l.Own[i], true
}

// explainOwn completes the alert of an own rule.
func (a *Alert) explainOwn(w *Workflow, l Limits) {
	rule, _ := l.OwnRule(a.Rule)
	a.Reason, a.Cause, a.Who = "matches "+rule.Query, entered(w), requestor(w)
	if rule.For > 0 {
		a.Reason += " for " + Span(rule.For)
	}
	if rule.Who != "" {
		a.Who = rule.Who
	}
}
