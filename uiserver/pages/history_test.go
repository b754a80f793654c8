package pages_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/uiserver/internal/fakecache"
	"github.com/dmwm/wmstats/web"
)

// Lines are shown with the time that they cover; a server that is young says
// so, one without a history says that, and what is not followed is told.
func TestHistory(t *testing.T) {
	records := fakecache.Generate(60)
	s := newSite(t, records)
	doc, _ := s.page(t, http.StatusOK, "/")
	line := doc.Find(`a.tile:contains("running-open") svg.spark`)
	assert.Equal(t, 1, line.Length())
	points := strings.Fields(line.Find("polyline").AttrOr("points", ""))
	assert.LessOrEqual(t, len(points), 60)
	assert.Greater(t, len(points), 20)
	assert.Contains(t, doc.Find("summary").Text(), "since start, 9 h")
	site, _ := s.page(t, http.StatusOK, web.SitePath(records.Sites[0].Site))
	assert.Equal(t, 2, site.Find("#history-h").Parent().Find(".stack svg.spark").Length())
	other, _ := s.page(t, http.StatusOK, web.CampaignPath(fakecache.Hostile()[0]))
	assert.Contains(t, other.Find("#history-h").Parent().Text(), "this is not one of them")

	s.cache.NoHistory = true
	doc, _ = s.page(t, http.StatusOK, "/")
	assert.Zero(t, doc.Find("svg.spark").Length())
	assert.Contains(t, doc.Find("main").Text(), "no counts over time yet")
}

// The map of sites has those with most failures, and leads to their workflows.
func TestSiteMap(t *testing.T) {
	s := newSite(t, fakecache.Generate(60))
	doc, _ := s.page(t, http.StatusOK, "/sites")
	cell := doc.Find(`svg.heat a:has(title:contains("failure: "))`).First()
	target := resolve(t, "/sites", cell.AttrOr("href", ""))
	assert.Equal(t, "/workflows", target.Path)
	assert.NotEmpty(t, target.Query().Get("site"))
	assert.Equal(t, "failure", strings.ToLower(target.Query().Get("has")))
}

// Tables have a line in each row that is followed, all in one question; the
// others say why not.
func TestLinesOfRows(t *testing.T) {
	s := newSite(t, fakecache.Generate(60))
	for _, path := range []string{"/sites", "/campaigns"} {
		doc, _ := s.page(t, http.StatusOK, path)
		lines := doc.Find("table.figures td:last-child svg.spark")
		assert.GreaterOrEqual(t, lines.Length(), 7, path)
		assert.Regexp(t, `^running: from \d`, lines.First().AttrOr("aria-label", ""))
		reasons := doc.Find("table.figures td:last-child span.na").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("title", "") })
		assert.Contains(t, reasons, "the second count comes within minutes", path)
		assert.Contains(t, reasons, "kept for the "+path[1:]+" with most work only", path)
	}
	asked := slices.DeleteFunc(s.cache.Seen(), func(a string) bool { return !strings.HasPrefix(a, "/history") })
	assert.Len(t, asked, 2, "one for each page")

	s.cache.NoHistory = true
	doc, _ := s.page(t, http.StatusOK, "/sites")
	assert.Zero(t, doc.Find("svg.spark").Length())
	assert.Equal(t, "There are no counts over time yet.", doc.Find("table.figures td:last-child span.na").First().AttrOr("title", ""))
}
