package monitoring

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const folder = "../../../deploy/"

type rule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) (list []rule) {
	t.Helper()
	text, err := os.ReadFile(folder + "prometheus/wmstats.rules.yml")
	require.NoError(t, err)
	var file struct {
		Groups []struct{ Rules []rule }
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	for _, g := range file.Groups {
		list = append(list, g.Rules...)
	}
	require.NotEmpty(t, list)
	return list
}

// TestRules: each rule names metrics and labels that exist, and has the labels by
// which alerts are routed.
func TestRules(t *testing.T) {
	k := metricsOfServers(t)
	names := map[string]bool{}
	for _, r := range rules(t) {
		assert.False(t, names[r.Alert], "%s is there twice", r.Alert)
		names[r.Alert] = true
		assert.Empty(t, k.problems(r.Expr), r.Alert)
		assert.Contains(t, []string{"high", "medium", "low"}, r.Labels["severity"], r.Alert)
		assert.Contains(t, []string{"cacheserver", "uiserver", "wmstats"}, r.Labels["service"], r.Alert)
		assert.Equal(t, "wmstats", r.Labels["tag"], r.Alert)
		assert.Equal(t, "{{ $labels.instance }}", r.Labels["host"], r.Alert)
		assert.NotEmpty(t, r.Labels["action"], r.Alert)
		assert.Contains(t, r.Annotations["summary"], "{{ $labels.instance }}", r.Alert)
	}
}

// TestEachRuleIsTested: wmstats.test.yml expects each rule to fire.
func TestEachRuleIsTested(t *testing.T) {
	text, err := os.ReadFile(folder + "prometheus/wmstats.test.yml")
	require.NoError(t, err)
	var file struct {
		Tests []struct {
			Rules []struct {
				Name   string `yaml:"alertname"`
				Alerts []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	tested := map[string]bool{}
	for _, one := range file.Tests {
		for _, r := range one.Rules {
			tested[r.Name] = tested[r.Name] || len(r.Alerts) > 0
		}
	}
	for _, r := range rules(t) {
		assert.True(t, tested[r.Alert], r.Alert)
	}
}

// promtool runs the tool of Prometheus in deploy/prometheus.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian: prometheus)")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = folder + "prometheus"
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err, string(out))
}

func TestPromtool(t *testing.T) {
	promtool(t, "check", "rules", "wmstats.rules.yml")
	promtool(t, "test", "rules", "wmstats.test.yml")
}
