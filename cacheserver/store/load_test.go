package store

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func TestNothingIsServedBeforeTheFirstCommit(t *testing.T) {
	m := newMaker(31)
	s := newStore(t, Options{Process: "x"})
	wait := s.Wait("")
	l := s.BeginLoad()
	l.Add(someChanges(m, 10))
	s.Apply([]join.Change{m.requestChange("one more")})
	_, ok := s.Newest()
	require.False(t, ok)
	_, ok = s.Changes("x-1")
	require.False(t, ok)
	select {
	case <-wait:
		t.Fatal("there is no generation yet")
	default:
	}
	r, err := l.Commit()
	require.NoError(t, err)
	require.Equal(t, 11, r.Added)
	require.Equal(t, "x-1", r.Generation)
	<-wait
	require.EqualValues(t, 11, s.Info().Workflows)
}

func TestAnEmptySourceIsAGenerationToo(t *testing.T) {
	s := loaded(t, Options{}, nil)
	g, ok := s.Newest()
	require.True(t, ok)
	require.Zero(t, g.Total())
	sel, err := g.Select(t.Context(), wire.Query{Terms: []wire.Term{{Field: "Status", Op: wire.NotIn, Values: []string{"new"}}}, Sort: []wire.SortKey{{Field: "Priority"}}})
	require.NoError(t, err)
	require.Zero(t, sel.Total())
	require.Empty(t, g.Campaigns())
	require.Empty(t, g.NearWorkflows("x", 3))
	s.Apply([]join.Change{newMaker(1).requestChange("w")})
	g, _ = s.Newest()
	require.Equal(t, 1, g.Total())
	s.Apply([]join.Change{{Kind: join.Request, ID: "w", Deleted: true}})
	g, _ = s.Newest()
	require.Zero(t, g.Total())
}

func TestAFullReadRemovesUnseenDocuments(t *testing.T) {
	m := newMaker(32)
	changes := someChanges(m, 40)
	gone := m.infoChange(7, start)
	changes = append(changes, m.infoChange(8, start), m.infoChange(6, start))
	s := loaded(t, Options{Now: (&clock{start}).now}, append(changes, gone))
	o := newOracle()
	o.apply(changes[4:])
	l := s.BeginLoad()
	l.Add(changes[4:])
	during := m.requestChange("made while it ran")
	s.Apply([]join.Change{during})
	o.apply([]join.Change{during})
	_, err := l.Commit()
	require.NoError(t, err)
	o.check(t, s, start)
	names := agentNames(o, start)
	for _, r := range must(s).Strays() { // held to the documents by check
		for _, agent := range r.Agents {
			names[agent] = true
		}
	}
	require.Len(t, s.Agents(must(s)), len(names))
	_, known := s.KnownHash(join.Request, changes[0].ID)
	require.False(t, known)

	before := must(s).ID()
	l = s.BeginLoad()
	l.Add(append(changes[4:], during))
	r, err := l.Commit()
	require.NoError(t, err)
	require.False(t, r.Published, "the same content makes no generation")
	require.Equal(t, before, must(s).ID())
}

func must(s *Store) *Generation { g, _ := s.Newest(); return g }

func agentNames(o *oracle, now int64) map[string]bool {
	out := map[string]bool{}
	for _, j := range o.records(now) {
		for _, p := range j.parts {
			out[p.Agent] = true
		}
	}
	return out
}

func TestASuspiciousLossIsHeldBack(t *testing.T) {
	m := newMaker(33)
	changes := someChanges(m, 40)
	s := loaded(t, Options{MaxLoss: 0.25}, changes)
	l := s.BeginLoad()
	added := m.requestChange("new one")
	l.Add([]join.Change{added})
	_, err := l.Commit()
	var shrunk *join.ShrunkError
	require.ErrorAs(t, err, &shrunk)
	require.Equal(t, join.ShrunkError{What: "requests", Had: 40, Lost: 40}, *shrunk)
	require.Equal(t, 41, must(s).Total(), "nothing is swept, and added workflows stay")
	_, err = l.Commit()
	require.ErrorIs(t, err, join.ErrReadEnded)

	l = s.BeginLoad()
	_, err = l.Commit()
	require.ErrorAs(t, err, &shrunk, "an empty source never replaces a full generation")

	l = s.BeginLoad()
	newer := s.BeginLoad()
	_, err = l.Commit()
	require.ErrorIs(t, err, join.ErrReadEnded)
	newer.Add(changes[:1])
	newer.Abort()
	_, err = newer.Commit()
	require.ErrorIs(t, err, join.ErrReadEnded)
	require.Equal(t, 41, must(s).Total())
}

