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

const root = "../../"

// pagesOf returns the paths of all pages: docs/ and those at the root.
func pagesOf(t *testing.T) (pages []string) {
	t.Helper()
	pages, err := filepath.Glob(root + "*.md")
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(root+"docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	}))
	return pages
}

var (
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	inFence = regexp.MustCompile("(?ms)^```.*?^```")
	unknown = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchorsOf returns the anchors of a page's headings, as GitHub names them.
func anchorsOf(t *testing.T, path string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	anchors := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(inFence.ReplaceAllString(string(text), ""), -1) {
		anchors[strings.ReplaceAll(unknown.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return anchors
}

// TestLinksResolve: each relative link leads to an existing file and heading.
func TestLinksResolve(t *testing.T) {
	found := 0
	for _, page := range pagesOf(t) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(inFence.ReplaceAllString(string(text), ""), -1) {
			path, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			found++
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(target); !assert.NoError(t, err, "%s: %s", page, m[1]) {
				continue
			}
			if anchor != "" {
				assert.Contains(t, anchorsOf(t, target), anchor, "%s: %s", page, m[1])
			}
		}
	}
	assert.Greater(t, found, 80)
}

// TestPicturesAreShown: each picture in docs/images is on a page and has an
// alternative text.
func TestPicturesAreShown(t *testing.T) {
	shown := map[string]bool{}
	picture := regexp.MustCompile(`!\[([^\]]*)\]\(([^)]+)\)`)
	for _, page := range pagesOf(t) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range picture.FindAllStringSubmatch(string(text), -1) {
			assert.NotEmpty(t, m[1], "%s: %s", page, m[2])
			shown[filepath.Base(m[2])] = true
		}
	}
	pictures, err := filepath.Glob(root + "docs/images/*.png")
	require.NoError(t, err)
	require.NotEmpty(t, pictures)
	for _, path := range pictures {
		assert.True(t, shown[filepath.Base(path)], "%s is on no page", path)
	}
}
