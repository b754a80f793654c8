package timeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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

// random returns random values of some series.
func random(rnd *rand.Rand, h *Timeline, names int) (counts map[key][]int64, top map[key]bool) {
	counts, top = map[key][]int64{}, map[key]bool{{}: true}
	keys := []key{{}}
	for i := range names {
		keys = append(keys, key{kindCampaign, fmt.Sprint("c", i)}, key{kindSite, fmt.Sprint("s", i)})
	}
	for _, k := range keys {
		if k != (key{}) && rnd.IntN(10) == 0 {
			continue // a gap
		}
		values := make([]int64, len(h.labels))
		for i := range values {
			if rnd.IntN(3) == 0 {
				values[i] = rnd.Int64N(1_000_000)
			}
		}
		counts[k] = values
	}
	return counts, top
}

// Points survive chunks, gaps, trimming and encoding.
func TestPointsComeBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	c := &clock{start}
	h := empty(t, Options{Keep: 200 * 5 * time.Minute}, c)
	type seen struct {
		at     int64
		counts map[key][]int64
	}
	var all []seen
	for range 500 {
		counts, top := random(rnd, h, 3)
		h.append(c.at, counts, top)
		h.trim(c.at)
		all = append(all, seen{c.at, counts})
		c.at += 300 + rnd.Int64N(100)
	}
	again := empty(t, Options{Keep: 200 * 5 * time.Minute}, c)
	require.NoError(t, again.Decode(h.Encode()))
	assert.Equal(t, h.Names(true), again.Names(true))
	for _, h := range []*Timeline{h, again} {
		for _, q := range []Query{{}, {ByState: true}, {Campaigns: []string{"c1"}}, {Sites: []string{"s2"}, ByState: true}, {Since: c.at - 9000}} {
			got, first, err := h.Points(t.Context(), q)
			if errors.Is(err, ErrNotFollowed) {
				continue // it was left out of the last point
			}
			counted := map[string]int64{}
			for _, p := range got {
				counted[fmt.Sprint(p.Time, p.Name)] = p.Count
				assert.GreaterOrEqual(t, p.Time, q.Since)
			}
			k := key{}
			if q.Campaigns != nil {
				k = key{kindCampaign, q.Campaigns[0]}
			} else if q.Sites != nil {
				k = key{kindSite, q.Sites[0]}
			}
			since := int64(0) // a series that was omitted restarts
			for _, s := range all {
				if s.counts[k] == nil {
					since = s.at
				}
			}
			n := 0
			for _, s := range all {
				if s.at < max(q.Since, first) || s.at < since {
					continue
				}
				for i, label := range h.labels {
					if byState := i >= h.states; byState == q.ByState && s.counts[k] != nil {
						require.Equal(t, s.counts[k][i], counted[fmt.Sprint(s.at, label)], label)
						n++
					}
				}
			}
			assert.Positive(t, n)
		}
		assert.LessOrEqual(t, len(h.times), 200)
	}
}

func TestOnePointInFiveMinutes(t *testing.T) {
	c := &clock{start}
	s := loaded(t, c, 50)
	h := empty(t, Options{}, c)
	taken := func() bool {
		generation, _ := s.Newest()
		ok, err := h.Observe(generation)
		require.NoError(t, err)
		return ok
	}
	assert.True(t, taken())
	c.at += 299
	assert.False(t, taken())
	c.at++
	assert.True(t, taken())
	c.at -= 200 // a clock that is corrected by some minutes
	assert.False(t, taken())
	assert.Len(t, h.times, 2)
	c.at -= 86400
	assert.True(t, taken())
	assert.Equal(t, []int64{c.at}, h.times, "times ascend: the series restart")
}

// Counts are those of the generation; the number of followed series is
// bounded.
func TestCounts(t *testing.T) {
	c := &clock{start}
	s := loaded(t, c, 200)
	h := empty(t, Options{Top: 3, Statuses: []string{"running-open", "completed"}}, c)
	generation, _ := s.Newest()
	_, err := h.Observe(generation)
	require.NoError(t, err)
	points, first, err := h.Points(t.Context(), Query{})
	require.NoError(t, err)
	assert.EqualValues(t, start, first)
	sum, names := int64(0), []string{}
	for _, p := range points {
		sum += p.Count
		names = append(names, p.Name)
	}
	assert.EqualValues(t, 200, sum)
	assert.Equal(t, []string{"running-open", "completed", OtherStatus}, names)
	assert.Len(t, h.Names(false), 3)
	assert.Len(t, h.Names(true), 3)
	for _, site := range generation.Sites() {
		points, _, err := h.Points(t.Context(), Query{Sites: []string{site.Site}, ByState: true})
		if err != nil {
			require.ErrorIs(t, err, ErrNotFollowed)
			continue
		}
		got := map[string]int64{}
		for _, p := range points {
			got[p.Name] = p.Count
		}
		assert.Equal(t, []int64{site.Running, site.Success}, []int64{got["Running"], got["Success"]})
		total := int64(0)
		points, _, _ = h.Points(t.Context(), Query{Sites: []string{site.Site}})
		for _, p := range points {
			total += p.Count
		}
		assert.Equal(t, site.Workflows, total)
	}
	_, _, err = h.Points(t.Context(), Query{Campaigns: []string{h.Names(false)[0], "no such campaign"}})
	require.ErrorIs(t, err, ErrNotFollowed)
	require.ErrorContains(t, err, `"no such campaign"`)
}

