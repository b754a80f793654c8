package pages

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/uiserver/query"
)

// checkOrder sorts shuffled records by each column of a table in both
// directions: no record without a value stands before one that has it.
func checkOrder[T any](t *testing.T, columns []query.GroupColumn, records []T, nameKey string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	for _, column := range columns {
		if column.Key == "" {
			continue
		}
		for _, desc := range []bool{false, true} {
			rng.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
			rows, _ := pick(records, query.Groups{Sort: column.Key, Desc: desc}, nameKey, "rows")
			require.Len(t, rows, len(records))
			gone := false
			for i := range rows {
				v := field(&rows[i], column.Key)
				text := fmt.Sprint(v.Interface())
				none := text == "" || text == "-1" || text == "0" && column.Time
				assert.False(t, gone && !none, "%s desc=%t: %s comes after a missing value", column.Key, desc, text)
				gone = gone || none
			}
		}
	}
}

func TestTablesPutWhatIsMissingLast(t *testing.T) {
	var sites []schema.Site
	var campaigns []schema.Campaign
	var agents []schema.Agent
	for i := range int64(30) {
		s := schema.Site{Site: fmt.Sprintf("T%02d", i), State: []string{"", "Down", "Normal"}[i%3], RunningSlots: i%4 - 1, Tier: []string{"", "T1"}[i%2]}
		s.FailureRate, s.JobProgress, s.Failure = float64(i%5-1), float64(i%3-1), i%4
		sites = append(sites, s)
		c := schema.Campaign{Campaign: fmt.Sprintf("C%02d", i), Rollup: schema.Rollup{Workflows: i % 3, EventProgress: float64(i%4 - 1), LumiProgress: float64(i%3 - 1), MaxPriority: i%5 - 1, OldestStatusTime: i % 4}}
		c.FailureRate, c.JobProgress = float64(i%3-1), float64(i%4-1)
		campaigns = append(campaigns, c)
		a := schema.Agent{Agent: fmt.Sprintf("a%02d", i), UpdateTime: i % 3, DataUpdateTime: i % 4, Version: []string{"", "2.4"}[i%2], Severity: "ok"}
		a.FailureRate, a.JobProgress = float64(i%3-1), float64(i%4-1)
		agents = append(agents, a)
	}
	checkOrder(t, siteColumns, sites, "Site")
	checkOrder(t, rollupColumns("Campaign"), campaigns, "Campaign")
	checkOrder(t, agentColumns, agents, "Agent")
	for _, desc := range []bool{false, true} {
		rows := sortAgents(agents, query.Groups{Sort: "DataUpdateTime", Desc: desc})
		assert.Zero(t, rows[len(rows)-1].DataUpdateTime)
		assert.NotZero(t, rows[0].DataUpdateTime)
	}
}
