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

// about is the page on the running servers and their data.
func (p *Pages) about(c echo.Context) error {
	r := p.begin(c)
	about := r.Apart().About()
	state, _ := r.Wait()
	page := web.AboutPage{Frame: p.frame(web.AboutPath, "About", state, noMeta), Notes: query.OnlyParams(c.Request().URL)}
	page.UI = p.uiFacts()
	page.Cache = cacheFacts(page.Data)
	if about.Err == nil {
		page.Activity, page.Process = &about.Value, p.processFacts(about.Value)
	} else if state.Err == nil {
		p.Loader.LeftOut("recent activity of the cache server", about.Err)
		page.Notes = append(page.Notes, web.Note{Text: "Recent activity of the cache server is unavailable."})
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
		{Label: "uptime", Value: web.Duration(int64(p.Now().Sub(p.Started) / time.Second))},
		{Label: "memory obtained from the system", Value: web.Bytes(int64(memory.Sys))},
		{Label: "memory in use", Value: web.Bytes(int64(memory.HeapAlloc))},
	}
}

// processFacts describes the cache server process.
func (p *Pages) processFacts(a wire.About) []web.Fact {
	facts := []web.Fact{
		{Label: "version", Value: a.Version},
		{Label: "revision", Value: cmp.Or(a.Revision, "unknown")},
		{Label: "Go", Value: a.Go},
		{Label: "started", Value: timeOf(a.Started)},
		{Label: "uptime", Value: web.Duration(p.Now().Unix() - a.Started)},
		{Label: "memory obtained from the system", Value: web.Bytes(a.Memory.System)},
		{Label: "memory in use", Value: web.Bytes(a.Memory.Heap)},
		{Label: "memory after the last garbage collection", Value: web.Bytes(a.Memory.Live)},
	}
	if a.CertificateExpires > 0 {
		facts = append(facts, web.Fact{Label: "certificate for the source expires", Value: web.UTC(a.CertificateExpires)})
	}
	for _, polled := range a.Polled {
		facts = append(facts, web.Fact{Label: "reason for polling " + polled.Database, Value: polled.Why})
	}
	if a.Memory.Budget > 0 { // older cache servers do not report it
		facts = append(facts, web.Fact{Label: "memory budget beyond the records", Value: web.Bytes(a.Memory.Budget)})
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

// memoryParts are the labels of the parts of the cache server's memory.
var memoryParts = map[string]string{
	"records": "records of the newest generation", "index": "search and sort indexes", "documents": "document and workflow metadata",
	"sums": "totals", "differences": "names of changed workflows", "segments": "compressed blocks",
	"kept": "kept generations", "cache": "cached details, results and answers", "timeline": "counts over time",
	"quarantine": "unusable documents", "program": "program", "answers": "answer cache", "failures": "failing jobs of all workflows",
	"heard": "when agents were heard of",
}

func cacheFacts(d web.Data) []web.Fact {
	i := d.Info
	if i.Generation == "" {
		return []web.Fact{{Label: "state", Value: "unknown: the cache server has not answered yet"}}
	}
	facts := []web.Fact{
		{Label: "data source", Value: web.SourceName(i.Source)},
		{Label: "generation", Value: i.Generation},
		{Label: "published", Value: timeOf(i.CacheTime)},
		{Label: "last answer of CouchDB", Value: timeOf(i.CheckTime)},
		{Label: "complete", Value: map[bool]string{true: "yes", false: "no"}[i.Complete]},
		{Label: "workflows", Value: web.Int(i.Workflows)},
		{Label: "agent reports", Value: web.Int(i.AgentReports)},
		{Label: "unmatched reports", Value: web.Int(i.UnmatchedReports)},
		{Label: "list records", Value: web.Bytes(i.Bytes)},
		{Label: "last full read took", Value: web.Float(i.LoadSeconds) + " s"},
		{Label: "unusable documents", Value: web.Int(i.BadDocuments)},
		{Label: "missing documents, requested again", Value: web.Int(i.OwedDocuments)},
		{Label: "malformed fields", Value: web.Int(i.Flaws)},
	}
	if i.Stale {
		facts = append(facts, web.Fact{Label: "error", Value: i.StaleReason})
	}
	return facts
}

func timeOf(unix int64) string {
	if unix <= 0 {
		return "unknown"
	}
	return web.UTC(unix)
}
