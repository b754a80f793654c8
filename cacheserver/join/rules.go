package join

import (
	"container/heap"
	"time"

	"github.com/dmwm/wmstats/cacheserver/join/ownrules"
	"github.com/dmwm/wmstats/schema"
)

// Tick applies the rules that depend on time (alerts). Call it regularly.
func (j *Join) Tick(moment time.Time) Outcome {
	j.moment = moment
	b := newBatch()
	if j.state == nil {
		return j.finish(b)
	}
	if j.again {
		j.judgeAll(b)
		j.again = false
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

// Rules changes the thresholds of alerts and the own rules, and computes the
// alerts of all records again. An own rule that was there before with the same
// query keeps the time since when it matches. It always makes a new State, if
// there is one: results that are computed from the limits on request change
// too. Rules that don't compile are logged and change nothing.
func (j *Join) Rules(moment time.Time, l schema.Limits) Outcome {
	j.moment = moment
	b := newBatch()
	own, err := ownrules.Compile(l.Own)
	if err != nil { // the reader of the file has checked them
		j.opt.Log.Error("could not use rules; those before stay", "err", err)
		return j.finish(b)
	}
	j.renumber(j.own, own)
	j.limits, j.own = l, own
	if j.state == nil {
		return j.finish(b)
	}
	j.judgeAll(b)
	j.again, b.show = false, true
	return j.finish(b)
}
