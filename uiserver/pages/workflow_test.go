package pages_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/internal/fakecache"
	"github.com/dmwm/wmstats/web"
)

// withFailures is a workflow of the records that has failed jobs.
func withFailures(t *testing.T, records fakecache.Records) schema.Workflow {
	t.Helper()
	i := slices.IndexFunc(records.Workflows, func(w schema.Workflow) bool { return w.Failure > 0 && len(w.Sites) > 0 })
	require.GreaterOrEqual(t, i, 0)
	return records.Workflows[i]
}

// Samples and log entries are read from the source only when asked for, with
// one link each, and what was loaded stays.
func TestPartsOnDemand(t *testing.T) {
	records := fakecache.Generate(60)
	s := newSite(t, records)
	path := web.WorkflowPath(withFailures(t, records).Workflow)
	doc, _ := s.page(t, http.StatusOK, path)
	for _, asked := range s.cache.Seen() {
		assert.NotContains(t, asked, "/jobs")
		assert.NotContains(t, asked, "/logs")
	}
	assert.Contains(t, doc.Find("#errors").Text(), "Not loaded yet")
	assert.Contains(t, doc.Find("#logs").Text(), "Not loaded yet")
	load := resolve(t, path, doc.Find("#errors a.button").AttrOr("href", ""))
	doc, _ = s.page(t, http.StatusOK, load.RequestURI())
	assert.Equal(t, 3, doc.Find("details.sample").Length())
	assert.Contains(t, doc.Find("details.sample").First().Text(), "380115: 14-16, 20", "runs and lumis")
	assert.Contains(t, doc.Find("details.sample").First().Text(), "/store/a.root", "input files")
	assert.Zero(t, doc.Find(`a[href^="javascript"]`).Length(), "only addresses of the web are links")
	assert.Contains(t, doc.Find("#logs").Text(), "Not loaded yet")
	load = resolve(t, path, doc.Find("#logs a.button").AttrOr("href", ""))
	doc, _ = s.page(t, http.StatusOK, load.RequestURI())
	assert.Equal(t, 3, doc.Find("details.sample").Length(), "what was loaded stays")
	assert.Contains(t, doc.Find("#logs tbody").Text(), "no site <b>left</b>")
}

// Nothing, not loaded and failed are three texts, for samples and for logs.
func TestPartsSayWhyTheyAreNotThere(t *testing.T) {
	records := fakecache.Generate(60)
	path := web.WorkflowPath(withFailures(t, records).Workflow)
	texts := map[string]bool{}
	note := func(problem *wire.Problem, address string) (string, string) {
		s := newSite(t, records)
		s.cache.Demand = problem
		doc, _ := s.page(t, http.StatusOK, address)
		return strings.TrimSpace(doc.Find("#samples").Next().Text()), strings.TrimSpace(doc.Find("#logs p").Text())
	}
	for _, c := range []struct {
		problem *wire.Problem
		address string
	}{
		{nil, path},
		{nil, path + "?show=jobs,logs&exitcode=1"},
		{wire.SourceFailed("It timed out.", nil), path + "?show=jobs,logs"},
		{wire.NotInSource("There is no view."), path + "?show=jobs,logs"},
	} {
		jobs, logs := note(c.problem, c.address)
		for _, text := range []string{jobs, logs} {
			assert.False(t, text != "" && texts[text], "%s: %q is said of something else", c.address, text)
			texts[text] = true
		}
	}
}

// A cell of the map leads to samples of just its jobs, and the address says so.
func TestMapLeadsToSamples(t *testing.T) {
	records := fakecache.Generate(60)
	s := newSite(t, records)
	w := withFailures(t, records)
	path := web.WorkflowPath(w.Workflow)
	doc, _ := s.page(t, http.StatusOK, path)
	require.Equal(t, 3, doc.Find("#errors svg.heat a[class^=h]").Length())
	cell := resolve(t, path, doc.Find("#errors svg.heat a[class^=h]").First().AttrOr("href", ""))
	doc, _ = s.page(t, http.StatusOK, cell.RequestURI())
	assert.Equal(t, 1, doc.Find("details.sample").Length())
	assert.Contains(t, doc.Find("#errors .chips").Text(), "exit code "+cell.Query().Get("exitcode"))
	assert.Equal(t, 1, doc.Find("#errors svg.heat a[class^=h]").Length())
	for _, row := range doc.Find("#sites svg.heat text.y").EachIter() {
		assert.Contains(t, w.Sites, row.Nodes[0].LastChild.Data)
	}
}

func TestWorkflowBadAddress(t *testing.T) {
	records := fakecache.Generate(30)
	s := newSite(t, records)
	doc, _ := s.page(t, http.StatusBadRequest, web.WorkflowPath(records.Workflows[0].Workflow)+"?show=everything&exitcode=x")
	assert.Equal(t, 2, doc.Find(".notice.bad").Length())
}

// A value that a parameter does not take is a 400 with the nearest one; the
// page is shown all the same.
func TestWorkflowFaults(t *testing.T) {
	records := fakecache.Generate(10)
	s := newSite(t, records)
	path := web.WorkflowPath(records.Workflows[0].Workflow)
	for query, want := range map[string]string{
		"?show=job":      "Did you mean jobs?",
		"?show=nonsense": "show takes jobs and logs, not 'nonsense'",
		"?tasks=failng":  "Did you mean failing?",
		"?shows=jobs":    "Did you mean show?",
		"?exitcode=abc":  "exitcode",
	} {
		doc, _ := s.page(t, http.StatusBadRequest, path+query)
		assert.Contains(t, doc.Find("main").Text(), want, query)
		assert.Equal(t, records.Workflows[0].Workflow, doc.Find("h1").Text())
	}
	s.page(t, http.StatusOK, path+"?show=jobs,logs&tasks=failing&exitcode=8021")
}

