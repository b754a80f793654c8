package pages_test

import (
	"cmp"
	"net/http"
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

// withFailures returns the workflow with the most failed jobs.
func withFailures(records *testcache.World) schema.Workflow {
	return slices.MaxFunc(records.Workflows, func(a, b schema.Workflow) int { return cmp.Compare(a.Failure, b.Failure) })
}

// Samples and log entries are read from CouchDB only on demand, with one link each,
// and loaded parts stay.
func TestPartsOnDemand(t *testing.T) {
	s := newSite(t)
	path := web.WorkflowPath(withFailures(s.cache.World).Workflow)
	doc, _ := s.page(t, http.StatusOK, path)
	for _, asked := range s.cache.Seen() {
		assert.NotContains(t, asked, "/jobs")
		assert.NotContains(t, asked, "/logs")
	}
	assert.Contains(t, doc.Find("#errors").Text(), "Not loaded yet")
	assert.Contains(t, doc.Find("#logs").Text(), "Not loaded yet")
	load := resolve(t, path, doc.Find("#errors a.button").AttrOr("href", ""))
	doc, _ = s.page(t, http.StatusOK, load.RequestURI())
	samples := doc.Find("details.sample").Length()
	assert.Positive(t, samples)
	assert.Contains(t, doc.Find("#logs").Text(), "Not loaded yet")
	load = resolve(t, path, doc.Find("#logs a.button").AttrOr("href", ""))
	doc, _ = s.page(t, http.StatusOK, load.RequestURI())
	assert.Equal(t, samples, doc.Find("details.sample").Length(), "loaded parts stay")
	assert.NotContains(t, doc.Find("#logs").Text(), "Not loaded yet")
}

// Texts of jobs and log entries that look like markup or a script address are shown
// as text.
func TestHostileParts(t *testing.T) {
	s := newSite(t)
	name := withFailures(s.cache.World).Workflow
	hostile := testcache.Hostile()[0]
	s.cache.Answer("/fetch/*/jobs", testcache.JSON([]schema.JobSample{{
		Workflow: name, JobName: "job", Site: hostile, LogURL: "javascript:alert(1)", RunLumis: "380115: 14-16, 20", InputFiles: []string{"/store/a.root", hostile},
		Errors: []schema.JobStepError{{Step: "cmsRun1", Details: "An exception\nof " + hostile}},
	}}))
	s.cache.Answer("/fetch/*/logs", testcache.JSON([]schema.LogEntry{{Workflow: name, Message: "no site <b>left</b>\n" + hostile}}))
	doc, _ := s.page(t, http.StatusOK, web.WorkflowPath(name)+"?show=jobs,logs")
	sample := doc.Find("details.sample").First().Text()
	assert.Contains(t, sample, "380115: 14-16, 20", "runs and lumis")
	assert.Contains(t, sample, "/store/a.root", "input files")
	assert.Contains(t, sample, hostile)
	assert.Zero(t, doc.Find(`a[href^="javascript"]`).Length(), "only http and https addresses are links")
	assert.Contains(t, doc.Find("#logs tbody").Text(), "no site <b>left</b>")
	checkInline(t, doc)
}

// Samples and logs have different texts for empty, not loaded and failed.
func TestMissingPartsHaveReasons(t *testing.T) {
	records := testcache.Shared(t)
	path := web.WorkflowPath(withFailures(records).Workflow)
	texts := map[string]bool{}
	note := func(problem *wire.Problem, address string) (string, string) {
		s := newSite(t)
		if problem != nil {
			s.cache.RefuseDemand(problem)
		}
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
			assert.False(t, text != "" && texts[text], "%s: %q is also the text of another case", c.address, text)
			texts[text] = true
		}
	}
}

// A cell of the heat map leads to samples of its jobs only.
func TestMapLeadsToSamples(t *testing.T) {
	s := newSite(t)
	w := withFailures(s.cache.World)
	path := web.WorkflowPath(w.Workflow)
	doc, _ := s.page(t, http.StatusOK, path)
	cells := doc.Find("#errors svg.heat a[class^=h]")
	require.Positive(t, cells.Length())
	cell := resolve(t, path, cells.First().AttrOr("href", ""))
	narrow, _ := s.page(t, http.StatusOK, cell.RequestURI())
	assert.Positive(t, narrow.Find("details.sample").Length())
	assert.LessOrEqual(t, narrow.Find("details.sample").Length(), samplesOf(t, s, path))
	assert.Contains(t, narrow.Find("#errors .chips").Text(), "exit code "+cell.Query().Get("exitcode"))
	assert.Equal(t, 1, narrow.Find("#errors svg.heat a[class^=h]").Length())
	for _, row := range narrow.Find("#sites svg.heat text.y").EachIter() {
		assert.Contains(t, append([]string{schema.None}, w.Sites...), row.Nodes[0].LastChild.Data)
	}
}

// samplesOf returns the number of samples on the page of a workflow without
// conditions.
func samplesOf(t *testing.T, s *site, path string) int {
	t.Helper()
	doc, _ := s.page(t, http.StatusOK, path+"?show=jobs")
	return doc.Find("details.sample").Length()
}

