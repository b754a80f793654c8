package pages_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// A facet's link changes the filter of its own field and nothing else.
func TestFacetLinksChangeOneFilter(t *testing.T) {
	s := newSite(t)
	const page = "/workflows?status=running-open,acquired&type=!ReReco&minPriority=10000&sort=-Failure&cols=jobs&limit=25"
	was, err := wire.ParseQueryExcept(resolve(t, page, page).Query(), "cols")
	require.NoError(t, err)
	doc, _ := s.page(t, http.StatusOK, page)
	links := doc.Find(".facets li a")
	require.Greater(t, links.Length(), 60)
	links.Each(func(_ int, a *goquery.Selection) {
		target := resolve(t, page, a.AttrOr("href", ""))
		now, err := wire.ParseQueryExcept(target.Query(), "cols")
		require.NoError(t, err)
		assert.Equal(t, "jobs", target.Query().Get("cols"))
		assert.Equal(t, was.Sort, now.Sort)
		assert.Equal(t, was.Limit, now.Limit)
		changed := map[string]bool{}
		for _, t := range append(slices.Clone(was.Terms), now.Terms...) {
			same := func(o wire.Term) bool {
				return o.Field == t.Field && o.Op == t.Op && o.Number == t.Number && slices.Equal(o.Values, t.Values)
			}
			if !slices.ContainsFunc(was.Terms, same) || !slices.ContainsFunc(now.Terms, same) {
				changed[t.Field] = true
			}
		}
		assert.Len(t, changed, 1, target.RawQuery)
	})
}

// The count beside a value is the number of matches of its link, if no other value
// of the field is chosen.
func TestFacetCounts(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/workflows?minPriority=50000")
	for _, line := range doc.Find(".facets li").EachIter() {
		include := line.Find("a").First()
		list, _ := s.page(t, http.StatusOK, resolve(t, "/workflows", include.AttrOr("href", "")).RequestURI())
		count := include.Find("em").Text()
		assert.True(t, strings.HasPrefix(strings.TrimSpace(list.Find(".count strong").Text()), count+" workflow"), include.Text())
	}
}

// Excluded values are still counted beside the list; the facet and the chip say why.
func TestExclusionsAreExplained(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/workflows?site=!T1_*")
	var box *goquery.Selection
	for _, section := range doc.Find("#facets section").EachIter() {
		if strings.HasPrefix(section.Find("h3").Text(), "Site ") {
			box = section
		}
	}
	require.NotNil(t, box)
	const why = "A workflow with an excluded site is left out even if it has others."
	assert.Contains(t, box.Find("p").Text(), "Counted before the exclusion. "+why)
	for _, value := range box.Find("li a:first-child span").EachIter() {
		name := strings.TrimSpace(value.Text())
		assert.Equal(t, strings.HasPrefix(name, "T1_"), value.Find("s").Length() == 1, name)
	}
	assert.Equal(t, why, doc.Find(`ul.active a[aria-label="Remove the filter site !T1_*"]`).AttrOr("title", ""))
	doc, _ = s.page(t, http.StatusOK, "/workflows?status=!new")
	assert.NotContains(t, doc.Find("#facets").Text(), "left out even", "a workflow has one status")
}

// A list is shown with its jobs by state and its times in status, under the same
// filter, as computed by the cache server.
func TestSumsOfAList(t *testing.T) {
	s := newSite(t)
	records := s.cache.World
	doc, _ := s.page(t, http.StatusOK, "/workflows?type=StepChain")
	var running int64
	for i := range records.Workflows {
		if w := &records.Workflows[i]; w.Type == "StepChain" {
			running += w.Running
		}
	}
	require.Positive(t, running)
	assert.Contains(t, doc.Find(".sums svg title").Text(), "running "+web.Int(running))
	assert.Equal(t, web.Int(running), strings.TrimSpace(doc.Find(`.sums li:contains("running") b`).Text()))
	ages := doc.Find(".facets section").Eq(1)
	assert.Contains(t, ages.Find("h3").Text(), "In status for")
	band := ages.Find(`a:contains("> 30 d")`)
	target := resolve(t, "/workflows", band.AttrOr("href", ""))
	assert.Equal(t, "StepChain", target.Query().Get("type"))
	one, _ := s.page(t, http.StatusOK, target.RequestURI())
	assert.Contains(t, one.Find(".count strong").First().Text(), strings.TrimSpace(band.Find("em").Text())+" workflow")
	chosen := one.Find(`.facets section a[aria-current]:contains("> 30 d")`)
	require.Equal(t, 1, chosen.Length(), "the band is marked")
	assert.Equal(t, ages.Find("a").Length(), one.Find(".facets section").Eq(1).Find("a").Length(), "the other bands are shown")
	back, err := url.Parse(chosen.AttrOr("href", ""))
	require.NoError(t, err)
	assert.Equal(t, "type=StepChain", back.RawQuery, "a second click removes it")

	s.cache.Refuse("/stats", wire.BadValue("by", "not with this server"))
	doc, _ = s.page(t, http.StatusOK, "/workflows")
	assert.Zero(t, doc.Find(".sums").Length(), "with an older cache server, the list without totals")
}