func TestAnAbortedFirstReadLeavesNothingBehind(t *testing.T) {
	m := newMaker(34)
	s := newStore(t, Options{})
	l := s.BeginLoad()
	l.Add(someChanges(m, 20))
	l.Abort()
	l = s.BeginLoad()
	l.Add([]join.Change{m.requestChange("w")})
	_, err := l.Commit()
	require.NoError(t, err)
	require.Equal(t, 1, must(s).Total())
}

// A first generation in progress is abandoned when the process stops, and
// nothing of it stays.
func TestAbortEndsTheFirstCommit(t *testing.T) {
	const workflows = 2000
	changes := someChanges(newMaker(36), workflows)
	var l *Load
	var armed, aborted bool
	var mu sync.Mutex
	s := newStore(t, Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		if armed && !aborted {
			aborted = true
			go l.Abort()
			for !l.aborted.Load() { // only then it waits for the Commit
				runtime.Gosched()
			}
		}
		return time.Unix(start, 0)
	}})
	l = s.BeginLoad()
	l.Add(changes)
	armed = true
	_, err := l.Commit()
	require.ErrorIs(t, err, join.ErrReadEnded)
	_, ok := s.Newest()
	require.False(t, ok)
	for _, c := range changes {
		_, known := s.KnownHash(c.Kind, c.ID)
		require.False(t, known, c.ID)
	}
	l = s.BeginLoad()
	l.Add(changes)
	_, err = l.Commit()
	require.NoError(t, err)
	sameAnswers(t, loaded(t, Options{Now: s.opt.Now}, changes), s)
}

func TestKeptGenerations(t *testing.T) {
	m := newMaker(35)
	c := &clock{start}
	s := loaded(t, Options{Now: c.now, KeepFor: 10 * time.Minute}, someChanges(m, 100))
	first := must(s)
	first.Promise()
	firstNames := names(decodeAll(t, first))
	wait := s.Wait(first.ID())
	for i := range 5 {
		c.at += 60
		s.Apply([]join.Change{m.requestChange(fmt.Sprint("w", i)), {Kind: join.Request, ID: nameOf(i), Deleted: true}})
		must(s).Named()
	}
	<-wait
	<-s.Wait("unknown")
	g, ok := s.Generation(first.ID())
	require.True(t, ok)
	require.Equal(t, firstNames, names(decodeAll(t, g)), "a generation never changes")
	c.at += 9 * 60
	_, ok = s.Generation(first.ID())
	require.True(t, ok, "reading extends its time")
	_, ok = s.Generation("a-2")
	require.False(t, ok, "not read for too long")
	for c.at < start+3600+60 {
		c.at += 300
		_, ok = s.Generation(first.ID())
		require.Equal(t, c.at <= start+3600+60, ok)
	}
	c.at += 1
	_, ok = s.Generation(first.ID())
	require.False(t, ok, "at most an hour")
	s.readers.kept.expire(c.now())
	a := s.Account()
	require.Zero(t, a.KeptCount)
	require.Zero(t, a.Kept)
	_, ok = s.Generation(must(s).ID())
	require.True(t, ok)
}

