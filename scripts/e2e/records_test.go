package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
)

// size is the number of workflows of the big tests; E2E_WORKFLOWS=20000 makes
// them as big as `make run`.
func size(t *testing.T) int {
	t.Helper()
	text := os.Getenv("E2E_WORKFLOWS")
	if text == "" {
		return 600
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// TestSameKeys: every record of /fetch has the same keys in the same order, each with
// its type and never null.
func TestSameKeys(t *testing.T) {
	s := newSystem(t, gen.Options{Seed: 1, Workflows: size(t), Lean: true})
	fields := schema.Describe[schema.Workflow]()
	records := 0
	for line := range bytes.Lines(get(t, s.cache+"/fetch?limit=all&format=ndjson").body) {
		records++
		var values map[string]any
		require.NoError(t, json.Unmarshal(line, &values))
		require.Len(t, values, len(fields), "keys of %v", values["Workflow"])
		order := -1
		for _, f := range fields {
			v, ok := values[f.Key]
			require.True(t, ok, "%v has no %s", values["Workflow"], f.Key)
			require.Truef(t, hasType(v, f.Type), "%v: %s is %T, want %s", values["Workflow"], f.Key, v, f.Type)
			at := bytes.Index(line, []byte(`"`+f.Key+`":`))
			require.Greater(t, at, order, "%v: %s is out of order", values["Workflow"], f.Key)
			order = at
		}
	}
	info := getJSON[schema.CacheInfo](t, s.cache+"/pulse")
	assert.Equal(t, info.Workflows, int64(records))
	assert.Greater(t, records, size(t)*9/10, "nearly all generated workflows are active")
}

func hasType(v any, want schema.Type) bool {
	switch want {
	case schema.String:
		_, ok := v.(string)
		return ok
	case schema.Bool:
		_, ok := v.(bool)
		return ok
	case schema.Int:
		n, ok := v.(float64)
		return ok && n == float64(int64(n))
	case schema.Float:
		_, ok := v.(float64)
		return ok
	case schema.List:
		list, ok := v.([]any)
		return ok && !slices.ContainsFunc(list, func(e any) bool { _, text := e.(string); return !text })
	}
	return false
}

// sums adds up records of one kind by name, without code of the servers.
type sums map[string]map[string]float64

func (s sums) add(name string, record any, keys []string) {
	data, err := json.Marshal(record)
	if err != nil {
		panic(err) // a record of the schema always encodes
	}
	var values map[string]any
	if err := json.Unmarshal(data, &values); err != nil {
		panic(err)
	}
	if s[name] == nil {
		s[name] = map[string]float64{}
	}
	for _, key := range keys {
		n, _ := values[key].(float64)
		s[name][key] += n
	}
}

// rawCounters are the 18 counters that are summed; values computed from them are
// checked by the tests of the formulas in schema.
func rawCounters() []string {
	var keys []string
	for _, f := range schema.Describe[schema.JobCounts]() {
		keys = append(keys, f.Key)
	}
	return keys
}

// TestSums: the rows of /campaign, /release, /sites and /agent equal sums that this
// test computes from the workflow records and their details.
func TestSums(t *testing.T) {
	s := newSystem(t, gen.Options{Seed: 2, Workflows: size(t), Lean: true})
	keys := append(rawCounters(), "Failure", "Cooloff", "Queued", "Paused", "TotalJobs")

	campaigns, releases, sites, agents := sums{}, sums{}, sums{}, sums{}
	count := map[string]map[string]int{"campaign": {}, "release": {}, "agent": {}}
	for _, w := range all(t, s.cache) {
		campaign, release := orNone(w.Campaign), orNone(w.Release)
		campaigns.add(campaign, w, keys)
		releases.add(release, w, keys)
		count["campaign"][campaign]++
		count["release"][release]++
		if !w.HasJobInfo {
			continue
		}
		detail := getJSON[schema.Detail](t, s.cache+"/fetch/"+url.PathEscape(w.Workflow))
		for _, site := range detail.Sites {
			sites.add(site.Site, site, keys)
		}
		for _, agent := range detail.Agents {
			agents.add(agent.Agent, agent, keys)
			count["agent"][agent.Agent]++
		}
	}
	compare(t, "campaign", campaigns, keys, getJSON[[]map[string]any](t, s.cache+"/campaign"), "Campaign", count["campaign"])
	compare(t, "release", releases, keys, getJSON[[]map[string]any](t, s.cache+"/release"), "Release", count["release"])
	compare(t, "site", sites, keys, getJSON[[]map[string]any](t, s.cache+"/sites"), "Site", nil)
	compare(t, "agent", agents, keys, getJSON[[]map[string]any](t, s.cache+"/agent"), "Agent", count["agent"])
}

func orNone(name string) string {
	if name == "" {
		return "(none)"
	}
	return name
}

func compare(t *testing.T, kind string, want sums, keys []string, rows []map[string]any, nameKey string, counts map[string]int) {
	t.Helper()
	seen := map[string]bool{}
	for _, row := range rows {
		name, _ := row[nameKey].(string)
		seen[name] = true
		for _, key := range keys {
			got, ok := row[key].(float64)
			require.True(t, ok, "%s %s has no number %s", kind, name, key)
			require.InDelta(t, want[name][key], got, 0, "%s %s: %s", kind, name, key)
		}
		if counts != nil {
			require.InDelta(t, counts[name], row["Workflows"], 0, "%s %s: Workflows", kind, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		assert.True(t, seen[name], "%s %s has no row", kind, name)
	}
}

// TestDetailMatchesRecord: the detail, which is read from the source on demand, has
// the same figures as the stored list record.
func TestDetailMatchesRecord(t *testing.T) {
	s := newSystem(t, gen.Options{Seed: 3, Workflows: 200})
	for _, w := range all(t, s.cache) {
		d := getJSON[schema.Detail](t, s.cache+"/fetch/"+url.PathEscape(w.Workflow))
		require.Equal(t, w.Counters, d.Counters, w.Workflow)
		require.Len(t, d.Agents, int(w.AgentCount), w.Workflow)
		var total schema.JobCounts
		for _, site := range d.Sites {
			total.Add(&site.JobCounts)
		}
		if w.HasJobInfo && len(d.Sites) > 0 {
			require.GreaterOrEqual(t, total.Success, int64(0), w.Workflow)
		}
	}
}
