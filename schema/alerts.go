package schema

import "slices"

// Limits are the thresholds of the alert and severity rules.
type Limits struct {
	AgentSilent   int64   // s without a report until an agent, or its counts, are stale: 1200
	AssignedStall int64   // s in status assigned: 7200
	StatusStall   int64   // s in acquired, running-open or running-closed with no running job: 172800
	SiteErrorRate float64 // share of failing jobs above which a workflow has a site error: 0.85
	PausedJobs    int64   // paused jobs above which a workflow has an alert: 0

	Off []string          // rules that are not applied, by code
	Who map[string]string // who acts, by rule; otherwise the facts say it
	Own []OwnRule         // further rules
}

// DefaultLimits returns the limits of the old WMStats, which has no alert for
// paused jobs in production.
func DefaultLimits() Limits {
	l := TierZeroLimits()
	l.Off = []string{AlertPausedJobs}
	return l
}

// TierZeroLimits returns the defaults for Tier-0: with the alert for paused
// jobs.
func TierZeroLimits() Limits {
	return Limits{AgentSilent: 1200, AssignedStall: 7200, StatusStall: 172800, SiteErrorRate: 0.85}
}

// IsZero reports whether no limit is set.
func (l Limits) IsZero() bool {
	return l.AgentSilent == 0 && l.AssignedStall == 0 && l.StatusStall == 0 && l.SiteErrorRate == 0 && l.PausedJobs == 0 && len(l.Off) == 0
}

// On reports whether a rule is applied.
func (l Limits) On(rule string) bool { return !slices.Contains(l.Off, rule) }

// Codes of Workflow.Alerts, in the order in which they are listed.
const (
	AlertFailed        = "failed"
	AlertConfigError   = "config_error"
	AlertSiteError     = "site_error"
	AlertAssignedStall = "assigned_stall"
	AlertStatusStall   = "status_stall"
	AlertStaleAgent    = "stale_agent"
	AlertSkippedFiles  = "skipped_files"
	AlertPausedJobs    = "paused_jobs" // of Tier-0
)

// AlertStrayJobs is the rule of StrayWorkflow records. It is not in
// Workflow.Alerts: most of them have no Workflow record.
const AlertStrayJobs = "stray_jobs"

// Rules of the alerts of agents: their severity.
const (
	AlertAgentError   = "agent_error"
	AlertAgentWarning = "agent_warning"
)

// Alerts returns the codes of the production rules that hold for a workflow,
// never nil. stale lists those of its agents whose counts are older than
// AgentSilent. next is the first time, Unix s, at which the codes change
// without a change of any document, given the same stale; 0 means never.
func Alerts(w *Workflow, stale []string, now int64, l Limits) (alerts []string, next int64) {
	alerts = []string{}
	if code := failureAlert(w, l); code != "" {
		alerts = append(alerts, code)
	}
	if code, limit := stall(w, l); code != "" && w.StatusTime > 0 {
		if since := w.StatusTime + limit + 1; now >= since { // "more than": a second later
			alerts = append(alerts, code)
		} else {
			next = since
		}
	}
	if status, _ := StatusOf(w.Status); len(stale) > 0 && status.Group == "RunningWorkflows" && l.On(AlertStaleAgent) {
		alerts = append(alerts, AlertStaleAgent)
	}
	if (w.Skipped || w.SkippedFiles > 0) && l.On(AlertSkippedFiles) {
		alerts = append(alerts, AlertSkippedFiles)
	}
	if w.Paused > max(l.PausedJobs, 0) && l.On(AlertPausedJobs) {
		alerts = append(alerts, AlertPausedJobs)
	}
	return alerts, next
}

// failureAlert returns the first of failed, config_error and site_error that
// holds. A rule that is off lets the next one apply.
func failureAlert(w *Workflow, l Limits) string {
	switch w.Status {
	case "failed", "epic-FAILED":
		if l.On(AlertFailed) {
			return AlertFailed
		}
	case "closed-out", "announced", "aborted", "rejected":
		return ""
	}
	bad := float64(badJobs(w))
	switch {
	case bad > 0 && w.Success == 0 && l.On(AlertConfigError):
		return AlertConfigError
	case bad > 0 && bad/(bad+float64(w.Success)) > l.SiteErrorRate && l.On(AlertSiteError):
		return AlertSiteError
	}
	return ""
}

// badJobs counts the jobs that have failed, wait for a retry or wait for an
// operator.
func badJobs(w *Workflow) int64 { return w.Cooloff + w.Paused + w.Failure }

// stall returns the rule on time that applies to the status of a workflow, if
// any.
func stall(w *Workflow, l Limits) (code string, limit int64) {
	switch w.Status {
	case "assigned":
		code, limit = AlertAssignedStall, l.AssignedStall
	case "acquired", "running-open", "running-closed":
		if w.Running == 0 {
			code, limit = AlertStatusStall, l.StatusStall
		}
	}
	if !l.On(code) {
		return "", 0
	}
	return code, limit
}