// Many lines, some of their names, some of their points: the same counts as
// those of each line alone.
func TestLinesOfMany(t *testing.T) {
	c := &clock{start}
	h := empty(t, Options{}, c)
	s := loaded(t, c, 70)
	for i := range 30 {
		s.Apply(documents(70, i+1))
		generation, _ := s.Newest()
		_, err := h.Observe(generation)
		require.NoError(t, err)
		c.at += 300
	}
	q := Query{ByState: true, Sites: []string{Followed}, Names: []string{"running", "Failure"}, Points: 5, Since: start + 1000}
	all, _, err := h.Points(t.Context(), q)
	require.NoError(t, err)
	var each []schema.TimelinePoint
	times := map[int64]bool{}
	for _, name := range h.Names(true) {
		one := q
		one.Sites = []string{name}
		points, _, err := h.Points(t.Context(), one)
		require.NoError(t, err)
		each = append(each, points...)
		for i, p := range points {
			assert.Equal(t, []string{name, []string{"Running", "Failure"}[i%2]}, []string{p.Site, p.Name}, "also names without counts")
			times[p.Time] = true
		}
		whole, _, err := h.Points(t.Context(), Query{ByState: true, Sites: []string{name}})
		require.NoError(t, err)
		for _, p := range points {
			if p.Count > 0 {
				assert.Contains(t, whole, p)
			}
		}
	}
	assert.Equal(t, each, all)
	assert.Len(t, h.Names(true), 5)
	last := h.times[len(h.times)-1]
	assert.True(t, times[last], "the newest point is included")
	var at []int64
	for one := range times {
		assert.GreaterOrEqual(t, one, q.Since)
		at = append(at, one)
	}
	assert.LessOrEqual(t, len(at), 5)
	slices.Sort(at)
	for i := range len(at) - 2 {
		assert.Equal(t, at[i+1]-at[i], at[i+2]-at[i+1], "at even distances")
	}
}

func TestTooManyPoints(t *testing.T) {
	c := &clock{start}
	h := empty(t, Options{}, c)
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		counts, top := random(rnd, h, 20)
		for i := range 20 { // without gaps
			counts[key{kindSite, fmt.Sprint("s", i)}] = make([]int64, len(h.labels))
			counts[key{kindSite, fmt.Sprint("s", i)}][h.states] = 1
		}
		h.append(c.at, counts, top)
		c.at += 300
	}
	q := Query{ByState: true, Sites: []string{Followed}, Names: h.Labels(true)}
	var many *TooManyError
	_, _, err := h.Points(t.Context(), Query{ByState: true, Sites: append(h.Names(true), append(h.Names(true), h.Names(true)...)...), Names: q.Names})
	require.ErrorAs(t, err, &many)
	assert.Greater(t, many.Points, MostPoints)
	points, _, err := h.Points(t.Context(), q)
	require.NoError(t, err)
	assert.Len(t, points, 20*500*9)
}

// loaded returns a store with n workflows, in some campaigns and at some
// sites.
func loaded(t testing.TB, c *clock, n int) *store.Store {
	t.Helper()
	s, err := store.New(store.Options{Now: c.now})
	require.NoError(t, err)
	l := s.BeginLoad()
	l.Add(documents(n, 0))
	_, err = l.Commit()
	require.NoError(t, err)
	return s
}

func documents(n, version int) (out []join.Change) {
	status := []string{"running-open", "completed", "acquired"}
	for i := range n {
		name := fmt.Sprintf("w%06d", i)
		out = append(out, join.Change{Kind: join.Request, ID: name, Hash: uint64(i)<<8 | uint64(version) + 1, Workflow: &schema.Workflow{
			Workflow: name, Status: status[i%3], Campaign: fmt.Sprintf("C%d", i%7), StatusTime: start,
		}})
		out = append(out, join.Change{Kind: join.AgentReport, ID: "a-" + name, Hash: uint64(i)<<8 | uint64(version) + 1, Time: start, Report: &schema.AgentReport{
			Workflow: name, Agent: "a", Time: start, Counts: schema.JobCounts{Running: int64(i + version), Success: 10},
			Sites: []schema.SiteReport{{Site: fmt.Sprintf("T2_XX_%d", i%5), Counts: schema.JobCounts{Running: int64(i + version), Success: 4}}},
		}})
	}
	return out
}

