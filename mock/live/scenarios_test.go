package live_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
)

// TestScenariosStayAlive lives 115 minutes with all scenarios: their agents write
// the same counts of them with new times, and nothing of theirs is deleted; the
// agent that drains and the broken one recover and relapse; one workflow after
// the other completes.
func TestScenariosStayAlive(t *testing.T) {
	t.Parallel()
	w, sim, now := start(t, gen.Options{Seed: 8, Lean: true, Scenarios: gen.Scenarios()}, 0.1, 5*time.Minute)
	type document struct {
		ID            string `json:"_id"`
		Type          string
		Workflow      string
		RequestName   string
		RequestStatus string
		AgentURL      string `json:"agent_url"`
		Drain         bool   `json:"drain_mode"`
		Down          []any  `json:"down_components"`
		Time          int64  `json:"timestamp"`
		Deleted       bool   `json:"_deleted"`
		Status        json.RawMessage
	}
	read := func(d gen.Doc) (doc document) {
		require.NoError(t, json.Unmarshal(d.JSON, &doc), d.ID)
		return doc
	}
	a := w.Answers()
	counts, times := map[string]string{}, map[string]int64{} // of the workflows of scenarios whose counts stay
	for _, i := range w.Actors() {
		st := w.Initial(i)
		for _, d := range w.Docs(i, &st) {
			if doc := read(d); doc.Type == "agent_request" {
				counts[doc.ID], times[doc.ID] = string(doc.Status), doc.Time
			}
		}
	}
	require.Greater(t, len(counts), 40)
	completed := map[string]bool{}
	conditions := map[string][]bool{} // changes of trouble, by agent
	for range 115 * 3 {
		now = now.Add(20 * time.Second)
		for _, d := range sim.Step(now) {
			doc := read(d)
			if want, ours := counts[doc.ID]; ours {
				require.False(t, doc.Deleted, doc.ID)
				require.Equal(t, want, string(doc.Status), doc.ID)
				times[doc.ID] = doc.Time
			}
			if doc.Type == "agent_info" && slices.Contains([]string{a.Drain.Agent, a.Broken.Agent}, doc.AgentURL) {
				trouble := doc.Drain || len(doc.Down) > 0
				if was := conditions[doc.AgentURL]; len(was) == 0 || was[len(was)-1] != trouble {
					conditions[doc.AgentURL] = append(was, trouble)
				}
			}
			if doc.RequestStatus == "completed" && strings.HasPrefix(doc.RequestName, "pdmvserv_DemoEnding_") {
				completed[doc.RequestName] = true
			}
		}
	}
	for id, at := range times {
		require.Less(t, now.Unix()-at, int64(600), "%s is fresh", id)
	}
	assert.True(t, completed[a.Ending.Workflow])
	assert.Len(t, completed, 7, "one each quarter of an hour: %v", slices.Sorted(maps.Keys(completed)))
	for _, agent := range []string{a.Drain.Agent, a.Broken.Agent} {
		assert.Equal(t, []bool{true, false, true, false}, conditions[agent], agent)
	}
}
