package store

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// eachCache runs a test without a cache and with the real one.
func eachCache(t *testing.T, f func(t *testing.T, o Options)) {
	t.Run("no cache", func(t *testing.T) { f(t, Options{}) })
	t.Run("ristretto", func(t *testing.T) {
		c, err := cache.New(1 << 20)
		require.NoError(t, err)
		t.Cleanup(c.Close)
		f(t, Options{Cache: c})
	})
}

// clock is a time that tests move.
type clock struct{ at int64 }

func (c *clock) now() time.Time { return time.Unix(c.at, 0) }

func newStore(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := New(o)
	require.NoError(t, err)
	return s
}

// loaded returns a store with a first generation of the given changes.
func loaded(t testing.TB, o Options, changes []join.Change) *Store {
	t.Helper()
	s := newStore(t, o)
	l := s.BeginLoad()
	for batch := range slices.Chunk(changes, 500) {
		l.Add(batch)
	}
	_, err := l.Commit()
	require.NoError(t, err)
	return s
}

// oracle is a simple model of the store, rebuilt from all documents.
type oracle struct {
	requests map[string]join.Change
	works    map[string]oracleWork
	infos    map[string]join.Change
}

type oracleWork struct {
	join.Change
	content int64
}

func newOracle() *oracle {
	return &oracle{map[string]join.Change{}, map[string]oracleWork{}, map[string]join.Change{}}
}

func (o *oracle) apply(changes []join.Change) {
	for _, c := range changes {
		switch c.Kind {
		case join.Request:
			if c.Deleted {
				delete(o.requests, c.ID)
			} else if c.Workflow != nil {
				o.requests[c.ID] = c
			}
		case join.AgentReport:
			old, there := o.works[c.ID]
			switch {
			case c.Deleted:
				delete(o.works, c.ID)
			case there && old.Hash == c.Hash:
				old.Time = c.Time
				o.works[c.ID] = old
			case c.Report != nil:
				o.works[c.ID] = oracleWork{c, c.Time}
			}
		case join.AgentInfo:
			if c.Deleted {
				delete(o.infos, c.ID)
			} else if c.Info != nil {
				o.infos[c.ID] = c
			}
		}
	}
}

// joined is a record with its agent reports.
type joined struct {
	record *schema.Workflow
	parts  []schema.AgentReport
	silent map[string][2]int64 // agents with stale counts: times of the last change and the last report
}

func (o *oracle) records(now int64) map[string]joined {
	limits := schema.DefaultLimits()
	out := map[string]joined{}
	winner := map[string]string{}
	for id, c := range o.requests {
		name := c.Workflow.Workflow
		if old, there := winner[name]; !there || id == name || old != name && id < old {
			winner[name] = id
		}
	}
	for name, id := range winner {
		w := *o.requests[id].Workflow
		newest := map[string]oracleWork{}
		for _, work := range o.works {
			if work.Report.Workflow != name {
				continue
			}
			old, there := newest[work.Report.Agent]
			if !there || cmp.Or(cmp.Compare(work.Time, old.Time), cmp.Compare(work.ID, old.ID)) > 0 {
				newest[work.Report.Agent] = work
			}
		}
		if info, known := schema.StatusOf(w.Status); known && !info.JobInfo {
			clear(newest)
		}
		var parts []schema.AgentReport
		stale := []string{}
		silent := map[string][2]int64{}
		for _, agent := range slices.Sorted(maps.Keys(newest)) {
			p := *newest[agent].Report
			p.Time = newest[agent].content
			parts = append(parts, p)
			if now-newest[agent].Time > limits.AgentSilent {
				stale = append(stale, agent)
				silent[agent] = [2]int64{newest[agent].content, newest[agent].Time}
			}
		}
		schema.Join(&w, parts)
		alerts, _ := schema.Alerts(&w, stale, now, limits)
		w.SetAlerts(alerts)
		out[name] = joined{&w, parts, silent}
	}
	return out
}

