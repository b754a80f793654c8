package pages_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
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

// calledAsText matches a call of a component that templ took for text, because it
// follows other text on its line.
var calledAsText = regexp.MustCompile(`@[A-Za-z]+\(`)

// Facts that hold on every page for any data.
func TestFactsOnEveryPage(t *testing.T) {
	s := newSite(t)
	records := s.cache.World
	for _, path := range everyPage(records) {
		t.Run(path, func(t *testing.T) {
			doc, body := s.page(t, http.StatusOK, path)
			checkStructure(t, doc)
			checkNames(t, doc)
			checkInline(t, doc)
			text := doc.Find("body").Text()
			for _, wrong := range []string{"NaN", "Infinity", "%!", "<nil>", "-1%", "1970-01-01"} {
				assert.NotContains(t, text, wrong)
			}
			assert.Empty(t, calledAsText.FindString(text), "a component's call is shown as a text")
			assert.NotContains(t, string(body), "about:invalid", "an address was refused by the sanitizer")
			doc.Find("span.na").Each(func(_ int, na *goquery.Selection) {
				assert.NotEmpty(t, na.AttrOr("title", ""), "n/a has a reason")
			})
			doc.Find("td.n, .list td, .figures td").Each(func(_ int, cell *goquery.Selection) {
				assert.False(t, strings.HasPrefix(strings.TrimSpace(cell.Text()), "-"), "an undefined figure: %s", cell.Text())
			})
		})
	}
}

func checkStructure(t *testing.T, doc *goquery.Document) {
	t.Helper()
	assert.Equal(t, 1, doc.Find("h1").Length(), "one h1")
	assert.NotEmpty(t, strings.TrimSpace(doc.Find("title").Text()))
	assert.Equal(t, 1, doc.Find("main#main").Length())
	assert.Equal(t, "#main", doc.Find("a.skip").AttrOr("href", ""))
	assert.Equal(t, 1, doc.Find("#live[aria-live=polite]").Length())
	assert.Equal(t, "en", doc.Find("html").AttrOr("lang", ""))
	assert.Contains(t, doc.Find(".data").Text()+doc.Find(".data [title]").AttrOr("title", ""), "generation "+testcache.Shared(t).Generation)
	ids := map[string]bool{}
	doc.Find("[id]").Each(func(_ int, e *goquery.Selection) {
		id := e.AttrOr("id", "")
		assert.False(t, ids[id], "id %q is used twice", id)
		ids[id] = true
	})
	for _, attr := range []string{"aria-labelledby", "for", "list"} {
		doc.Find("[" + attr + "]").Each(func(_ int, e *goquery.Selection) {
			assert.True(t, ids[e.AttrOr(attr, "")], "%s=%q leads nowhere", attr, e.AttrOr(attr, ""))
		})
	}
	doc.Find("table").Each(func(_ int, table *goquery.Selection) {
		assert.Equal(t, 1, table.Find("caption").Length(), "a table has a caption")
		region := table.Parent()
		assert.Equal(t, "0", region.AttrOr("tabindex", ""), "a table can be scrolled with the keyboard")
		assert.NotEmpty(t, region.AttrOr("aria-label", ""))
	})
	doc.Find("th").Each(func(_ int, th *goquery.Selection) {
		assert.Contains(t, []string{"col", "row", "rowgroup"}, th.AttrOr("scope", ""), "th has a scope")
	})
	doc.Find("table").Each(func(_ int, table *goquery.Selection) {
		columns := table.Find("thead th").Length()
		table.Find("tbody tr").Each(func(_ int, row *goquery.Selection) {
			cells := 0
			for _, cell := range row.Children().EachIter() {
				span, _ := strconv.Atoi(cell.AttrOr("colspan", "1"))
				cells += span
			}
			assert.Equal(t, columns, cells, "number of cells in a row")
		})
	})
}

