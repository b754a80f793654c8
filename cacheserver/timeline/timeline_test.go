package timeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
)

const start = 1_760_000_000

type clock struct{ at int64 }

func (c *clock) now() time.Time { return time.Unix(c.at, 0) }

func empty(t testing.TB, o Options, c *clock) *Timeline {
	t.Helper()
	o.Now = c.now
	h, err := New(o)
	require.NoError(t, err)
	return h
}

// observe takes a point of the newest generation.
func observe(t testing.TB, h *Timeline, s *store.Store) bool {
	t.Helper()
	generation, ok := s.Newest()
	require.True(t, ok)
	return h.Observe(generation, s.Agents(generation))
}

// counted returns the counts of a line at a time, by label.
func counted(t testing.TB, h *Timeline, q Query, at int64) map[string]int64 {
	t.Helper()
	points, _, err := h.Points(t.Context(), q)
	require.NoError(t, err)
	out := map[string]int64{}
	for _, p := range points {
		if p.Time == at && p.Count != 0 {
			out[p.Name] = p.Count
		}
	}
	return out
}

// documents of a workflow: a request, and reports of one or two agents.
func documents(name string, version int, w schema.Workflow, reports ...schema.AgentReport) (out []join.Change) {
	hash := uint64(version) + 1 //nolint:gosec // small
	w.Workflow = name
	out = append(out, join.Change{Kind: join.Request, ID: name, Hash: hash, Workflow: &w})
	for i := range reports {
		r := reports[i]
		r.Workflow, r.Time = name, start+int64(version)
		out = append(out, join.Change{Kind: join.AgentReport, ID: r.Agent + "-" + name, Hash: hash, Time: r.Time, Report: &r})
	}
	return out
}

// loaded returns a store with some changes in it.
func loaded(t testing.TB, c *clock, changes []join.Change) *store.Store {
	t.Helper()
	s, err := store.New(store.Options{Now: c.now})
	require.NoError(t, err)
	l := s.BeginLoad()
	l.Add(changes)
	_, err = l.Commit()
	require.NoError(t, err)
	return s
}

// few returns the documents of n workflows in seven campaigns at five sites.
func few(n, version int) (out []join.Change) {
	status := []string{"running-open", "completed", "acquired"}
	for i := range n {
		running := schema.JobCounts{Running: int64(i + version), Success: 4}
		out = append(out, documents(fmt.Sprintf("w%06d", i), version,
			schema.Workflow{Status: status[i%3], Campaign: fmt.Sprintf("C%d", i%7), Release: "R", StatusTime: start},
			schema.AgentReport{Agent: "a", Counts: running, Sites: []schema.SiteReport{{Site: fmt.Sprintf("T2_XX_%d", i%5), Counts: running}}})...)
	}
	return out
}

// world is an independent count of what a store was told.
type world struct {
	rnd       *rand.Rand
	version   int
	workflows map[string]schema.Workflow
	reports   map[string][]schema.AgentReport
}

// change replaces the documents of some workflows, and returns the new ones.
func (w *world) change(n int) (out []join.Change) {
	statuses := []string{"assigned", "staging", "acquired", "running-open", "running-closed", "completed", "aborted", "epic-FAILED"}
	for range n {
		w.version++
		name := fmt.Sprintf("w%03d", w.rnd.IntN(60))
		workflow := schema.Workflow{
			Status: statuses[w.rnd.IntN(len(statuses))], Campaign: []string{"", "C1", "C2", "C3"}[w.rnd.IntN(4)],
			Release: []string{"", "R1", "R2"}[w.rnd.IntN(3)], StatusTime: start,
		}
		var reports []schema.AgentReport
		for _, agent := range []string{"a", "b"} {
			r := schema.AgentReport{Agent: agent}
			for _, site := range []string{"T1", "T2", "T3"}[w.rnd.IntN(3):] {
				counts := schema.JobCounts{Pending: w.rnd.Int64N(9), Running: w.rnd.Int64N(9), Success: w.rnd.Int64N(99), FailureException: w.rnd.Int64N(9), CooloffJob: w.rnd.Int64N(3)}
				r.Sites = append(r.Sites, schema.SiteReport{Site: site, Counts: counts})
				r.Counts.Add(&counts)
			}
			reports = append(reports, r)
		}
		w.workflows[name], w.reports[name] = workflow, reports
		out = append(out, documents(name, w.version, workflow, reports...)...)
	}
	return out
}

// count returns the counts of a name by label; that of all workflows with an
// empty kind.
func (w *world) count(kind Kind, name string) map[string]int64 {
	groups := map[string]string{
		"assigned": "Waiting", "staging": "InTransfer", "acquired": "InQueue", "running-open": "RunningWorkflows",
		"running-closed": "RunningWorkflows", "completed": "Done", "aborted": "Bad", "epic-FAILED": OtherStatus,
	}
	out := map[string]int64{}
	add := func(c schema.JobCounts) {
		for label, n := range map[string]int64{"Pending": c.Pending, "Running": c.Running, "Success": c.Success, "Failure": c.FailureException} {
			if n != 0 {
				out[label] += n
			}
		}
	}
	orNone := func(text string) string {
		if text == "" {
			return schema.None
		}
		return text
	}
	for id, workflow := range w.workflows {
		in := kind == "" || kind == Campaign && orNone(workflow.Campaign) == name || kind == Release && orNone(workflow.Release) == name
		joined := workflow.Status != "assigned" && workflow.Status != "staging" && workflow.Status != "acquired" && workflow.Status != "aborted"
		here := in
		for _, r := range w.reports[id] {
			if !joined {
				continue
			}
			if in || kind == Agent && r.Agent == name {
				add(r.Counts)
				here = true
			}
			for _, s := range r.Sites {
				if kind == Site && s.Site == name {
					add(s.Counts)
					here = true
				}
			}
		}
		if here {
			out[groups[workflow.Status]]++
		}
	}
	return out
}

