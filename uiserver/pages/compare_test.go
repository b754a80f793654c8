package pages_test

import (
	"net/http"
	"net/url"
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

// figuresOf returns the texts of the cells of a row of a comparison.
func figuresOf(t *testing.T, doc *goquery.Document, label string) []string {
	t.Helper()
	for _, row := range doc.Find("table.versus tbody tr").EachIter() {
		if strings.TrimSpace(row.Find("th").Text()) == label {
			return row.Find("td").Map(func(_ int, td *goquery.Selection) string { return strings.TrimSpace(td.Text()) })
		}
	}
	require.Fail(t, "no such row", label)
	return nil
}

// Each kind has a column for each name, in the order of the address, with the
// figures of its record.
func TestCompareShowsRecordsSideBySide(t *testing.T) {
	s := newSite(t)
	for _, kind := range []struct {
		kind  string
		names []string
		jobs  []schema.Counters
	}{
		{"campaign", []string{s.cache.Campaigns[3].Campaign, s.cache.Campaigns[1].Campaign}, []schema.Counters{s.cache.Campaigns[3].Counters, s.cache.Campaigns[1].Counters}},
		{"release", []string{s.cache.Releases[1].Release, s.cache.Releases[0].Release}, []schema.Counters{s.cache.Releases[1].Counters, s.cache.Releases[0].Counters}},
		{"site", []string{s.cache.Sites[4].Site, s.cache.Sites[2].Site, s.cache.Sites[3].Site}, []schema.Counters{s.cache.Sites[4].Counters, s.cache.Sites[2].Counters, s.cache.Sites[3].Counters}},
		{"agent", []string{s.cache.Agents[0].Agent.Agent, s.cache.Agents[1].Agent.Agent}, []schema.Counters{s.cache.Agents[0].Counters, s.cache.Agents[1].Counters}},
	} {
		doc, _ := s.page(t, http.StatusOK, web.CompareWith(kind.kind, kind.names...))
		var jobs []string
		for _, c := range kind.jobs {
			jobs = append(jobs, web.Int(c.TotalJobs))
		}
		assert.Equal(t, jobs, figuresOf(t, doc, "jobs"), kind.kind)
		heads := doc.Find("table.versus thead th a:not(.drop)")
		require.Equal(t, len(kind.names), heads.Length(), kind.kind)
		for i, name := range kind.names {
			assert.Equal(t, name, strings.TrimSpace(heads.Eq(i).Text()))
			s.page(t, http.StatusOK, heads.Eq(i).AttrOr("href", ""))
		}
	}
}

// The workflows under an alert are those of the list that the figure leads to.
func TestCompareCountsAlerts(t *testing.T) {
	s := newSite(t)
	a, b := s.cache.Campaigns[0].Campaign, withFailures(s.cache.World).Campaign
	doc, _ := s.page(t, http.StatusOK, web.CompareWith("campaign", a, b))
	checked := 0
	for _, link := range doc.Find("table.versus td a[href*='alert=']").EachIter() {
		list, _ := s.page(t, http.StatusOK, link.AttrOr("href", ""))
		assert.Contains(t, list.Find(".tools .count").First().Text(), strings.TrimSpace(link.Text()), link.AttrOr("href", ""))
		checked++
	}
	assert.Positive(t, checked)
}

// Only figures that have a better direction are marked, and equal ones are not.
func TestCompareMarksTheBetterFigure(t *testing.T) {
	s := newSite(t)
	marked := map[string][]string{}
	var campaigns []schema.Campaign
	for _, c := range s.cache.Campaigns {
		if c.FailureRate >= 0 && len(campaigns) < 2 && (len(campaigns) == 0 || int(c.FailureRate) != int(campaigns[0].FailureRate)) {
			campaigns = append(campaigns, c)
		}
	}
	require.Len(t, campaigns, 2)
	doc, _ := s.page(t, http.StatusOK, web.CompareWith("campaign", campaigns[0].Campaign, campaigns[1].Campaign))
	for _, row := range doc.Find("table.versus tbody tr").EachIter() {
		for i, cell := range row.Find("td").EachIter() {
			if mark := cell.Find(".mark").Text(); mark != "" {
				label := strings.TrimSpace(row.Find("th").Text())
				for len(marked[label]) < i {
					marked[label] = append(marked[label], "")
				}
				marked[label] = append(marked[label], mark)
			}
		}
	}
	want := []string{"better", "worse"}
	if campaigns[0].FailureRate > campaigns[1].FailureRate {
		want = []string{"worse", "better"}
	}
	assert.Equal(t, want, marked["failure rate"])
	for label := range marked {
		assert.Contains(t, []string{"failure rate", "jobs done", "events", "lumi sections", "longest in its status"}, label)
	}
	same, _ := s.page(t, http.StatusOK, web.CompareWith("campaign", campaigns[0].Campaign, campaigns[0].Campaign))
	assert.Zero(t, same.Find("table.versus").Length(), "a name is compared once")
}

// Too few and too many names, names that do not exist and two kinds are each
// explained, and what can be compared is.
func TestCompareExplainsWhatItCannotCompare(t *testing.T) {
	s := newSite(t)
	var names []string
	for _, c := range s.cache.Campaigns[:6] {
		names = append(names, c.Campaign)
	}
	notes := func(doc *goquery.Document) string { return doc.Find("#notes").Text() }

	doc, _ := s.page(t, http.StatusOK, web.ComparePath)
	assert.Contains(t, notes(doc), "Tick two to four rows")
	assert.Equal(t, 4, doc.Find(".head a").Length(), "the tables of all kinds")

	doc, _ = s.page(t, http.StatusOK, web.CompareWith("campaign", names[0]))
	assert.Contains(t, notes(doc), "at least two")
	assert.Equal(t, names[0], doc.Find("form[action='/compare'] input[type=hidden]").AttrOr("value", ""))
	other := doc.Find("ul.names a").First()
	doc, _ = s.page(t, http.StatusOK, other.AttrOr("href", ""))
	assert.Len(t, figuresOf(t, doc, "jobs"), 2, "a name that is offered is added")

	doc, _ = s.page(t, http.StatusBadRequest, web.CompareWith("campaign", names...))
	assert.Contains(t, notes(doc), "at most 4 campaigns, and this address has 6")
	assert.Len(t, figuresOf(t, doc, "jobs"), 4)
	doc, _ = s.page(t, http.StatusOK, doc.Find("table.versus .drop").Last().AttrOr("href", ""))
	assert.Len(t, figuresOf(t, doc, "jobs"), 3, "a column can be left out")

	typo := names[2][:len(names[2])-1]
	doc, _ = s.page(t, http.StatusNotFound, web.CompareWith("campaign", names[0], names[1], typo))
	assert.Contains(t, notes(doc), "There is no campaign '"+typo+"'")
	assert.Len(t, figuresOf(t, doc, "jobs"), 2, "the others are compared")
	var offered []string
	for _, a := range doc.Find("#notes a").EachIter() {
		target, err := url.Parse(a.AttrOr("href", ""))
		require.NoError(t, err)
		offered = append(offered, target.Query()["campaign"][2])
	}
	assert.Contains(t, offered, names[2])

	doc, _ = s.page(t, http.StatusBadRequest, web.CompareWith("campaign", names[:2]...)+"&site=T1_US_FNAL&x=1")
	assert.Contains(t, notes(doc), "site was ignored")
	assert.Contains(t, notes(doc), "'x'")

	doc, _ = s.page(t, http.StatusOK, web.CompareWith("campaign", testcache.Hostile()[:4]...))
	assert.Len(t, figuresOf(t, doc, "jobs"), 4, "names are text")
}

// A comparison asks for everything at the same time: for each name the record, its
// alerts and its counts over time, and once for other names where one can be added.
func TestCompareIsOneRound(t *testing.T) {
	s := newSite(t)
	s.page(t, http.StatusOK, web.CompareWith("campaign", s.cache.Campaigns[0].Campaign, s.cache.Campaigns[1].Campaign, s.cache.Campaigns[2].Campaign))
	assert.Len(t, s.cache.Seen(), 3*3+2, "%v", s.cache.Seen())
	before := len(s.cache.Seen())
	s.page(t, http.StatusOK, web.CompareWith("campaign", s.cache.Campaigns[0].Campaign, s.cache.Campaigns[1].Campaign, s.cache.Campaigns[2].Campaign, s.cache.Campaigns[3].Campaign))
	assert.Len(t, s.cache.Seen()[before:], 4*3+1, "%v", s.cache.Seen()[before:])
}

// Lines of one row have one scale and the same time: a line that is half as high or
// half as long is drawn so.
func TestComparedLinesHaveOneScale(t *testing.T) {
	s := newSite(t)
	a, b := s.cache.Campaigns[0].Campaign, s.cache.Campaigns[1].Campaign
	now := time.Now().Unix()
	s.cache.Answer("/history", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := []schema.TimelinePoint{}
		for k := range int64(25) {
			p := schema.TimelinePoint{Time: now - (24-k)*3600, Name: "Running", Count: 1000}
			if r.URL.Query().Get("campaign") == b {
				if k < 12 {
					continue
				}
				p.Count = 250
			}
			out = append(out, p)
		}
		testcache.JSON(out).ServeHTTP(w, r)
	}))
	doc, _ := s.page(t, http.StatusOK, web.CompareWith("campaign", a, b))
	lines := doc.Find("table.versus polyline").Map(func(_ int, l *goquery.Selection) string { return l.AttrOr("points", "") })
	require.Len(t, lines, 2)
	assert.True(t, strings.HasPrefix(lines[0], "0,2 "), lines[0])
	height := func(line string) string {
		_, y, _ := strings.Cut(line[strings.LastIndex(line, " ")+1:], ",")
		return y
	}
	assert.Equal(t, "2", height(lines[0]), "the highest count is at the top")
	assert.Equal(t, "15.5", height(lines[1]), "a quarter of it: 20 - 18 x 0.25")
	assert.False(t, strings.HasPrefix(lines[1], "0,"), "it began later: %s", lines[1])
	assert.Equal(t, "Running, 0 to 1000", strings.TrimSpace(doc.Find("table.versus tr:has(polyline) th").Text()))
}

