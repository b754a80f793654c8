package pages_test

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/web"
)

// formQuery returns the query that a browser sends for a form.
func formQuery(form *goquery.Selection) url.Values {
	v := url.Values{}
	form.Find("input[name]").Each(func(_ int, in *goquery.Selection) {
		if in.AttrOr("type", "") == "checkbox" && in.AttrOr("checked", "no") == "no" {
			return
		}
		v.Add(in.AttrOr("name", ""), in.AttrOr("value", ""))
	})
	return v
}

// shownColumns returns the keys of the columns of a list, by their headings.
func shownColumns(doc *goquery.Document) []string {
	byLabel := map[string]string{}
	for _, column := range web.NewColumns().All {
		byLabel[column.Label] = column.Key
	}
	var keys []string
	for _, th := range doc.Find("table.list thead th").EachIter() {
		if label := strings.Trim(th.Text(), " \n\t↑↓"); label != "workflow" {
			keys = append(keys, byLabel[label])
		}
	}
	return keys
}

// The chooser moves columns, and the list shows them in that order.
func TestColumnsAreMoved(t *testing.T) {
	s := newSite(t)
	const list = "/columns?cols=Status,Team,Priority&status=acquired&sort=-Priority"
	for button, want := range map[string]string{
		"": "Status,Team,Priority", "up=Team": "Team,Status,Priority", "down=Team": "Status,Priority,Team", "up=Status": "Status,Team,Priority", "down=Nothing": "Status,Team,Priority",
	} {
		doc, _ := s.page(t, http.StatusOK, list+"&"+button)
		sent := formQuery(doc.Find("#columns"))
		assert.Equal(t, want, strings.Join(sent["cols"], ","), button)
		assert.Equal(t, "acquired", sent.Get("status"), "the query is kept")
		assert.Equal(t, len(web.NewColumns().All)-1, doc.Find("#columns input[name=cols]").Length(), "every field can be chosen")
		assert.Equal(t, 2, doc.Find("#columns button:disabled").Length(), "buttons at the ends")
	}
}

// An unchanged form leads to the same list.
func TestFormRoundTrip(t *testing.T) {
	s := newSite(t)
	tables := 0
	for _, query := range []string{
		"", "status=running-open", "status=running-open,acquired&site=!T1_*&q=HIG", "minPriority=10000&maxPriority=90000&minAge=2d&has=failure&sort=-Failure&limit=100",
		"campaign=a%5C%2Cb,c&team=%5C!x&minFailureRate=2.5&cols=jobs", "outputdataset=*AODSIM*&since=2026-01-01&cols=Workflow,Team,Sites",
	} {
		want, err := url.ParseQuery(query)
		require.NoError(t, err)
		for _, form := range []string{"form.filters", "#columns"} {
			doc, _ := s.page(t, http.StatusOK, "/workflows?"+query)
			shown := shownColumns(doc)
			if form == "#columns" {
				doc, _ = s.page(t, http.StatusOK, resolve(t, "/", doc.Find(`a[href^="/columns"]`).AttrOr("href", "")).RequestURI())
			}
			sent := formQuery(doc.Find(form))
			res := s.get(t, "/workflows?"+sent.Encode())
			target := "/workflows?" + sent.Encode()
			if res.StatusCode == http.StatusSeeOther {
				target = res.Header.Get("Location")
			}
			have := resolve(t, "/", target).Query()
			if form == "#columns" {
				if shown != nil { // an empty list has no table
					tables++
					chosen := slices.DeleteFunc(shown, func(key string) bool { return key == "Score" || key == "Failure" }) // shown because of the order
					assert.Equal(t, chosen, strings.Split(have.Get("cols"), ","), "the chosen columns, in order")
				}
				have.Del("cols")
				want.Del("cols")
			}
			asked, err := wire.ParseQueryExcept(want, "cols")
			require.NoError(t, err)
			again, err := wire.ParseQueryExcept(have, "cols")
			require.NoError(t, err)
			assert.Equal(t, asked, again, "%s of %s", form, query)
			assert.Equal(t, want.Get("cols"), have.Get("cols"))
		}
	}
	assert.Positive(t, tables)
}

