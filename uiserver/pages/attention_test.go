package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page lists the matches of each rule with links to them and to the list of
// all; the total is in the frame of every page.
func TestAttention(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/attention")
	rules := doc.Find("main section[id]:has(tbody), main section:has(h2[id]):has(tbody)")
	require.Greater(t, doc.Find(".jump span").Length(), 2, "rules with matches")
	require.Positive(t, rules.Length())
	for _, link := range doc.Find("main section tbody th a").EachIter() {
		target := resolve(t, "/attention", link.AttrOr("href", ""))
		assert.Contains(t, []string{"/workflows/", "/agents/"}, target.Path[:strings.LastIndexByte(target.Path, '/')+1])
	}
	first := doc.Find("main section tbody th a").First()
	detail, _ := s.page(t, http.StatusOK, resolve(t, "/", first.AttrOr("href", "")).RequestURI())
	assert.Equal(t, first.Text(), detail.Find("h1").Text())
	broken := doc.Find("main section tbody a.bad").First()
	require.Equal(t, 1, broken.Length(), "a workflow with failed jobs")
	assert.Equal(t, "errors", resolve(t, "/", broken.AttrOr("href", "")).Fragment)
	list := doc.Find(`section .tools a[href^="/workflows?alert="]`).First()
	require.Equal(t, 1, list.Length(), "the list of all matches of a rule")
	s.page(t, http.StatusOK, list.AttrOr("href", ""))
	assert.Positive(t, doc.Find(`section .tools a[href="/agents"]`).Length(), "rules of agents link to the agents")

	one, _ := s.page(t, http.StatusOK, "/attention?rule=failed")
	assert.LessOrEqual(t, one.Find("main section tbody").Length(), 1)
	count := doc.Find(`header nav a[href="/attention"]`).AttrOr("data-count", "")
	require.NotEmpty(t, count)
	for _, path := range []string{"/", "/about", "/workflows"} {
		doc, _ := s.page(t, http.StatusOK, path)
		assert.Equal(t, count, doc.Find(`header nav a[href="/attention"]`).AttrOr("data-count", ""), path)
	}
}
