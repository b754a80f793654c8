package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api/attention"
	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
)

// edit changes one field of a document in the source. All other bytes stay.
func (s *system) edit(t *testing.T, db, id, field string, value any) {
	t.Helper()
	raw, ok := s.couch.Doc(db, id)
	require.True(t, ok, "%s/%s", db, id)
	text, err := json.Marshal(value)
	require.NoError(t, err)
	fields := json.NewDecoder(bytes.NewReader(raw))
	_, err = fields.Token()
	require.NoError(t, err)
	for fields.More() {
		name, err := fields.Token()
		require.NoError(t, err)
		var was json.RawMessage
		require.NoError(t, fields.Decode(&was))
		if end := fields.InputOffset(); name == field {
			edited := slices.Concat(raw[:int(end)-len(was)], text, raw[end:])
			require.NoError(t, s.couch.Put(db, edited))
			return
		}
	}
	require.Fail(t, "no such field", "%s of %s/%s", field, db, id)
}

func (s *system) workflow(t *testing.T, name string) (schema.Workflow, bool) {
	t.Helper()
	records := getJSON[[]schema.Workflow](t, s.cache+"/fetch?name="+url.QueryEscape(name))
	if len(records) == 0 {
		return schema.Workflow{}, false
	}
	return records[0], true
}

// withJobs is a running workflow that an agent has reported on.
func (s *system) withJobs(t *testing.T) schema.Workflow {
	t.Helper()
	records := getJSON[[]schema.Workflow](t, s.cache+"/fetch?status=running-open&has=agents&limit=1")
	require.NotEmpty(t, records)
	return records[0]
}

// TestChangeBecomesVisible: each change in the source appears in /fetch, in the
// totals, and on the page, with a new generation.
func TestChangeBecomesVisible(t *testing.T) {
	s := newSystem(t, gen.Options{Seed: 4, Workflows: 300, Lean: true, NoEdges: true})
	w := s.withJobs(t)
	before := get(t, s.cache+"/fetch?limit=1").header.Get("X-Generation")

	s.edit(t, requestDB, w.Workflow, "RequestPriority", 424242)
	eventually(t, func() bool { now, ok := s.workflow(t, w.Workflow); return ok && now.Priority == 424242 }, "the new priority appears")
	assert.NotEqual(t, before, get(t, s.cache+"/fetch?limit=1").header.Get("X-Generation"))
	page := get(t, s.ui+"/workflows/"+url.PathEscape(w.Workflow))
	assert.Contains(t, string(page.body), "424")

	agent := w.Agents[0]
	s.edit(t, wmstatsDB, agent+"-"+w.Workflow, "status", map[string]any{"success": 7_000_001})
	eventually(t, func() bool {
		now, _ := s.workflow(t, w.Workflow)
		return now.Success >= 7_000_001
	}, "the agent's counts appear")
	sum := getJSON[struct{ Agent schema.Agent }](t, s.cache+"/agent/"+url.PathEscape(agent))
	assert.GreaterOrEqual(t, sum.Agent.Success, int64(7_000_001))

	s.edit(t, requestDB, w.Workflow, "RequestStatus", "normal-archived")
	eventually(t, func() bool { _, ok := s.workflow(t, w.Workflow); return !ok }, "an archived workflow leaves")
	gone := getJSON[schema.Detail](t, s.cache+"/fetch/"+url.PathEscape(w.Workflow))
	assert.Equal(t, schema.UnlistedArchived, gone.Unlisted, "its page still tells where it went")

	s.edit(t, requestDB, w.Workflow, "RequestStatus", "running-closed")
	eventually(t, func() bool {
		now, ok := s.workflow(t, w.Workflow)
		return ok && now.Success >= 7_000_001
	}, "the workflow returns with its agents' counts")

	require.True(t, s.couch.Delete(requestDB, w.Workflow))
	eventually(t, func() bool { _, ok := s.workflow(t, w.Workflow); return !ok }, "a deleted workflow leaves")
}

// TestRewriteMakesNoGeneration: a document that is the same except for its
// revision and timestamp changes only its agent's freshness.
func TestRewriteMakesNoGeneration(t *testing.T) {
	// Alert rules depend on the time and could add generations: switch them off.
	var rules strings.Builder
	for _, name := range attention.RuleNames() {
		fmt.Fprintf(&rules, "  %s: {on: false}\n", name)
	}
	alerts := filepath.Join(t.TempDir(), "alerts.yaml")
	require.NoError(t, os.WriteFile(alerts, []byte("rules:\n"+rules.String()), 0o600))
	s := newSystem(t, gen.Options{Seed: 5, Workflows: 200, Lean: true, NoEdges: true}, func(o *cacheapp.Options) { o.Alerts = alerts })
	records := getJSON[[]schema.Workflow](t, s.cache+"/fetch?has=agents&limit=2")
	require.Len(t, records, 2)
	w, marker := records[0], records[1]
	before := get(t, s.cache+"/fetch?limit=all").header.Get("X-Generation")
	s.edit(t, wmstatsDB, w.Agents[0]+"-"+w.Workflow, "timestamp", w.LastAgentUpdate+600)

	// A later change of another document of that database proves that the rewrite arrived.
	s.edit(t, wmstatsDB, marker.Agents[0]+"-"+marker.Workflow, "status", map[string]any{"success": 7_000_001})
	eventually(t, func() bool { now, _ := s.workflow(t, marker.Workflow); return now.Success >= 7_000_001 }, "the marker appears")
	now, _ := s.workflow(t, w.Workflow)
	assert.Equal(t, w, now)
	after := get(t, s.cache+"/fetch?limit=1").header.Get("X-Generation")
	assert.Equal(t, number(t, before)+1, number(t, after), "one generation for the marker, none for the rewrite: %s", get(t, s.cache+"/about").body)
}
