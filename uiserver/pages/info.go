package pages

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/web"
)

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
