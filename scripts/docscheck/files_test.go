package docscheck

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/uiserver/pages"
	"github.com/dmwm/wmstats/uiserver/query"
)

// blockOf returns the fenced block of a page that begins with these lines.
func blockOf(t *testing.T, page, beginning string) string {
	t.Helper()
	text, err := os.ReadFile(root + page)
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "```"+beginning)
	require.True(t, ok, "%s: no block %q", page, beginning)
	language, first, _ := strings.Cut(beginning, "\n")
	block, _, ok := strings.Cut(rest, "```")
	require.True(t, ok, "%s: the block is not closed", language)
	return first + block
}

// TestDocumentedFiles: the examples in docs/reference/files.md are accepted,
// and the list of links equals that of a server without the option. (The example of
// thresholds is tested in cacheserver/alertfile.)
func TestDocumentedFiles(t *testing.T) {
	const page = "docs/reference/files.md"
	views, err := query.ParseViews([]byte(blockOf(t, page, "yaml\nviews:")))
	require.NoError(t, err)
	assert.Len(t, views, 1)
	links, err := pages.ParseLinks([]byte(blockOf(t, page, "json\n[")))
	require.NoError(t, err)
	assert.Equal(t, pages.DefaultLinks(), links)
}
