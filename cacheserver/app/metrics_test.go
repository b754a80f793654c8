package app_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
)

// TestMetricsFromTheStart: before anything has happened each metric exists
// with every value of its labels, so that increase() sees the first event.
func TestMetricsFromTheStart(t *testing.T) {
	var log logBuffer
	o := options(t, "http://127.0.0.1:1", &log)
	o.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
	a, err := app.New(t.Context(), o)
	require.NoError(t, err)
	defer func() { assert.NoError(t, a.Stop(t.Context())) }()
	families, err := a.Metrics().Gather()
	require.NoError(t, err)
	series := map[string]map[string]bool{} // by metric: labels with their values
	for _, f := range families {
		series[f.GetName()] = map[string]bool{}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			series[f.GetName()][strings.Join(labels, " ")] = true
			if c := m.GetCounter(); c != nil && strings.HasPrefix(f.GetName(), "wmstats_") {
				assert.Zero(t, c.GetValue(), f.GetName())
			}
		}
	}
	for name, labels := range map[string][]string{
		"wmstats_follower_rereads_total":            {"result=done", "result=failed"},
		"wmstats_follower_failures_total":           {"db=requests reason=unauthorized", "db=wmstats reason=timeout", "db=all reason=held_back", "db=requests reason=other"},
		"wmstats_follower_documents_total":          {"db=requests", "db=wmstats"},
		"wmstats_follower_bytes_total":              {"db=requests", "db=wmstats"},
		"wmstats_follower_bad_documents_total":      {"db=requests", "db=wmstats"},
		"wmstats_follower_lacking_documents_total":  {"db=requests", "db=wmstats"},
		"wmstats_follower_polling":                  {"db=requests", "db=wmstats"},
		"wmstats_follower_flaws_total":              {""},
		"wmstats_follower_changes_total":            {""},
		"wmstats_follower_unchanged_total":          {""},
		"wmstats_follower_repaired_documents_total": {""},
		"wmstats_follower_lag_seconds":              {""},
		"wmstats_follower_load_seconds":             {""},
		"wmstats_checkpoint_writes_total":           {"result=done", "result=failed"},
		"wmstats_checkpoint_read":                   {"result=broken", "result=failed", "result=foreign", "result=missing", "result=used"},
		"wmstats_ondemand_total":                    {"kind=detail outcome=kept", "kind=all_errors outcome=busy", "kind=logs outcome=failed"},
		"wmstats_ondemand_seconds":                  {"kind=detail", "kind=errors", "kind=jobs", "kind=logs", "kind=all_errors"},
		"wmstats_queries_refused_total":             {"reason=busy", "reason=client", "reason=left", "reason=time"},
		"wmstats_http_requests_total":               {"code=200 method=GET route=/fetch", "code=503 method=GET route=/fetch/:name", "code=500 method=GET route=/"},
		"wmstats_http_request_seconds":              {"route=/fetch"},
		"wmstats_attention":                         {"rule=failed", "rule=stale_agent"},
		"wmstats_promises_broken_total":             {""},
		"wmstats_kept_generation_age_seconds":       {""},
		"wmstats_generation_age_seconds":            {""},
		"wmstats_feeds":                             {""},
	} {
		for _, one := range labels {
			assert.True(t, series[name][one], "%s{%s}: %s", name, one, strings.Join(slices.Sorted(maps.Keys(series[name])), ", "))
		}
	}
}
