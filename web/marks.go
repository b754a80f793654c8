package web

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Mark is the look of a state: a colour class and a shape, shown beside its text,
// so that colour is never the only sign.
type Mark struct {
	Class string // of the chip: "", run, ok, warn, bad
	Shape string
}

func chipClass(m Mark) string { return strings.TrimSpace("chip " + m.Class) }

// groups are the status groups in the order of the life cycle.
var groups = []struct {
	group, title, fill string
	mark               Mark
}{
	{"Waiting", "Waiting", "g-waiting", Mark{"", "○"}},
	{"InTransfer", "In transfer", "g-transfer", Mark{"", "◇"}},
	{"InQueue", "In queue", "g-queue", Mark{"warn", "◆"}},
	{"RunningWorkflows", "Running", "g-running", Mark{"run", "●"}},
	{"Done", "Done", "g-done", Mark{"ok", "■"}},
	{"Bad", "Failed or refused", "g-bad", Mark{"bad", "✕"}},
}

// StatusMark is the mark of a workflow's status, given by its status group. An
// unknown status has a question mark.
func StatusMark(status string) Mark {
	if info, ok := schema.StatusOf(status); ok {
		for _, g := range groups {
			if g.group == info.Group {
				return g.mark
			}
		}
	}
	return Mark{"", "?"}
}

// SeverityMark is the mark of an agent's severity.
func SeverityMark(severity string) Mark {
	switch severity {
	case "ok":
		return Mark{"ok", "●"}
	case "drain":
		return Mark{"run", "◐"}
	case "warning":
		return Mark{"warn", "▲"}
	case "error":
		return Mark{"bad", "✕"}
	}
	return Mark{"", "?"}
}

// alertTexts are the meanings of the alerts of a workflow, which are the rules of
// schema/alerts.go.
var alertTexts = map[string]string{
	"failed":         "the request failed",
	"config_error":   "jobs fail and none has succeeded: a configuration error?",
	"site_error":     "most jobs fail: a site error?",
	"assigned_stall": "assigned for too long",
	"status_stall":   "in its status for too long with no running jobs",
	"stale_agent":    "an agent has not reported for too long",
	"skipped_files":  "input files were skipped",
	"paused_jobs":    "jobs are paused and need an operator",
}

// AlertText is the meaning of an alert, "" for an unknown one.
func AlertText(alert string) string { return alertTexts[alert] }

// words turns a key into words: site_error becomes "site error".
func words(key string) string { return strings.ReplaceAll(key, "_", " ") }
