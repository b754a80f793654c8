package story

import (
	"fmt"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/web"
)

// errorPages returns the page of failing jobs without jobs, with many, and with
// each reason for missing data.
func errorPages(assets web.AssetURLs) []Story {
	var out []Story
	add := func(name string, page web.ErrorsPage) {
		page.Frame, page.JSON = Frame("Errors", web.Fresh, assets), "/api/errors"
		out = append(out, Story{Name: "errors-" + name, Page: true, Component: web.Errors(page)})
	}
	add("none", web.ErrorsPage{})
	for name, m := range missing() {
		add(name, web.ErrorsPage{Missing: &m})
	}
	full := web.ErrorsPage{
		Map: heat(30, 12, Hostile()...), MapNote: "Only 30 of 120 sites are shown.", More: "/errors?rows=all", Read: Now - 600, Stale: Hostile()[0],
		CodeCount: 10000, SiteCount: 10000, Affected: 10000, List: "/workflows",
		Filter: web.ErrorsFilter{ExitCode: Hostile()[1], Site: Hostile()[0], Hidden: []web.Field{{Name: "campaign", Value: Hostile()[1]}}, Chips: []web.Link{{Text: Hostile()[0], Href: "/errors"}}},
	}
	for i, text := range Hostile() {
		e := schema.ErrorSummary{ExitCode: int64(i) - 1, Meaning: text, Area: "limits", Site: text, Workflow: text, State: text, Jobs: 10000, Workflows: 7, Sites: 8, ExitCodes: 9}
		row := web.ErrorRow{ErrorSummary: e, Href: fmt.Sprintf("/errors?exitcode=%d", i)}
		full.States, full.Codes = append(full.States, row), append(full.Codes, row)
		full.Sites, full.Workflows = append(full.Sites, row), append(full.Workflows, row)
	}
	add("hostile", full)
	return out
}

// missing returns the reasons why data read on demand may be missing.
func missing() map[string]web.Missing {
	return map[string]web.Missing{
		"absent":  {Title: "Failing jobs are not available from this data source.", Text: Hostile()[0]},
		"failed":  {Title: "The failing jobs could not be read from CouchDB.", Text: Hostile()[1], Again: "/errors"},
		"reading": {Title: "The failing jobs are being read from CouchDB.", Text: "This takes a while.", Again: "/errors"},
	}
}

// workflowPages returns the page of a workflow without any data, and of one with
// everything, in each state of the data read on demand.
func workflowPages(assets web.AssetURLs) []Story {
	var out []Story
	add := func(name string, page web.WorkflowPage) {
		page.Frame, page.Raw, page.Curl, page.Unchosen = Frame(name, web.Fresh, assets), "/api/fetch/x", "curl x", "?#errors"
		page.Samples.Load, page.Logs.Load = "?show=jobs#samples", "?show=logs#logs"
		out = append(out, Story{Name: "workflow-" + name, Page: true, Component: web.Workflow(page)})
	}
	empty := schema.Detail{Workflow: schema.Workflow{
		Workflow: "empty", EstimatedJobs: -1, InputEvents: -1, InputLumis: -1, QueueInjection: -1, EventProgress: -1, LumiProgress: -1, SecondsLeft: -1, Counters: schema.JobCounts{}.Derive(),
	}}
	for _, state := range []string{schema.ErrorsNone, schema.ErrorsNotLoaded, schema.ErrorsFailed} {
		empty.ErrorsState = state
		add("empty-"+state, web.WorkflowPage{Detail: empty})
	}
	add("details-not-read", web.WorkflowPage{Detail: empty, Missing: &web.Missing{Title: "Details not read: CouchDB does not answer.", Text: Hostile()[0], Again: "?again"}})
	old := empty
	old.ErrorsState, old.DetailsTime = schema.ErrorsNone, Now-5400
	add("details-old", web.WorkflowPage{Detail: old})
	d := empty
	d.Workflow.Workflow, d.Status, d.Campaign, d.Alerts, d.ErrorsState = Hostile()[0], Hostile()[1], Hostile()[2], []string{"site_error"}, schema.ErrorsLoaded
	page := web.WorkflowPage{CodeMap: heat(7, 7, Hostile()...), SiteMap: heat(30, 9, Hostile()...), Chosen: Hostile()[0]}
	for i, text := range Hostile() {
		d.AlertRecords = append(d.AlertRecords, schema.Alert{Rule: "site_error", Reason: text, Since: int64(i) * 1000})
		d.Errors = append(d.Errors, schema.JobError{Task: text, Site: text, Agent: text, State: text, ExitCode: int64(i) - 1, ErrorTypes: text, Count: 10000})
		d.SiteTotals = append(d.SiteTotals, schema.WorkflowSite{Site: text, Counters: schema.JobCounts{Running: 10000}.Derive()})
		page.Codes = append(page.Codes, web.CodeRow{ExitCode: int64(i), Count: 10000, Meaning: text, Area: "input", Href: "?exitcode=1"})
		page.Samples.Jobs = append(page.Samples.Jobs, schema.JobSample{
			JobName: text, Task: text, Site: text, Agent: text, State: text, ExitCode: int64(i) - 1, LogURL: []string{"https://logs.example/x", "javascript:alert(1)"}[i%2],
			InputFiles: Hostile(), RunLumis: text, Truncated: true, Errors: []schema.JobStepError{{Step: text, Type: text, Details: text, ExitCode: -1}},
		})
		page.Logs.Entries = append(page.Logs.Entries, schema.LogEntry{Reporter: text, Thread: text, Type: text, Message: text, Time: int64(i) * Now / 7})
	}
	page.Detail = d
	page.Samples.Loaded, page.Logs.Loaded, page.Samples.Total = true, true, 10000
	add("hostile", page)
	for name, m := range missing() {
		add("parts-"+name, web.WorkflowPage{Detail: d, Samples: web.Samples{Loaded: true, Missing: &m}, Logs: web.Logs{Loaded: true, Missing: &m}})
	}
	add("parts-none", web.WorkflowPage{Detail: d, Samples: web.Samples{Loaded: true}, Logs: web.Logs{Loaded: true}})
	return out
}
