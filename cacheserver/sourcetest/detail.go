package sourcetest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/schema"
)

// detail: all about one workflow; an agent's document that is gone is left
// out; gone, never there and there are three answers.
func detail(t *testing.T, b Backend) {
	source, ok := b.Source.(Details)
	require.True(t, ok, "the source gives details")
	b.fill(t)
	positionOf(t, b.Source, couch.Requests) // a source that polls has looked
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
	require.True(t, ok, "the source tells of failing jobs")
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

	b.Writer.Put(t, couch.LogDB,
		`{"_id":"l1","request":"r1","identifier":"a1","thr":"JobSubmitter","type":"agent-error","messages":[{"ts":10.5,"msg":"older"},{"ts":30,"msg":"newest"}]}`,
		`{"_id":"l2","request":"r1","identifier":"svc","thr":"main","type":"info","messages":[{"ts":20,"msg":"middle"}]}`,
		`{"_id":"l3","request":"other","identifier":"svc","thr":"main","type":"info","messages":[{"ts":20,"msg":"no"}]}`)
	entries, err := source.LogEntries(t.Context(), "r1")
	require.NoError(t, err)
	messages := []string{}
	for _, e := range entries {
		assert.Equal(t, "r1", e.Workflow)
		messages = append(messages, e.Message)
	}
	assert.Equal(t, []string{"newest", "middle", "older"}, messages)
	entries, err = source.LogEntries(t.Context(), "nosuch")
	require.NoError(t, err)
	assert.Empty(t, entries)
}
