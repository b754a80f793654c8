package docscheck

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	defined = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	// `package` TestOne and TestTwo, FuzzThree (whatever), `other` TestFour
	named = regexp.MustCompile("`([a-z0-9/]+)`|((?:Test|Fuzz|Benchmark)[A-Z]\\w+)")
)

// TestNamedTestsExist: each test that failures.md or parity.md names exists in the
// package that is named before it.
func TestNamedTestsExist(t *testing.T) {
	tests := map[string][]string{} // by folder
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		dir := filepath.ToSlash(filepath.Dir(path))
		for _, m := range defined.FindAllSubmatch(text, -1) {
			tests[dir] = append(tests[dir], string(m[1]))
		}
		return err
	}))
	page, err := os.ReadFile("failures.md")
	require.NoError(t, err)
	promises, err := os.ReadFile("parity.md")
	require.NoError(t, err)
	page = append(page, promises...)
	found := 0
	for line := range strings.Lines(string(page)) {
		folder := ""
		for _, m := range named.FindAllStringSubmatch(line, -1) {
			if m[1] != "" {
				folder = m[1]
				continue
			}
			there := false
			for dir, names := range tests {
				there = there || strings.HasSuffix(dir, "/"+folder) && slices.Contains(names, m[2])
			}
			assert.True(t, there, "%s of %q: %s", m[2], folder, strings.TrimSpace(line))
			found++
		}
	}
	assert.Greater(t, found, 80)
}

// failuresOf returns the first cells of the tables headed "| failure |".
func failuresOf(t *testing.T, path string) (failures []string, rows map[string]string) {
	t.Helper()
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	rows = map[string]string{}
	inTable := false
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "| failure |"):
			inTable = true
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case inTable && !strings.HasPrefix(line, "|---"):
			failure, rest, ok := strings.Cut(strings.Trim(line, "| "), " | ")
			require.True(t, ok, "%s: %s", path, line)
			require.NotContains(t, rows, failure, "%s: twice", path)
			rows[failure] = rest
			failures = append(failures, failure)
		}
	}
	return failures, rows
}

// TestEachFailureHasItsTests: each row of docs/explanation/reliability.md has a
// row in failures.md with tests, in the same order, and except for failures of
// mock data, failures.md has no row that the page does not describe.
func TestEachFailureHasItsTests(t *testing.T) {
	described, _ := failuresOf(t, root+"docs/explanation/reliability.md")
	listed, tests := failuresOf(t, "failures.md")
	require.Greater(t, len(described), 100)
	for _, failure := range described {
		assert.Regexp(t, `(Test|Fuzz|Benchmark)[A-Z]|package`, tests[failure], "%q has no tests in failures.md", failure)
	}
	listed = slices.DeleteFunc(listed, func(failure string) bool { return strings.Count(tests[failure], " | ") > 0 })
	assert.Equal(t, described, listed)
}

// promisesOf returns the first cells of the tables of a page under headings, but
// for rows that say that something is left out.
func promisesOf(t *testing.T, path string, headings ...string) (promises []string, rows map[string]string) {
	t.Helper()
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	rows = map[string]string{}
	heading := ""
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "## "); ok {
			heading = text
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if !strings.HasPrefix(line, "| ") || !slices.Contains(headings, heading) || slices.Contains([]string{"old", "#", "promise"}, cells[0]) {
			continue
		}
		if ranked.MatchString(cells[0]) {
			cells = cells[1:]
		}
		if rest := cells[len(cells)-1]; !strings.HasPrefix(rest, "left out") {
			promises, rows[cells[0]] = append(promises, cells[0]), rest
		}
	}
	return promises, rows
}

var ranked = regexp.MustCompile(`^\d+$`)

// TestEachPromiseHasItsTests: each row of docs/explanation/old-and-new.md about
// something that the old WMStats has, or that users ask for, has a row with tests
// in parity.md, in the same order, or says that it is left out.
func TestEachPromiseHasItsTests(t *testing.T) {
	headings := []string{"Screens", "Columns", "Filters", "What users ask for (ranked)"}
	described, _ := promisesOf(t, root+"docs/explanation/old-and-new.md", headings...)
	listed, tests := promisesOf(t, "parity.md", headings...)
	require.Greater(t, len(described), 40)
	for _, promise := range described {
		assert.Regexp(t, `Test[A-Z]`, tests[promise], "%q has no tests in parity.md", promise)
	}
	assert.Equal(t, described, listed)
}