func TestRunTakesPoints(t *testing.T) {
	c := &clock{start}
	s := loaded(t, c, 10)
	h, err := New(Options{Every: time.Millisecond, Keep: time.Hour})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.Run(ctx, s) }()
	points := func() int { p, _, _ := h.Points(t.Context(), Query{}); return len(p) }
	require.Eventually(t, func() bool { return points() > 0 }, time.Minute, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
}

func TestBytesOfAnotherProgram(t *testing.T) {
	c := &clock{start}
	old := empty(t, Options{Statuses: []string{"new", "gone", "completed"}}, c)
	old.append(start, map[key][]int64{{}: {1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 17, 18, 19}}, nil)
	h := empty(t, Options{Statuses: []string{"completed", "new"}}, c)
	require.NoError(t, h.Decode(old.Encode()))
	points, _, _ := h.Points(t.Context(), Query{})
	got := map[string]int64{}
	for _, p := range points {
		got[p.Name] = p.Count
	}
	assert.Equal(t, map[string]int64{"completed": 3, "new": 1, OtherStatus: 6}, got)
	points, _, _ = h.Points(t.Context(), Query{ByState: true})
	assert.Equal(t, schema.TimelinePoint{Time: start, By: "state", Name: "Queued", Count: 11}, points[0])

	whole := old.Encode()
	for n := range whole {
		before := h.Encode()
		require.Error(t, h.Decode(whole[:n]), "truncated after %d", n)
		require.Equal(t, before, h.Encode(), "an error changes nothing")
	}
	require.Error(t, h.Decode(append(whole, 0)))
	whole[0]++
	require.ErrorContains(t, h.Decode(whole), "version")
	c.at += 8 * 86400
	whole[0]--
	require.NoError(t, h.Decode(whole))
	assert.Empty(t, h.times, "too old")
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{Every: -1}, {Keep: -1}, {Top: -1}, {Every: time.Hour, Keep: time.Minute}} {
		_, err := New(o)
		assert.Error(t, err)
	}
}

func FuzzDecode(f *testing.F) {
	c := &clock{start}
	h := empty(f, Options{}, c)
	rnd := rand.New(rand.NewPCG(1, 2))
	f.Add(h.Encode())
	for range 3 {
		counts, top := random(rnd, h, 2)
		h.append(c.at, counts, top)
		c.at += 300
	}
	f.Add(h.Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		h := empty(t, Options{}, c)
		if h.Decode(raw) != nil {
			return
		}
		again := empty(t, Options{}, c)
		require.NoError(t, again.Decode(h.Encode()))
		require.Equal(t, h.Encode(), again.Encode())
	})
}

// BenchmarkTimeline has seven days of points for all that is followed; a
// quarter of the counts change each time. It reports bytes in memory, and of
// the checkpoint.
func BenchmarkTimeline(b *testing.B) {
	c := &clock{start}
	rnd := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		h := empty(b, Options{}, c)
		counts, top := random(rnd, h, 40)
		for range h.most {
			for _, values := range counts {
				for i := range values {
					if rnd.IntN(4) == 0 {
						values[i] += rnd.Int64N(100) - 50
					}
				}
			}
			h.append(c.at, counts, top)
			c.at += 300
		}
		held := 0
		for _, s := range h.series {
			for _, chunk := range s.chunks {
				held += cap(chunk.data)
			}
		}
		b.ReportMetric(float64(held)/1e6, "MB")
		b.ReportMetric(float64(len(h.Encode()))/1e6, "MB-encoded")
	}
}

// TestSevenDays: the default limits hold in memory and over a restart, however
// long a server runs or was away.
func TestSevenDays(t *testing.T) {
	const week = 7 * 24 * 3600
	c := &clock{start}
	h := empty(t, Options{}, c)
	for range 9 * 24 * 12 { // nine days of points
		h.append(c.at, map[key][]int64{{}: make([]int64, len(h.labels))}, nil)
		h.trim(c.at)
		c.at += 300
	}
	c.at -= 300 // the last of them
	require.Len(t, h.times, 7*24*12)
	require.Greater(t, h.times[0], c.at-week)
	again := empty(t, Options{}, c)
	require.NoError(t, again.Decode(h.Encode()))
	require.True(t, slices.Equal(h.times, again.times))

	c.at += 3 * 24 * 3600 // the server was away
	again.append(c.at, map[key][]int64{{}: make([]int64, len(h.labels))}, nil)
	again.trim(c.at)
	require.Greater(t, again.times[0], c.at-week)
	require.InDelta(t, 4*24*12, len(again.times), 1)
}
