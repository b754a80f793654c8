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
			Campaign schema.Campaign
			Holds    []schema.Hold
			Left     []schema.StatusLeft
			MostLeft []schema.WorkflowLeft
			Rate     schema.Rate
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
