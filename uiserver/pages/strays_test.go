package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/web"
)

// The page of stray jobs shows each with its status, agents and sites, links to the
// same list as CSV, and keeps its conditions.
func TestStrays(t *testing.T) {
	s := newSite(t)
	list := []schema.StrayWorkflow{
		{Workflow: "aborted", Status: "aborted", Agents: []string{"a", "b"}, Sites: []string{"T1_US_FNAL", schema.Unknown}, Running: 30, Pending: 2, Since: 1_700_000_000, UpdateTime: 1_700_000_500},
		{Workflow: "un/known", Agents: []string{"a", "b", "c", "d", "e"}, Sites: []string{}, Running: 8},
	}
	s.cache.Answer("/stray", testcache.JSON(list))
	doc, _ := s.page(t, http.StatusOK, "/stray?agent=a&q=n")
	rows := doc.Find("#results tbody tr")
	assert.Equal(t, 2, rows.Length())
	assert.Contains(t, words(rows.First()), "aborted302")
	assert.Contains(t, words(rows.Last()), "not in the lists80")
	assert.Contains(t, words(rows.Last()), "and 1 more")
	links := rows.Find("a").Map(func(_ int, a *goquery.Selection) string { return a.AttrOr("href", "") })
	assert.Equal(t, []string{"/workflows/aborted", "/agents/a", "/agents/b", "/sites/T1_US_FNAL", "/workflows/un%2Fknown", "/agents/a", "/agents/b", "/agents/c", "/agents/d"}, links)
	exports := doc.Find(".tools .seg a").Map(func(_ int, a *goquery.Selection) string { return a.AttrOr("href", "") })
	assert.Equal(t, []string{"/api/stray?agent=a&q=n", "/api/stray?agent=a&dl=1&format=csv&q=n"}, exports)
	assert.Equal(t, "/stray?q=n&sort=-Running", doc.Find(".chips a").AttrOr("href", ""))
	assert.Equal(t, "?agent=a&q=n&sort=-Pending", doc.Find(`thead a:contains("pending")`).AttrOr("href", ""))
	assert.Equal(t, "a", doc.Find(`input[name=agent]`).AttrOr("value", ""))
	s.cache.Behave()
	doc, _ = s.page(t, http.StatusOK, "/stray?agent=nobody")
	assert.Contains(t, doc.Find("main").Text(), "No stray jobs.")
	for _, a := range exports {
		res, err := http.Get(s.cache.URL + strings.TrimPrefix(a, web.APIPrefix)) //nolint:noctx // one of the test's own servers
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, http.StatusOK, res.StatusCode, a)
	}
}

// A request that nobody knows, but with jobs in agents, has a page; without jobs it
// is not found.
func TestUnknownRequestWithStrayJobs(t *testing.T) {
	s := newSite(t)
	const name = "cmsunified_ACDC0_nobody_knows_this_one"
	s.page(t, http.StatusNotFound, web.WorkflowPath(name))
	s.cache.Answer("/stray", testcache.JSON([]schema.StrayWorkflow{{Workflow: name, Agents: []string{"vocms1"}, Sites: []string{"T1_US_FNAL"}, Running: 8, Pending: 1, Since: 1_700_000_000}}))
	doc, _ := s.page(t, http.StatusOK, web.WorkflowPath(name))
	assert.Contains(t, words(doc.Find("main")), "8 running jobs and 1 pending of an unknown requestNeither the lists nor CouchDB have a request of this name")
	assert.Equal(t, "/agents/vocms1", doc.Find(".facts a").First().AttrOr("href", ""))
	assert.Contains(t, doc.Find(`main a[href*="reqmgr2"]`).AttrOr("href", ""), url.QueryEscape(name))
	s.cache.Refuse("/fetch/*", wire.SourceFailed("The source could not be read.", nil))
	doc, _ = s.page(t, http.StatusOK, web.WorkflowPath(name))
	assert.Contains(t, words(doc.Find("main")), "Whether CouchDB has it is unknown")
}

// The pages of an agent and of a site say which jobs their sums leave out.
func TestSumsSayWhichJobsAreStray(t *testing.T) {
	s := newSite(t)
	agent := normalAgent(s.cache.World)
	none, _ := s.page(t, http.StatusOK, web.AgentPath(agent))
	assert.Zero(t, none.Find(`dt:contains("stray jobs")`).Length())
	s.cache.Answer("/agent/*", testcache.JSON(map[string]any{"Agent": schema.AgentDetail{Agent: schema.Agent{Agent: agent, Kind: "agent", StrayWorkflows: 3, StrayRunning: 38, StrayPending: 5}}}))
	s.cache.Answer("/sites/*", testcache.JSON(map[string]any{"Site": schema.SiteDetail{Site: schema.Site{Site: "T1_US_FNAL", StrayWorkflows: 1, StrayRunning: 1}}}))
	for path, want := range map[string][2]string{
		web.AgentPath(agent):       {"38 running jobs and 5 pending of 3 workflows that should have none", web.StrayList("agent", agent)},
		web.SitePath("T1_US_FNAL"): {"1 running job and 0 pending of 1 workflow that should have none", "/stray?site=T1_US_FNAL"},
	} {
		doc, _ := s.page(t, http.StatusOK, path)
		fact := doc.Find(`dt:contains("stray jobs")`).Next()
		assert.Equal(t, want, [2]string{words(fact), fact.Find("a").AttrOr("href", "")}, path)
	}
}
