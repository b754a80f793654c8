package couch

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/couchfake"
)

// TestJobsWithAnyTask: the jobs of a workflow are read whatever value their task has;
// objects sort last in a view.
func TestJobsWithAnyTask(t *testing.T) {
	srv, c := standIn(t, couchfake.Options{})
	putDesign(t, srv, wmstatsDB, "WMStatsErl3")
	tasks := []string{`null`, `true`, `7`, `"/w/T"`, `["/w/T"]`, `{}`, `{"name":"/w/T"}`, `{"~":{"é":1}}`}
	job := func(workflow string, n int, task string) string {
		return fmt.Sprintf(`{"_id":"%s-%d","type":"jobsummary","workflow":%q,"task":%s,"state":"jobfailed","exitcode":1,"site":"T2_X","errors":{}}`, workflow, n, workflow, task)
	}
	var want []string
	for i, task := range tasks {
		want = append(want, fmt.Sprintf("w-%d", i))
		for _, workflow := range []string{"v", "w", "w1", "x"} {
			put(t, srv, wmstatsDB, job(workflow, i, task))
		}
	}
	var ids []string
	require.NoError(t, c.EachJob(t.Context(), "w", func() { ids = nil }, func(id string, _ []byte) error {
		ids = append(ids, id)
		return nil
	}))
	slices.Sort(ids)
	require.Equal(t, want, ids)
	groups, err := c.JobErrors(t.Context(), "w")
	require.NoError(t, err)
	total := int64(0)
	for _, g := range groups {
		require.Equal(t, "w", g.Workflow)
		total += g.Count
	}
	require.EqualValues(t, len(tasks), total)
}
