package pages_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/web"
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

// with requests a page as a reader whose last visit of Attention is known.
func (s *site) with(t *testing.T, path, visit string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.AddCookie(&http.Cookie{Name: "seen", Value: visit})
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, r)
	return w.Result()
}

func docOf(t *testing.T, res *http.Response) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(res.Body)
	require.NoError(t, err)
	return doc
}

// visitOf returns the time of the visit that an answer notes; "" for none.
func visitOf(res *http.Response) string {
	for _, c := range res.Cookies() {
		if c.Name == "seen" {
			return c.Value
		}
	}
	return ""
}

// The badge counts what began since the reader's last visit, with the total beside
// it; the page marks the same items, and its address keeps what they are new to.
func TestNewSinceTheLastVisit(t *testing.T) {
	s := newSite(t)
	badge := func(doc *goquery.Document) (total, fresh string) {
		link := doc.Find(`header nav a[href="/attention"]`)
		return link.AttrOr("data-count", ""), link.AttrOr("data-new", "")
	}
	first := s.get(t, "/attention")
	require.Equal(t, http.StatusOK, first.StatusCode)
	visit := visitOf(first)
	require.NotEmpty(t, visit)
	assert.Equal(t, "/", first.Cookies()[0].Path)
	assert.True(t, first.Cookies()[0].HttpOnly)
	doc := docOf(t, first)
	total, fresh := badge(doc)
	assert.NotEmpty(t, total)
	assert.Empty(t, fresh, "on the first visit nothing is called new")
	assert.Zero(t, doc.Find("#new, tr[data-new]").Length())

	again := s.with(t, "/attention?rule=failed", visit)
	assert.Equal(t, http.StatusFound, again.StatusCode)
	assert.Equal(t, "/attention?rule=failed&since="+visit, again.Header.Get("Location"))
	next, _ := strconv.Atoi(visit)
	doc = docOf(t, s.with(t, "/", strconv.Itoa(next+1)))
	same, fresh := badge(doc)
	assert.Equal(t, total, same)
	assert.Empty(t, fresh, "nothing has begun since")
	assert.Zero(t, doc.Find("#fresh").Length())

	answer := struct {
		New   int
		Rules []struct {
			New   int
			Items []struct{ New bool }
		}
	}{}
	const old = "1000000000"
	raw, err := http.Get(s.cache.URL + "/attention?since=" + old)
	require.NoError(t, err)
	defer raw.Body.Close()
	require.NoError(t, json.NewDecoder(raw.Body).Decode(&answer))
	require.Positive(t, answer.New)
	doc = docOf(t, s.with(t, "/", old))
	_, fresh = badge(doc)
	assert.Equal(t, web.Int(int64(answer.New)), fresh)
	assert.Contains(t, doc.Find("#fresh").Text(), fresh+" new")
	assert.Equal(t, "/attention?new=1", doc.Find("#fresh").AttrOr("href", ""))
	assert.Positive(t, doc.Find("tr[data-new]").Length(), "the strip marks them too")
	res := s.with(t, "/attention?since="+old, visit)
	doc = docOf(t, res)
	assert.GreaterOrEqual(t, visitOf(res), visit, "the visit counts")
	assert.Contains(t, doc.Find("#new").Text(), fresh+" new")
	marked := 0
	for _, r := range answer.Rules {
		for _, item := range r.Items {
			if item.New {
				marked++
			}
		}
	}
	assert.Equal(t, marked, doc.Find("tr[data-new]").Length())
	assert.Equal(t, "/attention?since="+old, doc.Find("#pill").AttrOr("href", ""), "newer data keep the marks")
	for _, table := range doc.Find("main tbody").EachIter() {
		rows := table.Find("tr")
		marks := table.Find("tr[data-new]").Length()
		assert.Equal(t, marks, rows.Slice(0, marks).Filter("[data-new]").Length(), "new ones come first")
	}
	only := docOf(t, s.with(t, doc.Find("#new a").AttrOr("href", ""), visit))
	assert.Equal(t, marked, only.Find("tr[data-item]").Length())
	assert.Zero(t, only.Find("tr[data-item]:not([data-new])").Length())
	assert.Equal(t, "/attention?since="+old, only.Find("#new a").AttrOr("href", ""))

	assert.Empty(t, visitOf(s.with(t, "/attention?rule=failed&since="+old, visit)), "a part of the page is not a visit")
	assert.Empty(t, visitOf(s.with(t, "/workflows", visit)))
	for _, broken := range []string{"x", "-5", "99999999999999999999", ""} {
		res := s.with(t, "/attention", broken)
		assert.Equal(t, http.StatusOK, res.StatusCode, broken)
	}
	assert.Equal(t, http.StatusBadRequest, s.get(t, "/attention?since=yesterday").StatusCode)
	status, _, n := s.askAs(t, "/pulse?since="+s.cache.Generation, "", old)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, fresh, n.New)
}

// The pages of another base path have another visit.
func TestVisitBelowABasePath(t *testing.T) {
	s := newSite(t)
	r := httptest.NewRequest(http.MethodGet, "/attention", nil)
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, r.WithContext(web.WithBase(r.Context(), "/wmstats")))
	require.Equal(t, "/wmstats/", w.Result().Cookies()[0].Path)
	r.AddCookie(&http.Cookie{Name: "seen", Value: "1000"})
	w = httptest.NewRecorder()
	s.echo.ServeHTTP(w, r.WithContext(web.WithBase(r.Context(), "/wmstats")))
	assert.Equal(t, "/wmstats/attention?since=1000", w.Header().Get("Location"))
}
