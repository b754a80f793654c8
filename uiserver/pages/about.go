package pages

import (
	"cmp"
	"runtime"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// about tells what runs and what it holds.
func (p *Pages) about(c echo.Context) error {
	r := p.begin(c)
	about := r.Apart().About()
	state, _ := r.Wait()
	page := web.AboutPage{Frame: p.frame(web.AboutPath, "About", state, noMeta), Notes: query.OnlyParams(c.Request().URL)}
	page.UI = p.uiFacts()
	page.Cache = cacheFacts(page.Data)
	if about.Err == nil {
		page.Lately, page.Process = &about.Value, p.processFacts(about.Value)
	} else if state.Err == nil {
		p.Loader.LeftOut("what the cache server did lately", about.Err)
		page.Notes = append(page.Notes, web.Note{Text: "The cache server did not tell what it did lately."})
	}
	retryLater(c, page.Data.State)
	return p.render(c, status(page.Notes), web.About(page))
}

func (p *Pages) uiFacts() []web.Fact {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return []web.Fact{
		{Label: "version", Value: p.Version},
		{Label: "licence", Value: "Apache 2.0"},
		{Label: "Go", Value: runtime.Version()},
		{Label: "started", Value: web.UTC(p.Started.Unix())},
		{Label: "up for", Value: web.Duration(int64(p.Now().Sub(p.Started) / time.Second))},
		{Label: "memory from the system", Value: web.Bytes(int64(memory.Sys))},
		{Label: "memory in use", Value: web.Bytes(int64(memory.HeapAlloc))},
	}
}

// processFacts are those of the process of the cache server.
func (p *Pages) processFacts(a wire.About) []web.Fact {
	facts := []web.Fact{
		{Label: "version", Value: a.Version},
		{Label: "revision", Value: cmp.Or(a.Revision, "not known")},
		{Label: "Go", Value: a.Go},
		{Label: "started", Value: timeOf(a.Started)},
		{Label: "up for", Value: web.Duration(p.Now().Unix() - a.Started)},
		{Label: "memory from the system", Value: web.Bytes(a.Memory.System)},
		{Label: "memory in use", Value: web.Bytes(a.Memory.Heap)},
		{Label: "after the last collection", Value: web.Bytes(a.Memory.Live)},
	}
	for _, polled := range a.Polled {
		facts = append(facts, web.Fact{Label: polled.Database + " is polled", Value: polled.Why})
	}
	if a.Memory.Budget > 0 { // an older cache server tells none
		facts = append(facts, web.Fact{Label: "budget beyond the records", Value: web.Bytes(a.Memory.Budget)})
	}
	for _, part := range a.Memory.Parts {
		value := web.Bytes(part.Bytes)
		if part.Limit > 0 {
			value += " of " + web.Bytes(part.Limit)
		}
		facts = append(facts, web.Fact{Label: "memory: " + cmp.Or(memoryParts[part.Part], part.Part), Value: value})
	}
	return facts
}

// memoryParts are the parts of the cache server's memory in words.
var memoryParts = map[string]string{
	"records": "records of the newest generation", "index": "what searches and sorts made of them", "documents": "what is known of documents",
	"sums": "sums", "differences": "names of what changed", "segments": "compressed blocks",
	"kept": "kept for readers of older generations", "cache": "details, result lists and made answers", "timeline": "counts over time",
	"quarantine": "list of unusable documents", "program": "the program", "notes": "noted answers", "failures": "failing jobs of all workflows",
	"groups": "sums kept for readers of several pages",
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
		{Label: "agent reports", Value: web.Int(i.AgentReports)},
		{Label: "unmatched reports", Value: web.Int(i.UnmatchedReports)},
		{Label: "list records", Value: web.Bytes(i.Bytes)},
		{Label: "last full read took", Value: web.Float(i.LoadSeconds) + " s"},
		{Label: "documents that could not be used", Value: web.Int(i.BadDocuments)},
		{Label: "documents that have not come", Value: web.Int(i.OwedDocuments)},
		{Label: "fields of the wrong form", Value: web.Int(i.Flaws)},
	}
	if i.Stale {
		facts = append(facts, web.Fact{Label: "error", Value: i.StaleReason})
	}
	return facts
}

func timeOf(unix int64) string {
	if unix <= 0 {
		return "not known"
	}
	return web.UTC(unix)
}