func TestParentage(t *testing.T) {
	records := fakecache.Generate(10)
	s := newSite(t, records)
	w := records.Workflows[0]
	doc, _ := s.page(t, http.StatusOK, web.WorkflowPath(w.Workflow))
	rows := doc.Find("#parentage tbody tr")
	assert.Equal(t, []string{"1", "nothing", "nothing that is kept "}, rows.First().Children().Map(text))
	assert.Equal(t, []string{"3", w.OutputDatasets[1], w.OutputDatasets[2]}, rows.Last().Children().Map(text))
	assert.Equal(t, []string{"merged", "unmerged"}, doc.Find("#bases dt").Map(text))
}

// The page of a campaign names its worst sites, and says why it can't.
func TestWorstSites(t *testing.T) {
	records := fakecache.Generate(60)
	s := newSite(t, records)
	path := web.CampaignPath(records.Campaigns[0].Campaign)
	doc, _ := s.page(t, http.StatusOK, path)
	first := doc.Find("#worst-h").Closest("section").Find("tbody tr a").First()
	target := resolve(t, path, first.AttrOr("href", ""))
	assert.Equal(t, "/errors", target.Path)
	assert.Equal(t, first.Text(), target.Query().Get("site"))
	assert.Equal(t, records.Campaigns[0].Campaign, target.Query().Get("campaign"))
	s.cache.Demand = wire.SourceFailed("The source does not answer.", nil)
	doc, _ = s.page(t, http.StatusOK, path)
	assert.Contains(t, doc.Find("#worst-h").Closest("section").Text(), "Details not read: the source does not answer. The failing jobs could not be read from the source: ")
}

// The page of an agent shows what its parts count.
func TestAgentCounts(t *testing.T) {
	s := newSite(t, fakecache.Generate(10))
	doc, _ := s.page(t, http.StatusOK, web.AgentPath("vocms0250.cern.ch"))
	rows := doc.Find("#sites-h").Closest("section").Find("tbody tr")
	assert.Equal(t, 6, rows.Length())
	waiting := strings.Join(rows.Map(func(_ int, row *goquery.Selection) string { return row.Children().Last().Text() }), "; ")
	assert.Regexp(t, `\d+ at 110\x{202f}000, \d+ at 90\x{202f}000, \d+ at 63\x{202f}000`, waiting)
	assert.Contains(t, waiting, "none")
	states := doc.Find("#states-h").Closest("section").Find("tbody tr")
	assert.Equal(t, "executing job database 5120", strings.Join(strings.Fields(strings.Join(states.First().Children().Map(text), " ")), " "))
	assert.Equal(t, "Running local work queue 900 in 12 elements, the largest of 400", strings.Join(strings.Fields(strings.Join(states.Last().Children().Map(text), " ")), " "))
}

// The source is down: the page is there with what the list knows, and says what
// is missing, or how old what was read before is.
func TestWorkflowWhileTheSourceIsDown(t *testing.T) {
	records := fakecache.Generate(20)
	s := newSite(t, records)
	info := fakecache.Info(20)
	info.Stale, info.StaleReason = true, "connection refused"
	s.cache.SetInfo(info)
	w := records.Workflows[3]
	path := web.WorkflowPath(w.Workflow)
	s.cache.Details = wire.SourceFailed("The source could not be read for its details.", nil)
	doc, _ := s.page(t, http.StatusOK, path)
	assert.Equal(t, "10", s.get(t, path).Header.Get("Refresh"), "it is asked again")
	assert.Equal(t, w.Workflow, doc.Find("h1").Text())
	assert.Equal(t, 1, doc.Find(".banner").Length())
	assert.Contains(t, doc.Find("main .empty").Text(), "Details not read: the source does not answer.")
	assert.Equal(t, 1, doc.Find("#numbers").Length(), "what the list has is there")
	assert.Contains(t, doc.Find("main").Text(), w.Status)
	for _, part := range []string{"#errors", "#logs", "#tasks", "#sites", "#outputs", "#history"} {
		assert.Zero(t, doc.Find(part).Length(), "%s: nothing is not the same as none", part)
	}
	assert.Equal(t, "/api/fetch?name="+w.Workflow, doc.Find("#raw a").AttrOr("href", ""))
	checkStructure(t, doc)

	s.page(t, http.StatusNotFound, "/workflows/nothing")
	s.cache.Details = wire.NewProblem(wire.SlugNotReady, "It is being read.")
	doc, _ = s.page(t, http.StatusOK, path)
	assert.Contains(t, doc.Find("main .empty").Text(), "Details are being read from the source.")

	s.cache.Details, s.cache.ReadAt = nil, fakecache.Now-2*3600
	doc, _ = s.page(t, http.StatusOK, path)
	assert.Contains(t, strings.Join(strings.Fields(doc.Find(".notice").Text()), " "), "the details are of 2 h ago")
	assert.NotZero(t, doc.Find("#tasks").Length())
	checkStructure(t, doc)
	s.cache.ReadAt = 0
	doc, _ = s.page(t, http.StatusOK, path)
	assert.NotContains(t, doc.Find("main").Text(), "does not answer")
}
