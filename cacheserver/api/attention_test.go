package api_test

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
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
					Workflows: 1, Score: w.Held(), Reasons: []string{}, Alerts: []schema.Alert{},
				}
				item.Score = max(item.Score, 1)
				for _, a := range generation.Alerts(w.Workflow) {
					if a.Rule == r.Rule {
						item.Reasons, item.Alerts = append(item.Reasons, a.Reason), append(item.Alerts, a)
					}
				}
				require.Len(t, item.Alerts, 1)
				item.Cause, item.Who = item.Alerts[0].Cause, item.Alerts[0].Who
				if r.Rule == schema.AlertConfigError {
					item.Cause += "; exit codes are not read until /errors is asked for"
				}
				assert.NotEmpty(t, item.Cause, r.Rule)
				want = append(want, item)
			}
		}
		if !strings.HasPrefix(r.Query, "/fetch?") {
			continue
		}
		assert.Equal(t, len(want), r.Count, r.Rule)
		held := slices.DeleteFunc(slices.Clone(want), func(i wire.AttentionItem) bool { return i.Score < 2 })
		assert.EqualValues(t, len(held), r.Workflows, r.Rule)
		slices.SortFunc(want, func(a, b wire.AttentionItem) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Since, b.Since), strings.Compare(a.Name, b.Name))
		})
		if len(want) > 0 {
			assert.Equal(t, want[:min(20, len(want))], r.Items, r.Rule)
		}
		list := f.list(r.Query + "&limit=all")
		assert.Len(t, list, r.Count, r.Query)
	}
	assert.True(t, slices.IsSortedFunc(body.Rules, func(a, b wire.AttentionRule) int { return cmp.Compare(b.Workflows, a.Workflows) }), order)
	assert.Equal(t, "agent_error", order[0], "an agent in error holds back more than a workflow")
	paused := func(rule string) bool { return rule == schema.AlertPausedJobs } // of Tier-0
	assert.ElementsMatch(t, slices.DeleteFunc(attention.RuleNames(), paused), order)
	checkLines(t, f, &body)
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

// Stray jobs are items with their agents, a list with filters, and sums of
// agents and sites; a workflow under several rules is counted once.
func TestStrayJobs(t *testing.T) {
	f := troubled(t)
	total := func() int { return decode[wire.Attention](t, f.get("/attention").body).Total }
	before := total()
	now := f.clock.Now().Unix()
	report := func(workflow, agent string, c schema.JobCounts) join.Change {
		p := &schema.AgentReport{Workflow: workflow, Agent: agent, Time: now, Counts: c, Sites: []schema.SiteReport{{Site: "T2_XX_Stray", Counts: c}}}
		return join.Change{Kind: join.AgentReport, ID: agent + workflow, Hash: 99, Time: now, Report: p}
	}
	had := decode[[]schema.StrayWorkflow](t, f.get("/stray").body)
	known := f.list("/fetch?status=failed")[0].Workflow
	has := slices.ContainsFunc(had, func(s schema.StrayWorkflow) bool { return s.Workflow == known })
	require.True(t, has, "it is under two rules")
	f.store.Apply([]join.Change{
		report("gone", "vocms-x", schema.JobCounts{Running: 5, Pending: 1}),
		report("gone", "vocms-y", schema.JobCounts{Pending: 2}),
		report(known, "vocms-x", schema.JobCounts{Running: 3}),
		report("ended", "vocms-x", schema.JobCounts{Success: 3}),
	})
	body := decode[wire.Attention](t, f.get("/attention?rule=stray_jobs").body)
	require.Equal(t, len(had)+1, body.Rules[0].Count)
	item := body.Rules[0].Items[slices.IndexFunc(body.Rules[0].Items, func(i wire.AttentionItem) bool { return i.Name == "gone" })]
	assert.Equal(t, []any{"gone", "not in the lists", int64(8), int64(1), now, "reported by vocms-x, vocms-y", "agent vocms-x, vocms-y"},
		[]any{item.Name, item.Status, item.Score, item.Workflows, item.Since, item.Cause, item.Who})
	assert.Equal(t, before+1, total(), "the failed one is counted by its other rule, the agents have no severity")
	list := decode[[]schema.StrayWorkflow](t, f.get("/stray?agent=vocms-*&sort=-Pending").body)
	require.Len(t, list, 2)
	assert.Equal(t, schema.StrayWorkflow{
		Workflow: "gone", Agents: []string{"vocms-x", "vocms-y"}, Sites: []string{"T2_XX_Stray"}, Running: 5, Pending: 3, Since: now, UpdateTime: now,
	}, list[0])
	assert.Len(t, decode[[]schema.StrayWorkflow](t, f.get("/stray?has=!status&agent=vocms-y").body), 1)
	assert.Equal(t, "Workflow,Status,Agents,Sites,Running,Pending,Since,UpdateTime", strings.TrimSpace(strings.Split(strings.TrimPrefix(string(f.get("/stray?format=csv").body), "\ufeff"), "\n")[0]))
	sites := decode[[]schema.Site](t, f.get("/sites?site=T2_XX_Stray").body)
	require.Len(t, sites, 1)
	assert.Equal(t, []int64{2, 8, 3, 0}, []int64{sites[0].StrayWorkflows, sites[0].StrayRunning, sites[0].StrayPending, sites[0].Running})
	agents := decode[[]schema.Agent](t, f.get("/agent?agent=vocms-x").body)
	require.Len(t, agents, 1)
	assert.Equal(t, []int64{2, 8, 1, 0, 0}, []int64{agents[0].StrayWorkflows, agents[0].StrayRunning, agents[0].StrayPending, agents[0].Running, agents[0].Workflows})
}

