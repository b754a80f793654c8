package importcheck

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// TestImportRules compares the packages with the table in both directions.
func TestImportRules(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/explanation/architecture.md")
	require.NoError(t, err)
	rules, faults := parseRules(string(page))
	packages, err := workspace(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, packages)
	for _, fault := range append(faults, check(rules, packages)...) {
		t.Errorf("docs/explanation/architecture.md: %v", fault)
	}
}

// TestEqualVersions: a module that is built alone has the same dependencies as in
// the workspace.
func TestEqualVersions(t *testing.T) {
	all, err := requirements(t.Context(), root)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, fault := range differing(all) {
		t.Error(fault)
	}
}

const page = `# A page

| folder | what it is | may import of ours |
|---|---|---|
| ` + "`low`" + ` | ours | nothing; never ` + "`net/...`, `time.Now`" + ` |
| ` + "`low/deep/...`, `low/deeper`" + ` | ours | ` + "`low`" + ` |
| ` + "`high/...`" + ` | ours | anything |
| ` + "`high/part`" + ` | ours | ` + "`low/...`" + ` |

| where | what |
|---|---|
| somewhere | something |
`

// packages that follow the rules of page.
func packages() []source {
	return []source{
		{pkg: "low", other: []string{"time", "time.Since", "network"}},
		{pkg: "low/deep", ours: []string{"low"}},
		{pkg: "low/deep/est", ours: []string{"low", "low/deep", "low/deeper"}},
		{pkg: "low/deeper"},
		{pkg: "high", ours: []string{"low", "high/part"}, other: []string{"net", "time.Now"}},
		{pkg: "high/part", ours: []string{"low/deep/est"}},
	}
}

func said(faults []error) string {
	var lines []string
	for _, f := range faults {
		lines = append(lines, f.Error())
	}
	return strings.Join(lines, "\n")
}

// TestRulesAreKept: a broken rule is found and reported with its line.
func TestRulesAreKept(t *testing.T) {
	rules, faults := parseRules(page)
	require.Empty(t, faults)
	require.Empty(t, check(rules, packages()))
	for _, test := range []struct {
		breaks source
		want   string
	}{
		{source{pkg: "low", ours: []string{"high"}}, "line 5: low imports high, which the row does not allow"},
		{source{pkg: "low", other: []string{"net"}}, "line 5: low names net, which the row forbids"},
		{source{pkg: "low", other: []string{"net/http"}}, "line 5: low names net/http, which the row forbids"},
		{source{pkg: "low", other: []string{"time.Now"}}, "line 5: low names time.Now, which the row forbids"},
		{source{pkg: "low/deep/est", ours: []string{"high"}}, "line 6: low/deep/est imports high, which the row does not allow"},
		{source{pkg: "low/deeper", ours: []string{"high/part"}}, "line 6: low/deeper imports high/part, which the row does not allow"},
		{source{pkg: "high/part", ours: []string{"high"}}, "line 8: high/part imports high, which the row does not allow"},
		{source{pkg: "elsewhere"}, "elsewhere has no row in the table of folders"},
		{source{pkg: "lower", ours: []string{"high"}}, "lower has no row in the table of folders"},
	} {
		assert.Equal(t, test.want, said(check(rules, append(packages(), test.breaks))))
	}
}

// TestWrongTable: rows that can't be read, or that name packages that do not exist,
// are reported with their line.
func TestWrongTable(t *testing.T) {
	for _, test := range []struct{ row, want string }{
		{"| `low/deeper` | again | nothing |", "line 9: low/deeper already has a row in line 6"},
		{"| `gone` | ours | nothing |", "line 9: no package gone exists"},
		{"| `gone/...` | ours | nothing |", "line 9: no package gone/... exists"},
		{"| `high/part/...` | ours | `low/gone` |", "line 9: no package low/gone exists"},
		{"| `high` | ours | low |", "line 9: third column: want nothing, anything or a list, then perhaps \"; never\" and a list: \"low\" is not a list of names in backticks, separated by commas"},
		{"| `high` | ours | `low` and `high/part` |", "line 9: third column"},
		{"| `high` | ours | |", "line 9: third column"},
		{"| `high` | ours | nothing; never |", "line 9: third column"},
		{"| `high` | ours | nothing; never `net`; never `log` |", "line 9: third column, after \"never\""},
		{"| high | ours | nothing |", "line 9: first column"},
		{"| `high` | ours |", "line 9: 2 cells"},
		{"| `high` | ours | nothing | more |", "line 9: 4 cells"},
	} {
		rules, faults := parseRules(strings.Replace(page, "\n\n| where", "\n"+test.row+"\n\n| where", 1))
		assert.Contains(t, said(append(faults, check(rules, packages())...)), test.want, test.row)
	}
	rules, faults := parseRules("no table")
	assert.Empty(t, faults)
	assert.Contains(t, said(check(rules, packages())), "low has no row in the table of folders")
}

// TestNamesOfAFile: functions are found under any import name of their package.
func TestNamesOfAFile(t *testing.T) {
	file := t.TempDir() + "/file.go"
	require.NoError(t, os.WriteFile(file, []byte(`package p
import (
	clock "time"
	"github.com/dmwm/wmstats/schema/wire"
)
var now, query = clock.Now, wire.Query{}
`), 0o600))
	var s source
	require.NoError(t, s.add(file))
	assert.Equal(t, source{ours: []string{"schema/wire"}, other: []string{"time", "time.Now"}}, s)
}

// TestDiffering: each dependency has one version in all modules.
func TestDiffering(t *testing.T) {
	assert.Empty(t, differing([]needed{{"a", "x", "1"}, {"b", "y", "2"}, {"c", "x", "1"}}))
	assert.Equal(t, "x: a 1, c 2; want the highest version in all (go work sync, or go get in the module)",
		said(differing([]needed{{"a", "x", "1"}, {"b", "y", "2"}, {"c", "x", "2"}})))
}