func checkNames(t *testing.T, doc *goquery.Document) {
	t.Helper()
	doc.Find("input:not([type=hidden]), select, textarea").Each(func(_ int, in *goquery.Selection) {
		labelled := in.AttrOr("aria-label", in.AttrOr("aria-labelledby", "")) != "" || in.Closest("label").Length() > 0 || doc.Find(`label[for="`+in.AttrOr("id", "")+`"]`).Length() == 1
		assert.True(t, labelled, "input %q has a label", in.AttrOr("name", ""))
	})
	doc.Find("a").Each(func(_ int, a *goquery.Selection) {
		assert.NotEmpty(t, a.AttrOr("href", ""), "a link leads somewhere")
		assert.NotEmpty(t, strings.TrimSpace(a.Text()+a.AttrOr("aria-label", "")), "a link has a name")
	})
	doc.Find("button").Each(func(_ int, b *goquery.Selection) {
		assert.NotEmpty(t, strings.TrimSpace(b.Text()+b.AttrOr("aria-label", "")))
	})
	doc.Find("svg[role=img]").Each(func(_ int, svg *goquery.Selection) {
		assert.NotEmpty(t, svg.AttrOr("aria-label", "")+svg.Find("title").Text(), "a chart has a text")
	})
	doc.Find("time").Each(func(_ int, at *goquery.Selection) {
		assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, at.AttrOr("datetime", ""))
		assert.Contains(t, at.AttrOr("title", ""), "UTC")
	})
}

func checkInline(t *testing.T, doc *goquery.Document) {
	t.Helper()
	assert.Zero(t, doc.Find("style, [style], iframe, object, embed, base").Length(), "no inline styles or frames")
	doc.Find("script").Each(func(_ int, script *goquery.Selection) {
		assert.Empty(t, script.Text(), "no script in the page")
		assert.True(t, strings.HasPrefix(script.AttrOr("src", ""), "/static/"))
	})
	doc.Find("*").Each(func(_ int, e *goquery.Selection) {
		for _, attr := range e.Nodes[0].Attr {
			assert.False(t, strings.HasPrefix(attr.Key, "on"), "no handler in the page: %s", attr.Key)
		}
	})
}

// Every link on every page within the dashboard leads to a page.
func TestLinksResolve(t *testing.T) {
	s := newSite(t)
	records := s.cache.World
	seen, shapes := map[string]bool{}, map[string]int{}
	const mostOfAShape = 1 // number of links that differ only in parameter values
	for _, path := range everyPage(records) {
		doc, _ := s.page(t, http.StatusOK, path)
		ids := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, e *goquery.Selection) { ids[e.AttrOr("id", "")] = true })
		doc.Find("a[href], link[href], script[src], img[src]").Each(func(_ int, a *goquery.Selection) {
			href := a.AttrOr("href", a.AttrOr("src", ""))
			target := resolve(t, path, href)
			if target.Host != "" {
				assert.Equal(t, "https", target.Scheme, href)
				return
			}
			if target.Path == path && target.RawQuery == "" && target.Fragment != "" {
				assert.True(t, ids[target.Fragment], href)
				return
			}
			address := target.RequestURI()
			if seen[address] || strings.HasPrefix(address, "/api/") {
				return // forwarded; tested with the proxy
			}
			seen[address] = true
			shape := target.Path + " " + strings.Join(slices.Sorted(maps.Keys(target.Query())), " ")
			if shapes[shape]++; shapes[shape] > mostOfAShape {
				return
			}
			status := s.get(t, address).StatusCode
			assert.Contains(t, []int{http.StatusOK, http.StatusFound, http.StatusSeeOther}, status, "%s on %s", address, path)
		})
	}
	require.Greater(t, len(seen), 400)
}

// Names that look like markup are shown as text, and link to their page.
func TestHostileNames(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/workflows?"+wire.Query{Names: testcache.Hostile()}.Values().Encode())
	for _, name := range testcache.Hostile() {
		link := doc.Find("tbody th a").FilterFunction(func(_ int, a *goquery.Selection) bool { return a.Text() == name })
		require.Equal(t, 1, link.Length(), "%q is in the list as text", name)
		target := resolve(t, "/workflows", link.AttrOr("href", ""))
		detail, _ := s.page(t, http.StatusOK, target.RequestURI())
		assert.Equal(t, name, detail.Find("h1").Text())
		campaign := detail.Find("dl.facts a").FilterFunction(func(_ int, a *goquery.Selection) bool { return a.Text() == name })
		require.Equal(t, 1, campaign.Length(), "its campaign is linked")
		group, _ := s.page(t, http.StatusOK, resolve(t, "/", campaign.AttrOr("href", "")).RequestURI())
		assert.Equal(t, name, group.Find("h1").Text())
		assert.Equal(t, name, group.Find("#results tbody th a").Text())
		for _, link := range detail.Find(`a[rel=noreferrer]`).EachIter() {
			assert.True(t, strings.HasPrefix(link.AttrOr("href", ""), "https://"), "a name can't change where a link leads")
		}
	}
}