func TestWorkflowBadAddress(t *testing.T) {
	s := newSite(t)
	records := s.cache.World
	doc, _ := s.page(t, http.StatusBadRequest, web.WorkflowPath(usual(records).Workflow)+"?show=everything&exitcode=x")
	assert.Equal(t, 2, doc.Find(".notice.bad").Length())
}

// An invalid value of a parameter leads to 400 with the nearest valid one, and the
// page is still shown.
func TestWorkflowInvalidParameters(t *testing.T) {
	s := newSite(t)
	records := s.cache.World
	path := web.WorkflowPath(usual(records).Workflow)
	for query, want := range map[string]string{
		"?show=job":      "Did you mean jobs?",
		"?show=nonsense": "show takes jobs and logs, not 'nonsense'",
		"?tasks=failng":  "Did you mean failing?",
		"?shows=jobs":    "Did you mean show?",
		"?exitcode=abc":  "exitcode",
	} {
		doc, _ := s.page(t, http.StatusBadRequest, path+query)
		assert.Contains(t, doc.Find("main").Text(), want, query)
		assert.Equal(t, usual(records).Workflow, doc.Find("h1").Text())
	}
	s.page(t, http.StatusOK, path+"?show=jobs,logs&tasks=failing&exitcode=8021")
}

func TestParentage(t *testing.T) {
	s := newSite(t)
	s.cache.Answer("/fetch/*", s.cache.Change(map[string]any{
		"Parentage": []schema.ChainParentage{{Index: 1, ChildDatasets: []string{}, Resolved: true}, {Index: 3, ParentDataset: "/a/b/AODSIM", ChildDatasets: []string{"/a/b/NANOAODSIM"}}},
		"LFNBases":  []schema.LFNBase{{Use: "merged", Base: "/store/mc/x"}, {Use: "unmerged", Base: "/store/unmerged"}},
	}))
	doc, _ := s.page(t, http.StatusOK, web.WorkflowPath(testcache.Today))
	rows := doc.Find("#parentage tbody tr")
	assert.Equal(t, []string{"1", "nothing", "nothing kept "}, rows.First().Children().Map(text))
	assert.Equal(t, []string{"3", "/a/b/AODSIM", "/a/b/NANOAODSIM"}, rows.Last().Children().Map(text))
	assert.Equal(t, []string{"merged", "unmerged"}, doc.Find("#bases dt").Map(text))
}

// The page of a campaign names its worst sites, or says why it can't.
func TestWorstSites(t *testing.T) {
	s := newSite(t)
	campaign := withFailures(s.cache.World).Campaign
	path := web.CampaignPath(campaign)
	s.page(t, http.StatusOK, "/errors") // reads the failing jobs: the page of a campaign waits for them only two seconds
	doc, _ := s.page(t, http.StatusOK, path)
	first := doc.Find("#worst-h").Closest("section").Find("tbody tr a").First()
	target := resolve(t, path, first.AttrOr("href", ""))
	assert.Equal(t, "/errors", target.Path)
	assert.Equal(t, first.Text(), target.Query().Get("site"))
	assert.Equal(t, campaign, target.Query().Get("campaign"))
	s.cache.RefuseDemand(wire.SourceFailed("The source does not answer.", nil))
	doc, _ = s.page(t, http.StatusOK, path)
	assert.Contains(t, doc.Find("#worst-h").Closest("section").Text(), "Details not read: CouchDB does not answer. The failing jobs could not be read from CouchDB: ")
}

// The page of an agent shows its sites with waiting jobs by priority, and its jobs
// by state.
func TestAgentCounts(t *testing.T) {
	s := newSite(t)
	agent := normalAgent(s.cache.World)
	s.cache.Answer("/agent/*", s.cache.Change(map[string]any{"Agent": schema.AgentDetail{
		Agent: schema.Agent{Agent: agent, Kind: "agent", Severity: "ok"},
		Sites: []schema.AgentSite{{Agent: agent, Site: "T1_US_FNAL", State: "Normal"}, {Agent: agent, Site: "T2_CH_CERN"}},
		SitePriorities: []schema.AgentSitePriority{
			{Agent: agent, Site: "T1_US_FNAL", Priority: 110000, Jobs: 3}, {Agent: agent, Site: "T1_US_FNAL", Priority: 90000, Jobs: 2}, {Agent: agent, Site: "T1_US_FNAL", Priority: 63000, Jobs: 1},
		},
		JobStates: []schema.AgentJobState{
			{Agent: agent, Source: "wmbs", State: "executing", Jobs: 5120}, {Agent: agent, Source: "local_queue", State: "Running", Jobs: 900, Elements: 12, MaxJobs: 400},
		},
	}}))
	doc, _ := s.page(t, http.StatusOK, web.AgentPath(agent))
	rows := doc.Find("#sites-h").Closest("section").Find("tbody tr")
	assert.Equal(t, 2, rows.Length())
	waiting := rows.Map(func(_ int, row *goquery.Selection) string { return strings.TrimSpace(row.Children().Last().Text()) })
	assert.Equal(t, []string{"3 at 110\u202f000, 2 at 90\u202f000, 1 at 63\u202f000", "none"}, waiting)
	states := doc.Find("#states-h").Closest("section").Find("tbody tr")
	assert.Equal(t, "executing job database 5120", strings.Join(strings.Fields(strings.Join(states.First().Children().Map(text), " ")), " "))
	assert.Equal(t, "Running local work queue 900 in 12 elements, largest 400", strings.Join(strings.Fields(strings.Join(states.Last().Children().Map(text), " ")), " "))
}

