package pages_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Two clicks lead from failing jobs to one site and exit code.
func TestErrorsLeadToTheJobs(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/errors")
	rows := doc.Find("#codes-h").Closest("section").Find("tbody tr")
	require.Greater(t, rows.Length(), 3, "the exit codes of the world")
	code, err := strconv.ParseInt(strings.TrimSpace(rows.First().Children().First().Text()), 10, 64)
	require.NoError(t, err)
	info, known := schema.ExitCodeOf(code)
	require.True(t, known)
	assert.Contains(t, rows.First().Text(), info.Meaning, "meaning of the code")
	cell := doc.Find("svg.heat a[class^=h]").First()
	require.Equal(t, 1, cell.Length())
	href := resolve(t, "/errors", cell.AttrOr("href", ""))
	assert.NotEmpty(t, href.Query().Get("exitcode"))
	assert.NotEmpty(t, href.Query().Get("site"))
	narrow, _ := s.page(t, http.StatusOK, href.RequestURI())
	assert.Equal(t, 1, narrow.Find("svg.heat a[class^=h]").Length(), "one code at one site")
	workflow := narrow.Find("#workflows-h").Closest("section").Find("tbody th a").First()
	target := resolve(t, "/errors", workflow.AttrOr("href", ""))
	assert.Equal(t, href.Query().Get("exitcode"), target.Query().Get("exitcode"), "the page of the workflow shows these jobs")
	detail, _ := s.page(t, http.StatusOK, target.RequestURI())
	assert.Equal(t, workflow.Text(), detail.Find("h1").Text())
}

// The drawing and the table of a heat map have the same numbers, which come from the
// cache server.
func TestHeatMapHasItsTable(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/errors")
	section := doc.Find("#map-h").Closest("section")
	drawn := map[string]bool{}
	section.Find("svg.heat a[class^=h]").Each(func(_ int, a *goquery.Selection) {
		title := a.Find("title").Text()
		at := strings.Index(title, ": ") + len(": ")
		count, _, _ := strings.Cut(title[at:], ", ") // the share follows
		drawn[title[:at]+count] = true
	})
	heads := section.Find("thead th").Map(text)
	cells := 0
	section.Find("tbody tr").Each(func(_ int, row *goquery.Selection) {
		name := strings.TrimSpace(row.Find("th").Text())
		row.Find("td").Each(func(i int, cell *goquery.Selection) {
			if cell.Text() != "0" {
				cells++
				assert.True(t, drawn[name+", "+heads[i+1]+": "+cell.Text()], "%s %s", name, heads[i+1])
			}
		})
	})
	assert.Equal(t, len(drawn), cells)
	assert.NotZero(t, cells)
}

// No jobs, not provided, failed and not read yet have different texts.
func TestMissingErrorsHaveReasons(t *testing.T) {
	for name, c := range map[string]struct {
		problem *wire.Problem
		status  int
		text    string
		again   bool
	}{
		"not in source": {wire.NotInSource("There is no view."), http.StatusOK, "This data source does not provide failing jobs", false},
		"failed":        {wire.SourceFailed("It timed out.", nil), http.StatusOK, "Details not read: CouchDB does not answer. The failing jobs could not be read from CouchDB: It timed out.", true},
		"being read":    {wire.NotReady(), http.StatusServiceUnavailable, "are being read from CouchDB", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.cache.RefuseDemand(c.problem)
			doc, _ := s.page(t, c.status, "/errors?campaign=Run3*")
			assert.Contains(t, doc.Find("main").Text(), c.text)
			assert.Equal(t, c.again, doc.Find(`main .empty a:contains("Try again")`).Length() == 1)
			assert.Equal(t, "Run3*", doc.Find("form.errors input[name=campaign]").AttrOr("value", ""), "the filters are kept")
		})
	}
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/errors?exitcode=1")
	assert.Contains(t, doc.Find("main .empty").Text(), "No job reports")
}

func TestErrorsBadAddress(t *testing.T) {
	s := newSite(t)
	doc, _ := s.page(t, http.StatusBadRequest, "/errors?exitcode=abc&campagn=x")
	notes := doc.Find(".notice.bad").Text()
	assert.Contains(t, notes, "exitcode")
	assert.Contains(t, notes, "campagn")
	assert.NotZero(t, doc.Find("svg.heat").Length(), "the rest is shown")
}
