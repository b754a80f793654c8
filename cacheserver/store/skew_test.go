package store

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// An agent whose clock is hours off in either direction then falls silent.
func TestClocksThatAreWrong(t *testing.T) {
	for name, c := range map[string]struct {
		skew         int64 // s by which the agent's clock is ahead
		staleAtFirst bool  // a clock that is behind looks like a silent agent
	}{
		"right": {0, false}, "a minute ahead": {60, false}, "ten hours ahead": {36_000, false}, "years ahead": {1 << 33, false},
		"a minute behind": {-60, false}, "ten hours behind": {-36_000, true},
	} {
		t.Run(name, func(t *testing.T) {
			m, at := newMaker(51), &clock{start}
			request := m.requestChange("w")
			request.Workflow.Status, request.Workflow.StatusTime = "running-open", start
			work, report := m.partChange("w", 1, start+c.skew), m.infoChange(1, start+c.skew)
			s := loaded(t, Options{Now: at.now}, []join.Change{request, work, report})
			silent := func() (work, report bool) {
				s.Tick()
				agents := s.Agents(must(s))
				i := slices.IndexFunc(agents, func(a schema.AgentDetail) bool { return a.Agent.Agent == report1(agents) })
				require.GreaterOrEqual(t, i, 0)
				a := agents[i]
				require.LessOrEqual(t, a.UpdateTime, at.at, "no report from the future")
				require.LessOrEqual(t, a.DataUpdateTime, at.at)
				stale, err := must(s).Select(t.Context(), wire.Query{Terms: []wire.Term{{Field: "Alerts", Op: wire.In, Values: []string{schema.AlertStaleAgent}}}})
				require.NoError(t, err)
				return stale.Total() == 1, a.UpdateTime > 0 && at.at-a.UpdateTime > s.opt.Limits.AgentSilent
			}
			both := func(want bool) {
				t.Helper()
				work, report := silent()
				require.Equal(t, []bool{want, want}, []bool{work, report})
			}
			both(c.staleAtFirst)

			// It keeps reporting by its clock, with the same content.
			for range 5 {
				at.at += 600
				s.Apply([]join.Change{
					{Kind: join.AgentReport, ID: work.ID, Hash: work.Hash, Time: at.at + c.skew},
					{Kind: join.AgentInfo, ID: report.ID, Hash: report.Hash, Time: at.at + c.skew},
				})
				both(c.staleAtFirst)
			}

			// Then it is silent; a full read that finds the same again is not a
			// sign of life.
			last := at.at
			at.at += s.opt.Limits.AgentSilent + max(-c.skew, 0)
			again := []join.Change{
				{Kind: join.Request, ID: request.ID, Hash: request.Hash},
				{Kind: join.AgentReport, ID: work.ID, Hash: work.Hash, Time: last + c.skew},
				{Kind: join.AgentInfo, ID: report.ID, Hash: report.Hash, Time: last + c.skew},
			}
			l := s.BeginLoad()
			l.Add(again)
			_, err := l.Commit()
			require.NoError(t, err)
			at.at++
			both(true)

			// Its clock is corrected.
			s.Apply([]join.Change{
				{Kind: join.AgentReport, ID: work.ID, Hash: work.Hash, Time: at.at},
				{Kind: join.AgentInfo, ID: report.ID, Hash: report.Hash, Time: at.at},
			})
			both(false)
		})
	}
}

// report1 returns the name of the agent that has reported.
func report1(agents []schema.AgentDetail) string {
	for _, a := range agents {
		if a.UpdateTime > 0 {
			return a.Agent.Agent
		}
	}
	return ""
}

// Reports of an agent that is always later than the limit make no record, no
// generation and no other alert, until it is on time, or has other counts.
func TestAnAgentThatStaysBehindChangesNothing(t *testing.T) {
	const behind = 1500
	m, at := newMaker(52), &clock{start}
	request, work := m.requestChange("w"), m.partChange("w", 1, start-behind)
	request.Workflow.Status, request.Workflow.StatusTime = "running-open", start
	s := loaded(t, Options{Now: at.now}, []join.Change{request, work})
	reported := func(time int64) Result {
		return s.Apply([]join.Change{{Kind: join.AgentReport, ID: work.ID, Hash: work.Hash, Time: time}})
	}
	stale := func() []schema.Alert {
		alerts := must(s).Alerts("w")
		return slices.DeleteFunc(alerts, func(a schema.Alert) bool { return a.Rule != schema.AlertStaleAgent })
	}
	first := stale()
	require.Len(t, first, 1)
	require.Equal(t, int64(start-behind+1201), first[0].Since)
	for range 5 {
		at.at += 600
		r := reported(at.at - behind)
		require.False(t, r.Published)
		require.Equal(t, 1, r.Same)
		require.False(t, s.Tick().Published)
		require.Equal(t, first, stale())
	}

	// A checkpoint keeps the same alert, even if the record is computed again.
	s = again(t, s, Options{Now: at.now})
	edited := *request.Workflow
	edited.Priority++
	request.Workflow, request.Hash = &edited, request.Hash+1
	require.Equal(t, 1, s.Apply([]join.Change{request}).Changed)
	require.Equal(t, first, stale())
	require.False(t, reported(at.at-behind+1).Published)

	work.Hash++ // new counts: the record is computed again, and the alert has their time
	work.Time = at.at - behind + 2
	require.Equal(t, 1, s.Apply([]join.Change{work}).Changed)
	require.Equal(t, work.Time+1201, stale()[0].Since)

	require.Equal(t, 1, reported(at.at).Changed, "it is on time")
	require.Empty(t, stale())
	require.False(t, reported(at.at+1).Published)
}
