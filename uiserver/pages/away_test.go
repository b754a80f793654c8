package pages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/web"
)

// pagesWithData returns the pages that need the cache server.
func pagesWithData(r *testcache.World) []string {
	return []string{
		"/", "/attention", "/workflows", web.WorkflowPath(r.Workflows[0].Workflow), "/campaigns", "/sites", "/releases", "/agents",
		web.SitePath(r.Sites[0].Site), web.CampaignPath(r.Campaigns[0].Campaign), web.ReleasePath(r.Releases[0].Release), web.AgentPath(r.Agents[0].Agent.Agent),
	}
}

// publishedAt returns the time when the generation of the world was published.
func publishedAt(t *testing.T) string {
	t.Helper()
	s := newSite(t)
	doc, _ := s.page(t, http.StatusOK, "/about")
	at := doc.Find(`dt:contains("published")`).Next().Text()
	require.Regexp(t, `^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$`, at)
	return at
}

// If the cache server is down, each page says so with the time of the last data, and
// retries. Pages recover when the server is back.
func TestCacheServerAway(t *testing.T) {
	records := testcache.Shared(t)
	published := publishedAt(t)
	for mode, want := range map[string]struct {
		fault  http.Handler
		status int
		text   string
	}{
		"hanging": {testcache.Hanging(), http.StatusBadGateway, "does not answer"},
		"broken":  {testcache.Broken(), http.StatusBadGateway, "could not answer"},
		"loading": {testcache.Loading(""), http.StatusServiceUnavailable, "first full read"},
	} {
		s := newSite(t)
		for _, path := range pagesWithData(records) {
			doc, _ := s.page(t, http.StatusOK, path)
			assert.NotEmpty(t, doc.Find("h1").Text())

			s.cache.Answer(testcache.Everything, want.fault)
			res := s.get(t, path)
			assert.NotEmpty(t, res.Header.Get("Refresh"), path)
			doc, _ = s.page(t, want.status, path)
			assert.Contains(t, doc.Find("body").Text(), want.text, path)
			assert.Contains(t, doc.Find("main").Text(), published, "%s: time of the last data", path)
			assert.GreaterOrEqual(t, doc.Find("header nav a").Length(), 9, "the frame is shown")
			checkStructure(t, doc)

			s.cache.Behave()
			s.page(t, http.StatusOK, path)
		}
		s.cache.Answer(testcache.Everything, want.fault)
		for _, path := range []string{"/api", "/about"} {
			res := s.get(t, path)
			assert.Equal(t, http.StatusOK, res.StatusCode)
			if mode != "broken" {
				assert.NotEmpty(t, res.Header.Get("Refresh"), path)
			}
			doc, _ := s.page(t, http.StatusOK, path)
			assert.Equal(t, 1, doc.Find(".banner").Length(), "%s shows it", path)
		}
	}
}

// An endless answer of the cache server does not fill the memory: the page says
// that the answer could not be used.
func TestEndlessCacheServer(t *testing.T) {
	s := newSite(t)
	s.cache.Answer(testcache.Everything, testcache.Endless())
	for _, path := range []string{"/workflows"} {
		doc, _ := s.page(t, http.StatusBadGateway, path)
		assert.Contains(t, doc.Find("main").Text(), "could not be used", path)
	}
}

func TestStates(t *testing.T) {
	s := newSite(t)
	banners := func() string {
		doc, _ := s.page(t, http.StatusOK, "/workflows")
		return doc.Find(".banner").Text()
	}
	assert.Empty(t, banners(), "no banner for fresh data")

	s.cache.Tell(t, func(i *schema.CacheInfo) { i.CheckTime = time.Now().Unix() - 600 })
	assert.Contains(t, banners(), "may be out of date: CouchDB last answered 10 min ago")

	s.cache.Tell(t, func(i *schema.CacheInfo) { i.Stale, i.StaleReason = true, "connection <refused>" })
	assert.Contains(t, banners(), "does not answer: showing data from "+publishedAt(t))
	assert.Contains(t, banners(), "connection <refused>")

	for _, reason := range []string{
		wire.LogAway, wire.LogFull, wire.LogBehind, wire.LogAlone, wire.LogStopped + ": an entry has an unknown version",
	} {
		s.cache.Tell(t, func(i *schema.CacheInfo) { i.Stale, i.StaleReason = true, reason })
		assert.Contains(t, banners(), strings.ToUpper(reason[:1])+reason[1:]+": showing data from "+publishedAt(t))
		doc, _ := s.page(t, http.StatusOK, "/workflows")
		assert.NotContains(t, doc.Text(), "CouchDB does not answer", "nothing is known about it")
		assert.NotContains(t, doc.Text(), "no answer", "nothing is known about it")
	}
	s.cache.Tell(t, func(i *schema.CacheInfo) { i.Stale, i.StaleReason = true, "connection <refused>" })

	s.cache.Tell(t, func(i *schema.CacheInfo) { i.Source = "mock seed 7" })
	assert.Contains(t, banners(), "MOCK DATA")
	assert.Contains(t, banners(), "mock seed 7")
}

func TestNotFound(t *testing.T) {
	s := newSite(t)
	records := s.cache.World
	agent := normalAgent(records)
	wrong := func(name string) string { return name[:len(name)-1] }
	for path, near := range map[string]string{
		"/workflows/entered_toda":   web.WorkflowPath(testcache.Today),
		"/sites/T1_US_FNA":          web.SitePath("T1_US_FNAL"),
		"/campaigns/entered_toda":   web.CampaignPath(testcache.Today),
		wrong(web.AgentPath(agent)): web.AgentPath(agent),
		"/workflow":                 "/workflows",
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
	s := newSite(t)
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

// If the cache server refuses a request for totals, only the totals are missing.
func TestOverviewWithoutTotals(t *testing.T) {
	s := newSite(t)
	s.cache.Refuse("/stats", wire.BadValue("by", "not with this server"))
	doc, _ := s.page(t, http.StatusOK, "/")
	assert.Contains(t, doc.Find("main").Text(), "Totals unavailable")
	assert.Positive(t, doc.Find("a.tile").Length())
}

// A long first full read shows its progress.
func TestLoadingShowsProgress(t *testing.T) {
	s := newSite(t)
	s.cache.Answer(testcache.Everything, testcache.Loading("requests: 12 documents so far; wmstats: the database server builds the index of <x>"))
	doc, _ := s.page(t, http.StatusServiceUnavailable, "/workflows")
	assert.Contains(t, doc.Find("main").Text(), "Progress: requests: 12 documents so far; wmstats: the database server builds the index of <x>.")
}

// A first full read that can't start has a reason: waiting would not help.
func TestLoadingWithoutSource(t *testing.T) {
	s := newSite(t)
	s.cache.Answer(testcache.Everything, testcache.Loading(""))
	s.cache.Answer("/pulse", testcache.JSON(wire.Pulse{CacheInfo: schema.CacheInfo{Stale: true, StaleReason: "connection <refused>"}, Attention: -1}))
	doc, _ := s.page(t, http.StatusServiceUnavailable, "/workflows")
	assert.Contains(t, doc.Find("main").Text(), "not been able to read CouchDB yet: connection <refused>")
}
