package storybook_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/storybook"
	"github.com/dmwm/wmstats/web"
)

// Checks that hold for every story, whatever it contains.
func TestStories(t *testing.T) {
	pages, err := storybook.Pages(t.Context(), web.AssetURLs{Style: "/static/app.css", Script: "/static/app.js", Icon: "/static/icon.svg"})
	require.NoError(t, err)
	require.Greater(t, len(pages), 60)
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(page)))
			require.NoError(t, err)
			assert.Equal(t, 1, doc.Find("h1").Length(), "one h1")
			assert.Zero(t, doc.Find("style, [style], iframe, object, embed, base").Length(), "nothing inline")
			assert.Equal(t, 1, doc.Find("script").Length(), "one script only")
			ids := map[string]bool{}
			for _, e := range doc.Find("[id]").EachIter() {
				id := e.AttrOr("id", "")
				assert.False(t, ids[id], "id %q exists twice", id)
				ids[id] = true
			}
			for _, e := range doc.Find("[aria-labelledby]").EachIter() {
				assert.True(t, ids[e.AttrOr("aria-labelledby", "")], "aria-labelledby=%q names no id", e.AttrOr("aria-labelledby", ""))
			}
			for _, e := range doc.Find("*").EachIter() {
				for _, attr := range e.Nodes[0].Attr {
					assert.False(t, strings.HasPrefix(attr.Key, "on"), "inline handler: %s", attr.Key)
					assert.NotContains(t, attr.Val, "NaN", attr.Key)
					assert.False(t, attr.Key == "href" && strings.HasPrefix(attr.Val, "javascript:"))
				}
			}
			for _, a := range doc.Find("a").EachIter() {
				assert.NotEmpty(t, strings.TrimSpace(a.Text()+a.AttrOr("aria-label", "")), "a link needs a name")
			}
			text := doc.Find("body").Text()
			for _, wrong := range []string{"NaN", "Infinity", "undefined%", "%!", "<nil>", "-1%", "1970-01-01"} {
				assert.NotContains(t, text, wrong)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	folder := t.TempDir()
	count, err := storybook.Write(t.Context(), folder)
	require.NoError(t, err)
	for _, theme := range []string{"light", "dark"} {
		files, err := filepath.Glob(filepath.Join(folder, theme, "*.html"))
		require.NoError(t, err)
		require.Len(t, files, count)
		page, err := os.ReadFile(files[0])
		require.NoError(t, err)
		assert.Contains(t, string(page), `data-theme="`+theme+`"`)
	}
	styles, err := filepath.Glob(filepath.Join(folder, "static", "*", "app.css"))
	require.NoError(t, err)
	assert.Len(t, styles, 1)
}