// Counts of every campaign, site, release and agent, and of all, equal an
// independent recount at each point, also after a restart.
func TestCountsEqualARecount(t *testing.T) {
	c := &clock{start}
	w := &world{rand.New(rand.NewPCG(1, 2)), 0, map[string]schema.Workflow{}, map[string][]schema.AgentReport{}}
	h := empty(t, Options{}, c)
	s := loaded(t, c, w.change(40))
	names := map[Kind][]string{
		"": {""}, Campaign: {schema.None, "C1", "C2", "C3"}, Release: {schema.None, "R1", "R2"}, Site: {"T1", "T2", "T3"}, Agent: {"a", "b"},
	}
	want := map[string]map[string]int64{}
	for i := range 150 {
		s.Apply(w.change(1 + i%5))
		require.True(t, observe(t, h, s))
		for kind, list := range names {
			for _, name := range list {
				want[fmt.Sprint(kind, name, c.at)] = w.count(kind, name)
			}
		}
		if i == 100 {
			again := empty(t, Options{}, c)
			require.NoError(t, again.Decode(h.Encode()))
			h = again
		}
		c.at += 300
	}
	for kind, list := range names {
		for _, name := range list {
			for at := int64(start); at < c.at; at += 300 {
				got := counted(t, h, Query{Kind: kind, Names: []string{name}, By: ByGroup, Since: at}, at)
				for label, n := range counted(t, h, Query{Kind: kind, Names: []string{name}, By: ByState, Since: at}, at) {
					if label != "Cooloff" { // of all workflows only
						got[label] = n
					}
				}
				require.Equal(t, want[fmt.Sprint(kind, name, at)], got, "%s %q at %d", kind, name, at)
			}
		}
		if kind != "" {
			require.Subset(t, list, h.Names(kind))
		}
	}
}

func TestOnePointInFiveMinutes(t *testing.T) {
	c := &clock{start}
	s := loaded(t, c, few(50, 0))
	h := empty(t, Options{}, c)
	assert.True(t, observe(t, h, s))
	c.at += 299
	assert.False(t, observe(t, h, s))
	c.at++
	assert.True(t, observe(t, h, s))
	assert.False(t, observe(t, h, s), "twice in the same second")
}

// A clock that is corrected by minutes loses nothing. One that was hours ahead
// loses the points that it took ahead, and no others.
func TestClockSteps(t *testing.T) {
	c := &clock{start}
	s := loaded(t, c, few(50, 0))
	h := empty(t, Options{}, c)
	for i := range 150 { // more than a chunk
		s.Apply(few(50, i+1))
		require.True(t, observe(t, h, s))
		c.at += 300
	}
	before := counted(t, h, Query{Kind: Site, Names: []string{"T2_XX_1"}, By: ByState}, start+100*300)
	c.at -= 500
	assert.False(t, observe(t, h, s), "some minutes")
	assert.Len(t, h.times, 150)
	c.at = start + 100*300 + 1
	require.True(t, observe(t, h, s))
	assert.Len(t, h.times, 102)
	assert.Equal(t, c.at, h.times[101])
	assert.IsIncreasing(t, h.times)
	assert.Equal(t, before, counted(t, h, Query{Kind: Site, Names: []string{"T2_XX_1"}, By: ByState}, start+100*300))
	assert.NotEmpty(t, counted(t, h, Query{Kind: Site, Names: []string{"T2_XX_1"}, By: ByState}, c.at))
	again := empty(t, Options{}, c)
	require.NoError(t, again.Decode(h.Encode()))
	assert.Equal(t, h.Encode(), again.Encode())

	c.at = start - 1000 // before all
	require.True(t, observe(t, h, s))
	assert.Equal(t, []int64{c.at}, h.times)
	c.at += 10 * 86400 // ahead
	require.True(t, observe(t, h, s))
	assert.Equal(t, []int64{c.at}, h.times)
}

// A name that has gone continues with zeros until none of its points is left.
func TestNamesThatGo(t *testing.T) {
	c := &clock{start}
	h := empty(t, Options{Keep: time.Hour}, c)
	one := func(names ...string) map[key][]int64 {
		out := map[key][]int64{{}: make([]int64, len(h.all.labels))}
		for _, name := range names {
			out[key{Campaign, name}] = make([]int64, len(h.named.labels))
			out[key{Campaign, name}][0] = 7
		}
		return out
	}
	h.append(c.at, one("goes", "stays"))
	for range 20 {
		c.at += 300
		h.append(c.at, one("stays"))
		h.trim(c.at)
		q := Query{Kind: Campaign, Names: []string{"goes"}, Labels: []string{"Waiting"}}
		points, _, err := h.Points(t.Context(), q)
		if c.at < start+3600 {
			require.NoError(t, err)
			assert.Equal(t, []int64{7, 0}, []int64{points[0].Count, points[len(points)-1].Count})
		} else {
			require.ErrorIs(t, err, ErrNotFollowed)
			require.ErrorContains(t, err, `campaign "goes"`)
		}
	}
}

func TestRunTakesPoints(t *testing.T) {
	c := &clock{start}
	s := loaded(t, c, few(10, 0))
	h, err := New(Options{Every: time.Millisecond, Keep: time.Hour})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.Run(ctx, s) }()
	require.Eventually(t, func() bool { return h.Len() > 0 }, time.Minute, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{Every: -1}, {Keep: -1}, {Names: -1}, {Bytes: -1}, {Every: time.Hour, Keep: time.Minute}} {
		_, err := New(o)
		assert.Error(t, err)
	}
}
