package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
)

// TestReports: the newest report of each agent is returned, in any status and
// even without a request, and a checkpoint keeps whether its status was empty.
func TestReports(t *testing.T) {
	m := newMaker(51)
	report := func(id, agent string, time int64, idle bool) join.Change {
		c := m.partChange("w", 0, time)
		c.ID, c.Report.Agent, c.Report.Workflow, c.Idle = id, agent, "w", idle
		return c
	}
	s := loaded(t, Options{}, []join.Change{
		m.requestChange("v"), report("old", "a", start-20, false), report("new", "a", start-10, true), report("b", "b", start-30, false),
		report("x1", "c", start, false), report("x2", "c", start, false),
	})
	named := func(s *Store, name string) map[string]bool {
		out := map[string]bool{}
		for _, r := range s.Reports([]string{"v", name})[1] {
			require.NotZero(t, r.Hash)
			require.NotZero(t, r.Time)
			out[r.ID] = r.Idle
		}
		return out
	}
	want := map[string]bool{"new": true, "b": false, "x2": false}
	require.Equal(t, want, named(s, "w"))
	require.Empty(t, named(s, "v"))
	require.Empty(t, named(s, "nosuch"))
	s.Apply([]join.Change{{Kind: join.AgentReport, ID: "new", Deleted: true}, report("b", "b", start-5, true)})
	require.Equal(t, map[string]bool{"old": false, "b": true, "x2": false}, named(s, "w"))

	restored := again(t, s, Options{})
	require.Equal(t, named(s, "w"), named(restored, "w"))
}

func TestTeams(t *testing.T) {
	m := newMaker(52)
	changes := []join.Change{m.infoChange(1, start), m.infoChange(2, start), m.infoChange(3, start), m.infoChange(4, start)}
	for i, team := range []string{"relval", "production", "", "relval"} {
		changes[i].Info.Agent.Team = team
	}
	require.Equal(t, []string{"production", "relval"}, must(loaded(t, Options{}, changes)).Teams())
	require.Equal(t, []string{}, must(loaded(t, Options{}, nil)).Teams())
}
