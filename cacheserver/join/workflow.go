package join

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/join/report"
	"github.com/dmwm/wmstats/schema"
)

// workflowOf returns what is known of a workflow, creating it if necessary.
func (j *Join) workflowOf(name string) *workflow {
	w := j.workflows[name]
	if w == nil {
		w = &workflow{name: strings.Clone(name)}
		j.workflows[w.name] = w
	}
	return w
}

// owner returns the workflow of the request document id.
func (j *Join) owner(id string) *workflow {
	if w := j.aliases[id]; w != nil {
		return w
	}
	if w := j.workflows[id]; w != nil && w.has && w.id() == "" {
		return w
	}
	return nil
}

// joined returns the reports that are joined to a record of the given status:
// the newest one of each agent, in the order of their ids.
func (j *Join) joined(w *workflow, status string) []*agentReport {
	if !schema.JobsAllowed(status, j.opt.JoinAll) {
		return nil
	}
	return j.newest(w.reports)
}

// newest returns the newest report of each agent, by id: the one with the newest
// timestamp, and of equal ones the one with the greater id. schema.Newest, which
// works on details, then finds exactly one report of each agent.
func (j *Join) newest(list []*agentReport) []*agentReport {
	if len(list) < 2 {
		return list
	}
	best := map[string]*agentReport{}
	for _, r := range list {
		agent := j.names.Agent(r.packed)
		if o := best[agent]; o == nil || r.time > o.time || r.time == o.time && r.id > o.id {
			best[agent] = r
		}
	}
	out := make([]*agentReport, 0, len(best))
	for _, r := range list {
		if best[j.names.Agent(r.packed)] == r {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *agentReport) int { return cmp.Compare(a.id, b.id) })
	return out
}

func contentsOf(list []*agentReport) []content {
	out := make([]content, len(list))
	for i, r := range list {
		out[i] = content{r.packed, r.content}
	}
	return out
}

func (j *Join) unpack(w *workflow, list []content) []schema.AgentReport {
	out := make([]schema.AgentReport, 0, len(list))
	for _, c := range list {
		out = j.appendReport(out, w, c, nil)
	}
	return out
}

// appendReport unpacks one report; without a room its lists own their memory.
func (j *Join) appendReport(to []schema.AgentReport, w *workflow, c content, room *report.Room) []schema.AgentReport {
	r, err := j.names.Unpack(c.packed, room)
	if err != nil { // damaged memory
		j.opt.Log.Error("could not unpack an agent report", "workflow", w.name, "err", err)
		return to
	}
	r.Workflow, r.Time = w.name, c.time
	return append(to, r)
}
