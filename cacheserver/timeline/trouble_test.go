package timeline

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// seen is what a test knows of a workflow at a point.
type seen struct {
	failure int64
	failed  bool // it has the alert "failed"
}

// recount computes from two states of all workflows what FailingWorkflows and
// AlertChanges return, without any log.
func recount(was, is map[string]seen, from, to int64) (failures []schema.FailureChange, alert schema.AlertChange) {
	failures = []schema.FailureChange{}
	alert = schema.AlertChange{Rule: schema.AlertFailed, From: from, To: to, Workflows: []string{}}
	for name, now := range is {
		if gained := now.failure - was[name].failure; gained > 0 {
			failures = append(failures, schema.FailureChange{Name: name, By: "workflow", From: from, To: to, Failure: now.failure, Gained: gained})
		}
		if now.failed {
			alert.Holds++
			if !was[name].failed {
				alert.Began++
				alert.Workflows = append(alert.Workflows, name)
			}
		}
	}
	for name, before := range was {
		if before.failed && !is[name].failed {
			alert.Ended++
		}
	}
	slices.Sort(alert.Workflows)
	slices.SortFunc(failures, func(a, b schema.FailureChange) int {
		return cmp.Or(cmp.Compare(b.Gained, a.Gained), cmp.Compare(a.Name, b.Name))
	})
	return failures, alert
}

// Over days in which workflows come, fail, recover, leave and come back, what has
// changed since any time is what a recount of both states says; after a restart too.
// Times within an hour are exact for two hours, and by the hour after that.
func TestTroubleEqualsARecount(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	c := &clock{start}
	s := loaded(t, c, nil)
	h := empty(t, Options{}, c)
	now := map[string]seen{}
	versions := 0
	states := map[int64]map[string]seen{}
	for point := range 400 {
		for range 3 {
			name := fmt.Sprint("w", rnd.IntN(12))
			_, there := now[name]
			versions++
			switch {
			case there && rnd.IntN(6) == 0:
				delete(now, name)
				s.Apply([]join.Change{{Kind: join.Request, ID: name, Deleted: true, Hash: uint64(versions)}}) //nolint:gosec // small
			default:
				one := seen{failure: int64(rnd.IntN(4)), failed: rnd.IntN(3) == 0}
				w := schema.Workflow{Status: "running-open", StatusTime: c.at}
				if one.failed {
					w.Status = "failed"
				}
				if info, _ := schema.StatusOf(w.Status); !info.JobInfo { // its agents' reports are not read
					one.failure = 0
				}
				now[name] = one
				s.Apply(documents(name, versions, w, schema.AgentReport{Agent: "a", Counts: schema.JobCounts{FailureException: one.failure, Success: 100}}))
			}
		}
		require.True(t, observe(t, h, s))
		states[c.at] = maps.Clone(now)
		if point == 250 {
			again := empty(t, Options{}, c)
			require.NoError(t, again.Decode(h.Encode()))
			require.Equal(t, h.Encode(), again.Encode())
			h = again
		}
		c.at += 300
	}
	to := c.at - 300
	times := slices.Sorted(maps.Keys(states))
	for _, since := range append(times, 0, start+7, to+1) {
		failures, from, err := h.FailingWorkflows(t.Context(), since)
		require.NoError(t, err)
		require.Contains(t, states, from)
		if since > to-2*3600 && since <= to {
			require.Equal(t, since, from, "exact")
		}
		if since >= start {
			require.LessOrEqual(t, from, since)
			require.Less(t, since-from, int64(3600+300))
		}
		want, alert := recount(states[from], states[to], from, to)
		require.Equal(t, want, failures, "since %d", since)
		changes, alertsFrom, err := h.AlertChanges(t.Context(), since)
		require.NoError(t, err)
		require.Equal(t, from, alertsFrom)
		for _, got := range changes {
			if got.Rule == schema.AlertFailed {
				require.Equal(t, alert, got, "since %d", since)
				alert.Holds = 0
			}
		}
		require.Zero(t, alert.Holds)
	}
	assert.Less(t, len(h.trouble.steps), 24+34, "one step an hour after two hours")
}

