package api_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// troubled is a fixture with workflows under every rule.
func troubled(t *testing.T) *fixture {
	f := newFixture(t, 60)
	now := f.clock.Now().Unix()
	var docs []join.Change
	for i := range 40 {
		list := changes(1000+i, 1001+i, 1)
		w, part := list[0].Workflow, list[1].Report
		w.StatusTime, w.Priority = now-int64(3600*(72+i)), int64(60_000+2_000*i)
		part.Time = now
		list[1].Time = now
		switch i % 5 {
		case 0:
			w.Status = "failed"
		case 1:
			w.Status = "assigned"
		case 2:
			w.Status, part.Counts = "running-open", schema.JobCounts{Success: 5}
			part.Sites = nil
		case 3:
			w.Status, part.Counts = "running-open", schema.JobCounts{FailureException: int64(i), Running: 1}
			part.Sites = nil
		case 4:
			w.Status, part.Counts = "running-closed", schema.JobCounts{Success: 1, FailureException: int64(10 * i)}
			part.Sites = nil
		}
		docs = append(docs, list...)
	}
	f.store.Apply(docs)
	f.newAPI(func(o *api.Options) { o.Now = f.clock.Now })
	return f
}

// Counts and ranks equal those computed by reading every record.
func TestAttention(t *testing.T) {
	f := troubled(t)
	body := decode[wire.Attention](t, f.get("/attention").body)
	all := f.list("/fetch?limit=all")
	generation, _ := f.store.Newest()
	now := f.clock.Now().Unix()
	var order []string
	named := map[string]bool{}
	for _, r := range body.Rules {
		order = append(order, r.Rule)
		var want []wire.AttentionItem
		for _, w := range all {
			if slices.Contains(w.Alerts, r.Rule) && (r.Rule != schema.AlertStatusStall || w.Priority >= 85_000) {
				named[w.Workflow] = true
				item := wire.AttentionItem{
					Kind: "Workflow", Name: w.Workflow, Status: w.Status, Priority: w.Priority, Since: w.StatusTime, Failure: w.Failure,
					Score: attention.Score(w.Priority, w.StatusTime, now, w.Failure), Reasons: []string{}, Alerts: []schema.Alert{},
				}
				for _, a := range generation.Alerts(w.Workflow) {
					if a.Rule == r.Rule {
						item.Reasons, item.Alerts = append(item.Reasons, a.Reason), append(item.Alerts, a)
					}
				}
				assert.Len(t, item.Alerts, 1)
				want = append(want, item)
			}
		}
		if !strings.HasPrefix(r.Query, "/fetch?") {
			continue
		}
		assert.Equal(t, len(want), r.Count, r.Rule)
		slices.SortFunc(want, func(a, b wire.AttentionItem) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.Name, b.Name))
		})
		if len(want) > 0 {
			assert.Equal(t, want[:min(20, len(want))], r.Items, r.Rule)
		}
		list := f.list(r.Query + "&limit=all")
		assert.Len(t, list, r.Count, r.Query)
	}
	assert.Equal(t, []string{"failed", "config_error", "site_error", "assigned_stall", "status_stall", "stale_agent", "skipped_files", "agent_error", "agent_warning", "old_data"}, order)
	paused := func(rule string) bool { return rule == schema.AlertPausedJobs } // of Tier-0
	assert.Equal(t, slices.DeleteFunc(attention.RuleNames(), paused), order)
	agents := 0
	for _, r := range body.Rules {
		if strings.HasPrefix(r.Rule, "agent_") {
			agents += r.Count
		}
	}
	assert.Positive(t, agents)
	assert.Equal(t, len(named)+agents, body.Total, "nothing is counted twice")
	for _, rule := range []string{"failed", "config_error", "assigned_stall", "status_stall", "stale_agent"} {
		i := slices.Index(order, rule)
		assert.NotZero(t, body.Rules[i].Count, rule)
	}

	pulse := decode[wire.Pulse](t, f.get("/pulse").body)
	assert.Equal(t, body.Total, pulse.Attention)
	metrics := string(f.get("/metrics").body)
	for _, r := range body.Rules {
		assert.Contains(t, metrics, fmt.Sprintf("wmstats_attention{rule=%q} %d\n", r.Rule, r.Count))
	}
}

func TestAttentionOfAgentsAndSource(t *testing.T) {
	f := troubled(t)
	one := func(rule string, headers ...string) wire.AttentionRule {
		t.Helper()
		body := decode[wire.Attention](t, f.get("/attention?rule="+rule, headers...).body)
		require.Len(t, body.Rules, 1)
		return body.Rules[0]
	}
	errors := one("agent_error")
	generation, _ := f.store.Newest()
	for _, item := range errors.Items {
		i := slices.IndexFunc(f.store.Agents(generation), func(d schema.AgentDetail) bool { return d.Agent.Agent == item.Name })
		a := f.store.Agents(generation)[i].Agent
		assert.Equal(t, "error", a.Severity)
		assert.Equal(t, a.Reasons, item.Reasons)
		assert.NotEmpty(t, item.Alerts)
		for _, alert := range item.Alerts {
			assert.Equal(t, "agent_error", alert.Rule)
			assert.Contains(t, item.Reasons, alert.Reason)
		}
	}
	assert.NotEmpty(t, errors.Items)
	assert.Zero(t, one("old_data").Count)
	f.store.SetSource(store.SourceState{Source: "mock", Stale: true, Reason: "connection refused", CheckTime: f.clock.Now().Add(-14 * time.Minute)})
	assert.Zero(t, one("old_data").Count)
	f.clock.advance(2 * time.Minute)
	old := one("old_data")
	require.Equal(t, 1, old.Count)
	assert.Equal(t, []string{"connection refused"}, old.Items[0].Reasons)

	behind := one("status_stall", "X-Forwarded-Prefix: /api")
	assert.True(t, strings.HasPrefix(behind.Query, "/api/fetch?"), behind.Query)
	u, err := url.Parse(behind.Query)
	require.NoError(t, err)
	assert.Equal(t, "85000", u.Query().Get("minPriority"))
	two := decode[wire.Attention](t, f.get("/v1/attention?rule=site_error,failed").body)
	assert.Equal(t, "failed", two.Rules[0].Rule, "the order is fixed")
	assert.True(t, strings.HasPrefix(two.Rules[0].Query, "/v1/fetch?"))
	assert.Contains(t, f.get("/attention?rule=faild").problem(t).DidYouMean, "failed")
	assert.Equal(t, 400, f.get("/attention?status=new").StatusCode)

	empty := newEmptyFixture(t)
	_, err = empty.store.BeginLoad().Commit()
	require.NoError(t, err)
	raw := empty.get("/attention").body
	assert.True(t, json.Valid(raw))
	assert.NotContains(t, string(raw), "null")
	assert.Zero(t, decode[wire.Attention](t, raw).Total)
}
