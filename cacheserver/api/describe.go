package api

import (
	"cmp"
	"reflect"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/api/openapi"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Types of handwritten answers, for the description of the API.
type (
	siteAnswer struct {
		Site schema.SiteDetail
		Rate schema.Rate
		wire.Group[schema.Workflow]
		Facets map[string]wire.FacetResult `json:",omitempty"`
	}
	campaignAnswer struct {
		Campaign   schema.Campaign
		Rate       schema.Rate
		WorstSites []schema.SiteFailures
		Holds      []schema.Hold
		Left       []schema.StatusLeft
		MostLeft   []schema.WorkflowLeft
		wire.Group[schema.Workflow]
		Facets map[string]wire.FacetResult `json:",omitempty"`
	}
	releaseAnswer struct {
		Release schema.Release
		Rate    schema.Rate
		wire.Group[schema.Workflow]
		Facets map[string]wire.FacetResult `json:",omitempty"`
	}
	agentAnswer struct {
		Agent schema.AgentDetail
		Rate  schema.Rate
		Drain schema.Drain
		wire.Group[schema.Workflow]
		Facets map[string]wire.FacetResult `json:",omitempty"`
	}
	findBody struct {
		Selector       map[string]any `json:"selector"`
		Fields         []string       `json:"fields,omitempty"`
		Sort           []any          `json:"sort,omitempty"`
		Limit          int            `json:"limit,omitempty"`
		Idx            int            `json:"idx,omitempty"`
		ExecutionStats bool           `json:"execution_stats,omitempty"`
	}
	findAnswer struct {
		Generation, Time  string
		Total, Idx, Limit int
		ExecutionStats    *wire.FindStats `json:",omitempty"`
		Items             []schema.Workflow
	}
)

// shape is the part of a path's description that its route does not have.
type shape struct {
	params        []openapi.Param
	list, filters bool
	words         *wire.Vocabulary // of a list that is not of workflows
	without       []string
	body          reflect.Type
	example       string
	answers       map[string]reflect.Type
	envelope      reflect.Type
}

func listOf[T any]() map[string]reflect.Type {
	return map[string]reflect.Type{wire.MediaJSON: reflect.TypeFor[[]T](), wire.MediaNDJSON: nil, wire.MediaCSV: nil}
}

func oneOf[T any]() map[string]reflect.Type {
	return map[string]reflect.Type{wire.MediaJSON: reflect.TypeFor[T]()}
}

func also[T any](media string, answers map[string]reflect.Type) map[string]reflect.Type {
	answers[media] = reflect.TypeFor[T]()
	return answers
}

// linesToo adds the formats with one record a line.
func linesToo(answers map[string]reflect.Type) map[string]reflect.Type {
	answers[wire.MediaNDJSON], answers[wire.MediaCSV] = nil, nil
	return answers
}

func texts() map[string]reflect.Type { return map[string]reflect.Type{"text/plain": nil} }

// shapes returns the shapes of all paths.
func shapes() map[string]shape {
	query := func(name, doc, example string) openapi.Param {
		return openapi.Param{Name: name, Doc: doc, Example: example}
	}
	gen := query("gen", "generation to read; default: the newest", "g1f2e3-1834")
	newSince := query("since", "time from which on items are new: RFC 3339, a date, Unix seconds, or a duration such as 2d before now", "1d")
	format := openapi.Param{Name: "format", Doc: "format of the answer; overrides Accept", Example: "json",
		Schema: map[string]any{"type": "string", "enum": []string{"json", "ndjson", "jsonl", "csv"}}}
	save := openapi.Param{Name: "dl", Doc: "answer as a file download", Example: "1", Schema: map[string]any{"type": "string", "enum": []string{"0", "1", "true", "false"}}}
	page := []openapi.Param{gen, format, save}
	read := []openapi.Param{query("read", "the moment of the first page, to which all pages belong; part of the URLs in Link", "")}
	sums := func() []openapi.Param {
		return append(page[:3:3], query("fields", "keys to return; the first is always included", "Workflows"))
	}
	jobs := func(more ...openapi.Param) []openapi.Param {
		return append(append(page[:3:3],
			query("fields", "keys to return; the first is always included", "Task"),
			query("task", "full path of the task; * and ! as in all filters", "*"), query("state", "state of the jobs", "jobfailed"),
			query("exitcode", "exit codes, ! excludes", "8021"), query("site", "site where they failed", "T2_*"), query("agent", "agent of the jobs", "!nobody")), more...)
	}
	group := func(answers map[string]reflect.Type) shape {
		answers[wire.MediaNDJSON], answers[wire.MediaCSV] = nil, nil
		return shape{list: true, answers: answers}
	}
	suggestions := func(words *wire.Vocabulary) shape {
		asJSON := format
		asJSON.Schema = map[string]any{"type": "string", "enum": []string{"json"}}
		return shape{filters: words == nil, words: words, without: append(pageParams[:len(pageParams):len(pageParams)], "format"),
			params: []openapi.Param{asJSON}, answers: oneOf[wire.Suggestions]()}
	}
	return map[string]shape{
		"/":            {answers: texts()},
		"/fetch":       {list: true, answers: listOf[schema.Workflow](), envelope: reflect.TypeFor[wire.Envelope[schema.Workflow]]()},
		"/fetch/:name": {params: page, answers: map[string]reflect.Type{wire.MediaJSON: reflect.TypeFor[schema.Detail](), wire.MediaNDJSON: nil}},
		"/fetch/:name/errors": {params: jobs(query("by", "keys to group by: task, state, exitcode, site, agent, errortypes; default: all", "exitcode"),
			query("envelope", "an object around the groups, with the failed jobs that agents count and those whose job reports are available", "1")),
			answers: listOf[schema.JobError](), envelope: reflect.TypeFor[wire.JobErrorsEnvelope]()},
		"/fetch/:name/jobs": {params: jobs(openapi.Param{Name: "limit", Doc: "maximum number of samples", Example: "3", Schema: map[string]any{"type": "integer", "minimum": 1, "maximum": maxSamples}}),
			answers: listOf[schema.JobSample]()},
		"/fetch/:name/logs": {answers: listOf[schema.LogEntry](), params: append(page[:3:3],
			query("fields", "keys to return; the first is always included", "Message"),
			query("type", "kind of message", "*error*"), query("reporter", "agent or service", "!nobody"), query("thread", "component or thread", "*"))},
		"/fetch/:name/holds": {answers: listOf[schema.Hold](), params: append(page[:3:3], query("fields", "keys to return; the first is always included", "Cause"))},
		"/errors": {list: true, without: []string{"facets", "after", "last"}, answers: listOf[schema.ErrorSummary](), envelope: reflect.TypeFor[wire.ErrorsEnvelope](), params: []openapi.Param{
			query("by", "keys to group by: exitcode, site, workflow, state; default: exitcode,site", "exitcode"),
			query("exitcode", "exit codes of the jobs, ! excludes", "8021"), query("site", "site where the jobs failed", "T2_*"),
			query("state", "state of the jobs; default: all but success", "*"), query("sort", "keys of ErrorSummary, - means descending; default: -Jobs", "-Workflows"),
			query("fields", "keys to return; ExitCode is always included", "Jobs"), query("read", "read of the source that the pages are cut from; default: the newest", "")}},
		"/logs": {filters: true, without: []string{"type", "limit", "sort", "fields"}, answers: listOf[schema.LogGroup](), params: []openapi.Param{
			query("type", "kind of the messages", "*error*"), query("reporter", "agent or service", "!nobody"), query("thread", "component or thread", "*"),
			query("sort", "keys of LogGroup, - means descending; default: -Time", "-Count"), query("fields", "keys to return; Workflow is always included", "Message"),
			{Name: "limit", Doc: "maximum number of groups; X-Total-Count is the number of all", Example: "5", Schema: map[string]any{"type": "integer", "minimum": 1, "maximum": maxLogs, "default": defaultLogs}}}},
		"/status": {params: sums(), answers: listOf[schema.StatusSummary]()},
		"/find": {params: page, body: reflect.TypeFor[findBody](), example: `{"selector":{"Status":"completed"},"limit":5}`,
			answers: also[findAnswer](wire.MediaJSON, listOf[schema.Workflow]())},
		"/stats": {filters: true, answers: linesToo(oneOf[wire.Stats]()), params: []openapi.Param{
			query("by", "one or two fields to group by, or Age, the time in the status in bands; default: one group of all", "Status"), query("sum", "integer fields to add up", "Failure")}},
		"/facet/:name": {filters: true, answers: linesToo(oneOf[wire.FacetPage]()), params: []openapi.Param{
			query("prefix", "prefix of the values, ignoring case", "a"), query("limit", "maximum number of values", "5")}},
		"/suggest":          suggestions(nil),
		"/suggest/sites":    suggestions(wire.Groups[schema.Site]()),
		"/suggest/campaign": suggestions(wire.Groups[schema.Campaign]()),
		"/suggest/release":  suggestions(wire.Groups[schema.Release]()),
		"/suggest/agent":    suggestions(wire.Groups[schema.Agent]()),
		"/attention": {answers: linesToo(oneOf[wire.Attention]()), params: []openapi.Param{
			query("rule", "rules to evaluate; default: all", "failed"), newSince,
			{Name: "new", Doc: "1: only items that began at or after since=", Example: "1", Schema: map[string]any{"type": "string", "enum": []string{"1"}}}, format, save}},
		"/changes": {filters: true, without: []string{"gen", "minAge", "maxAge"}, answers: map[string]reflect.Type{wire.MediaJSON: reflect.TypeFor[wire.Change](), mediaEvents: nil}, params: []openapi.Param{
			query("since", "generation that the client has; also as Last-Event-ID", "g1f2e3-1834"),
			{Name: "feed", Doc: "normal: at once; longpoll: when there are changes; sse: a stream", Example: "normal", Schema: map[string]any{"type": "string", "enum": feeds}},
			query("timeout", "maximum wait of a long poll", ""), query("include", "records: include the records of Workflows", "records")}},
		"/pulse":      {answers: oneOf[wire.Pulse](), params: []openapi.Param{newSince}},
		"/quarantine": {params: append([]openapi.Param{query("fields", "keys to return; ID is always included", "Reason")}, page...), answers: listOf[Quarantined]()},
		"/history": {params: []openapi.Param{
			{Name: "by", Doc: "workflows by status (of all workflows only), workflows by group of statuses, or jobs by state; default: status of all workflows, group of names", Example: "status", Schema: map[string]any{"type": "string", "enum": []string{"status", "group", "state"}}},
			query("campaign", "of one campaign, of several (campaign=a&campaign=b), or * for all; default: all workflows together", "Run3Summer00"),
			query("site", "the same for sites", "T1_US_FNAL"),
			query("release", "the same for releases", "CMSSW_14_0_1"),
			query("agent", "the same for agents", "vocms1.cern.ch"),
			query("name", "statuses, groups or states to return; default: those with counts", "running-open"),
			{Name: "points", Doc: "maximum points of a line, at even distances, including the newest; default: all", Example: "24", Schema: map[string]any{"type": "integer", "minimum": 1, "maximum": timeline.MostPoints}},
			query("since", "earliest time of the points: RFC 3339, a date, Unix seconds, or a duration such as 2d before now", "7d"),
			query("fields", "keys to return; Time is always included", "Count"), format, save}, answers: listOf[schema.TimelinePoint]()},
		"/history/agents": {params: []openapi.Param{
			query("agent", "of one agent, or of several (agent=a&agent=b); default: all", "vocms1.cern.ch"),
			query("since", "earliest time of the changes: RFC 3339, a date, Unix seconds, or a duration such as 2d before now", "7d"),
			query("fields", "keys to return; Time is always included", "Kind,To"), format, save}, answers: listOf[schema.AgentChange]()},
		"/history/sites": {params: []openapi.Param{
			query("site", "of one site, or of several (site=a&site=b); default: all", "T1_US_FNAL"),
			query("since", "earliest time of the changes: RFC 3339, a date, Unix seconds, or a duration such as 2d before now", "7d"),
			query("fields", "keys to return; Time is always included", "Site,To"), format, save}, answers: listOf[schema.SiteChange]()},
		"/history/alerts": {params: []openapi.Param{
			query("since", "time to compare with: RFC 3339, a date, Unix seconds, or a duration such as 2d before now; default: the earliest that is known", "1d"),
			query("fields", "keys to return; Rule is always included", "Began,Ended"), format, save}, answers: listOf[schema.AlertChange]()},
		"/history/failures": {params: []openapi.Param{
			{Name: "by", Doc: "what gained failed jobs; default: workflow", Example: "campaign", Schema: map[string]any{"type": "string", "enum": failingKinds()}},
			query("since", "time to compare with: RFC 3339, a date, Unix seconds, or a duration such as 2d before now; default: the earliest that is known", "1d"),
			{Name: "limit", Doc: "maximum number of records, those that gained most; default: 100", Example: "10", Schema: map[string]any{"type": "integer", "minimum": 1, "maximum": mostFailing}},
			query("fields", "keys to return; Name is always included", "Gained"), format, save}, answers: listOf[schema.FailureChange]()},
		"/problems":       {answers: texts()},
		"/problems/:name": {answers: also[string](mediaHTML, texts())},
		"/openapi.json":   {answers: map[string]reflect.Type{wire.MediaJSON: reflect.TypeFor[map[string]any]()}},
		"/version":        {answers: oneOf[Build]()},
		"/about":          {answers: oneOf[wire.About]()},
		"/livez":          {answers: texts()},
		"/healthz":        {answers: texts()},
		"/readyz":         {params: []openapi.Param{query("verbose", "list the checks", "1")}, answers: texts()},
		"/metrics":        {answers: texts()},
		"/sites":          {words: wire.Groups[schema.Site](), params: read, answers: listOf[schema.Site]()},
		"/stray":          {words: wire.Groups[schema.StrayWorkflow](), answers: listOf[schema.StrayWorkflow]()},
		"/campaign":       {words: wire.Groups[schema.Campaign](), answers: listOf[schema.Campaign]()},
		"/release":        {words: wire.Groups[schema.Release](), answers: listOf[schema.Release]()},
		"/agent":          {words: wire.Groups[schema.Agent](), params: read, answers: listOf[schema.Agent]()},
		"/sites/:name":    group(oneOf[siteAnswer]()),
		"/campaign/:name": group(oneOf[campaignAnswer]()),
		"/release/:name":  group(oneOf[releaseAnswer]()),
		"/agent/:name":    group(oneOf[agentAnswer]()),
	}
}

// operations describes all routes. A route without a shape is described only
// by its path; a test reports it.
func (a *API) operations() []openapi.Operation {
	all := shapes()
	var out []openapi.Operation
	for _, r := range a.table() {
		s := all[r.path]
		o := openapi.Operation{
			Path: strings.Replace(r.path, ":name", "{name}", 1), Method: r.allowed()[0], Summary: r.doc,
			Params: s.params, List: s.list, Words: s.words, Filters: s.filters, Without: s.without, Body: s.body, BodyExample: s.example, Answers: s.answers, Envelope: s.envelope, Open: r.admits == everyone,
		}
		if o.Path != r.path {
			o.Params = append([]openapi.Param{{Name: "name", In: "path", Doc: "name, percent-encoded"}}, o.Params...)
		}
		out = append(out, o)
	}
	return out
}

func (a *API) makeOpenAPI() ([]byte, error) {
	return openapi.Document(cmp.Or(a.o.Build.Version, "unreleased"), a.operations())
}
