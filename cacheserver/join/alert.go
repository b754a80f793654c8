package join

import (
	"container/heap"
	"math"

	"github.com/dmwm/wmstats/schema"
)

// alert makes the alerts of a record and says when they must be made again,
// in Unix s; 0: not before something changes.
func (j *Join) alert(record *schema.Workflow, joined []*agentReport) (due int64) {
	now := j.now()
	silent := []string{}
	for _, r := range joined {
		// Time passes for each document, so the next alert of a silent agent is
		// known; reports move it on, which is seen when that time comes.
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
	if record.Alerts = alerts; record.Alerts == nil {
		record.Alerts = []string{}
	}
	if next > 0 && (due == 0 || next < due) {
		due = next
	}
	return due
}

// never is a time that does not come.
const never = math.MaxInt64

// staleAt returns when a document becomes stale that was heard of at that time:
// never where nobody wants to know of it, so that time alone makes no state.
func (j *Join) staleAt(heard int64) int64 {
	if !j.limits.On(schema.AlertStaleAgent) {
		return never
	}
	return heard + j.limits.AgentSilent + 1
}

// schedule notes when the alerts of w must be made again.
func (j *Join) schedule(w *workflow, due int64) {
	if due == w.due {
		return
	}
	w.due = due
	if due > 0 {
		heap.Push(&j.dues, dueItem{due, w})
	}
}
