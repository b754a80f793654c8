package join

import (
	"container/heap"
	"math"

	"github.com/dmwm/wmstats/cacheserver/join/ownrules"
	"github.com/dmwm/wmstats/schema"
)

// alert computes the alerts of the record of w. began are the own rules among
// them; due is when to compute them again, Unix s; 0: only after a change.
func (j *Join) alert(w *workflow, record *schema.Workflow, joined []*agentReport) (began []schema.Began, due int64) {
	w.setOwn(j.own.Match(record, w.matches(), j.now()))
	return j.fire(w, record, joined)
}

// fire is alert for a record whose matches with own rules are known. It reads
// only the numbers and frequent texts of the record.
func (j *Join) fire(w *workflow, record *schema.Workflow, joined []*agentReport) (began []schema.Began, due int64) {
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
			due = sooner(due, at)
			continue
		case r.silent == 0:
			r.silent = max(r.heard(), 1)
		}
		silent = append(silent, j.names.Agent(r.packed))
	}
	alerts, next := schema.Alerts(record, silent, now, j.limits)
	due = sooner(due, next)
	began, next = j.own.Fire(record, w.matches(), now)
	due = sooner(due, next)
	for _, b := range began {
		alerts = append(alerts, b.Rule)
	}
	record.SetAlerts(alerts)
	return began, due
}

// sooner returns the earlier of two times, of which 0 means never.
func sooner(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

func (w *workflow) matches() []ownrules.Match {
	if w.own == nil {
		return nil
	}
	return *w.own
}

func (w *workflow) setOwn(matches []ownrules.Match) {
	if len(matches) == 0 {
		w.own = nil
	} else if w.own == nil || &(*w.own)[0] != &matches[0] {
		w.own = &matches
	}
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
