package join

import (
	"reflect"
	"slices"

	"github.com/dmwm/wmstats/schema"
)

// strayReports returns the reports of w with stray jobs, by id, and marks since
// when each has been one. status is that of its request, if there is one.
func (j *Join) strayReports(w *workflow, status string) (list []*agentReport, since int64) {
	if !w.has || !schema.JobsAllowed(status, j.opt.JoinAll) {
		for _, r := range j.newest(w.reports) {
			if counts, err := j.names.Counts(r.packed); err == nil && counts.IsStray() { // appendReport logs damaged memory
				list = append(list, r)
			}
		}
	}
	for _, r := range w.reports {
		if !slices.Contains(list, r) {
			r.stray = 0
			continue
		}
		if r.stray == 0 {
			r.stray = j.now()
		}
		if since == 0 || r.stray < since {
			since = r.stray
		}
	}
	return list, since
}

// watch finds the stray jobs of w, updates the sums over them, and reports
// whether anything has changed.
func (j *Join) watch(w *workflow, status string) (changed bool) {
	if len(w.reports) == 0 && j.strays[w] == nil {
		return false
	}
	list, since := j.strayReports(w, status)
	was := j.strays[w]
	if len(list) == 0 {
		if was != nil {
			j.sums.RemoveStray(w.name, j.unpack(w, was.reports))
			delete(j.strays, w)
		}
		return was != nil
	}
	if !w.has {
		status = ""
	}
	next := &stray{reports: contentsOf(list)}
	reports := j.unpack(w, next.reports)
	record := schema.Stray(w.name, status, reports, since)
	next.record = &record
	if was != nil {
		if reflect.DeepEqual(was.record, next.record) && slices.Equal(was.reports, next.reports) {
			return false
		}
		j.sums.RemoveStray(w.name, j.unpack(w, was.reports))
	}
	j.sums.AddStray(next.record, reports)
	j.strays[w] = next
	return true
}

// watchUnmatched finds the stray jobs of the workflows without a request.
func (j *Join) watchUnmatched() {
	for _, w := range j.workflows {
		if !w.has {
			j.watch(w, "")
		}
	}
}
