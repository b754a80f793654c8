package store

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Records and sums depend only on the documents: not on their order, on batches,
// on replays, or on whether they came before or after the first generation.
func TestRecordsDependOnTheDocumentsAlone(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := newMaker(seed)
			script := m.script(900)
			o := newOracle()
			o.apply(script)
			for round := range 4 {
				changes := script
				if round > 0 {
					changes = shuffled(m.rng, script)
				}
				c := &clock{start}
				s := newStore(t, Options{Now: c.now})
				before := m.rng.IntN(len(changes))
				l := s.BeginLoad()
				feed(m.rng, changes[:before], func(batch []join.Change) { l.Add(batch) })
				_, err := l.Commit()
				require.NoError(t, err)
				feed(m.rng, changes[before:], func(batch []join.Change) { s.Apply(batch) })
				o.check(t, s, start)
				c.at += 700
				s.Tick()
				o.check(t, s, c.at)
			}
		})
	}
}

func feed(rng *rand.Rand, changes []join.Change, f func([]join.Change)) {
	for len(changes) > 0 {
		n := min(len(changes), 1+rng.IntN(60))
		f(changes[:n])
		changes = changes[n:]
	}
}

func TestKnownContentMovesOnlyFreshness(t *testing.T) {
	m := newMaker(3)
	w := m.requestChange(nameOf(1))
	w.Workflow.Status = "running-open"
	p, i := m.partChange(nameOf(1), 1, start), m.infoChange(1, start)
	c := &clock{start}
	s := loaded(t, Options{Now: c.now}, []join.Change{w, p, i})
	g, _ := s.Newest()

	for _, c := range []join.Change{w, p, i} {
		hash, ok := s.KnownHash(c.Kind, c.ID)
		require.True(t, ok)
		require.Equal(t, c.Hash, hash)
	}
	c.at += 600
	w.Workflow, p.Report, i.Info = nil, nil, nil
	p.Time, i.Time = c.at, c.at
	r := s.Apply([]join.Change{w, p, i})
	require.Equal(t, Result{Generation: g.ID(), Result: join.Result{Same: 3}}, r)
	agents := s.Agents(g)
	require.Len(t, agents, 1)
	require.Equal(t, c.at, agents[0].UpdateTime)
	require.Equal(t, c.at, agents[0].DataUpdateTime)

	w.Hash++
	r = s.Apply([]join.Change{w, {Kind: join.AgentReport, ID: "unknown", Hash: 5}})
	require.Equal(t, Result{Generation: g.ID(), Result: join.Result{Refetch: []string{w.ID, "unknown"}}}, r)
}

// A server that starts after a rewrite of the same content differs from one that
// saw the content arrive only in the keys that decision 0003 names; after the
// next change of content they agree.
func TestARestartMovesOnlyTheTimesOfUpdates(t *testing.T) {
	m := newMaker(9)
	w, first := m.requestChange(nameOf(1)), m.partChange(nameOf(1), 1, start)
	w.Workflow.Status, w.Workflow.StatusTime, w.Workflow.EstimatedJobs, w.Workflow.InputEvents = "running-open", start-100_000, 1<<30, -1
	first.Report.Counts.Success, first.Report.JobsInWMBS = 5, 7
	again := first
	again.Time += 600
	c := &clock{start + 600}
	request := func() join.Change { fresh := w; own := *w.Workflow; fresh.Workflow = &own; return fresh }
	old, fresh := loaded(t, Options{Now: c.now}, []join.Change{request(), first}), loaded(t, Options{Now: c.now}, []join.Change{request(), again})
	require.Equal(t, 1, old.Apply([]join.Change{again}).Same)
	record := func(s *Store) (keys map[string]any) {
		g, _ := s.Newest()
		raw, _, ok := g.Workflow(nameOf(1))
		require.True(t, ok)
		require.NoError(t, json.Unmarshal(raw, &keys))
		return keys
	}
	a, b := record(old), record(fresh)
	differ := []string{}
	for _, f := range schema.Describe[schema.Workflow]() {
		if !reflect.DeepEqual(a[f.Key], b[f.Key]) {
			differ = append(differ, f.Key)
		}
	}
	require.Equal(t, []string{"SecondsLeft", "LastAgentUpdate", "OldestAgentUpdate"}, differ)

	changed := m.partChange(nameOf(1), 1, start+1200)
	for _, s := range []*Store{old, fresh} {
		require.Equal(t, 1, s.Apply([]join.Change{changed}).Changed)
	}
	require.Equal(t, record(old), record(fresh))
}

