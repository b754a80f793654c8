package join

import (
	"container/heap"
	"time"

	"github.com/dmwm/wmstats/schema"
)

// Tick applies the rules that depend on time (alerts). Call it regularly.
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

// Rules changes the thresholds of alerts and computes the alerts of all records
// again. It always makes a new State, if there is one: results that are computed
// from the limits on request change too.
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
