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

// Shapes of answers that are written by hand, for the description of the API.
type (
	siteAnswer struct {
		Site schema.SiteDetail
		wire.Group[schema.Workflow]
		Facets map[string]wire.FacetResult `json:",omitempty"`
	}
	campaignAnswer struct {
		Campaign schema.Campaign
		wire.Group[schema.Workflow]
		Facets map[string]wire.FacetResult `json:",omitempty"`
	}
	releaseAnswer struct {
		Release schema.Release
		wire.Group[schema.Workflow]
		Facets map[string]wire.FacetResult `json:",omitempty"`
	}
	agentAnswer struct {
		Agent schema.AgentDetail
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

// shape is what the description of a path says beyond its route.
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

// linesToo adds the formats of one record a line.
func linesToo(answers map[string]reflect.Type) map[string]reflect.Type {
	answers[wire.MediaNDJSON], answers[wire.MediaCSV] = nil, nil
	return answers
}

func texts() map[string]reflect.Type { return map[string]reflect.Type{"text/plain": nil} }

// shapes are the shapes of all paths.
func shapes() map[string]shape {
	query := func(name, doc, example string) openapi.Param {
		return openapi.Param{Name: name, Doc: doc, Example: example}
	}
	gen := query("gen", "generation to read; the newest if left out", "g1f2e3-1834")
	format := openapi.Param{Name: "format", Doc: "form of the answer, before Accept", Example: "json",
		Schema: map[string]any{"type": "string", "enum": []string{"json", "ndjson", "jsonl", "csv"}}}
	save := openapi.Param{Name: "dl", Doc: "a file to be saved", Example: "1", Schema: map[string]any{"type": "string", "enum": []string{"0", "1", "true", "false"}}}
	page := []openapi.Param{gen, format, save}
	read := []openapi.Param{query("read", "the records of when the first page was read, in addresses of Link", "")}
	sums := func() []openapi.Param {
		return append(page[:3:3], query("fields", "keys that are wanted; the first is always there", "Workflows"))
	}
	jobs := func(more ...openapi.Param) []openapi.Param {
		return append(append(page[:3:3],
			query("fields", "keys that are wanted; the first is always there", "Task"),
			query("task", "full path of the task; * and ! as in every filter", "*"), query("state", "state of the jobs", "jobfailed"),
			query("exitcode", "exit codes, ! excludes", "8021"), query("site", "where they failed", "T2_*"), query("agent", "agent of the jobs", "!nobody")), more...)
	}
	group := func(answers map[string]reflect.Type) shape {
		answers[wire.MediaNDJSON], answers[wire.MediaCSV] = nil, nil
		return shape{list: true, answers: answers}
	}
	return map[string]shape{
		"/":            {answers: texts()},
		"/fetch":       {list: true, answers: listOf[schema.Workflow](), envelope: reflect.TypeFor[wire.Envelope[schema.Workflow]]()},
		"/fetch/:name": {params: page, answers: map[string]reflect.Type{wire.MediaJSON: reflect.TypeFor[schema.Detail](), wire.MediaNDJSON: nil}},
		"/fetch/:name/errors": {params: jobs(query("by", "keys that groups are made by: task, state, exitcode, site, agent, errortypes; all if left out", "exitcode"),
			query("envelope", "an object around the groups: the failed jobs that agents count, and those of which reports have come", "1")),
			answers: listOf[schema.JobError](), envelope: reflect.TypeFor[wire.JobErrorsEnvelope]()},
		"/fetch/:name/jobs": {params: jobs(openapi.Param{Name: "limit", Doc: "how many samples", Example: "3", Schema: map[string]any{"type": "integer", "minimum": 1, "maximum": maxSamples}}),
			answers: listOf[schema.JobSample]()},
		"/fetch/:name/logs": {answers: listOf[schema.LogEntry](), params: append(page[:3:3],
			query("fields", "keys that are wanted; the first is always there", "Message"),
			query("type", "kind of message", "*error*"), query("reporter", "agent or service", "!nobody"), query("thread", "component or thread", "*"))},
		"/errors": {list: true, without: []string{"facets", "after", "last"}, answers: listOf[schema.ErrorSummary](), envelope: reflect.TypeFor[wire.ErrorsEnvelope](), params: []openapi.Param{
			query("by", "keys that groups are made by: exitcode, site, workflow, state; exitcode,site if left out", "exitcode"),
			query("exitcode", "exit codes of the jobs, ! excludes", "8021"), query("site", "where the jobs failed", "T2_*"),
			query("state", "state of the jobs; all but success if left out", "*"), query("sort", "keys of ErrorSummary, - is descending; -Jobs if left out", "-Workflows"),
			query("fields", "keys that are wanted; ExitCode is always there", "Jobs"), query("read", "read of the source to page in; the newest if left out", "")}},
		"/status": {params: sums(), answers: listOf[schema.StatusSummary]()},
		"/find": {params: page, body: reflect.TypeFor[findBody](), example: `{"selector":{"Status":"completed"},"limit":5}`,
			answers: also[findAnswer](wire.MediaJSON, listOf[schema.Workflow]())},
		"/stats": {filters: true, answers: linesToo(oneOf[wire.Stats]()), params: []openapi.Param{
			query("by", "one or two fields to group by, or Age, the time in the status in bands; one group of all if left out", "Status"), query("sum", "whole numbers to add up", "Failure")}},
		"/facet/:name": {filters: true, answers: linesToo(oneOf[wire.FacetPage]()), params: []openapi.Param{
			query("prefix", "beginning of the values, in any case of letters", "a"), query("limit", "how many values", "5")}},
		"/attention": {params: []openapi.Param{query("rule", "these rules; all if left out", "failed")}, answers: oneOf[wire.Attention]()},
		"/changes": {filters: true, without: []string{"gen", "minAge", "maxAge"}, answers: map[string]reflect.Type{wire.MediaJSON: reflect.TypeFor[wire.Change](), mediaEvents: nil}, params: []openapi.Param{
			query("since", "generation that is known; also as Last-Event-ID", "g1f2e3-1834"),
			{Name: "feed", Doc: "at once, when there is news, or as a stream", Example: "normal", Schema: map[string]any{"type": "string", "enum": feeds}},
			query("timeout", "longest wait of a long poll", ""), query("include", "records: the records of Workflows", "records")}},
		"/pulse":      {answers: oneOf[wire.Pulse]()},
		"/quarantine": {params: append([]openapi.Param{query("fields", "keys that are wanted; ID is always there", "Reason")}, page...), answers: listOf[Quarantined]()},
		"/history": {params: []openapi.Param{
			{Name: "by", Doc: "workflows by status, or jobs by state", Example: "status", Schema: map[string]any{"type": "string", "enum": []string{"status", "state"}}},
			query("campaign", "of one campaign that is followed, or of several (campaign=a&campaign=b), or * for all that are; overall if left out", "Run3Summer00"),
			query("site", "the same by site", "T1_US_FNAL"),
			query("name", "statuses or states that are wanted; those that count something if left out", "running-open"),
			{Name: "points", Doc: "points of a line at most, at even distances, the newest among them; all if left out", Example: "24", Schema: map[string]any{"type": "integer", "minimum": 1, "maximum": timeline.MostPoints}},
			query("since", "points from then on: RFC 3339, a date, Unix seconds, or a duration such as 2d before now", "7d"),
			query("fields", "keys that are wanted; Time is always there", "Count"), format, save}, answers: listOf[schema.TimelinePoint]()},
		"/problems":       {answers: texts()},
		"/problems/:name": {answers: also[string](mediaHTML, texts())},
		"/openapi.json":   {answers: map[string]reflect.Type{wire.MediaJSON: reflect.TypeFor[map[string]any]()}},
		"/version":        {answers: oneOf[Build]()},
		"/about":          {answers: oneOf[wire.About]()},
		"/livez":          {answers: texts()},
		"/healthz":        {answers: texts()},
		"/readyz":         {params: []openapi.Param{query("verbose", "what is checked", "1")}, answers: texts()},
		"/metrics":        {answers: texts()},
		"/sites":          {words: wire.Groups[schema.Site](), params: read, answers: listOf[schema.Site]()},
		"/campaign":       {words: wire.Groups[schema.Campaign](), answers: listOf[schema.Campaign]()},
		"/release":        {words: wire.Groups[schema.Release](), answers: listOf[schema.Release]()},
		"/agent":          {words: wire.Groups[schema.Agent](), params: read, answers: listOf[schema.Agent]()},
		"/sites/:name":    group(oneOf[siteAnswer]()),
		"/campaign/:name": group(oneOf[campaignAnswer]()),
		"/release/:name":  group(oneOf[releaseAnswer]()),
		"/agent/:name":    group(oneOf[agentAnswer]()),
	}
}

// operations describe all routes. A route without a shape is described too, by
// its path alone: a test finds it.
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
