package web

import (
	"unicode"

	"github.com/dmwm/wmstats/schema"
)

// reasons say why a figure is not defined: all that it may be, where a list has not
// asked for the rest of the record.
var reasons = map[string]string{
	"JobProgress":     "no jobs are counted",
	"FailureRate":     "no ended job is counted",
	"EventProgress":   "input events or output are not known",
	"LumiProgress":    "input lumi sections or output are not known",
	"QueueInjection":  "no agent has reported, or expected jobs are not known",
	"SecondsLeft":     "no estimate: nothing has ended, it does not run, or too little is known",
	"EstimatedJobs":   "not known before the global queue splits the work",
	"InputEvents":     "the request does not say",
	"InputLumis":      "the request does not say",
	"InputFiles":      "the request does not say",
	"RequestedEvents": "the request does not say",
	"AvgOutputEvents": "no output dataset yet",
	"AvgOutputLumis":  "no output dataset yet",
}

// Reason says why the figure under a key is not defined.
func Reason(key string) string {
	if reason, ok := reasons[key]; ok {
		return reason
	}
	return "not known"
}

// reasonFor is Reason for one workflow, whose record knows more: what agents count
// is not known before they have.
func reasonFor(key string, w *schema.Workflow) string {
	switch key {
	case "JobProgress", "FailureRate", "SecondsLeft":
	case "QueueInjection":
		if w.EstimatedJobs <= 0 {
			return "the expected number of jobs is not known before the global queue splits the work"
		}
	case "EventProgress":
		if w.InputEvents <= 0 {
			return "the number of input events is not known"
		}
	case "LumiProgress":
		if w.InputLumis <= 0 {
			return "the number of input lumi sections is not known"
		}
	default:
		return Reason(key)
	}
	if !w.HasJobInfo {
		text := []rune(noCounts(w))
		text[0] = unicode.ToLower(text[0])
		return string(text[:len(text)-1])
	}
	if key == "EventProgress" || key == "LumiProgress" {
		return "no output dataset yet"
	}
	return Reason(key)
}

// noCounts says why no agent counts the jobs of a workflow: not in every status are
// their reports read. It is "" when one does.
func noCounts(w *schema.Workflow) string {
	if w.HasJobInfo {
		return ""
	}
	if info, _ := schema.StatusOf(w.Status); !info.JobInfo {
		return "Reports of agents are not read in the status " + orNone(w.Status) + "."
	}
	return "No agent has reported on it yet."
}

// otherwise is text, but for a workflow that no agent counts: there nothing that
// agents would count is known to be none.
func otherwise(w *schema.Workflow, text string) string {
	if why := noCounts(w); why != "" {
		return why
	}
	return text
}
