package timeline

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
)

// TestSevenDays: the default limits hold in memory and over a restart, however
// long a server runs or was away.
func TestSevenDays(t *testing.T) {
	const week = 7 * 24 * 3600
	c := &clock{start}
	h := empty(t, Options{}, c)
	point := func() map[key][]int64 { return map[key][]int64{{}: make([]int64, len(h.all.labels))} }
	for range 9 * 24 * 12 { // nine days of points
		h.append(c.at, point())
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
	again.append(c.at, point())
	again.trim(c.at)
	require.Greater(t, again.times[0], c.at-week)
	require.InDelta(t, 4*24*12, len(again.times), 1)
}

// names returns a point with names n from to to, the larger ones with more workflows.
func names(h *Timeline, from, to int) map[key][]int64 {
	counts := map[key][]int64{{}: make([]int64, len(h.all.labels))}
	for i := from; i < to; i++ {
		values := make([]int64, len(h.named.labels))
		values[0] = int64(i + 5)
		counts[key{Kinds()[i%4], fmt.Sprint("n", i)}] = values
	}
	return counts
}

// The least-used names go first: those that have had nothing for longest, then
// the smallest. Two of about the same size do not replace each other.
func TestLeastUsedNamesGoFirst(t *testing.T) {
	c := &clock{start}
	h := empty(t, Options{Names: 10}, c)
	point := func(from, to int) {
		c.at += 300
		h.append(c.at, names(h, from, to))
		h.trim(c.at)
		h.forget()
	}
	kept := h.allNames
	var want []string
	for i := 10; i < 20; i++ {
		want = append(want, fmt.Sprint("n", i))
	}
	point(0, 20)
	require.ElementsMatch(t, want, kept(), "the largest")
	point(10, 20)
	point(10, 21)
	require.ElementsMatch(t, want, kept(), "one that is hardly larger replaces none")
	point(60, 90)
	want = want[:0]
	for i := 80; i < 90; i++ {
		want = append(want, fmt.Sprint("n", i))
	}
	require.ElementsMatch(t, want, kept(), "those that have gone are replaced")
	point(83, 90)
	point(0, 3)
	require.ElementsMatch(t, append(want[3:], "n0", "n1", "n2"), kept(), "small ones that are in use replace those that have gone for longest")
	again := empty(t, Options{Names: 4}, c)
	require.NoError(t, again.Decode(h.Encode()))
	require.Len(t, again.allNames(), 4, "a smaller limit holds after a restart")
	require.Subset(t, again.allNames(), []string{"n0", "n1", "n2"})
}

func (t *Timeline) allNames() (out []string) {
	for _, kind := range Kinds() {
		out = append(out, t.Names(kind)...)
	}
	return out
}

// Memory stays within the limit, whatever the counts; the line of all workflows
// stays.
func TestBytesAreBounded(t *testing.T) {
	c := &clock{start}
	h := empty(t, Options{Bytes: 200_000, Keep: 24 * time.Hour}, c)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		counts := names(h, 0, 200)
		for _, values := range counts {
			for i := range values {
				values[i] = rnd.Int64N(1 << 40)
			}
		}
		h.append(c.at, counts)
		h.trim(c.at)
		h.forget()
		require.LessOrEqual(t, h.Bytes(), h.Limit())
		c.at += 300
	}
	assert.NotEmpty(t, h.allNames())
	assert.Len(t, h.series[key{}].between(h.first, h.first+1000, len(h.all.labels)), len(h.times))
}