// Steps that are too many for the bytes are dropped, the oldest first, and the time
// from which on changes are known moves on. A clock that is set back loses none.
func TestTroubleIsBounded(t *testing.T) {
	l := &troubleLog{is: map[uint64]trouble{1: {failure: 1000}}, from: start, to: start}
	for i := range int64(100) {
		at := start + 300*(i+1)
		l.steps = append(l.steps, step{time: at, changed: []before{{id: 1, name: "w", trouble: trouble{failure: i}}}})
		l.to = at
	}
	all := l.size()
	l.forget(l.to, 0, all/4)
	assert.LessOrEqual(t, l.size(), all/4)
	assert.Greater(t, l.from, int64(start))
	changed, from := l.since(budget.Unbounded(), 0)
	assert.Equal(t, l.from, from)
	assert.Equal(t, (from-start)/300, changed[1].failure, "the count at that time")
	l.cut(start + 300*95)
	changed, _ = l.since(budget.Unbounded(), 0)
	assert.Equal(t, (from-start)/300, changed[1].failure)
	assert.EqualValues(t, start+300*95, l.to)
	l.forget(l.to, l.to, 1<<20)
	assert.Empty(t, l.steps)
	assert.Equal(t, l.to, l.from)
}

// The failed jobs that a name gained are the sum of its increases: a workflow that
// leaves does not hide what others gained.
func TestFailingNames(t *testing.T) {
	c := &clock{start}
	s := loaded(t, c, nil)
	h := empty(t, Options{}, c)
	version := 0
	set := func(name string, failed int64) {
		version++
		s.Apply(documents(name, version, schema.Workflow{Status: "running-open", StatusTime: start, Campaign: "C"},
			schema.AgentReport{Agent: "a", Counts: schema.JobCounts{FailureException: failed, Success: 1}}))
	}
	point := func() {
		require.True(t, observe(t, h, s))
		c.at += 300
	}
	set("u", 1000)
	set("v", 5)
	point()
	set("v", 12)
	point()
	s.Apply([]join.Change{{Kind: join.Request, ID: "u", Deleted: true, Hash: 99}})
	point()
	set("v", 15)
	point()
	got, from, err := h.Failing(t.Context(), Campaign, 0)
	require.NoError(t, err)
	assert.EqualValues(t, start, from)
	assert.Equal(t, []schema.FailureChange{{Name: "C", By: "campaign", From: start, To: start + 900, Failure: 15, Gained: 10}}, got)
	got, from, err = h.Failing(t.Context(), Agent, start+700)
	require.NoError(t, err)
	assert.EqualValues(t, start+600, from)
	assert.Equal(t, []schema.FailureChange{{Name: "a", By: "agent", From: start + 600, To: start + 900, Failure: 15, Gained: 3}}, got)
	got, _, err = h.Failing(t.Context(), Campaign, start+10_000)
	require.NoError(t, err)
	assert.Empty(t, got)
}

// A site that goes down and comes back has two changes, with the length of the state
// before; sites are kept over a restart.
func TestSitesStates(t *testing.T) {
	l := &agentLog{}
	at := func(minutes int64, state string) {
		l.compare(start+60*minutes, siteStates([]schema.Site{{Site: "T1", State: state}, {Site: "T2", State: "Normal"}}))
	}
	at(0, "Normal")
	at(5, "Down")
	at(10, "Down")
	at(15, "")
	at(20, "Normal")
	c := &clock{start + 1200}
	h := empty(t, Options{}, c)
	h.sites.replace(l)
	again := empty(t, Options{}, c)
	require.NoError(t, again.Decode(h.Encode()))
	want := []schema.SiteChange{
		{Time: start + 300, Site: "T1", From: "Normal", To: "Down", Seconds: -1},
		{Time: start + 900, Site: "T1", From: "Down", To: "unknown", Seconds: 600},
		{Time: start + 1200, Site: "T1", From: "unknown", To: "Normal", Seconds: 300},
	}
	assert.Equal(t, want, again.SiteChanges(nil, 0))
	assert.Equal(t, want[1:], again.SiteChanges([]string{"T1"}, start+301))
	assert.Empty(t, again.SiteChanges([]string{"T2"}, 0))
}