// Tier-0 has job counts in every status.
func TestJoinAll(t *testing.T) {
	m := newMaker(6)
	for _, status := range []string{"new", "Merge", "completed", "assigned"} {
		w := m.requestChange(nameOf(1))
		w.Workflow.Status = status
		s := loaded(t, Options{JoinAll: true}, []join.Change{w, m.partChange(nameOf(1), 1, start)})
		g, _ := s.Newest()
		sel, err := g.Select(t.Context(), wire.Query{Terms: []wire.Term{{Field: "HasJobInfo", Op: wire.In, Values: []string{"true"}}}})
		require.NoError(t, err)
		require.Equal(t, 1, sel.Total(), status)
	}
}

func TestSameRecordOfOtherContentIsANewVersion(t *testing.T) {
	m := newMaker(4)
	w := m.requestChange(nameOf(1))
	s := loaded(t, Options{}, []join.Change{w})
	g, _ := s.Newest()
	old, src, _ := g.Workflow(nameOf(1))
	require.Equal(t, join.Sources{Request: nameOf(1), Agents: []string{}, Version: src.Version}, src)
	w.Hash++
	r := s.Apply([]join.Change{w})
	require.True(t, r.Published)
	g, _ = s.Newest()
	again, src2, _ := g.Workflow(nameOf(1))
	require.Equal(t, old, again)
	require.NotEqual(t, src.Version, src2.Version)
}

func TestSourcesNameTheDocuments(t *testing.T) {
	m := newMaker(5)
	w := m.requestChange(nameOf(1))
	w.ID = "another id"
	w.Workflow.Status = "running-open"
	a, b := m.partChange(nameOf(1), 1, start), m.partChange(nameOf(1), 2, start)
	old := m.partChange(nameOf(1), 2, start-100)
	old.ID = "old one"
	s := loaded(t, Options{}, []join.Change{w, b, old, a})
	g, _ := s.Newest()
	_, src, ok := g.Workflow(nameOf(1))
	require.True(t, ok)
	require.Equal(t, "another id", src.Request)
	require.Equal(t, []string{a.ID, b.ID}, src.Agents)
	_, _, ok = g.Workflow("none")
	require.False(t, ok)
}

func TestStatusDecidesWhetherReportsAreJoined(t *testing.T) {
	m := newMaker(6)
	for status, want := range map[string]bool{"running-open": true, "assigned": false, "some-new-status": true} {
		w := m.requestChange(nameOf(1))
		w.Workflow.Status = status
		s := loaded(t, Options{}, []join.Change{w, m.partChange(nameOf(1), 1, start)})
		g, _ := s.Newest()
		sel, err := g.Select(t.Context(), wire.Query{Terms: []wire.Term{{Field: "HasJobInfo", Op: wire.In, Values: []string{"true"}}}})
		require.NoError(t, err)
		require.Equal(t, want, sel.Total() == 1, status)
	}
}

func TestAlertsFollowTheTime(t *testing.T) {
	m := newMaker(7)
	c := &clock{start}
	assigned, running := m.requestChange("a"), m.requestChange("b")
	assigned.Workflow.Status, assigned.Workflow.StatusTime = "assigned", start
	running.Workflow.Status, running.Workflow.StatusTime = "running-open", start
	p := m.partChange("b", 1, start)
	p.Report.Skipped = false
	p.Report.Counts = schema.JobCounts{Success: 10, Running: 5}
	p.Report.Sites = nil
	s := loaded(t, Options{Now: c.now}, []join.Change{assigned, running, p})
	alerted := func(alert string) int {
		g, _ := s.Newest()
		sel, err := g.Select(t.Context(), wire.Query{Terms: []wire.Term{{Field: "Alerts", Op: wire.In, Values: []string{alert}}}})
		require.NoError(t, err)
		return sel.Total()
	}
	require.False(t, s.Tick().Published)
	c.at = start + 1200
	require.False(t, s.Tick().Published)
	c.at++
	require.Equal(t, 1, s.Tick().Changed)
	require.Equal(t, 1, alerted("stale_agent"))
	why := func(name string) []schema.Alert { g, _ := s.Newest(); return g.Alerts(name) }
	require.Equal(t, []schema.Alert{{
		Workflow: "b", Rule: "stale_agent", Since: start + 1201, Reason: "no job counts of " + p.Report.Agent + " since 2025-10-09 08:53 UTC, the limit is 20m",
		Cause: "no new counts of " + p.Report.Agent + " since 2025-10-09 08:53 UTC", Who: "agent " + p.Report.Agent,
	}}, why("b"))
	require.Empty(t, why("a"))
	require.Empty(t, why("no such workflow"))
	again := loaded(t, Options{Now: c.now}, []join.Change{p, running, assigned}) // a restart, later
	g, _ := again.Newest()
	require.Equal(t, why("b"), g.Alerts("b"), "since when does not depend on when the server looked")
	r := s.Apply([]join.Change{{Kind: join.AgentReport, ID: p.ID, Hash: p.Hash, Time: c.at}})
	require.Equal(t, 1, r.Changed, "the report ends the alert")
	require.Zero(t, alerted("stale_agent"))
	c.at = start + 7201
	s.Apply([]join.Change{{Kind: join.AgentReport, ID: p.ID, Hash: p.Hash, Time: start + 7201}})
	require.Equal(t, 1, s.Tick().Changed)
	require.Equal(t, 1, alerted("assigned_stall"))
	require.Equal(t, int64(start+7201), why("a")[0].Since)
	require.Zero(t, alerted("stale_agent"))
}

