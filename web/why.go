package web

import (
	"unicode"

	"github.com/dmwm/wmstats/schema"
)

// reasons explain why a figure is undefined. They name all possible causes, for
// lists that did not read the rest of the record.
var reasons = map[string]string{
	"JobProgress":     "no jobs reported",
	"FailureRate":     "no finished jobs reported",
	"EventProgress":   "input or output events unknown",
	"LumiProgress":    "input or output lumis unknown",
	"QueueInjection":  "no agent report, or expected jobs unknown",
	"SecondsLeft":     "not running, or no estimate yet",
	"EstimatedJobs":   "unknown until the global queue splits the work",
	"InputEvents":     "not set in the request",
	"InputLumis":      "not set in the request",
	"InputFiles":      "not set in the request",
	"RequestedEvents": "not set in the request",
	"AvgOutputEvents": "no output dataset yet",
	"AvgOutputLumis":  "no output dataset yet",
}

// Reason explains why the figure of a key is undefined.
func Reason(key string) string {
	if reason, ok := reasons[key]; ok {
		return reason
	}
	return "unknown"
}

// reasonFor is Reason for one workflow, with the one cause that its record shows:
// figures counted by agents are unknown before an agent has reported.
func reasonFor(key string, w *schema.Workflow) string {
	switch key {
	case "JobProgress", "FailureRate", "SecondsLeft":
	case "QueueInjection":
		if w.EstimatedJobs <= 0 {
			return "the expected number of jobs is unknown until the global queue splits the work"
		}
	case "EventProgress":
		if w.InputEvents <= 0 {
			return "the number of input events is unknown"
		}
	case "LumiProgress":
		if w.InputLumis <= 0 {
			return "the number of input lumi sections is unknown"
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

// noCounts says why there are no job counts of a workflow: agent reports are read
// in some statuses only. It returns "" if there are counts.
func noCounts(w *schema.Workflow) string {
	if w.HasJobInfo {
		return ""
	}
	if info, _ := schema.StatusOf(w.Status); !info.JobInfo {
		return "Agent reports are not read in status " + orNone(w.Status) + "."
	}
	return "No agent has reported on this workflow yet."
}

// otherwise returns noCounts for a workflow without job counts, and text for the
// others. Without counts, nothing that agents count is known to be zero.
func otherwise(w *schema.Workflow, text string) string {
	if why := noCounts(w); why != "" {
		return why
	}
	return text
}
