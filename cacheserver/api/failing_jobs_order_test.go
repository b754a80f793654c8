package api

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api/records"
	"github.com/dmwm/wmstats/cacheserver/failures"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Failing jobs are sorted like all lists, by every key: missing values are
// last in both directions.
func TestMissingFailuresAreLast(t *testing.T) {
	list := []schema.ErrorSummary{
		{ExitCode: -1, Jobs: 3, Workflows: 2, Sites: 1, ExitCodes: 1},
		{ExitCode: 8021, Meaning: "b", Area: "b", Site: "T2_B", Workflow: "b", State: "b", Jobs: 2, Workflows: 3, Sites: 2, ExitCodes: 2},
		{ExitCode: -64, Meaning: "a", Area: "a", Site: "T2_A", Workflow: "a", State: "a", Jobs: 1, Workflows: 1, Sites: 3, ExitCodes: 3},
	}
	for _, f := range schema.Describe[schema.ErrorSummary]() {
		for _, desc := range []bool{false, true} {
			got := slices.Clone(list)
			require.NoError(t, records.Sort(t.Context(), got, []wire.SortKey{{Field: f.Key, Desc: desc}}, failures.Order))
			switch f.Key {
			case "Jobs", "Workflows", "Sites", "ExitCodes", "Retries", "Share":
				continue
			}
			assert.EqualValues(t, -1, got[2].ExitCode, "%s %v", f.Key, desc)
			assert.Equal(t, desc, got[0].ExitCode == 8021, "%s %v", f.Key, desc)
		}
	}
}
