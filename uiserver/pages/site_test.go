package pages_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/static"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/uiserver/internal/testcache"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/pages"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// site is the dashboard for the shared world, with its own front.
type site struct {
	cache *testcache.Front
	echo  *echo.Echo
}

func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteTo(t, testcache.New(t), time.Now)
}

// newSiteTo starts a dashboard with the given front and clock.
func newSiteTo(t *testing.T, cache *testcache.Front, clock func() time.Time) *site {
	t.Helper()
	client, err := cacheclient.New(cacheclient.Options{BaseURL: cache.URL, Timeout: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	assets, err := static.New()
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	loader, err := load.New(load.Options{Client: client, Now: clock, Log: log})
	require.NoError(t, err)
	p, err := pages.New(pages.Options{
		Loader: loader, Assets: assets, Links: pages.DefaultLinks(), Views: query.DefaultViews(), Version: "test", Started: time.Now().Add(-time.Hour),
		Now: clock, Log: log,
	})
	require.NoError(t, err)
	e := echo.New()
	p.Routes(e, pages.Secure)
	e.Any(static.Prefix+"*", echo.WrapHandler(assets))
	return &site{cache: cache, echo: e}
}

// get requests one page without following redirects.
func (s *site) get(t *testing.T, path string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Result()
}

// page requests a page and checks its status.
func (s *site) page(t *testing.T, status int, path string) (*goquery.Document, []byte) {
	t.Helper()
	res := s.get(t, path)
	require.Equal(t, status, res.StatusCode, path)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(body))
	require.NoError(t, err)
	return doc, body
}

// resolve returns the target of a link on a page.
func resolve(t *testing.T, page, href string) *url.URL {
	t.Helper()
	base, err := url.Parse(page)
	require.NoError(t, err)
	target, err := base.Parse(href)
	require.NoError(t, err, href)
	return target
}

// usual returns a mock workflow with jobs.
func usual(records *testcache.World) schema.Workflow {
	i := slices.IndexFunc(records.Workflows, func(w schema.Workflow) bool { return w.HasJobInfo && w.Requestor != w.Workflow })
	return records.Workflows[i]
}

// normalAgent returns an agent with jobs and a name of the usual form.
func normalAgent(records *testcache.World) string {
	i := slices.IndexFunc(records.Agents, func(a schema.AgentDetail) bool {
		return a.Kind == "agent" && a.Workflows > 0 && !slices.Contains(testcache.Hostile(), a.Agent.Agent)
	})
	return records.Agents[i].Agent.Agent
}

// everyPage returns the addresses of all pages, with hard cases of each.
func everyPage(records *testcache.World) []string {
	failing := withFailures(records)
	paths := []string{
		"/", "/attention", "/workflows", "/workflows?status=running-open&sort=-Failure", "/workflows?cols=jobs&limit=200", "/workflows?q=nothing+at+all&status=new",
		"/go", "/go?q=T2", "/go?q=" + failing.Workflow, "/go?q=no-such-thing", "/facet/sites?status=running-open", "/facet/campaign?prefix=Run3",
		"/facet/agents?prefix=nothing", "/selection?status=running-open", "/selection?name=" + failing.Workflow, "/selection?q=nothing+at+all",
		"/columns", "/columns?cols=jobs&status=new&up=Success", "/changed", "/changed?from=2026-01-01", "/changed?since=" + records.Older + "&from=1763700000", "/changed?since=forgotten", "/changed?since=" + records.Generation,
		"/campaigns", "/campaigns?sort=-Failure&q=run", "/sites", "/sites?rows=all", "/releases", "/agents", "/agents?kind=service", "/agents?sort=-Failure", "/api", "/api?status=running-open&try=%2Ffetch", "/api?try=%2Fstatus", "/about",
		web.ComparePath, web.CompareWith("campaign", records.Campaigns[0].Campaign, failing.Campaign), web.CompareWith("site", records.Sites[0].Site, records.Sites[1].Site, failing.Sites[0]),
		web.CompareWith("release", records.Releases[0].Release, records.Releases[1].Release), web.CompareWith("agent", testcache.Hostile()[0], normalAgent(records)),
		"/stray", "/stray?q=task&sort=Since", "/stray?agent=" + normalAgent(records) + "&site=T1_US_FNAL",
		web.PinnedPath, web.PinnedPath + "?" + pinsOf(nil, "workflow "+failing.Workflow, "campaign "+failing.Campaign, "site "+failing.Sites[0], "agent "+normalAgent(records), "workflow "+testcache.Hostile()[0], "site gone").Encode(),
		"/errors", "/errors?exitcode=8021&site=T1_US_FNAL", "/errors?exitcode=1", "/errors?rows=all&campaign=Run3*", "/errors?state=jobfailed&q=task",
		"/logs", "/logs?type=*error&reporter=vocms*", "/logs?campaign=Run3*&thread=x",
		web.CampaignPath(failing.Campaign), web.ReleasePath(failing.Release),
		web.SitePath(failing.Sites[0]), web.SitePath(testcache.Hostile()[0]),
		web.AgentPath(testcache.Hostile()[0]), web.AgentPath(normalAgent(records)), web.AgentPath(records.Agents[1].Agent.Agent),
		web.WorkflowPath(failing.Workflow) + "?show=jobs,logs", web.WorkflowPath(failing.Workflow) + "?tasks=failing",
	}
	for i, w := range records.Workflows[40:46] {
		paths = append(paths, web.WorkflowPath(w.Workflow)+[]string{"", "?show=jobs,logs", "?show=jobs&exitcode=8021"}[i%3])
	}
	for _, name := range testcache.Hostile() {
		paths = append(paths, web.WorkflowPath(name), web.CampaignPath(name), web.WorkflowPath(name)+"?show=jobs,logs")
	}
	return paths
}

func gzipped(t *testing.T, body []byte) int {
	t.Helper()
	var small bytes.Buffer
	zw := gzip.NewWriter(&small)
	_, err := zw.Write(body)
	require.NoError(t, err)
	require.NoError(t, zw.Close())
	return small.Len()
}

// text is for Map.
func text(_ int, s *goquery.Selection) string { return s.Text() }
