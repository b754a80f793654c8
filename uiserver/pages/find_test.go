package pages_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/web"
)

// found returns the links in a group of the palette.
func found(doc *goquery.Document, title string) []string {
	return doc.Find(`#found section[aria-label="` + title + `"] a`).Map(func(_ int, a *goquery.Selection) string { return a.AttrOr("href", "") })
}

func TestPalette(t *testing.T) {
	s := newSite(t)
	records := s.cache.World
	doc, _ := s.page(t, http.StatusOK, "/go")
	assert.Contains(t, found(doc, "Pages"), "/attention")
	assert.Contains(t, found(doc, "Views"), "/workflows?has=alert")
	doc, _ = s.page(t, http.StatusOK, "/go?q=AGENT")
	assert.Equal(t, []string{"/agents"}, found(doc, "Pages"), "ignoring case")
	name := records.Workflows[3].Workflow
	doc, _ = s.page(t, http.StatusOK, "/go?q="+name[:len(name)-3])
	assert.Contains(t, found(doc, "Workflows"), web.WorkflowPath(name))
	name = usual(records).Workflow
	doc, _ = s.page(t, http.StatusOK, "/go?q="+url.QueryEscape(name[len(name)-4:]+" "+strings.ToUpper(name[:6])))
	assert.Contains(t, found(doc, "Workflows"), web.WorkflowPath(name), "two parts of a name in any order")
	assert.Equal(t, []string{name[:6], name[len(name)-4:]}, doc.Find(`#found a[href="`+web.WorkflowPath(name)+`"] mark`).Map(text))
	doc, _ = s.page(t, http.StatusOK, "/go?q="+url.QueryEscape(`"what ch`))
	assert.Equal(t, []string{"/changed"}, found(doc, "Pages"), "a phrase that is still being typed")
	doc, _ = s.page(t, http.StatusOK, "/go?q=cern")
	assert.Contains(t, found(doc, "Sites"), "/sites/T2_CH_CERN", "part of a name")
	doc, _ = s.page(t, http.StatusOK, "/go?q=workqueue")
	assert.Equal(t, []string{"/agents/global_workqueue"}, found(doc, "Agents"), "also one without workflows")
	doc, _ = s.page(t, http.StatusOK, "/go?q=%3Cscript%3Ezzz")
	assert.Contains(t, doc.Find("#found").Text(), "Nothing has “<script>zzz”")
	s.cache.Answer(testcache.Everything, testcache.Broken())
	doc, _ = s.page(t, http.StatusOK, "/go?q=site")
	assert.Equal(t, []string{"/sites"}, found(doc, "Pages"), "pages are found without the cache server")
	assert.Contains(t, doc.Find(".notice").Text(), "does not answer")
}

func TestFacetValues(t *testing.T) {
	s := newSite(t)
	list, _ := s.page(t, http.StatusOK, "/workflows?status=running-open&sort=-Priority")
	more := list.Find(`a[data-dialog][href^="/facet/campaign"], a[data-dialog][href^="/facet/sites"]`).First()
	require.Equal(t, 1, more.Length(), "a facet with more values leads to all of them")
	doc, _ := s.page(t, http.StatusOK, resolve(t, "/workflows", more.AttrOr("href", "")).RequestURI())
	require.Greater(t, doc.Find("#values li").Length(), 10)
	link := doc.Find("#values li a").First()
	target := resolve(t, "/facet/x", link.AttrOr("href", ""))
	assert.Equal(t, "/workflows", target.Path)
	assert.Equal(t, "running-open", target.Query().Get("status"), "the other conditions are kept")
	assert.Equal(t, "-Priority", target.Query().Get("sort"))
	narrow, _ := s.page(t, http.StatusOK, "/facet/sites?prefix=t1")
	for _, v := range narrow.Find("#values li a:first-child span").EachIter() {
		assert.True(t, strings.HasPrefix(strings.TrimSpace(v.Text()), "T1"), v.Text())
	}
	s.page(t, http.StatusNotFound, "/facet/stauts")
	s.page(t, http.StatusNotFound, "/facet/priority")
	s.page(t, http.StatusBadRequest, "/facet/sites?stauts=x")
}

// The page Selected workflows has the names of the list, in its order, in every form.
func TestSelection(t *testing.T) {
	s := newSite(t)
	list, _ := s.page(t, http.StatusOK, "/workflows?minPriority=50000&sort=-Failure&limit=200")
	names := list.Find("table.list tbody th a").Map(text)
	doc, _ := s.page(t, http.StatusOK, list.Find("#picked a[href^='/selection']").AttrOr("href", ""))
	all := strings.Split(doc.Find("#names").Text(), "\n")
	assert.Equal(t, names, all[:len(names)])
	assert.Equal(t, web.Plural(int64(len(all)), "workflow", "workflows"), doc.Find(".head strong").Text())
	var decoded []string
	require.NoError(t, json.Unmarshal([]byte(doc.Find("#json").Text()), &decoded))
	assert.Equal(t, all, decoded)
	assert.Contains(t, doc.Find("pre").Text(), "minPriority=50000")
	for i, link := range doc.Find(".names a").EachIter() {
		assert.Contains(t, link.AttrOr("href", ""), "reqmgr2")
		assert.Equal(t, all[i], link.Text())
	}
	// Without the script, ticked rows are sent by name.
	box := list.Find("#pick tbody input[name=name]").First()
	one, _ := s.page(t, http.StatusOK, "/selection?name="+box.AttrOr("value", ""))
	assert.Equal(t, names[0], one.Find("#names").Text())
}

func TestChanged(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/changed?since="+s.cache.Older)
	assert.Contains(t, doc.Find("section").First().Text(), "gone_workflow")
	assert.Positive(t, doc.Find("section").First().Find("tbody tr").Length())
	doc, _ = s.page(t, http.StatusOK, "/changed?since="+s.cache.Generation)
	assert.Contains(t, doc.Find("section").First().Text(), "Nothing has changed.")
	doc, _ = s.page(t, http.StatusOK, "/changed?since=forgotten&from=1763000000")
	assert.Contains(t, doc.Find("section").First().Text(), "no longer compare")
	assert.Contains(t, doc.Find("#moved-h").Text(), "2025-11-13 02:13:20 UTC")
	s.page(t, http.StatusBadRequest, "/changed?from=yesterday")

	// The overview counts what the page lists.
	doc, _ = s.page(t, http.StatusOK, "/")
	for _, tile := range doc.Find("a.tile:has(small)").EachIter() {
		status := tile.Find(".chip").Contents().Last().Text()
		list, _ := s.page(t, http.StatusOK, "/workflows?status="+status+"&minStatusTime="+strconv.FormatInt(time.Now().UTC().Truncate(24*time.Hour).Unix(), 10))
		assert.True(t, strings.HasPrefix(list.Find(".count strong").Text(), strings.TrimPrefix(tile.Find("small").Text(), "+")+" workflow"))
	}
}
