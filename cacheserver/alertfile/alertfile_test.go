package alertfile_test

import (
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/alertfile"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/schema"
)

func TestParse(t *testing.T) {
	want := attention.Options{Limits: schema.DefaultLimits(), HighPriority: 85_000, Period: 5 * time.Minute, Top: 20, Notify: map[string]bool{
		"failed": true, "config_error": true, "site_error": false, "assigned_stall": false, "status_stall": false, "stale_agent": false,
		"skipped_files": false, "paused_jobs": false, "stray_jobs": false, "agent_error": true, "agent_warning": false, "old_data": true,
	}}
	for name, test := range map[string]struct {
		text   string
		change func(o *attention.Options)
	}{
		"empty":       {"", func(*attention.Options) {}},
		"a comment":   {"# nothing\n", func(*attention.Options) {}},
		"top":         {"top: 5", func(o *attention.Options) { o.Top = 5 }},
		"off":         {"rules: {failed: {on: false}, old_data: {on: false}}", func(o *attention.Options) { o.Limits.Off = []string{"paused_jobs", "failed", "old_data"} }},
		"on":          {"rules: {failed: {on: true}}", func(*attention.Options) {}},
		"notify":      {"rules: {failed: {notify: false}, site_error: {notify: true}}", func(o *attention.Options) { o.Notify["failed"], o.Notify["site_error"] = false, true }},
		"share":       {"rules: {site_error: {above: 50%}}", func(o *attention.Options) { o.Limits.SiteErrorRate = .5 }},
		"assigned":    {"rules: {assigned_stall: {after: 90m}}", func(o *attention.Options) { o.Limits.AssignedStall = 5400 }},
		"stall":       {"rules:\n  status_stall:\n    after: 24h\n    min_priority: 110000\n", func(o *attention.Options) { o.Limits.StatusStall, o.HighPriority = 86400, 110_000 }},
		"stale agent": {"rules: {stale_agent: {after: 30m}}", func(o *attention.Options) { o.Limits.AgentSilent = 1800 }},
		"paused":      {"rules: {paused_jobs: {on: true, above: 9}}", func(o *attention.Options) { o.Limits.Off, o.Limits.PausedJobs = nil, 9 }},
		"old data":    {"rules: {old_data: {after: 30m}}", func(o *attention.Options) { o.Period = 10 * time.Minute }},
	} {
		got, err := alertfile.Parse(strings.NewReader(test.text), alertfile.Defaults())
		require.NoError(t, err, name)
		expected := want
		expected.Notify = maps.Clone(want.Notify)
		test.change(&expected)
		if len(got.Limits.Off) == 0 {
			got.Limits.Off = nil
		}
		assert.Equal(t, expected, got, name)
	}
	assert.Equal(t, want, alertfile.Defaults())
}

// Tier-0 has a rule of its own, which a file may turn off.
func TestTierZero(t *testing.T) {
	got, err := alertfile.Parse(strings.NewReader("rules: {paused_jobs: {above: 3}}"), alertfile.TierZero())
	require.NoError(t, err)
	assert.True(t, got.Limits.On(schema.AlertPausedJobs))
	assert.EqualValues(t, 3, got.Limits.PausedJobs)
	got, err = alertfile.Parse(strings.NewReader("rules: {paused_jobs: {on: false}}"), alertfile.TierZero())
	require.NoError(t, err)
	assert.Equal(t, alertfile.Defaults(), got)
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"rules: [":                                   "not YAML",
		"- a":                                        "line 1: the file: expected keys with values, found a list",
		"ruls: {}":                                   `line 1: unknown key "ruls"; did you mean "rules"? known: rules, own, top`,
		"rules:\n  faild: {on: false}":               `line 2: unknown rule "faild"; did you mean "failed"? known: failed, `,
		"rules: {failed: {after: 2h}}":               `unknown key of failed "after"; known: on, notify, who`,
		"rules: {failed: false}":                     `failed: expected keys with values, found "false"`,
		"rules: {failed: {on: maybe}}":               `on "maybe": expected true or false`,
		"rules: {failed: {notify: 1}}":               `notify "1": expected true or false`,
		"rules: {site_error: {above: 1}}":            "expected a share from 0% to 100%",
		"rules: {site_error: {above: 101%}}":         "expected a share",
		"rules: {site_error: {above: NaN%}}":         "expected a share",
		"rules: {assigned_stall: {after: 2}}":        "expected a time",
		"rules: {paused_jobs: {above: -1}}":          "expected a whole number from 0",
		"rules: {assigned_stall: {after: -2h}}":      "expected a time",
		"rules: {status_stall: {min_priority: 0}}":   "expected a whole number from 1",
		"rules: {status_stall: {min_priority: [1]}}": "min_priority a list: expected a whole number",
		"rules: {failed: {on: true, on: false}}":     "twice",
		"top: 0":                                     "expected a whole number",
		"top: 5\n---\ntop: 6":                        "more after its end",
		"rules: {old_data: {after: 1s}}":             "expected a time from 3s",
		"rules: {a: &x {on: false}, failed: *x}":     "an alias",
	} {
		_, err := alertfile.Parse(strings.NewReader(text), alertfile.Defaults())
		assert.ErrorContains(t, err, want, text)
	}
	_, err := alertfile.Parse(strings.NewReader("top: x\nrules: {faild: {}, failed: {off: true}}"), alertfile.Defaults())
	require.Error(t, err)
	assert.Len(t, strings.Split(err.Error(), "\n"), 3, "all errors at once")
}

// The example in the documentation shows the defaults.
func TestDocumentedDefaults(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/files.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(page), "```yaml\nrules:")
	require.True(t, ok)
	example, _, _ := strings.Cut(rest, "```")
	got, err := alertfile.Parse(strings.NewReader("rules:"+example), alertfile.Defaults())
	require.NoError(t, err)
	if len(got.Limits.Off) == 0 {
		got.Limits.Off = nil
	}
	assert.Equal(t, alertfile.Defaults(), got)
	for _, rule := range attention.RuleNames() {
		assert.Contains(t, example, rule+":")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("rules: {failed: {on: true}}")
	f.Add("rules: {site_error: {above: 50%}}\ntop: 3")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := alertfile.Parse(strings.NewReader(text), alertfile.Defaults())
		if err != nil {
			return
		}
		assert.Equal(t, o, o.Complete(), "a valid file leaves no setting undefined")
		for _, r := range o.Rules() {
			assert.True(t, o.Limits.On(r.Name))
		}
	})
}
