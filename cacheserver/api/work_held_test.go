package api_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// TestHoldsAreServed: the answers about a campaign and an agent say what holds
// work, and their links list at least the workflows that they count. Package holds
// has the recount of the numbers.
func TestHoldsAreServed(t *testing.T) {
	f := newFixture(t, 60)
	listed := func(query string) int64 {
		a := f.get("/fetch?limit=1&" + query)
		require.Equal(t, 200, a.StatusCode, query)
		n, err := strconv.ParseInt(a.Header.Get(wire.HeaderTotal), 10, 64)
		require.NoError(t, err)
		return n
	}
	checked := 0
	for _, c := range decode[[]schema.Campaign](t, f.get("/campaign").body) {
		body := decode[struct {
			Campaign   schema.Campaign
			WorstSites []schema.SiteFailures
			Holds      []schema.Hold
			Left       []schema.StatusLeft
			MostLeft   []schema.WorkflowLeft
			Rate       schema.Rate
			wire.Group[schema.Workflow]
		}](t, f.get("/campaign/"+strings.ReplaceAll(c.Campaign, "/", "%2F")+"?limit=1").body)
		require.NotEmpty(t, body.Holds, c.Campaign)
		var all int64
		for _, s := range body.Left {
			all += s.Workflows
		}
		assert.Equal(t, body.Campaign.Workflows, all, c.Campaign)
		for _, h := range body.Holds {
			if h.Query != "" && c.StepWorkflows == 0 {
				checked++
				assert.GreaterOrEqual(t, listed(h.Query), h.Workflows, h.Query)
			}
		}
	}
	assert.NotZero(t, checked)
	for _, a := range decode[[]schema.Agent](t, f.get("/agent").body) {
		body := decode[struct {
			Agent schema.AgentDetail
			Drain schema.Drain
			Rate  schema.Rate
			wire.Group[schema.Workflow]
		}](t, f.get("/agent/"+a.Agent+"?limit=1").body)
		assert.Equal(t, listed(body.Drain.Query), body.Drain.Workflows, a.Agent)
		assert.Equal(t, a.Queued+a.Pending+a.Running+a.Cooloff+a.Paused, body.Drain.Jobs, a.Agent)
	}
}

// TestHoldsWithoutTheSource: what holds a workflow is the same as in its details,
// and is answered while the source is down.
func TestHoldsWithoutTheSource(t *testing.T) {
	f := newFixture(t, 10)
	for i := range 10 {
		a := f.get("/fetch/" + workflowName(i) + "/holds")
		require.Equal(t, 200, a.StatusCode, string(a.body))
		assert.NotEmpty(t, decode[[]schema.Hold](t, a.body))
	}
	assert.Equal(t, 502, f.get("/fetch/"+workflowName(0)).StatusCode, "this server has no source for details")
	assert.Equal(t, 404, f.get("/fetch/nobody/holds").StatusCode)
	assert.Equal(t, 400, f.get("/fetch/"+workflowName(0)+"/holds?x=1").StatusCode)
	lines := f.get("/fetch/" + workflowName(0) + "/holds?format=csv&fields=Cause")
	assert.True(t, strings.HasPrefix(string(lines.body), "Hold,Cause\r\n"), string(lines.body))
}

// TestWorstSitesAreServed: they are those of the workflows' own reports.
func TestWorstSitesAreServed(t *testing.T) {
	f := newFixture(t, 40)
	var failed int64
	for i := 1; i < 40; i += 4 { // of Run3Summer01
		failed += int64(i % 5)
	}
	got := decode[rated](t, f.get("/campaign/Run3Summer01?limit=1").body).WorstSites
	require.Len(t, got, 1)
	assert.Equal(t, []any{"T2_CH_CERN_1", failed}, []any{got[0].Site, got[0].Failure})
	assert.Equal(t, schema.Percent(float64(failed), float64(failed+got[0].Success)), got[0].FailureRate)
}