// The pages of a list show every workflow once, on one generation.
func TestPagesAreComplete(t *testing.T) {
	s := newSite(t)
	seen := map[string]int{}
	path := "/workflows?sort=-Priority&limit=25"
	for path != "" {
		doc, _ := s.page(t, http.StatusOK, path)
		doc.Find("table.list tbody th").Each(func(_ int, th *goquery.Selection) { seen[th.Text()]++ })
		next := doc.Find(".pager a[rel=next]").AttrOr("href", "")
		if next == "" {
			break
		}
		target := resolve(t, path, next)
		assert.Equal(t, s.cache.Generation, target.Query().Get("gen"), "pages are pinned")
		path = target.RequestURI()
	}
	assert.Len(t, seen, len(s.cache.Workflows))
	for name, times := range seen {
		assert.Equal(t, 1, times, name)
	}
}

func TestSortLinks(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/workflows?sort=-Priority")
	assert.Equal(t, "descending", doc.Find(`thead th[aria-sort]`).AttrOr("aria-sort", ""))
	assert.Equal(t, 1, doc.Find("thead th[aria-sort]").Length())
	turned := resolve(t, "/workflows", doc.Find("thead th[aria-sort] a").AttrOr("href", ""))
	assert.Equal(t, "Priority", turned.Query().Get("sort"))
	age := doc.Find("thead th a").FilterFunction(func(_ int, a *goquery.Selection) bool { return a.Text() == "in status for" })
	oldest, _ := s.page(t, http.StatusOK, resolve(t, "/workflows", age.AttrOr("href", "")).RequestURI())
	assert.Equal(t, "descending", oldest.Find("thead th[aria-sort]").AttrOr("aria-sort", ""), "oldest first is descending age")
}

// The form of the pager goes to a page by its number.
func TestGoToPage(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/workflows?limit=25&sort=Workflow")
	form := doc.Find(".pager form")
	values := formQuery(form)
	assert.Equal(t, "1", values.Get("page"))
	values.Set("page", "3")
	third, _ := s.page(t, http.StatusOK, "/workflows?"+values.Encode())
	assert.Equal(t, "51 to 75", strings.Split(third.Find(".pager > span").First().Text(), " of")[0])
	assert.Equal(t, "3", third.Find(".pager input[name=page]").AttrOr("value", ""))
	values.Set("page", "9999")
	res := s.get(t, "/workflows?"+values.Encode())
	assert.Equal(t, http.StatusSeeOther, res.StatusCode, "beyond the last page is the last one")
	assert.NotContains(t, res.Header.Get("Location"), "page=")
	bad, _ := s.page(t, http.StatusBadRequest, "/workflows?page=none")
	assert.Contains(t, bad.Find(".notice").Text(), "page must be a whole number")
	sites, _ := s.page(t, http.StatusOK, "/sites?page=1")
	assert.Equal(t, 0, sites.Find(".notice").Length())
}

// A page needs one round of concurrent requests.
func TestRequestsOfAPage(t *testing.T) {
	s := newSite(t)
	s.page(t, http.StatusOK, "/workflows?status=acquired")
	assert.Len(t, s.cache.Seen(), 4, "the list with its facets, its jobs by state, its ages, the pulse")
}

// A list requests only the fields that it shows: with all fields of every record
// the page is identical.
func TestListsAskForTheirFields(t *testing.T) {
	at := time.Now() // same ages on both pages
	s := newSiteTo(t, testcache.New(t), func() time.Time { return at })
	records := s.cache.World
	var all []string
	for _, f := range schema.Describe[schema.Workflow]() {
		all = append(all, f.Key)
	}
	for _, path := range []string{
		"/workflows", "/workflows?cols=jobs&limit=100", "/workflows?limit=100&cols=" + strings.Join(all, ","), "/workflows?q=e&sort=-Failure",
		web.CampaignPath(records.Campaigns[0].Campaign), web.SitePath(records.Sites[0].Site), web.ReleasePath(records.Releases[0].Release),
	} {
		s.cache.Behave()
		s.cache.Tell(t, func(i *schema.CacheInfo) { i.CheckTime = at.Unix() })
		before := len(s.cache.Seen())
		_, lean := s.page(t, http.StatusOK, path)
		asked := 0
		for _, call := range s.cache.Seen()[before:] {
			if strings.Contains(call, "fields=") && !strings.HasPrefix(call, "/history") {
				asked++
			}
		}
		assert.Equal(t, 1, asked, path)
		for _, pattern := range []string{"/fetch", "/campaign/*", "/sites/*", "/release/*"} {
			s.cache.Answer(pattern, s.cache.Without("fields"))
		}
		_, whole := s.page(t, http.StatusOK, path)
		assert.Equal(t, string(whole), string(lean), path)
	}
}