// The tables of all four kinds offer the comparison, without JavaScript: a form with
// a tick for each row; and the page of one name leads to it.
func TestTablesOfferTheComparison(t *testing.T) {
	s := newSite(t)
	for path, kind := range map[string]string{"/campaigns": "campaign", "/releases": "release", "/sites": "site", "/agents": "agent"} {
		doc, _ := s.page(t, http.StatusOK, path)
		rows := listed(doc).Find("tbody tr")
		require.Equal(t, rows.Length(), doc.Find("input[type=checkbox][form=compare][name="+kind+"]").Length(), path)
		assert.Equal(t, web.ComparePath, doc.Find("form#compare").AttrOr("action", ""), path)
		ticks := doc.Find("input[form=compare]")
		v := url.Values{kind: {ticks.Eq(0).AttrOr("value", ""), ticks.Eq(1).AttrOr("value", "")}}
		compared, _ := s.page(t, http.StatusOK, doc.Find("form#compare").AttrOr("action", "")+"?"+v.Encode())
		assert.Len(t, figuresOf(t, compared, "jobs"), 2, path)
		one, _ := s.page(t, http.StatusOK, rows.First().Find("th a").AttrOr("href", ""))
		link := one.Find(".head a[href^='/compare?']")
		require.Equal(t, 1, link.Length(), path)
		s.page(t, http.StatusOK, link.AttrOr("href", ""))
	}
}

// An error of the cache server is that of the page; a part that is missing is not.
func TestCompareWithoutAPart(t *testing.T) {
	s := newSite(t)
	address := web.CompareWith("campaign", s.cache.Campaigns[0].Campaign, s.cache.Campaigns[1].Campaign)
	s.cache.Answer("/facet/*", testcache.Broken())
	s.cache.Answer("/history", testcache.Broken())
	doc, _ := s.page(t, http.StatusOK, address)
	assert.Equal(t, []string{"n/a", "n/a"}, figuresOf(t, doc, "with an alert"))
	s.cache.Refuse("/campaign/*", wire.NotReadyYet(""))
	s.page(t, http.StatusServiceUnavailable, address)
}
