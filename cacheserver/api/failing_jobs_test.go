package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func (f *fixture) summaries(query string) []schema.ErrorSummary {
	f.t.Helper()
	a := f.get("/errors" + query)
	require.Equal(f.t, http.StatusOK, a.StatusCode, string(a.body))
	return decode[[]schema.ErrorSummary](f.t, a.plain(f.t))
}

// failingJobsFixture serves 30 workflows, 10 of which have failing jobs (see
// failing); the source knows 400.
func failingJobsFixture(t *testing.T, change func(*api.Options)) (*fixture, *jobsFake) {
	t.Helper()
	f := newFixture(t, 30)
	source := &jobsFake{}
	f.newAPI(func(o *api.Options) {
		o.Jobs, o.Now = source, f.clock.Now
		if change != nil {
			change(o)
		}
	})
	return f, source
}

func TestFailingJobsOfAllWorkflows(t *testing.T) {
	f, source := failingJobsFixture(t, nil)
	list := f.summaries("")
	require.Len(t, list, 4)
	assert.Equal(t, schema.ErrorSummary{ExitCode: 8021, Meaning: "an input file could not be read, perhaps the site's storage", Area: "input",
		Site: "T1_US_FNAL", Jobs: 500, Workflows: 10, Sites: 1, ExitCodes: 1, Share: schema.Percent(500, 745)}, list[0], "workflows of the generation only")
	assert.EqualValues(t, 10+0+3+6+9+12+15+18+21+24+27, list[1].Jobs)
	assert.Equal(t, "no exit code was reported", list[1].Meaning)

	byCode := f.summaries("?by=exitcode")
	assert.EqualValues(t, 530, byCode[0].Jobs)
	assert.EqualValues(t, 2, byCode[0].Sites)
	assert.Equal(t, []schema.ErrorSummary{{ExitCode: -1, Workflow: workflowName(27), Jobs: 28, Workflows: 1, Sites: 1, ExitCodes: 1, Share: schema.Percent(28, 145)}},
		f.summaries("?by=workflow&exitcode=-1&limit=1"))
	assert.Len(t, f.summaries("?by=workflow,state&state=*"), 40)
	assert.EqualValues(t, 20, f.summaries("?state=success&by=state")[0].Jobs)

	// The filters of /fetch select workflows.
	one := f.summaries("?by=exitcode&workflow=" + workflowName(6))
	assert.EqualValues(t, 53, one[0].Jobs)
	campaign := f.summaries("?by=workflow&campaign=Run3Summer01&limit=all")
	assert.Len(t, campaign, len(f.list("/fetch?campaign=Run3Summer01&name="+thirds(30)+"&limit=all")))
	assert.NotEmpty(t, campaign)
	assert.Empty(t, f.summaries("?campaign=none-such"))
	assert.Equal(t, []int64{8021, 134}, codes(f.summaries("?site=T2_*&sort=Jobs")))
	assert.Equal(t, []int64{134, 8021}, codes(f.summaries("?site=T2_*&sort=Sites,ExitCode")))

	assert.Equal(t, 1, source.count("all"), "all of it from one read")
	table := rows(t, f.get("/errors?format=csv&fields=jobs,meaning").body)
	assert.Equal(t, []string{"ExitCode", "Meaning", "Jobs"}, table[0])
}

// Another server over the same generations has other reads: a page of this one's is
// never cut from them.
func TestAReadBelongsToOneServer(t *testing.T) {
	f, _ := failingJobsFixture(t, nil)
	page := func() (next string) {
		a := f.get("/errors?by=workflow&limit=1")
		require.Equal(t, http.StatusOK, a.StatusCode)
		next = a.links()["next"]
		require.Contains(t, next, "read=")
		return next
	}
	next := page()
	require.Equal(t, http.StatusOK, f.get(next).StatusCode)
	f.newAPI(func(o *api.Options) { o.Jobs, o.Now = &jobsFake{}, f.clock.Now })
	require.NotEqual(t, next, page())
	a := f.get(next)
	require.Equal(t, http.StatusGone, a.StatusCode)
	require.Equal(t, wire.SlugGenerationExpired, ptr(a.problem(t)).Slug())
}

func codes(list []schema.ErrorSummary) (out []int64) {
	for _, s := range list {
		out = append(out, s.ExitCode)
	}
	return out
}

// thirds are the names of the workflows that fail.
func thirds(n int) string {
	names := ""
	for i := 0; i < n; i += 3 {
		names += "," + workflowName(i)
	}
	return names[1:]
}