// checkLines compares NDJSON and CSV with the items of the JSON answer.
func checkLines(t *testing.T, f *fixture, body *wire.Attention) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(f.get("/attention?format=ndjson").body)), "\n")
	rows, err := csv.NewReader(bytes.NewReader(f.get("/attention?format=csv").body)).ReadAll()
	require.NoError(t, err)
	assert.Equal(t, "Rule", strings.TrimPrefix(rows[0][0], "\ufeff"))
	n := 0
	for _, r := range body.Rules {
		for _, item := range r.Items {
			got := decode[schema.AttentionRecord](t, []byte(lines[n]))
			assert.Equal(t, schema.AttentionRecord{
				Rule: r.Rule, Title: r.Title, Kind: item.Kind, Name: item.Name, Status: item.Status, Priority: item.Priority, Since: item.Since,
				Failure: item.Failure, Workflows: item.Workflows, Score: item.Score, Cause: item.Cause, Who: item.Who, Reasons: item.Reasons,
			}, got)
			n++
			assert.Contains(t, rows[n], item.Name)
		}
	}
	assert.Len(t, lines, n)
	assert.Len(t, rows, n+1)
	assert.Equal(t, 400, f.get("/attention?fields=Name").StatusCode)
}

// Job reports that have been read tell the exit code of most failing jobs.
func TestAttentionKnowsExitCodes(t *testing.T) {
	f := troubled(t)
	cause := func() (name, cause string) {
		t.Helper()
		body := decode[wire.Attention](t, f.get("/attention?rule=config_error").body)
		require.NotEmpty(t, body.Rules[0].Items)
		item := body.Rules[0].Items[0]
		return item.Name, item.Cause
	}
	name, before := cause()
	assert.Contains(t, before, "not read")
	f.newAPI(func(o *api.Options) {
		o.Now = f.clock.Now
		o.Jobs = &jobsFake{groups: []schema.JobError{
			{Workflow: name, State: "jobfailed", ExitCode: 8021, Site: "T2_CH_CERN", Count: 2},
			{Workflow: name, State: "jobcooloff", ExitCode: 50660, Site: "T2_CH_CERN", Count: 5},
			{Workflow: name, State: "jobfailed", ExitCode: 8021, Site: "T2_DE_DESY", Count: 1},
			{Workflow: name, State: "success", ExitCode: 0, Site: "T2_DE_DESY", Count: 90},
		}}
	})
	require.Equal(t, 200, f.get("/errors").StatusCode)
	_, after := cause()
	assert.Contains(t, after, "exit code 50660")
	assert.Contains(t, after, "5 of 8 job reports (62.5 %)")
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
		since := int64(math.MaxInt64)
		for _, alert := range item.Alerts {
			if alert.Since > 0 {
				since = min(since, alert.Since)
			}
			assert.Equal(t, "agent_error", alert.Rule)
			assert.Contains(t, item.Reasons, alert.Reason)
		}
		assert.Equal(t, since, item.Since, "of its trouble, not of its last report")
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
	assert.Equal(t, "site_error", two.Rules[0].Rule, "what failed as a whole holds back no job")
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