func TestRecoveriesAndNearNames(t *testing.T) {
	m := newMaker(8)
	a, b := m.requestChange("recovery1"), m.requestChange("recovery2")
	a.Workflow.OriginalRequest, b.Workflow.OriginalRequest = "first", "first"
	s := loaded(t, Options{}, []join.Change{a, b, m.requestChange("first")})
	g, _ := s.Newest()
	require.Equal(t, []string{"recovery1", "recovery2"}, g.RecoveriesOf("first"))
	require.Equal(t, []string{}, g.RecoveriesOf("recovery1"))
	require.Equal(t, []string{"recovery1", "recovery2"}, g.NearWorkflows("recovery", 5))
	again := *b.Workflow
	again.OriginalRequest = ""
	b.Hash, b.Workflow = b.Hash+1, &again
	s.Apply([]join.Change{b, {Kind: join.Request, ID: "recovery1", Deleted: true}})
	g, _ = s.Newest()
	require.Equal(t, []string{}, g.RecoveriesOf("first"))
}

func TestDuplicateRequestsOfOneWorkflow(t *testing.T) {
	m := newMaker(9)
	own, a, z := m.requestChange("w"), m.requestChange("w"), m.requestChange("w")
	a.ID, z.ID = "a", "z"
	for i, c := range []*join.Change{&own, &a, &z} {
		c.Workflow.Priority = int64(i)
	}
	perms := [][]join.Change{{own, a, z}, {z, a, own}, {a, own, z}}
	for _, p := range perms {
		s := loaded(t, Options{}, p)
		priority := func() string {
			g, _ := s.Newest()
			groups, _, err := g.Stats(t.Context(), wire.Query{}, []string{"Priority"}, nil)
			require.NoError(t, err)
			require.Len(t, groups, 1)
			return groups[0].Keys[0]
		}
		require.Equal(t, "0", priority())
		s.Apply([]join.Change{{Kind: join.Request, ID: "w", Deleted: true}})
		require.Equal(t, "1", priority())
		s.Apply([]join.Change{{Kind: join.Request, ID: "a", Deleted: true}})
		require.Equal(t, "2", priority())
		s.Apply(slices.Clone(p[:1]))
	}
}

// A second agent that falls silent changes the reason, though not the codes.
func TestEachSilentAgentIsNamed(t *testing.T) {
	m := newMaker(8)
	c := &clock{start}
	w, p, q := m.requestChange("w"), m.partChange("w", 1, start), m.partChange("w", 2, start+300)
	w.Workflow.Status, w.Workflow.StatusTime = "running-open", start
	c.at = start + 300 // q is not in the future
	s := loaded(t, Options{Now: c.now}, []join.Change{w, p, q})
	for i, want := range [][]string{{p.Report.Agent}, {p.Report.Agent, q.Report.Agent}} {
		c.at = start + int64(1201+300*i)
		require.Equal(t, 1, s.Tick().Changed)
		g, _ := s.Newest()
		_, src, _ := g.Workflow("w")
		var names []string
		for _, silent := range silentOf(g, "w") {
			names = append(names, silent.Agent)
		}
		require.ElementsMatch(t, want, names)
		require.Len(t, src.Agents, 2)
		require.Equal(t, "w", src.Request)
		alerts := g.Alerts("w")
		require.Equal(t, int64(start+1201), alerts[len(alerts)-1].Since, "the first one's")
	}
}