// A client that follows the links reads one list, whatever is read meanwhile.
func TestFailingJobsPages(t *testing.T) {
	f, source := failingJobsFixture(t, nil)
	want := f.summaries("?by=workflow&limit=all")
	require.Len(t, want, 10)
	var got []schema.ErrorSummary
	first := ""
	for next, n := "/errors?by=workflow&limit=3", 0; next != ""; n++ {
		a := f.get(next)
		require.Equal(t, 200, a.StatusCode, string(a.body))
		assert.Equal(t, "10", a.Header.Get("X-Total-Count"))
		got = append(got, decode[[]schema.ErrorSummary](t, a.body)...)
		next = a.links()["next"]
		switch n {
		case 0:
			first = next
			f.clock.advance(11 * time.Minute)
			f.get("/errors")
			require.Eventually(t, func() bool { return source.count("all") == 2 }, waitFor, tick, "read again in the background")
		case 1:
			assert.Equal(t, "private, max-age=600, immutable", a.Header.Get("Cache-Control"))
		}
	}
	assert.Equal(t, want, got)

	envelope := decode[wire.ErrorsEnvelope](t, f.get("/errors?by=workflow&limit=3&envelope=1").body)
	assert.Equal(t, 10, envelope.Total)
	assert.Len(t, envelope.Items, 3)
	assert.NotEmpty(t, envelope.Next)
	assert.NotNil(t, envelope.Facets)
	for round := range 2 {
		f.clock.advance(30 * time.Minute)
		assert.Len(t, f.summaries("?by=workflow&limit=all"), 10)
		assert.Equal(t, 3+round, source.count("all"), "too old to be served: read before the answer")
	}
	gone := f.get(first)
	assert.Equal(t, http.StatusGone, gone.StatusCode)
	p := gone.problem(t)
	assert.Equal(t, "read", p.Param)
	assert.Equal(t, "/errors?by=workflow&limit=3", p.Restart)
	assert.Equal(t, 200, f.get(p.Restart).StatusCode)
}

func TestFailingJobsAreReadOnceForManyReaders(t *testing.T) {
	f, source := failingJobsFixture(t, nil)
	source.wait = make(chan struct{})
	var readers sync.WaitGroup
	for i := range 20 {
		readers.Go(func() { assert.Equal(t, 200, f.get(fmt.Sprint("/errors?exitcode=", i)).StatusCode) })
	}
	require.Eventually(t, func() bool { return source.count("all") == 1 }, waitFor, tick)
	close(source.wait)
	readers.Wait()
	f.get("/errors")
	assert.Equal(t, 1, source.count("all"))
}

// A long first read returns not-ready, and continues.
func TestFailingJobsNotYet(t *testing.T) {
	f, source := failingJobsFixture(t, func(o *api.Options) { o.Demand.WaitErrors = time.Millisecond })
	source.wait = make(chan struct{})
	a := f.get("/errors")
	assert.Equal(t, http.StatusServiceUnavailable, a.StatusCode)
	assert.Equal(t, wire.SlugNotReady, ptr(a.problem(t)).Slug())
	assert.NotEmpty(t, a.Header.Get("Retry-After"))
	close(source.wait)
	require.Eventually(t, func() bool { return f.get("/errors").StatusCode == http.StatusOK }, waitFor, tick)
	assert.Equal(t, 1, source.count("all"))
}

// When the source fails, the last table is served as stale.
func TestFailingJobsStale(t *testing.T) {
	f, source := failingJobsFixture(t, nil)
	fresh := f.get("/errors")
	assert.Empty(t, fresh.Header.Get("X-Stale"))
	source.fail(errors.New("down"))
	f.clock.advance(time.Hour)
	old := f.get("/errors")
	assert.Equal(t, 200, old.StatusCode)
	assert.Equal(t, "1", old.Header.Get("X-Stale"))
	assert.Contains(t, old.Header.Get("X-Stale-Reason"), "could not be refreshed")
	assert.Equal(t, fresh.body, old.body)
	assert.Equal(t, fresh.Header.Get("X-Read-Time"), old.Header.Get("X-Read-Time"))
	for range 20 {
		f.get("/errors")
	}
	assert.LessOrEqual(t, source.count("all"), 4, "reads are paused")
	source.fail(nil)
	f.clock.advance(time.Hour)
	assert.Empty(t, f.get("/errors").Header.Get("X-Stale"))
}

// A slow source is read less often: it spends at most a twentieth of its time
// on this.
func TestFailingJobsOfASlowSource(t *testing.T) {
	f, source := failingJobsFixture(t, nil)
	source.wait = make(chan struct{})
	answered := make(chan int, 1)
	go func() { answered <- f.get("/errors").StatusCode }()
	require.Eventually(t, func() bool { return source.count("all") == 1 }, waitFor, tick)
	f.clock.advance(2 * time.Minute)
	close(source.wait)
	assert.Equal(t, 200, <-answered)
	f.clock.advance(37 * time.Minute)
	f.get("/errors")
	assert.Equal(t, 1, source.count("all"))
	f.clock.advance(90 * time.Minute)
	f.get("/errors")
	assert.Equal(t, 2, source.count("all"))
}
