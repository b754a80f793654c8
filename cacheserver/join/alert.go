package join

import (
	"container/heap"
	"math"
	"time"

	"github.com/dmwm/wmstats/schema"
)

// Tick applies the rules that depend on time (alerts). Call it now and then.
func (j *Join) Tick(moment time.Time) Outcome {
	j.moment = moment
	b := newBatch()
	if j.state == nil {
		return j.finish(b)
	}
	for now := j.now(); len(j.dues) > 0 && j.dues[0].due <= now; {
		item, _ := heap.Pop(&j.dues).(dueItem)
		if w := item.workflow; w.due == item.due && w.has {
			j.touch(b, w)
			w.due = 0
		}
	}
	return j.finish(b)
}

// Rules takes other thresholds of alerts and makes the alerts of all records
// anew. It always makes a State, if there is one: what is made from the limits
// when it is asked for changes too.
func (j *Join) Rules(moment time.Time, l schema.Limits) Outcome {
	j.moment, j.limits = moment, l
	b := newBatch()
	if j.state == nil {
		return j.finish(b)
	}
	for _, w := range j.workflows {
		if w.has {
			j.touch(b, w)
		}
	}
	b.show = true
	return j.finish(b)
}

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

// dueHeap holds the next time of each workflow; items whose time is not the
// workflow's any more are left in until they come up.
type dueHeap []dueItem

type dueItem struct {
	due      int64
	workflow *workflow
}

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any) {
	if item, ok := x.(dueItem); ok {
		*h = append(*h, item)
	}
}
func (h *dueHeap) Pop() any {
	old := *h
	item := old[len(old)-1]
	old[len(old)-1] = dueItem{}
	*h = old[:len(old)-1]
	return item
}