// check compares all records and sums of the store with the oracle's.
func (o *oracle) check(t testing.TB, s *Store, now int64) {
	t.Helper()
	g, ok := s.Newest()
	require.True(t, ok)
	want := o.records(now)
	sel, err := g.Select(t.Context(), wire.Query{})
	require.NoError(t, err)
	page := sel.Page(0, 1<<30)
	require.Len(t, page, len(want))
	for i, name := range slices.Sorted(maps.Keys(want)) {
		require.Equal(t, string(schema.AppendJSON(nil, want[name].record)), string(page[i]))
		encoded, src, ok := g.Workflow(name)
		require.True(t, ok)
		require.Equal(t, string(page[i]), string(encoded))
		// Which report of a silent agent the alert names depends on when it was
		// found silent.
		silences := silentOf(g, name)
		require.Len(t, silences, len(want[name].silent))
		for _, silent := range silences {
			between, ok := want[name].silent[silent.Agent]
			require.True(t, ok, silent.Agent)
			require.GreaterOrEqual(t, silent.Time, between[0])
			require.LessOrEqual(t, silent.Time, between[1])
		}
		facts := schema.FactsOf(want[name].record, want[name].parts)
		facts.Silent = silences
		require.Equal(t, schema.AlertsOf(want[name].record, facts, schema.DefaultLimits()), g.Alerts(name))
		require.Len(t, src.Agents, len(want[name].parts))
		failed := map[string]int64{}
		for _, p := range want[name].parts {
			failed[p.Agent] += p.Counts.Derive().Failure
		}
		require.Equal(t, failed, g.Failures([]string{name}))
	}
	checkGroups(t, g, want)
	o.checkStrays(t, s, g, want)
	checkAgents(t, s, g, want)
	unmatched := 0
	for _, work := range o.works {
		if _, there := want[work.Report.Workflow]; !there {
			unmatched++
		}
	}
	require.EqualValues(t, unmatched, s.Apply(nil).Unmatched)
	require.EqualValues(t, unmatched, s.Info().UnmatchedReports)
}

// silentOf returns the agents that the alert of a workflow names.
func silentOf(g *Generation, name string) []schema.Silence {
	at, _ := g.table.Search(name)
	b, i := g.table.At(at)
	return g.state.Facts(b.Source(i)).Silent
}

// script makes changes of few workflows and agents, so that they interact: each
// document many times, some deleted, some again with the same content.
func (m *maker) script(n int) []join.Change {
	var out []join.Change
	last := map[string]join.Change{}
	for i := range n {
		name := nameOf(m.rng.IntN(40))
		var c join.Change
		switch m.rng.IntN(12) {
		case 0, 1, 2:
			c = m.requestChange(name)
			if m.rng.IntN(4) == 0 { // another document of the same workflow
				c.ID = pick(m, "A-", "z-") + name
			}
		case 3:
			c = join.Change{Kind: join.Request, ID: pick(m, "", "", "A-", "z-") + name, Deleted: true}
		case 4, 5, 6, 7:
			c = m.partChange(name, m.rng.IntN(4), start-1500+int64(i))
			if m.rng.IntN(4) == 0 { // an old document of the same agent
				c.ID = "old-" + c.ID
			}
		case 8:
			c = join.Change{Kind: join.AgentReport, ID: fmt.Sprintf("vocms%04d.cern.ch-%s", m.rng.IntN(4), name), Deleted: true}
		case 9:
			c = m.infoChange(m.rng.IntN(5), start-1500+int64(i))
			if m.rng.IntN(5) == 0 {
				c = join.Change{Kind: join.AgentInfo, ID: c.ID, Deleted: true}
			}
		default: // known content at a new time
			if len(out) == 0 {
				continue
			}
			c = last[out[m.rng.IntN(len(out))].ID]
			if c.Kind == join.AgentReport && !c.Deleted {
				c.Time = start - 1500 + int64(i)
				c.Report = nil
			}
		}
		if c.Kind == 0 {
			continue
		}
		last[c.ID] = c
		out = append(out, c)
	}
	return out
}

// shuffled mixes changes but keeps the order for each document, and replays some
// of them.
func shuffled(rng *rand.Rand, changes []join.Change) []join.Change {
	byID := map[string][]join.Change{}
	var ids []string
	for _, c := range changes {
		if byID[c.ID] == nil {
			ids = append(ids, c.ID)
		}
		byID[c.ID] = append(byID[c.ID], c)
	}
	var deck []string
	for _, id := range ids {
		again := byID[id]
		if rng.IntN(3) == 0 {
			byID[id] = append(again[:len(again):len(again)], again...)
		}
		for range byID[id] {
			deck = append(deck, id)
		}
	}
	rng.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	var out []join.Change
	for _, id := range deck {
		out = append(out, byID[id][0])
		byID[id] = byID[id][1:]
	}
	return out
}
