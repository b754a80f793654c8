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

// TestNamedTestsAreThere: each test that docs/explanation/reliability.md names is in the
// package that stands before it.
func TestNamedTestsAreThere(t *testing.T) {
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
	page, err := os.ReadFile(root + "docs/explanation/reliability.md")
	require.NoError(t, err)
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
