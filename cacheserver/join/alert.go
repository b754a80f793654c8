package join

import (
	"container/heap"
	"math"

	"github.com/dmwm/wmstats/schema"
)

// alert computes the alerts of a record and returns when to compute them again,
// Unix s; 0: only after a change.
func (j *Join) alert(record *schema.Workflow, joined []*agentReport) (due int64) {
	now := j.now()
	silent := []string{}
	for _, r := range joined {
		// Each document ages, so the time of the next alert of a silent agent
		// is known. Later reports postpone it, which is checked at that time.
		at := j.staleAt(r.heard())
		switch {
		case at == never:
			r.silent = 0
			continue
		case at > now:
			r.silent = 0
			if due == 0 || at < due {
				due = at
			}
			continue
		case r.silent == 0:
			r.silent = max(r.heard(), 1)
		}
		silent = append(silent, j.names.Agent(r.packed))
	}
	alerts, next := schema.Alerts(record, silent, now, j.limits)
	record.SetAlerts(alerts)
	if next > 0 && (due == 0 || next < due) {
		due = next
	}
	return due
}

// never is a time that is never reached.
const never = math.MaxInt64

// staleAt returns when a document that was heard of at that time becomes stale:
// never if the rule is off, so that time alone does not make a State.
func (j *Join) staleAt(heard int64) int64 {
	if !j.limits.On(schema.AlertStaleAgent) {
		return never
	}
	return heard + j.limits.AgentSilent + 1
}

// schedule records when the alerts of w must be computed again.
func (j *Join) schedule(w *workflow, due int64) {
	if due == w.due {
		return
	}
	w.due = due
	if due > 0 {
		heap.Push(&j.dues, dueItem{due, w})
	}
}