// Every page in the navigation, and one of each kind, is within its budget.
func TestBudgets(t *testing.T) {
	s := newSiteTo(t, testcache.To(t, testcache.Large(t)), time.Now)
	agents := slices.Repeat(s.cache.Agents, 3)[:40] // as many as production has
	for i := range agents {
		agents[i].Agent.Agent = fmt.Sprintf("cmsgwms-submit%03d.fnal.gov", i)
	}
	s.cache.Answer("/agent", testcache.JSON(agents))
	most := slices.MaxFunc(s.cache.Workflows, func(a, b schema.Workflow) int { return cmp.Compare(a.TotalJobs, b.TotalJobs) }).Workflow
	campaign := slices.MaxFunc(s.cache.Campaigns, func(a, b schema.Campaign) int { return cmp.Compare(a.Workflows, b.Workflows) }).Campaign
	release := slices.MaxFunc(s.cache.Releases, func(a, b schema.Release) int { return cmp.Compare(a.Workflows, b.Workflows) }).Release
	for path, rows := range map[string]int{
		"/": 0, "/attention": 0, "/workflows": 50, "/workflows?has=failure&sort=-TotalJobs": 50,
		"/workflows?has=failure&sort=-TotalJobs&cols=jobs": 50,
		"/campaigns": 50, "/campaigns?sort=-Failure": 50, "/sites": 50, "/releases": 15, "/agents": 30, "/errors": 0, "/api": 0, "/about": 0,
		web.CampaignPath(campaign): 20, web.SitePath("T1_US_FNAL"): 50, web.ReleasePath(release): 40,
		web.AgentPath(normalAgent(s.cache.World)): 20, web.WorkflowPath(most): 0, web.WorkflowPath(most) + "?show=jobs,logs": 0,
		"/changed?from=2020-01-01": 0, "/go?q=T2": 0, "/facet/sites": 0, "/columns": 0,
	} {
		doc, body := s.page(t, http.StatusOK, path)
		longest := 0
		for _, table := range doc.Find("table").EachIter() {
			longest = max(longest, table.Find("tbody tr").Length())
		}
		assert.GreaterOrEqual(t, longest, rows, "%s: rows", path)
		assert.LessOrEqual(t, len(body), 100_000, "%s: bytes", path)
		assert.LessOrEqual(t, gzipped(t, body), 20_000, "%s: bytes with gzip", path)
		assert.LessOrEqual(t, doc.Find("*").Length(), 4000, "%s: elements", path)
		if testing.Verbose() {
			t.Logf("%-60.60s %7d bytes, %6d with gzip, %5d elements", path, len(body), gzipped(t, body), doc.Find("*").Length())
		}
	}
}

// Unknown values are n/a with a reason: a workflow without agent reports has no
// progress and no jobs.
func TestUndefinedValuesHaveReasons(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/workflows?name="+testcache.Today+"&sort=Workflow&cols=EventProgress,LumiProgress,SecondsLeft")
	cells := doc.Find("table.list tbody td:not(:has(input))")
	require.GreaterOrEqual(t, cells.Length(), 3)
	for _, cell := range cells.EachIter() {
		assert.Equal(t, "n/a", strings.TrimSpace(cell.Text()))
		assert.NotEmpty(t, cell.Find("span.na").AttrOr("title", ""))
	}
	detail, _ := s.page(t, http.StatusOK, web.WorkflowPath(testcache.Today))
	assert.Positive(t, detail.Find("main span.na[title]").Length()+detail.Find("main .empty").Length())
}