func TestDifferencesLeadFromOneGenerationToTheNext(t *testing.T) {
	m := newMaker(37)
	s := loaded(t, Options{}, someChanges(m, 50))
	fill := func(g *Generation) map[string]string {
		out := map[string]string{}
		sel, err := g.Select(t.Context(), wire.Query{})
		require.NoError(t, err)
		for _, r := range sel.Page(0, 1<<30) {
			var w schema.Workflow
			require.NoError(t, schema.DecodeWorkflow(r, &w))
			out[w.Workflow] = string(r)
		}
		return out
	}
	first := must(s)
	state := fill(first)
	for i := range 40 {
		s.Apply([]join.Change{m.requestChange(nameOf(m.rng.IntN(80))), m.partChange(nameOf(i), i%3, start), {Kind: join.Request, ID: nameOf(m.rng.IntN(80)), Deleted: true}})
		must(s).Named()
	}
	diffs, ok := s.Changes(first.ID())
	require.True(t, ok)
	at := first.ID()
	for _, d := range diffs {
		require.Equal(t, at, d.Previous)
		at = d.Generation
		g, ok := s.Generation(at)
		require.True(t, ok)
		now := fill(g)
		require.Equal(t, d.Total, len(now))
		for _, name := range d.Added {
			require.NotContains(t, state, name)
			state[name] = now[name]
		}
		for _, name := range d.Changed {
			require.Contains(t, state, name)
			state[name] = now[name]
		}
		for _, name := range d.Removed {
			require.Contains(t, state, name)
			delete(state, name)
		}
		require.Equal(t, now, state)
	}
	require.Equal(t, must(s).ID(), at)
	diffs, ok = s.Changes(at)
	require.True(t, ok)
	require.Empty(t, diffs)
	_, ok = s.Changes("z-5")
	require.False(t, ok)
}

func TestInvalidOptionsAreReportedTogether(t *testing.T) {
	_, err := New(Options{KeepFor: -1, Memory: -1, MaxLoss: 2})
	require.ErrorContains(t, err, "-1ns")
	require.ErrorContains(t, err, "-1 bytes")
	require.ErrorContains(t, err, "between 0 and 1")
}

func TestSourceStateIsShown(t *testing.T) {
	s := loaded(t, Options{Now: (&clock{start}).now}, someChanges(newMaker(39), 5))
	s.SetSource(SourceState{Source: "mock seed 1", Stale: true, Reason: "does not answer", CheckTime: time.Unix(start, 0), LoadSeconds: 2, BadDocuments: 3, Flaws: 4})
	i := s.Info()
	require.Equal(t, schema.CacheInfo{
		Generation: "a-1", CacheTime: start, CheckTime: start, LoadSeconds: 2, Stale: true, StaleReason: "does not answer", Source: "mock seed 1",
		Workflows: 5, AgentReports: i.AgentReports, Bytes: i.Bytes, BadDocuments: 3, Flaws: 4,
	}, i)
	require.True(t, s.Source().Stale)
}

// Missing lists the documents that a read has not seen. Documents that stand
// count as seen: their records, counts and times do not change.
func TestMissingReturnsUnseenDocuments(t *testing.T) {
	m := newMaker(35)
	changes := someChanges(m, 40)
	rival := m.requestChange(changes[0].Workflow.Workflow)
	rival.ID = "another document of the same name"
	changes = append(changes, rival, m.infoChange(7, start))
	s := loaded(t, Options{Now: (&clock{start}).now}, changes)
	o := newOracle()
	o.apply(changes)
	before := must(s).ID()

	l := s.BeginLoad()
	missing, err := l.Missing()
	var shrunk *join.ShrunkError
	require.ErrorAs(t, err, &shrunk, "nothing seen so far")
	require.Empty(t, missing)
	left, stands := []join.Document{}, []join.Change{}
	for i, c := range changes {
		if i%9 == 0 || c.ID == rival.ID {
			left = append(left, join.Document{Kind: c.Kind, ID: c.ID})
			stands = append(stands, join.Change{Kind: c.Kind, ID: c.ID, Stands: true})
		} else {
			l.Add([]join.Change{c})
		}
	}
	missing, err = l.Missing()
	require.NoError(t, err)
	require.ElementsMatch(t, left, missing)
	l.Add(append(stands, join.Change{Kind: join.Request, ID: "nosuch", Stands: true}, join.Change{Kind: join.AgentReport, ID: "nosuch", Stands: true},
		join.Change{Kind: join.AgentInfo, ID: "nosuch", Stands: true}))
	missing, err = l.Missing()
	require.NoError(t, err)
	require.Empty(t, missing)
	r, err := l.Commit()
	require.NoError(t, err)
	require.Empty(t, r.Swept)
	require.Empty(t, r.Refetch)
	require.Equal(t, before, must(s).ID(), "no new generation")
	o.check(t, s, start)
	_, err = l.Missing()
	require.ErrorIs(t, err, join.ErrReadEnded)
}
