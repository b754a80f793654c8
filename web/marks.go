package web

import (
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// Mark is how a state looks: colour class, shape and text, so that colour is
// never the only sign.
type Mark struct {
	Class string // of the chip: "", run, ok, warn, bad
	Shape string
}

func chipClass(m Mark) string { return strings.TrimSpace("chip " + m.Class) }

// groups are the status groups of the life cycle, in its order.
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

// StatusMark is how a workflow's status looks: by its group in the table of
// statuses; one that is not in the table has a question mark.
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

// SeverityMark is how an agent's severity looks.
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

// alertTexts say what the alerts of a workflow mean: the rules of schema/alerts.go.
var alertTexts = map[string]string{
	"failed":         "the request failed",
	"config_error":   "jobs fail and none has succeeded: an error of the configuration?",
	"site_error":     "most jobs fail: an error of a site?",
	"assigned_stall": "assigned for too long",
	"status_stall":   "in its status for too long with no running job",
	"stale_agent":    "an agent has not reported for too long",
	"skipped_files":  "input files were skipped",
	"paused_jobs":    "jobs are paused: they wait for somebody",
}

// AlertText says what an alert means; an unknown one says nothing.
func AlertText(alert string) string { return alertTexts[alert] }

// words makes a key readable: site_error becomes "site error".
func words(key string) string { return strings.ReplaceAll(key, "_", " ") }
