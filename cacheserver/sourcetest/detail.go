package sourcetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/schema"
)

// detail: everything about one workflow; a deleted agent document is left out;
// deleted, never existed and present are three answers.
func detail(t *testing.T, b Backend) {
	source, ok := b.Source.(Details)
	require.True(t, ok, "the source provides details")
	b.fill(t)
	positionOf(t, b.Source, couch.Requests) // a source that polls has checked
	d, err := source.Detail(t.Context(), "r2", []string{"a1-r2", "a2-r2", "nosuch-r2"})
	require.NoError(t, err)
	assert.Equal(t, "r2", d.Workflow.Workflow)
	assert.Len(t, d.Agents, 2)
	assert.EqualValues(t, 7, d.Success)
	assert.Len(t, d.Transitions, 2)
	assert.NotNil(t, d.Errors)
	assert.NotEmpty(t, d.ErrorsState)

	d, err = source.Detail(t.Context(), "r1", nil)
	require.NoError(t, err)
	assert.Empty(t, d.Agents)
	_, err = source.Detail(t.Context(), "nosuch", nil)
	require.ErrorIs(t, err, couch.ErrNotFound)
	_, err = source.Detail(t.Context(), "", nil)
	require.ErrorIs(t, err, couch.ErrNotFound)
	b.Writer.Delete(t, couch.Requests, "r1")
	positionOf(t, b.Source, couch.Requests)
	_, err = source.Detail(t.Context(), "r1", nil)
	if b.has(Tombstones) {
		require.ErrorIs(t, err, couch.ErrGone)
	} else {
		require.ErrorIs(t, err, couch.ErrNotFound)
	}
}

// failures: groups of failing jobs, and messages, of this workflow only.
func failures(t *testing.T, b Backend) {
	source, ok := b.Source.(Failures)
	require.True(t, ok, "the source provides failing jobs")
	b.fill(t)
	b.Writer.Put(t, couch.WMStats, job("other", "r22", 1), job("other-2", "r", 1))
	got, err := source.JobErrors(t.Context(), "r2")
	require.NoError(t, err)
	group := schema.JobError{Workflow: "r2", Task: "/r2/GEN", State: "jobfailed", ExitCode: 8021, Site: "T2_CH_CERN", Agent: "a1", ErrorTypes: "A;B", Count: 2}
	rarer := group
	rarer.ExitCode, rarer.Count = 99109, 1
	assert.Equal(t, []schema.JobError{group, rarer}, got)
	got, err = source.JobErrors(t.Context(), "r1")
	require.NoError(t, err)
	assert.Empty(t, got)
	samplesOfJobs(t, b, source)
	jobsOfAll(t, source)
	messages(t, b, source)
}

// samplesOfJobs: documents of the matching groups, one of each before a second
// of any, and the number of jobs.
func samplesOfJobs(t *testing.T, b Backend, source Failures) {
	t.Helper()
	names := func(limit int, match func(schema.JobError) bool) (list []string, total int64) {
		samples, total, err := source.JobSamples(t.Context(), "r2", match, limit)
		require.NoError(t, err)
		require.NotNil(t, samples)
		for _, s := range samples {
			assert.Equal(t, "r2", s.Workflow)
			assert.Len(t, s.Errors, 2)
			list = append(list, s.JobName)
		}
		return list, total
	}
	all := func(schema.JobError) bool { return true }
	list, total := names(100, all)
	assert.Equal(t, []string{"job-1", "job-2", "job-3"}, list)
	assert.EqualValues(t, 3, total)
	list, total = names(2, all)
	assert.Equal(t, []string{"job-1", "job-3"}, list, "one of each group")
	assert.EqualValues(t, 3, total)
	list, total = names(100, func(g schema.JobError) bool { return g.ExitCode == 99109 })
	assert.Equal(t, []string{"job-3"}, list)
	assert.EqualValues(t, 1, total)
	list, total = names(100, func(schema.JobError) bool { return false })
	assert.Empty(t, list)
	assert.Zero(t, total)

	more := []string{}
	for i := range couch.PerGroup + 5 {
		more = append(more, job(fmt.Sprintf("many-%02d", i), "r2", 8021))
	}
	b.Writer.Put(t, couch.WMStats, more...)
	b.Writer.Delete(t, couch.WMStats, "job-2")
	list, total = names(100, all)
	assert.Len(t, list, couch.PerGroup+1)
	assert.EqualValues(t, couch.PerGroup+5+1+1, total)
	assert.NotContains(t, list, "job-2")
}

// jobsOfAll: the groups of all requested workflows, those of one workflow
// together, in one pass.
func jobsOfAll(t *testing.T, source Failures) {
	t.Helper()
	read := func(wanted func(string) bool) map[string]int64 {
		counts := map[string]int64{}
		last := ""
		require.NoError(t, source.FailingJobs(t.Context(), wanted, func(g schema.JobError) error {
			if g.Workflow != last {
				assert.Zero(t, counts[g.Workflow], "the groups of %s are adjacent", g.Workflow)
				last = g.Workflow
			}
			counts[g.Workflow] += g.Count
			assert.Equal(t, "jobfailed", g.State)
			assert.Equal(t, "T2_CH_CERN", g.Site)
			assert.Equal(t, "a1", g.Agent, "missing reports are listed by agent")
			return nil
		}))
		return counts
	}
	everything := map[string]int64{"r": 1, "r2": couch.PerGroup + 7, "r22": 1}
	assert.Equal(t, everything, read(func(string) bool { return true }))
	assert.Equal(t, map[string]int64{"r2": everything["r2"]}, read(func(w string) bool { return w == "r2" }))
	assert.Empty(t, read(func(string) bool { return false }))
	stop := errors.New("stop")
	require.ErrorIs(t, source.FailingJobs(t.Context(), func(string) bool { return true }, func(schema.JobError) error { return stop }), stop)
}

// messages: those of this workflow only, the newest first.
func messages(t *testing.T, b Backend, source Failures) {
	t.Helper()
	b.Writer.Put(t, couch.LogDB,
		`{"_id":"l1","request":"r1","identifier":"a1","thr":"JobSubmitter","type":"agent-error","messages":[{"ts":10.5,"msg":"older"},{"ts":30,"msg":"newest"}]}`,
		`{"_id":"l2","request":"r1","identifier":"svc","thr":"main","type":"info","messages":[{"ts":20,"msg":"middle"}]}`,
		`{"_id":"l3","request":"other","identifier":"svc","thr":"main","type":"info","messages":[{"ts":20,"msg":"no"}]}`)
	entries, err := source.LogEntries(t.Context(), "r1")
	require.NoError(t, err)
	texts := []string{}
	for _, e := range entries {
		assert.Equal(t, "r1", e.Workflow)
		texts = append(texts, e.Message)
	}
	assert.Equal(t, []string{"newest", "middle", "older"}, texts)
	entries, err = source.LogEntries(t.Context(), "nosuch")
	require.NoError(t, err)
	assert.Empty(t, entries)
}