// The words of a search are marked where they were found, and each is removed by
// itself.
func TestWordsAreMarked(t *testing.T) {
	s := newSite(t)
	name := usual(s.cache.World).Workflow
	words := []string{name[len(name)-5:], strings.ToUpper(name[:7])}
	doc, _ := s.page(t, http.StatusOK, "/workflows?cols=PrepIDs&sort=-Priority&q="+url.QueryEscape(strings.Join(words, " ")+" _"))
	row := doc.Find(`table.list th a[href="` + web.WorkflowPath(name) + `"]`)
	require.Equal(t, 1, row.Length())
	assert.Equal(t, name, row.Text())
	marks := strings.Join(row.Find("mark").Map(text), " ")
	assert.Contains(t, marks, name[len(name)-5:])
	assert.Contains(t, marks, name[:7])
	chips := doc.Find("ul.active li a")
	assert.Equal(t, []string{"text " + words[0] + "×", "text " + words[1] + "×", "text _×", "clear all", "sorted by priority ↓×"}, chips.Map(text))
	assert.Contains(t, chips.First().AttrOr("href", ""), "q="+url.QueryEscape(words[1]+" _"))
	plain, _ := s.page(t, http.StatusOK, "/workflows")
	assert.Zero(t, plain.Find("main mark").Length())
	groups, _ := s.page(t, http.StatusOK, "/sites?q="+url.QueryEscape("cern T2"))
	assert.Equal(t, []string{"T2", "CERN"}, groups.Find(`table a[href="/sites/T2_CH_CERN"] mark`).Map(text))
}

// A list without an order shows first what holds back most; every order is a chip
// and a column, and can be undone.
func TestOrderOfAList(t *testing.T) {
	s := newSite(t)
	scores := func(doc *goquery.Document) (out []string) { return doc.Find("table.list tbody th a").Map(text) }
	var best []string
	all := slices.Clone(s.cache.World.Workflows)
	slices.SortFunc(all, func(a, b schema.Workflow) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Workflow, b.Workflow))
	})
	require.Positive(t, all[0].Score)
	for _, w := range all[:min(len(all), 50)] {
		best = append(best, w.Workflow)
	}
	for path, want := range map[string]struct{ chip, column, undo string }{
		"/workflows":                           {"jobs held back ↓, priority ↓", "Score", "/workflows?sort=Workflow"},
		"/workflows?sort=-Score,-Priority":     {"jobs held back ↓, priority ↓", "Score", "/workflows?sort=Workflow"},
		"/workflows?sort=Workflow&type=ReReco": {"workflow ↑", "Workflow", "/workflows?type=ReReco"},
		"/workflows?sort=-Failure&cols=Status": {"failure ↓", "Failure", "/workflows?cols=Status"},
		"/workflows?sort=StatusTime":           {"in status for ↓", "StatusTime", "/workflows"},
		"/workflows?sort=-InputEvents":         {"input events ↓", "InputEvents", "/workflows"},
	} {
		doc, _ := s.page(t, http.StatusOK, path)
		chip := doc.Find(`ul.active a[aria-label^="Undo"]`)
		assert.Equal(t, "sorted by "+want.chip+"×", chip.Text(), path)
		assert.Equal(t, strings.TrimSuffix(want.undo, "?"), strings.TrimSuffix(resolve(t, "/workflows", chip.AttrOr("href", "")).RequestURI(), "?"), path)
		assert.Equal(t, 1, doc.Find("table.list thead th[aria-sort]").Length(), path)
		if want.column == "Score" {
			assert.Equal(t, best, scores(doc), path)
		}
	}
	campaign := usual(s.cache.World).Campaign
	doc, _ := s.page(t, http.StatusOK, web.CampaignPath(campaign))
	assert.Equal(t, "jobs held back ↓", doc.Find("table.list thead th[aria-sort]").Text(), "lists of groups too")
	named, _ := s.page(t, http.StatusOK, "/workflows?sort=Workflow")
	assert.True(t, slices.IsSorted(scores(named)))
}
