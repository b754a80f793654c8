package gen_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
)

func TestTierZeroIsDeterministicAndWhole(t *testing.T) {
	docs := world(t, gen.Options{Seed: 3}).TierZero(24)
	assert.Equal(t, docs, world(t, gen.Options{Seed: 3}).TierZero(24))
	assert.NotEqual(t, docs, world(t, gen.Options{Seed: 4}).TierZero(24))
	statuses, runs, reported := map[string]int{}, map[int64]int{}, map[string]bool{}
	for _, d := range docs {
		require.Contains(t, design.TierZeroDatabases(), d.DB)
		var doc struct {
			ID                         string `json:"_id"`
			RequestName, RequestStatus string
			Run                        int64
			Type, Workflow             string
		}
		require.NoError(t, json.Unmarshal(d.JSON, &doc))
		require.Equal(t, d.ID, doc.ID)
		if d.DB == design.TierZeroRequestDB {
			statuses[doc.RequestStatus]++
			runs[doc.Run]++
			reported[doc.RequestName] = false
		} else if doc.Type == "agent_request" {
			_, known := reported[doc.Workflow]
			require.True(t, known, doc.Workflow)
			reported[doc.Workflow] = true
		}
	}
	assert.Len(t, statuses, 8, "all statuses of Tier-0")
	assert.Len(t, runs, 8, "three requests of each run")
	for name, ok := range reported {
		assert.True(t, ok, name)
	}
}