// workflowOf returns documents of one of many workflows in 260 campaigns, 80
// releases, at 120 sites and 40 agents: about as many as in production.
func workflowOf(rnd *rand.Rand, i, version int) []join.Change {
	counts := schema.JobCounts{
		Pending: rnd.Int64N(300), Running: rnd.Int64N(900), Success: int64(version)*40 + rnd.Int64N(40), FailureException: int64(version) * 2,
	}
	r := schema.AgentReport{Agent: fmt.Sprintf("vocms%04d", i%40), Counts: counts}
	for k := range 3 {
		part := schema.JobCounts{Pending: counts.Pending / 3, Running: counts.Running / 3, Success: counts.Success / 3, FailureException: counts.FailureException / 3}
		r.Sites = append(r.Sites, schema.SiteReport{Site: fmt.Sprintf("T2_XX_Site%03d", (i*7+k*41)%120), Counts: part})
	}
	status := []string{"running-open", "running-open", "running-closed", "completed"}[(i+version/300)%4]
	return documents(fmt.Sprintf("w%06d", i), version, schema.Workflow{
		Status: status, Campaign: fmt.Sprintf("Campaign%03d", i%260), Release: fmt.Sprintf("CMSSW_14_0_%d", i%80), StatusTime: start,
	}, r)
}

// BenchmarkSevenDays takes the points of seven days of a store in which reports
// on 300 workflows change every ten minutes, so that all names do. It reports
// the memory of the points, the bytes for the checkpoint and the time until they are
// captured, and the cost of a point. WMSTATS_BENCH_N is the number of workflows.
func BenchmarkSevenDays(b *testing.B) {
	n := 2000
	if text := os.Getenv("WMSTATS_BENCH_N"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(b, err)
	}
	for b.Loop() {
		c := &clock{start}
		rnd := rand.New(rand.NewPCG(1, 2))
		var all []join.Change
		for i := range n {
			all = append(all, workflowOf(rnd, i, 0)...)
		}
		s := loaded(b, c, all)
		h := empty(b, Options{Bytes: 1 << 30}, c)
		var took time.Duration
		for v := range h.most {
			if v%2 == 0 { // agents report every ten minutes
				var changes []join.Change
				for k := range 300 {
					changes = append(changes, workflowOf(rnd, (v*300+k)%n, v+1)...)
				}
				s.Apply(changes)
			}
			began := time.Now()
			require.True(b, observe(b, h, s))
			took += time.Since(began)
			c.at += 300
		}
		var frames [][]byte
		began, encoded := time.Now(), 0
		for range 20 {
			frames = h.Encode()
		}
		b.ReportMetric(time.Since(began).Seconds()*1000/20, "encode-ms")
		for _, f := range frames {
			encoded += len(f)
		}
		b.ReportMetric(float64(len(h.allNames())), "names")
		b.ReportMetric(float64(h.Bytes())/(1<<20), "MiB")
		b.ReportMetric(float64(encoded)/(1<<20), "MiB-encoded")
		b.ReportMetric(float64(took.Microseconds())/float64(h.most), "us/point")
	}
}

// What was saved stays what it was, whatever happens to the Timeline: points that are
// added, replaced after the clock was set back, or dropped, and states that change.
func TestSavedIsOfOneMoment(t *testing.T) {
	c := &clock{start}
	h := empty(t, Options{Keep: 24 * time.Hour, Names: 30}, c)
	rnd := rand.New(rand.NewPCG(1, 2))
	var encoding sync.WaitGroup
	for n := range 600 {
		counts := names(h, n/20, n/20+40)
		for _, values := range counts {
			for i := range values {
				values[i] = rnd.Int64N(1000)
			}
		}
		if n%70 == 69 { // the clock was set back
			c.at -= 20 * 300
			h.cut(c.at)
			h.agents.cut(c.at)
			h.trouble.cut(c.at)
		}
		h.append(c.at, counts)
		h.trim(c.at)
		h.agents.compare(c.at, map[string]map[fact]string{"a": {fact{ofSeverity, ""}: strconv.Itoa(n % 3)}})
		h.forgetLogs(c.at)
		h.forget()
		c.at += 300
		if n%7 == 0 {
			saved, want := h.Save(), h.Encode()
			encode := func(when string) { // while the Timeline changes, and afterwards
				assert.True(t, slices.EqualFunc(want, saved.Encode(), slices.Equal), "point %d, %s", n, when)
			}
			encoding.Go(func() { encode("at once") })
			defer encode("later")
		}
	}
	encoding.Wait()
}
