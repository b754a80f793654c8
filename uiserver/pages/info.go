package pages

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/web"
)

// endpoints are the addresses that this server forwards.
var endpoints = []struct{ path, purpose, try string }{
	{"/fetch", "list of workflows: filters, order, pages, formats, facets", "/fetch?limit=5"},
	{"/fetch/{workflow}", "one workflow with its tasks, sites, agents, outputs and history", ""},
	{"/attention", "what somebody should look at, by rule", "/attention"},
	{"/changes", "what changed since a generation, as a poll or a stream", "/changes"},
	{"/status", "sums of the workflows by status", "/status"},
	{"/sites", "sums by site; /sites/{site} is one with its workflows", "/sites"},
	{"/campaign", "sums by campaign; /campaign/{campaign} is one with its workflows", "/campaign"},
	{"/release", "sums by release; /release/{release} is one with its workflows", "/release"},
	{"/agent", "agents and services; /agent/{agent} is one with its workflows", "/agent"},
	{"/stats", "counts and sums by one or two fields", "/stats?by=type,status&sum=Running,Failure"},
	{"/pulse", "state of the data: generation, age, source", "/pulse"},
	{"/version", "version of the cache server", "/version"},
	{"/readyz", "whether lists can be served", "/readyz?verbose"},
}

// api is the short description of the API. It needs nothing of the cache
// server but its state, so it is there when that one is away.
func (p *Pages) api(c echo.Context) error {
	state, _ := p.load(c.Request().Context())
	base := origin(c.Request()) + APIPrefix
	page := web.APIPage{Frame: p.frame("/api", "API", state, noMeta), Base: base}
	for _, e := range endpoints {
		endpoint := web.Endpoint{Method: "GET, HEAD", Path: APIPrefix + e.path, Purpose: e.purpose}
		if e.try != "" {
			endpoint.Href = APIPrefix + e.try
		}
		page.Endpoints = append(page.Endpoints, endpoint)
	}
	page.Recipes = []web.Recipe{
		{Title: "All running workflows with failed jobs, one line each", Command: "curl -sf --compressed '" + base + "/fetch?status=running-open,running-closed&minFailure=1&limit=all&format=ndjson' | jq -c '{Workflow,Failure,FailureRate}'"},
		{Title: "What a site has to do, as a table", Command: "curl -sf --compressed '" + base + "/fetch?site=T2_CH_CERN&limit=all&format=csv' -o T2_CH_CERN.csv"},
		{Title: "Jobs by type and status", Command: "curl -sf '" + base + "/stats?by=type,status&sum=Running,Pending,Failure'"},
		{Title: "Is there news?", Command: "curl -sf '" + base + "/pulse' | jq '{Generation,Workflows,Stale}'"},
	}
	p.retryLater(c, page.Data.State)
	return p.render(c, http.StatusOK, web.API(page))
}

// about tells what runs and what it holds.
func (p *Pages) about(c echo.Context) error {
	var version map[string]any
	var versionErr error
	state, _ := p.load(c.Request().Context(), func(ctx context.Context) error {
		version, versionErr = p.Client.Version(ctx)
		return nil
	})
	page := web.AboutPage{Frame: p.frame("/about", "About", state, noMeta), Notes: onlyParams(c.Request())}
	page.UI = p.uiFacts()
	page.Cache = cacheFacts(page.Data)
	for _, key := range slices.Sorted(maps.Keys(version)) {
		if value := fmt.Sprint(version[key]); value != "" {
			page.Cache = append(page.Cache, web.Fact{Label: "cache server: " + strings.ToLower(key), Value: value})
		}
	}
	if versionErr != nil && state.err == nil {
		page.Notes = append(page.Notes, web.Note{Text: "The cache server did not tell its version."})
	}
	p.retryLater(c, page.Data.State)
	return p.render(c, statusFor(page.Notes), web.About(page))
}

// retryLater lets a page that only lacks the state try again by itself.
func (p *Pages) retryLater(c echo.Context, state web.State) {
	if state == web.Down || state == web.Loading {
		c.Response().Header().Set("Refresh", retryDown)
	}
}

func (p *Pages) uiFacts() []web.Fact {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return []web.Fact{
		{Label: "version", Value: p.Version},
		{Label: "Go", Value: runtime.Version()},
		{Label: "started", Value: web.UTC(p.Started.Unix())},
		{Label: "up for", Value: web.Duration(int64(p.Now().Sub(p.Started) / time.Second))},
		{Label: "memory from the system", Value: web.Bytes(int64(memory.Sys))},
		{Label: "memory in use", Value: web.Bytes(int64(memory.HeapAlloc))},
	}
}

func cacheFacts(d web.Data) []web.Fact {
	i := d.Info
	if i.Generation == "" {
		return []web.Fact{{Label: "state", Value: "not known: no answer of the cache server has been seen yet"}}
	}
	facts := []web.Fact{
		{Label: "source", Value: web.SourceName(i.Source)},
		{Label: "generation", Value: i.Generation},
		{Label: "published", Value: timeOf(i.CacheTime)},
		{Label: "source last answered", Value: timeOf(i.CheckTime)},
		{Label: "complete", Value: map[bool]string{true: "yes", false: "no"}[i.Complete]},
		{Label: "workflows", Value: web.Int(i.Workflows)},
		{Label: "documents of agents", Value: web.Int(i.AgentDocuments)},
		{Label: "documents without their workflow", Value: web.Int(i.OrphanDocuments)},
		{Label: "list records", Value: web.Bytes(i.Bytes)},
		{Label: "last full read took", Value: web.Float(i.LoadSeconds) + " s"},
		{Label: "documents that could not be used", Value: web.Int(i.BadDocuments)},
		{Label: "fields of the wrong form", Value: web.Int(i.Flaws)},
	}
	if i.Stale {
		facts = append(facts, web.Fact{Label: "last error", Value: i.StaleReason})
	}
	return facts
}

func timeOf(unix int64) string {
	if unix <= 0 {
		return "not known"
	}
	return web.UTC(unix)
}
