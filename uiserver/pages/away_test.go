package pages_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dmwm/wmstats/uiserver/internal/fakecache"
	"github.com/dmwm/wmstats/web"
)

// pagesWithData are those that need an answer of the cache server.
func pagesWithData(r fakecache.Records) []string {
	return []string{
		"/", "/attention", "/workflows", web.WorkflowPath(r.Workflows[0].Workflow), "/campaigns", "/sites", "/releases", "/agents",
		web.SitePath(r.Sites[0].Site), web.CampaignPath(r.Campaigns[0].Campaign), web.ReleasePath(r.Releases[0].Release), web.AgentPath(r.Agents[0].Agent.Agent),
	}
}

// The cache server goes away and comes back: each page says so, with the time
// of the last data, asks to be loaded again, and is well afterwards.
func TestCacheServerAway(t *testing.T) {
	records := fakecache.Generate(40)
	for mode, want := range map[fakecache.Mode]struct {
		status int
		text   string
	}{
		fakecache.Hanging: {http.StatusBadGateway, "does not answer"},
		fakecache.Broken:  {http.StatusBadGateway, "could not answer"},
		fakecache.Loading: {http.StatusServiceUnavailable, "first time"},
	} {
		s := newSite(t, records)
		for _, path := range pagesWithData(records) {
			doc, _ := s.page(t, http.StatusOK, path)
			assert.NotEmpty(t, doc.Find("h1").Text())

			s.cache.SetMode(mode)
			res := s.get(t, path)
			assert.NotEmpty(t, res.Header.Get("Refresh"), path)
			doc, _ = s.page(t, want.status, path)
			assert.Contains(t, doc.Find("body").Text(), want.text, path)
			assert.Contains(t, doc.Find("main").Text(), "2026-11-21 05:40:12 UTC", "%s: time of the last data", path)
			assert.Equal(t, 10, doc.Find("header nav a").Length(), "the frame is there")
			checkStructure(t, doc)

			s.cache.SetMode(fakecache.Well)
			s.page(t, http.StatusOK, path)
		}
		s.cache.SetMode(mode)
		for _, path := range []string{"/api", "/about"} {
			res := s.get(t, path)
			assert.Equal(t, http.StatusOK, res.StatusCode)
			if mode != fakecache.Broken {
				assert.NotEmpty(t, res.Header.Get("Refresh"), path)
			}
			doc, _ := s.page(t, http.StatusOK, path)
			assert.Equal(t, 1, doc.Find(".banner").Length(), "%s says it", path)
		}
	}
}

// A cache server that sends without an end fills no memory: the page says that
// its answer can't be used.
func TestEndlessCacheServer(t *testing.T) {
	records := fakecache.Generate(10)
	s := newSite(t, records)
	s.cache.SetMode(fakecache.Endless)
	for _, path := range []string{"/workflows"} {
		doc, _ := s.page(t, http.StatusBadGateway, path)
		assert.Contains(t, doc.Find("main").Text(), "could not be used", path)
	}
}

func TestStates(t *testing.T) {
	s := newSite(t, fakecache.Generate(10))
	banners := func() string {
		doc, _ := s.page(t, http.StatusOK, "/workflows")
		return doc.Find(".banner").Text()
	}
	assert.Empty(t, banners(), "nothing to say when all is well")

	info := fakecache.Info(17)
	info.CheckTime = fakecache.Now - 600
	s.cache.SetInfo(info)
	assert.Contains(t, banners(), "may be behind: the source last answered 10 min ago")

	info.Stale, info.StaleReason = true, "connection <refused>"
	s.cache.SetInfo(info)
	assert.Contains(t, banners(), "does not answer: showing the data of 2026-11-21 05:40:12 UTC")
	assert.Contains(t, banners(), "connection <refused>")

	info = fakecache.Info(17)
	info.Source = "mock seed 7"
	s.cache.SetInfo(info)
	assert.Contains(t, banners(), "MOCK DATA")
	assert.Contains(t, banners(), "mock seed 7")
}

func TestNotFound(t *testing.T) {
	records := fakecache.Generate(10)
	s := newSite(t, records)
	for path, near := range map[string]string{
		"/workflows/nothing": web.WorkflowPath(records.Workflows[0].Workflow),
		"/sites/T2_XX":       web.SitePath(records.Sites[0].Site),
		"/campaigns/none":    web.CampaignPath(records.Campaigns[0].Campaign),
		"/agents/none":       web.AgentPath(records.Agents[0].Agent.Agent),
		"/workflow":          "/workflows",
	} {
		doc, _ := s.page(t, http.StatusNotFound, path)
		assert.Equal(t, near, doc.Find("main a").First().AttrOr("href", ""), path)
		assert.Empty(t, s.get(t, path).Header.Get("Refresh"))
	}
	doc, _ := s.page(t, http.StatusNotFound, "/%3Cscript%3E")
	assert.Contains(t, doc.Find("main").Text(), "<script>")
	checkInline(t, doc)
}

func TestSecurityHeaders(t *testing.T) {
	s := newSite(t, fakecache.Generate(5))
	for _, path := range []string{"/", "/workflows", "/nope"} {
		h := s.get(t, path).Header
		policy := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "style-src 'self'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self'"} {
			assert.Contains(t, policy, part)
		}
		assert.NotContains(t, policy, "unsafe")
		assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		assert.Equal(t, "private, no-cache", h.Get("Cache-Control"))
	}
}

// A cache server that refuses a sum costs the overview that sum only.
func TestOverviewWithoutSums(t *testing.T) {
	s := newSite(t, fakecache.Generate(40))
	s.cache.NoStats = true
	doc, _ := s.page(t, http.StatusOK, "/")
	assert.Contains(t, doc.Find("main").Text(), "sums could not be had")
	assert.Positive(t, doc.Find("a.tile").Length())
}

// A first read that takes long says how far it is.
func TestLoadingTellsHowFarItIs(t *testing.T) {
	s := newSite(t, fakecache.Generate(5))
	s.cache.Reading = "requests: 12 documents so far; wmstats: the database server builds the index of <x>"
	s.cache.SetMode(fakecache.Loading)
	doc, _ := s.page(t, http.StatusServiceUnavailable, "/workflows")
	assert.Contains(t, doc.Find("main").Text(), "It is being read: requests: 12 documents so far; wmstats: the database server builds the index of <x>.")
}

// A first read that can't begin says why: waiting would not help.
func TestLoadingWithoutSource(t *testing.T) {
	s := newSite(t, fakecache.Generate(5))
	info := fakecache.Info(5)
	info.StaleReason = "connection <refused>"
	s.cache.SetInfo(info)
	s.cache.SetMode(fakecache.Loading)
	doc, _ := s.page(t, http.StatusServiceUnavailable, "/workflows")
	assert.Contains(t, doc.Find("main").Text(), "not been able to read its source yet: connection <refused>")
}
