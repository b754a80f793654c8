package join

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

func (j *Join) applyInfo(b *batch, c *Change) {
	a := j.agents[c.ID]
	switch {
	case a != nil && c.Hash != 0 && a.hash == c.Hash:
		b.result.Same++
		a.seen = j.epoch
		j.observeInfo(a, c.Time)
	case c.Info == nil:
		b.result.Refetch = append(b.result.Refetch, c.ID)
	default:
		a = &agentInfo{id: strings.Clone(c.ID), hash: c.Hash, seen: j.epoch, detail: c.Info}
		j.observeInfo(a, c.Time)
		j.agents[a.id] = a
		j.known.set(AgentInfo, a.id, c.Hash)
		j.fresh.movedAgents()
		b.show = true
	}
}

// observeInfo records the timestamp of a document; the same timestamp again is
// not a sign of life.
func (j *Join) observeInfo(a *agentInfo, stamp int64) {
	if a.heard.Time+a.heard.Ahead == stamp {
		return
	}
	ahead := j.ahead(stamp)
	a.heard = Heard{Time: stamp - ahead, Ahead: ahead}
	j.fresh.movedAgents()
}

func (j *Join) dropInfo(b *batch, id string) {
	delete(j.agents, id)
	j.known.set(AgentInfo, id, 0)
	j.fresh.movedAgents()
	b.show = true
}

// listAgents returns the current agent_info documents, reusing those of the last
// State where nothing has changed.
func (j *Join) listAgents() []Agent {
	if j.state != nil && !j.fresh.listAgain {
		return j.state.Agents
	}
	j.fresh.listAgain = false
	before := map[string]*Agent{}
	if j.state != nil {
		for i := range j.state.Agents {
			before[j.state.Agents[i].ID] = &j.state.Agents[i]
		}
	}
	list := make([]Agent, 0, len(j.agents))
	for _, a := range j.agents {
		if j.state != nil {
			a.turned = j.turned(before[a.id], a.detail)
		}
		list = append(list, Agent{a.id, a.detail, a.heard, a.turned})
	}
	slices.SortFunc(list, func(a, b Agent) int {
		return cmp.Or(cmp.Compare(a.Detail.Agent.Agent, b.Detail.Agent.Agent), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// turned returns when an agent was seen to become of the severity of its report,
// given the agent in the last State. One that was in error because it was silent,
// and then reports an error, has been in error since the limit was passed.
func (j *Join) turned(was *Agent, report *schema.AgentDetail) int64 {
	if was == nil {
		return j.now()
	}
	severity := func(d *schema.AgentDetail) string { return schema.ReportedSeverity(d.Agent, j.now(), j.limits) }
	is := severity(report)
	if was.Detail == report || severity(was.Detail) == is {
		return was.Turned
	}
	heard := was.Heard
	if j.fresh.returned != nil {
		heard = cmp.Or(j.fresh.returned.Agents[was.ID], heard)
	}
	if silent := heard.Time + j.limits.AgentSilent + 1; is == schema.SeverityError && heard.Time > 0 && silent <= j.now() {
		return silent
	}
	return j.now()
}

// freshest returns when agents were last heard of.
func (j *Join) freshest() *Freshness {
	f := &j.fresh
	if f.returned != nil && !f.again.reports && !f.again.agents {
		return f.returned
	}
	next := &Freshness{}
	if f.returned != nil {
		*next = *f.returned
	}
	if f.returned == nil || f.again.reports {
		next.Reports = maps.Clone(f.reports)
	}
	if f.returned == nil || f.again.agents {
		next.Agents = make(map[string]Heard, len(j.agents))
		for _, a := range j.agents {
			next.Agents[a.id] = a.heard
		}
	}
	f.returned = next
	f.again.reports, f.again.agents = false, false
	return next
}
