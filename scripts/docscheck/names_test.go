package docscheck

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sourceOf returns the Go code of the servers, without tests.
func sourceOf(t *testing.T) string {
	t.Helper()
	var code strings.Builder
	for _, folder := range []string{"cacheserver", "program", "uiserver"} {
		require.NoError(t, filepath.WalkDir(root+folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			code.Write(text)
			return err
		}))
	}
	return code.String()
}

// TestNamedMetricsExist: each metric that a page names is in the code.
func TestNamedMetricsExist(t *testing.T) {
	code := sourceOf(t)
	name := regexp.MustCompile(`\bwmstats_[a-z_]+`)
	series := regexp.MustCompile(`_(bucket|sum|count)$`)
	found := 0
	for _, page := range pagesOf(t) {
		if page == root+"CHANGELOG.md" { // it has removed names too
			continue
		}
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, metric := range name.FindAllString(string(text), -1) {
			assert.True(t, strings.Contains(code, `"`+series.ReplaceAllString(metric, "")), "%s names %s, which is not in the code", page, metric)
			found++
		}
	}
	assert.Greater(t, found, 30)
}

// TestLogMessagesExist: each message in the table of docs/how-to/monitor.md is
// logged by a server.
func TestLogMessagesExist(t *testing.T) {
	code := sourceOf(t)
	page, err := os.ReadFile(root + "docs/how-to/monitor.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(page), "| message | level |")
	require.True(t, ok)
	found := 0
	for line := range strings.Lines(table) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			assert.True(t, strings.Contains(code, `"`+m[1]), "monitor.md lists %q, which no server logs", m[1])
			found++
		}
	}
	assert.Greater(t, found, 20)
}

// TestHealthLinesAreDocumented: the table of docs/how-to/monitor.md has each line of
// /readyz?verbose, and no other.
func TestHealthLinesAreDocumented(t *testing.T) {
	page, err := os.ReadFile(root + "docs/how-to/monitor.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(page), "| line | server | fails when |\n|---|---|---|\n")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n\n")
	documented := namesIn(regexp.MustCompile(`(?m)^\| \*([^*]+)\* \|`), table)
	assert.Equal(t, namesIn(regexp.MustCompile(`\bCheck\{\s*Name: "([^"]+)"`), sourceOf(t)), documented)
}