// If CouchDB is down, the page shows the data of the list and says what is missing,
// or how old the details are.
func TestWorkflowWhileCouchDBIsDown(t *testing.T) {
	s := newSite(t)
	down := func(i *schema.CacheInfo) { i.Stale, i.StaleReason = true, "connection refused" }
	s.cache.Tell(t, down)
	w := withFailures(s.cache.World)
	path := web.WorkflowPath(w.Workflow)
	s.cache.Refuse("/fetch/*", wire.SourceFailed("The source could not be read for its details.", nil))
	doc, _ := s.page(t, http.StatusOK, path)
	assert.Equal(t, "10", s.get(t, path).Header.Get("Refresh"), "the page retries")
	assert.Equal(t, w.Workflow, doc.Find("h1").Text())
	assert.Equal(t, 1, doc.Find(".banner").Length())
	assert.Contains(t, doc.Find("main .empty").Text(), "Details not read: CouchDB does not answer.")
	assert.Equal(t, 1, doc.Find("#numbers").Length(), "the data of the list are shown")
	assert.Contains(t, doc.Find("main").Text(), w.Status)
	assert.Positive(t, doc.Find("#holds tbody tr").Length(), "what holds it needs nothing from CouchDB")
	for _, part := range []string{"#errors", "#logs", "#tasks", "#sites", "#outputs", "#history"} {
		assert.Zero(t, doc.Find(part).Length(), "%s: missing data must not look like empty data", part)
	}
	assert.Equal(t, "/api/fetch?name="+w.Workflow, doc.Find("#raw a").AttrOr("href", ""))
	checkStructure(t, doc)

	s.cache.Refuse("/fetch/*", wire.NewProblem(wire.SlugNotReady, "It is being read."))
	doc, _ = s.page(t, http.StatusOK, path)
	assert.Contains(t, doc.Find("main .empty").Text(), "Details are being read from CouchDB.")

	s.cache.Behave()
	s.page(t, http.StatusNotFound, "/workflows/nothing")
	doc, _ = s.page(t, http.StatusOK, path)
	assert.NotContains(t, doc.Find("main").Text(), "does not answer")
	s.cache.Tell(t, down)
	s.cache.Answer("/fetch/*", s.cache.Change(map[string]any{"DetailsTime": time.Now().Unix() - 2*3600}))
	doc, _ = s.page(t, http.StatusOK, path)
	assert.Contains(t, strings.Join(strings.Fields(doc.Find(".notice").Text()), " "), "the details are from 2 h ago")
	assert.NotZero(t, doc.Find("#tasks").Length())
	checkStructure(t, doc)
}

// A request that is in no list has a page too, with what CouchDB has of it; a
// whole name that is searched for leads there.
func TestUnlistedWorkflows(t *testing.T) {
	s := newSite(t)
	path := web.WorkflowPath(testcache.Archived)
	doc, _ := s.page(t, http.StatusOK, path)
	checkStructure(t, doc)
	assert.Equal(t, testcache.Archived, doc.Find("h1").Text())
	notice := strings.Join(strings.Fields(doc.Find(".notice").Text()), " ")
	assert.Contains(t, notice, "Not in the lists: archived")
	assert.Equal(t, 1, doc.Find(".notice time").Length(), "since when")
	assert.Contains(t, doc.Find("dl.facts").Text(), "priority")
	list := s.get(t, "/workflows?q="+testcache.Archived)
	assert.Equal(t, http.StatusSeeOther, list.StatusCode)
	assert.Equal(t, path, list.Header.Get("Location"))
	found, _ := s.page(t, http.StatusOK, "/go?q="+testcache.Archived)
	assert.Equal(t, path, found.Find(`#found section[aria-label="Workflows"] a`).AttrOr("href", ""))
	listed, _ := s.page(t, http.StatusOK, web.WorkflowPath(usual(s.cache.World).Workflow))
	assert.NotContains(t, listed.Find(".notice").Text(), "Not in the lists")

	near := usual(s.cache.World).Workflow
	doc, _ = s.page(t, http.StatusNotFound, web.WorkflowPath(near+"9"))
	assert.Contains(t, doc.Find("main a").Map(text), near, "near names")
	assert.Equal(t, "https://cmsweb.cern.ch/reqmgr2/fetch?rid="+near+"9", doc.Find(`main a:contains("ReqMgr2")`).AttrOr("href", ""))

	s.cache.Refuse("/fetch/*", wire.SourceFailed("CouchDB is away", nil))
	res := s.get(t, web.WorkflowPath("user_x_251130_101112_2"))
	assert.Equal(t, http.StatusBadGateway, res.StatusCode, "it is unknown whether there is one")
}
