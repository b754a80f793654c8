package join

import (
	"cmp"
	"maps"
	"slices"
	"strings"
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
	list := make([]Agent, 0, len(j.agents))
	for _, a := range j.agents {
		list = append(list, Agent{a.id, a.detail, a.heard})
	}
	slices.SortFunc(list, func(a, b Agent) int {
		return cmp.Or(cmp.Compare(a.Detail.Agent.Agent, b.Detail.Agent.Agent), cmp.Compare(a.ID, b.ID))
	})
	return list
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
