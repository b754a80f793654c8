package timeline

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
)

func agentOf(name string, change func(a *schema.Agent)) schema.AgentDetail {
	d := schema.AgentDetail{Agent: schema.Agent{Agent: name, Kind: schema.KindAgent, Severity: "ok"}}
	if change != nil {
		change(&d.Agent)
	}
	return d
}

// Drain and back, a component down and up, a thread that is stuck and well
// again: each is one change, with the length of the state before; a restart in
// between changes nothing. While the source is stale nothing is compared.
func TestAgentsStates(t *testing.T) {
	c := &clock{start}
	s := loaded(t, c, few(5, 0))
	generation, _ := s.Newest()
	stale := false
	o := Options{Source: func() store.SourceState { return store.SourceState{Stale: stale} }}
	h := empty(t, o, c)
	at := func(minutes int64, change func(a *schema.Agent)) {
		c.at = start + minutes*60
		require.True(t, h.Observe(generation, []schema.AgentDetail{agentOf("a", change), agentOf("b", nil)}))
	}
	draining := func(a *schema.Agent) { a.Severity, a.Draining = "drain", true }
	broken := func(a *schema.Agent) {
		a.Severity, a.DownComponents, a.BadWorkers = "error", []string{"JobSubmitter"}, []string{"JobTracker (Timeout)"}
	}
	at(0, nil)
	at(10, draining)
	at(20, draining)
	at(30, broken)
	again := empty(t, o, c)
	require.NoError(t, again.Decode(h.Encode()))
	require.Equal(t, h.Encode(), again.Encode())
	h = again
	stale = true
	at(40, nil)
	stale = false
	at(50, broken)
	at(60, nil)
	change := func(minutes int64, kind, name, from, to string, seconds int64) schema.AgentChange {
		return schema.AgentChange{Time: start + minutes*60, Agent: "a", Kind: kind, Name: name, From: from, To: to, Seconds: seconds}
	}
	want := []schema.AgentChange{
		change(10, "drain", "", "no", "yes", -1),
		change(10, "severity", "", "ok", "drain", -1),
		change(30, "component", "JobSubmitter", "ok", "down", -1),
		change(30, "drain", "", "yes", "no", 1200),
		change(30, "severity", "", "drain", "error", 1200),
		change(30, "thread", "JobTracker", "ok", "Timeout", -1),
		change(60, "component", "JobSubmitter", "down", "ok", 1800),
		change(60, "severity", "", "error", "ok", 1800),
		change(60, "thread", "JobTracker", "Timeout", "ok", 1800),
	}
	assert.Equal(t, want, h.AgentChanges(nil, 0))
	assert.Equal(t, want[6:], h.AgentChanges([]string{"a"}, start+3600))
	assert.Empty(t, h.AgentChanges([]string{"b"}, 0))
	c.at += 8 * 86400
	require.True(t, h.Observe(generation, nil))
	assert.Empty(t, h.AgentChanges(nil, 0), "too old")
}

// The changes of one agent, and of all, are bounded; the newest are kept.
func TestChangesAreBounded(t *testing.T) {
	l := &agentLog{}
	for i := range 1200 {
		var agents []schema.AgentDetail
		for k := range 60 {
			agents = append(agents, agentOf(fmt.Sprint("a", k), func(a *schema.Agent) { a.Severity = []string{"ok", "error"}[i%2] }))
		}
		l.observe(start+int64(i)*300, agents)
		l.forget(0, 32<<20)
	}
	assert.Len(t, l.changes, mostChanges)
	assert.EqualValues(t, start+1199*300, l.changes[mostChanges-1].Time)
	l.forget(0, 50_000)
	assert.NotEmpty(t, l.changes)
	assert.EqualValues(t, start+1199*300, l.changes[len(l.changes)-1].Time)
	assert.LessOrEqual(t, len(l.changes), 500)
	one := &agentLog{}
	for i := range 1200 {
		one.observe(start+int64(i)*300, []schema.AgentDetail{agentOf("a", func(a *schema.Agent) {
			a.Severity = []string{"ok", "error"}[i%2]
			for k := range 300 {
				a.DownComponents = append(a.DownComponents, fmt.Sprint("c", k))
			}
		})})
		one.forget(0, 32<<20)
	}
	assert.Len(t, one.changes, changesOfOne)
	assert.LessOrEqual(t, len(one.states["a"]), mostTexts)
	assert.True(t, slices.IsSortedFunc(one.changes, func(a, b schema.AgentChange) int { return int(a.Time - b.Time) }))
}
