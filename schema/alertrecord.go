package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Alert is one rule that holds for a workflow or an agent, with its reason.
type Alert struct {
	Workflow string `from:"Workflow.Workflow" doc:"the workflow; empty in an alert of an agent"`
	Agent    string `from:"Agent.Agent" doc:"the agent or service; empty in an alert of a workflow"`
	Rule     string `from:"rules of schema/alerts.go; agent_error and agent_warning of an agent, by those of schema/judge.go" doc:"the rule"`
	Reason   string `from:"figures of the record, limits of the rule" doc:"why it holds, in words"`
	Cause    string `from:"documents: the site with most failing or paused jobs and its share, the last transition, the agent that skipped most files or is silent, the component that is down" doc:"the likely cause, in words"`
	Who      string `from:"Cause; else Requestor and Team; who of the rule in the file of --alerts" doc:"who can act: site, agent, service, requestor (team), or the text of the rule; empty if no document says it"`
	Since    int64  `unit:"Unix s" from:"documents, limits of the rule" doc:"when it began to hold; for a rule on time when the limit was passed, for a rule on counts when the status began (documents do not date counts); 0 if unknown"`
}

// Silence is an agent that has not reported the counts of a workflow for longer
// than the limit.
type Silence struct {
	Agent string
	Time  int64 // its last report on the workflow, Unix s
}

// AlertsOf returns the reason for each code in w.Alerts, in their order, never
// nil. It depends only on the record, the facts and the limits, so the same alert
// has the same Since after each restart.
func AlertsOf(w *Workflow, f Facts, l Limits) []Alert {
	out := []Alert{}
	for _, code := range w.Alerts {
		a := Alert{Workflow: w.Workflow, Rule: code, Since: since(w, code, &f, l)}
		bad := badJobs(w)
		switch code {
		case AlertFailed:
			a.Reason = "in status " + w.Status
		case AlertConfigError:
			a.Reason = fmt.Sprintf("%s: none has succeeded", failingReason(w))
		case AlertSiteError:
			a.Reason = fmt.Sprintf("%s: %.1f %% of %d, the limit is %g %%",
				failingReason(w), 100*float64(bad)/float64(bad+w.Success), bad+w.Success, l.SiteErrorPercent())
		case AlertAssignedStall:
			a.Reason = fmt.Sprintf("in status %s since %s, the limit is %s", w.Status, utc(w.StatusTime), Span(l.AssignedStall))
		case AlertStatusStall:
			a.Reason = fmt.Sprintf("in status %s since %s without a running job, the limit is %s", w.Status, utc(w.StatusTime), Span(l.StatusStall))
		case AlertStaleAgent:
			a.Reason = silence(f.Silent, l)
		case AlertSkippedFiles:
			a.Reason = fmt.Sprintf("%d input files skipped", w.SkippedFiles)
			if w.SkippedFiles == 0 {
				a.Reason = "input files skipped, their number is not known"
			}
		case AlertPausedJobs:
			a.Reason = paused(w, l)
		}
		a.explain(w, f, l)
		out = append(out, a)
	}
	return out
}

// failingReason says how many jobs count against a workflow.
func failingReason(w *Workflow) string {
	return fmt.Sprintf("%d jobs fail (%d failed, %d in cooloff, %d paused)", badJobs(w), w.Failure, w.Cooloff, w.Paused)
}

// paused counts the paused jobs by where they stopped: Tier-0's create, submit
// and job paused.
func paused(w *Workflow, l Limits) string {
	var parts []string
	for _, p := range []struct {
		jobs  int64
		where string
	}{{w.PausedCreate, "at creation"}, {w.PausedSubmit, "at submission"}, {w.PausedJob, "after running"}} {
		if p.jobs != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.jobs, p.where))
		}
	}
	return fmt.Sprintf("%d jobs paused (%s), the limit is %d", w.Paused, strings.Join(parts, ", "), l.PausedJobs)
}

// silence lists the agents, the longest silent first.
func silence(silent []Silence, l Limits) string {
	if len(silent) == 0 {
		return "an agent is silent"
	}
	if len(silent) > 1 {
		silent = slices.Clone(silent)
		slices.SortFunc(silent, func(a, b Silence) int { return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Agent, b.Agent)) })
	}
	var room [128]byte
	names := room[:0]
	for i, s := range silent {
		if i > 0 {
			names = append(names, ", "...)
		}
		names = append(names, s.Agent...)
		if s.Time > 0 {
			names = appendUTC(append(names, " since "...), s.Time)
		} else {
			names = append(names, " ever"...)
		}
	}
	return "no job counts of " + string(names) + ", the limit is " + Span(l.AgentSilent)
}

// AlertsOfAgent returns the reasons why an agent is in error or has a warning,
// worst first, never nil. Since is known for the rules on time, and for a
// component that is down, where it is the last heartbeat. Other troubles of an
// agent have no date.
func AlertsOfAgent(d *AgentDetail, now int64, l Limits) []Alert {
	out := []Alert{}
	for _, r := range judge(&d.Agent, now, l) {
		a := Alert{Agent: d.Agent.Agent, Reason: r.text, Since: r.since}
		switch r.severity {
		case SeverityError:
			a.Rule = AlertAgentError
		case SeverityWarning:
			a.Rule = AlertAgentWarning
		default:
			continue
		}
		if r.down {
			a.Since = 0
			if c := longestDown(d.Components); c != nil {
				a.Since = c.LastUpdate
			}
		}
		a.explainAgent(d, r.down, l)
		if l.On(a.Rule) {
			out = append(out, a)
		}
	}
	return out
}

// SiteErrorPercent is SiteErrorRate in percent.
func (l Limits) SiteErrorPercent() float64 { return Percent(l.SiteErrorRate, 1) }

// Span formats seconds as 90s, 20m, 48h or 1h30m.
func Span(seconds int64) string {
	text := (time.Duration(seconds) * time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
