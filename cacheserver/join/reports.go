package join

import (
	"slices"
	"strings"
)

func (j *Join) applyReport(b *batch, c *Change) {
	r := j.reports[c.ID]
	if r != nil && c.Hash != 0 && r.hash == c.Hash {
		b.result.Same++
		r.seen = j.epoch
		j.observeReport(b, r, c.Time)
		return
	}
	if c.Report == nil {
		b.result.Refetch = append(b.result.Refetch, c.ID)
		return
	}
	if r != nil && r.workflow.name != c.Report.Workflow {
		j.dropReport(b, r)
		r = nil
	}
	w := j.workflowOf(c.Report.Workflow)
	j.touch(b, w)
	if r == nil {
		r = &agentReport{id: strings.Clone(c.ID), workflow: w}
		j.reports[r.id] = r
		w.reports = append(slices.Clip(w.reports), r)
		if !w.has {
			j.unmatched++
		}
	}
	r.packed, r.hash, r.seen, r.idle = j.names.Pack(c.Report), c.Hash, j.epoch, c.Idle
	r.time, r.content, r.ahead, r.silent = c.Time, c.Time, j.ahead(c.Time), 0
	j.known.set(AgentReport, r.id, c.Hash)
	j.fresh.report(j.names.Agent(r.packed), r.heard())
}

// observeReport records a new timestamp of a report whose content did not
// change.
func (j *Join) observeReport(b *batch, r *agentReport, time int64) {
	if r.time == time {
		return
	}
	agent, ahead, w := j.names.Agent(r.packed), j.ahead(time), r.workflow
	j.fresh.report(agent, time-ahead)
	// An alert of a silent agent ends with its report (and begins if its clock
	// is set back), and another of two documents of one agent may become the
	// newest. The reports of an agent that stays behind change nothing.
	stale := j.staleAt(time-ahead) <= j.now()
	alone := !slices.ContainsFunc(w.reports, func(o *agentReport) bool { return o != r && j.names.Agent(o.packed) == agent })
	if stale != (r.silent > 0) || time < r.time || !alone {
		j.touch(b, w)
	}
	r.time, r.ahead = time, ahead
	if !stale {
		r.silent = 0
	}
}

func (j *Join) dropReport(b *batch, r *agentReport) {
	w := r.workflow
	j.touch(b, w)
	if !w.has {
		j.unmatched--
	}
	w.reports = slices.DeleteFunc(slices.Clone(w.reports), func(o *agentReport) bool { return o == r })
	delete(j.reports, r.id)
	j.known.set(AgentReport, r.id, 0)
}
