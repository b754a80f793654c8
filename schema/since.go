package schema

import "cmp"

// since returns Since of an alert of a workflow.
func since(w *Workflow, code string, f *Facts, l Limits) int64 {
	switch code {
	case AlertFailed, AlertConfigError, AlertSiteError, AlertSkippedFiles, AlertPausedJobs:
		return w.StatusTime
	case AlertAssignedStall:
		return w.StatusTime + l.AssignedStall + 1
	case AlertStatusStall:
		return w.StatusTime + l.StatusStall + 1
	case AlertStaleAgent:
		if first := longestSilent(f.Silent); first.Time > 0 {
			return first.Time + l.AgentSilent + 1
		}
		return 0
	}
	return timeOf(code, f.Began)
}

// timeOf returns the time of a rule; 0 if it is not in the list.
func timeOf(code string, list []Began) int64 {
	for _, b := range list {
		if b.Rule == code {
			return b.Time
		}
	}
	return 0
}

// SeenSince returns when an alert of a workflow was first seen to hold, Unix s.
// For one that held at the first read that is Since of the alert, unless it is
// later than now: then the clock that wrote it is wrong. 0 means unknown.
func SeenSince(w *Workflow, code string, f *Facts, l Limits, now int64) int64 {
	if seen := timeOf(code, f.Seen); seen > 0 {
		return seen
	}
	if began := since(w, code, f, l); began <= now {
		return began
	}
	return 0
}

// longestSilent returns the agent that has been silent longest: of equal ones
// the first by name.
func longestSilent(silent []Silence) (first Silence) {
	for i, s := range silent {
		if i == 0 || cmp.Or(cmp.Compare(s.Time, first.Time), cmp.Compare(s.Agent, first.Agent)) < 0 {
			first = s
		}
	}
	return first
}
