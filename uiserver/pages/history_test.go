package pages_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/web"
)

// hours is the running time of the server of ranLong.
const hours = 9

// ranLong answers like a server that has counted for nine hours: two statuses or
// states, or running jobs of the first ten sites or campaigns and one point of an
// eleventh. Groups without workflows with jobs have no counts.
func ranLong(records *testcache.World) http.Handler {
	now := time.Now().Unix()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := r.URL.Query()
		out := []schema.TimelinePoint{}
		switch {
		case v.Get("site") == "*" || v.Get("campaign") == "*":
			for i := range 11 {
				for k := range 12 {
					p := schema.TimelinePoint{By: "state", Name: "Running", Time: now - int64(12-k)*3600, Count: int64(1000*i + k)}
					if v.Has("site") {
						p.Site = records.Sites[i].Site
					} else {
						p.Campaign = records.Campaigns[i].Campaign
					}
					if i < 10 || k == 11 {
						out = append(out, p)
					}
				}
			}
		case v.Get("campaign") == testcache.Today:
			testcache.Problem(wire.NotFound("history", testcache.Today, nil)).ServeHTTP(w, r)
			return
		default:
			names := map[string][]string{"status": {"running-open", "assigned"}, "state": {"Running", "Failure"}}[v.Get("by")]
			for at := now - hours*3600; at <= now; at += 300 {
				for i, name := range names {
					out = append(out, schema.TimelinePoint{Time: at, Name: name, Count: int64(100*(i+1)) + (at/300*int64(i+3))%17})
				}
			}
		}
		w.Header().Set(wire.HeaderHistoryStart, time.Unix(now-hours*3600, 0).UTC().Format(time.RFC3339))
		testcache.JSON(out).ServeHTTP(w, r)
	})
}

// everyName answers with two points of every release or agent.
func everyName(records *testcache.World) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := []schema.TimelinePoint{}
		for k := range int64(12) {
			at := time.Now().Unix() - 300*(1-k)
			if r.URL.Query().Has("agent") {
				for _, a := range records.Agents {
					out = append(out, schema.TimelinePoint{Time: at, Agent: a.Agent.Agent, Count: k})
				}
			} else {
				for _, one := range records.Releases {
					out = append(out, schema.TimelinePoint{Time: at, Release: one.Release, Count: k})
				}
			}
		}
		testcache.JSON(out).ServeHTTP(w, r)
	})
}

// Lines are shown with the time that they cover. Pages say so if the server has
// just started, has no counts, or keeps none for a campaign or site.
func TestHistory(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/")
	assert.Contains(t, doc.Find("main").Text(), "since start", "a server that has just started")
	assert.Zero(t, doc.Find("svg.spark").Length())

	s.cache.Answer("/history", ranLong(s.cache.World))
	doc, _ = s.page(t, http.StatusOK, "/")
	line := doc.Find(`a.tile:contains("running-open") svg.spark`)
	assert.Equal(t, 1, line.Length())
	points := strings.Fields(line.Find("polyline").AttrOr("points", ""))
	assert.LessOrEqual(t, len(points), 60)
	assert.Greater(t, len(points), 20)
	assert.Contains(t, doc.Find("summary").Text(), "since start, 9 h")
	site, _ := s.page(t, http.StatusOK, web.SitePath("T1_US_FNAL"))
	assert.Equal(t, 2, site.Find("#history-h").Parent().Find(".stack svg.spark").Length())
	other, _ := s.page(t, http.StatusOK, web.CampaignPath(testcache.Today))
	assert.Contains(t, other.Find("#history-h").Parent().Text(), "the first one of a name is taken within five minutes")

	s.cache.Answer("/history", testcache.JSON([]schema.TimelinePoint{}))
	doc, _ = s.page(t, http.StatusOK, "/")
	assert.Zero(t, doc.Find("svg.spark").Length())
	assert.Contains(t, doc.Find("main").Text(), "No counts over time yet")
}

// The heat map has the sites with the most failures, and links to their workflows.
func TestSiteMap(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/sites")
	cell := doc.Find(`svg.heat a:has(title:contains("failure: "))`).First()
	target := resolve(t, "/sites", cell.AttrOr("href", ""))
	assert.Equal(t, "/workflows", target.Path)
	assert.NotEmpty(t, target.Query().Get("site"))
	assert.Equal(t, "failure", strings.ToLower(target.Query().Get("has")))
}

// Table rows have sparklines, all read with one request, or a reason why not.
func TestLinesOfRows(t *testing.T) {
	s := newSite(t)
	s.cache.Answer("/history", ranLong(s.cache.World))
	for _, path := range []string{"/sites?sort=Site", "/campaigns?sort=Campaign"} {
		doc, _ := s.page(t, http.StatusOK, path)
		lines := doc.Find("table.figures td:last-child svg.spark")
		assert.GreaterOrEqual(t, lines.Length(), 7, path)
		assert.Regexp(t, `^running, last 12 h: from \d`, lines.First().AttrOr("aria-label", ""))
		reasons := doc.Find("table.figures td:last-child span.na").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("title", "") })
		assert.Contains(t, reasons, "drawn from an hour of counts on", path)
		assert.Contains(t, reasons, "the first count arrives within minutes", path)
	}
	asked := slices.DeleteFunc(s.cache.Seen(), func(a string) bool { return !strings.HasPrefix(a, "/history") })
	assert.Len(t, asked, 2, "one for each page")
	s.cache.Answer("/history", everyName(s.cache.World))
	for path, cell := range map[string]string{"/releases": "td:last-child", "/agents?kind=agent": "td"} {
		doc, _ := s.page(t, http.StatusOK, path)
		rows := doc.Find("main table tbody tr").Length()
		assert.Positive(t, rows)
		assert.Equal(t, rows, doc.Find("main table tbody "+cell+" svg.spark").Length(), path)
	}
	release, _ := s.page(t, http.StatusOK, web.ReleasePath(s.cache.Releases[0].Release))
	assert.Contains(t, release.Find("#history-h").Text(), "Jobs over time")

	s.cache.Answer("/history", testcache.JSON([]schema.TimelinePoint{}))
	doc, _ := s.page(t, http.StatusOK, "/sites")
	assert.Zero(t, doc.Find("svg.spark").Length())
	assert.Equal(t, "No counts over time yet.", doc.Find("table.figures td:last-child span.na").First().AttrOr("title", ""))
}
