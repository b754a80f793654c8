package alertfile_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/alertfile"
	"github.com/dmwm/wmstats/schema"
)

func TestOwnRules(t *testing.T) {
	got, err := alertfile.Parse(strings.NewReader(`
rules: {failed: {who: the shifter}}
own:
- {name: idle, query: maxRunning=0&minAge=2d}
- name: urgent_1
  title: Urgent
  query: minPriority=200001&site=!T1_*
  for: 6h
  severity: error
  who: "team A: by phone"
  notify: true
`), alertfile.Defaults())
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"failed": "the shifter"}, got.Limits.Who)
	assert.Equal(t, []schema.OwnRule{
		{Name: "idle", Title: "idle", Query: "maxRunning=0&minAge=2d", Severity: "warning"},
		{Name: "urgent_1", Title: "Urgent", Query: "minPriority=200001&site=!T1_*", For: 6 * 3600, Severity: "error", Who: "team A: by phone", Notify: true},
	}, got.Limits.Own)
	rules := got.Rules()
	last := rules[len(rules)-1]
	assert.Equal(t, []string{"urgent_1", "Urgent", "matches minPriority=200001&site=!T1_* for 6h"}, []string{last.Name, last.Title, last.Help})
}

func TestOwnRuleErrors(t *testing.T) {
	for text, want := range map[string]string{
		"own: {}":                                   "line 1: own: expected a list of rules, found keys with values",
		"own:\n- a":                                 `line 2: a rule of own: expected keys with values, found "a"`,
		"own:\n- {name: a}":                         "line 2: a rule of own has no query",
		"own:\n- {query: status=new}":               "line 2: a rule of own has no name",
		"own:\n- {name: A b, query: status=new}":    `line 2: name "A b": expected lower-case letters`,
		"own:\n- {name: failed, query: status=new}": `line 2: name "failed" is that of a rule of the server`,
		"own:\n- {name: a, query: status=new}\n- {name: a, query: status=new}": `line 3: name "a" appears twice`,
		"own:\n- name: a\n  query: statsu=new":                                 `line 3: query "statsu=new": `,
		"own:\n- {name: a, query: statsu=new}":                                 `did you mean "status"?`,
		"own:\n- {name: a, query: status=new&sort=Status}":                     "expected filters on fields only",
		"own:\n- {name: a, query: q=text}":                                     "expected filters on fields only",
		"own:\n- {name: a, query: name=w&status=new}":                          "expected filters on fields only",
		"own:\n- {name: a, query: limit=5}":                                    "expected filters on fields only",
		"own:\n- {name: a, query: minAge=soon}":                                "The value must be a duration",
		"own:\n- {name: a, query: alert=failed}":                               "Alerts depends on the rules",
		"own:\n- {name: a, query: minScore=5}":                                 "Score depends on the rules",
		"own:\n- {name: a, query: has=alert}":                                  "Alerts depends on the rules",
		"own:\n- {name: a, query: [x]}":                                        "query a list: expected filters of /fetch",
		"own:\n- {name: a, query: 'status=%zz'}":                               "not the query of a URL",
		"own:\n- {name: a, query: status=new, for: 2 days}":                    `for "2 days": expected a time from 0s`,
		"own:\n- {name: a, query: status=new, severity: bad}":                  `severity "bad": expected error or warning`,
		"own:\n- {name: a, query: status=new, whom: x}":                        `line 2: unknown key of a rule of own "whom"; did you mean "who"? known: name, title, query, for, severity, who, notify`,
		"own:\n- {name: a, query: status=new, notify: 1}":                      `notify "1": expected true or false`,
		"rules: {failed: {who: ''}}":                                           "expected a text of at most 200 bytes",
	} {
		_, err := alertfile.Parse(strings.NewReader(text), alertfile.Defaults())
		assert.ErrorContains(t, err, want, text)
	}
}

// The shipped file changes nothing, and its examples are valid.
func TestShippedFile(t *testing.T) {
	file, err := os.ReadFile("../../deploy/alerts/alerts.yml")
	require.NoError(t, err)
	got, err := alertfile.Parse(strings.NewReader(string(file)), alertfile.Defaults())
	require.NoError(t, err)
	assert.Equal(t, alertfile.Defaults(), got)
	_, examples, ok := strings.Cut(string(file), "# own:\n")
	require.True(t, ok)
	used := "own:\n" + strings.ReplaceAll(strings.ReplaceAll("\n"+examples, "\n# ", "\n"), "\n#\n", "\n\n")
	got, err = alertfile.Parse(strings.NewReader(used), alertfile.Defaults())
	require.NoError(t, err, used)
	var names []string
	for _, r := range got.Limits.Own {
		names = append(names, r.Name)
	}
	assert.Equal(t, []string{"announced_long", "done_and_stands", "harvesting_long", "urgent_idle"}, names)
}
