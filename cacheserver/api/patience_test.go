package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// The source is down: an earlier result for a workflow is served, with its
// time, also when the workflow has changed since; without an earlier result
// the answer is an error.
func TestDetailsWhileTheSourceIsDown(t *testing.T) {
	f := newFixture(t, 30)
	source := &detailsFake{}
	f.newAPI(func(o *api.Options) { o.Details, o.Now = source, f.clock.Now })
	known, unknown := "/fetch/"+workflowName(7), "/fetch/"+workflowName(8)
	fresh := decode[schema.Detail](t, f.get(known).body)
	assert.Zero(t, fresh.DetailsTime, "as in the source")
	read := f.clock.Now()

	source.change(func(d *detailsFake) { d.err = errors.New("connection refused") })
	state := f.store.Source()
	away := state
	away.Stale, away.Reason = true, "connection refused"
	f.store.SetSource(away)
	kept := f.get(known)
	assert.Equal(t, "1", kept.Header.Get("X-Stale"))
	assert.Equal(t, read.Unix(), decode[schema.Detail](t, kept.body).DetailsTime, "recent enough to be served, but it may differ from the source")
	assert.Equal(t, "private, no-cache", f.get(known+"?gen="+f.generation()).Header.Get("Cache-Control"))
	f.store.SetSource(state)
	assert.Zero(t, decode[schema.Detail](t, f.get(known).body).DetailsTime)

	f.store.Apply(changes(7, 8, 9))
	f.clock.advance(3 * time.Hour)
	a := f.get(known)
	require.Equal(t, http.StatusOK, a.StatusCode)
	assert.Equal(t, "1", a.Header.Get("X-Stale"))
	assert.Contains(t, a.Header.Get("X-Stale-Reason"), "the details of this workflow could not be refreshed since 2026-11-21")
	assert.Equal(t, "private, no-cache", a.Header.Get("Cache-Control"))
	old := decode[schema.Detail](t, a.body)
	assert.Equal(t, read.Unix(), old.DetailsTime)
	assert.Equal(t, fresh.Sites, old.Sites)
	assert.Equal(t, decode[[]schema.Workflow](t, f.get("/fetch?name="+workflowName(7)).body)[0].Priority, old.Priority, "its list record is current")
	ndjson := f.get(known, "Accept: application/x-ndjson")
	assert.Contains(t, strings.SplitN(string(ndjson.body), "\n", 2)[0], `"DetailsTime":`)
	pinned := f.get(known + "?gen=" + f.generation())
	assert.Equal(t, "private, no-cache", pinned.Header.Get("Cache-Control"), "a later answer may be better")

	p := f.get(unknown)
	assert.Equal(t, http.StatusBadGateway, p.StatusCode)
	problem := p.problem(t)
	assert.Equal(t, wire.SlugSourceFailed, problem.Slug())

	source.change(func(d *detailsFake) { d.err = nil })
	f.clock.advance(time.Hour)
	a = f.get(known)
	assert.Empty(t, a.Header.Get("X-Stale"))
	assert.Zero(t, decode[schema.Detail](t, a.body).DetailsTime)
}

// downJobs is a source of jobs that can be taken down.
type downJobs struct {
	jobsFake

	down atomic.Bool
}

func (j *downJobs) JobErrors(ctx context.Context, workflow string) ([]schema.JobError, error) {
	if j.down.Load() {
		return nil, errors.New("connection refused")
	}
	return j.jobsFake.JobErrors(ctx, workflow)
}

func (j *downJobs) LogEntries(ctx context.Context, workflow string) ([]schema.LogEntry, error) {
	if j.down.Load() {
		return nil, errors.New("connection refused")
	}
	return j.jobsFake.LogEntries(ctx, workflow)
}

// The same for failing jobs and log entries.
func TestJobsAndLogsWhileTheSourceIsDown(t *testing.T) {
	f := newFixture(t, 30)
	source := &downJobs{}
	f.newAPI(func(o *api.Options) { o.Jobs, o.Now = source, f.clock.Now })
	for _, part := range []string{"/errors", "/logs"} {
		path := "/fetch/" + workflowName(7) + part
		fresh := f.get(path)
		require.Equal(t, http.StatusOK, fresh.StatusCode)
		source.down.Store(true)
		f.clock.advance(time.Hour)
		old := f.get(path)
		require.Equal(t, http.StatusOK, old.StatusCode, part)
		assert.Equal(t, string(fresh.body), string(old.body))
		assert.Equal(t, "1", old.Header.Get("X-Stale"))
		assert.Equal(t, fresh.Header.Get("X-Read-Time"), old.Header.Get("X-Read-Time"), "the time of the read")
		assert.Equal(t, http.StatusBadGateway, f.get("/fetch/"+workflowName(9)+part).StatusCode)
		source.down.Store(false)
		f.clock.advance(time.Hour)
	}
}

// A client that does not want to wait gets an answer in time: the last result,
// or not-ready.
func TestPreferWait(t *testing.T) {
	f := newFixture(t, 30)
	source := &detailsFake{}
	f.newAPI(func(o *api.Options) { o.Details, o.Now = source, f.clock.Now })
	known := "/fetch/" + workflowName(7)
	require.Equal(t, http.StatusOK, f.get(known).StatusCode)
	wait := make(chan struct{})
	source.change(func(d *detailsFake) { d.wait = wait })
	f.clock.advance(time.Hour)
	a := f.get(known, "Prefer: respond-async, Wait=0")
	assert.Equal(t, http.StatusOK, a.StatusCode)
	assert.Equal(t, "1", a.Header.Get("X-Stale"))
	b := f.get("/fetch/"+workflowName(8), "Prefer: wait=0")
	assert.Equal(t, http.StatusServiceUnavailable, b.StatusCode)
	problem := b.problem(t)
	assert.Equal(t, wire.SlugNotReady, problem.Slug())
	assert.NotEmpty(t, b.Header.Get("Retry-After"))
	close(wait)
	f.eventually(func() bool { return f.get("/fetch/"+workflowName(8), "Prefer: wait=0").StatusCode == http.StatusOK })
	for _, odd := range []string{"wait", "wait=", "wait=-1", "wait=x", "wait=99999999999", ""} {
		assert.Equal(t, http.StatusOK, f.get("/fetch/"+workflowName(9), "Prefer: "+odd).StatusCode, odd)
	}
}
