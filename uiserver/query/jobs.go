package query

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// Parameters that filter failing jobs, named as in the API.
const (
	ExitParam  = "exitcode"
	SiteParam  = "site"
	StateParam = "state"
)

// jobParams are these parameters with their titles.
var jobParams = []struct{ name, title string }{{ExitParam, "exit code"}, {SiteParam, "site"}, {StateParam, "state"}}

// Parameters of the page of a workflow: the parts to read from CouchDB.
const (
	ShowParam = "show"
	ShowJobs  = "jobs"
	ShowLogs  = "logs"
)

// Jobs is a filter of failing jobs by exit code, site and state. The zero value
// matches all.
type Jobs struct {
	params       url.Values // as given, without invalid values
	codes        wire.Numbers
	sites, state wire.Texts
}

// ReadJobs parses the parameters that filter jobs.
func ReadJobs(u *url.URL) (j Jobs, notes []web.Note) {
	j.params = url.Values{}
	values := u.Query()
	for _, param := range jobParams {
		given := slices.DeleteFunc(values[param.name], func(v string) bool { return v == "" })
		if len(given) == 0 {
			continue
		}
		var err error
		switch param.name {
		case ExitParam:
			j.codes, err = wire.ReadNumbers(param.name, given)
		case SiteParam:
			j.sites, err = wire.ReadTexts(param.name, given)
		default:
			j.state, err = wire.ReadTexts(param.name, given)
		}
		if err != nil {
			notes = append(notes, bad(problemOf(err).Detail+leftOut))
			continue
		}
		j.params.Set(param.name, strings.Join(given, ","))
	}
	return j, notes
}

// Get returns a parameter as given, "" for none.
func (j Jobs) Get(param string) string { return j.params.Get(param) }

// Pick returns the groups of jobs that match.
func (j Jobs) Pick(all []schema.JobError) []schema.JobError {
	if len(j.params) == 0 {
		return all
	}
	out := []schema.JobError{}
	for _, e := range all {
		if j.codes.Match(e.ExitCode) && j.sites.Match(e.Site) && j.state.Match(e.State) {
			out = append(out, e)
		}
	}
	return out
}

// Label describes the filter: "exit code 8021, site T1_US_FNAL".
func (j Jobs) Label() string {
	var parts []string
	for _, param := range jobParams {
		if value := j.Get(param.name); value != "" {
			parts = append(parts, param.title+" "+wire.Shorten(value))
		}
	}
	return strings.Join(parts, ", ")
}

// Failing returns the parameters of the API for the jobs. Jobs that succeeded in
// the end are excluded, unless the filter asks for them.
func (j Jobs) Failing() url.Values {
	v := maps.Clone(j.params)
	if !v.Has(StateParam) {
		v.Set(StateParam, "!"+schema.StateSuccess)
	}
	return v
}

// With limits the filter to one exit code, and to one site unless it is "".
func (j Jobs) With(code int64, site string) Jobs {
	j.params = maps.Clone(j.params)
	j.params.Set(ExitParam, strconv.FormatInt(code, 10))
	if site != "" {
		j.params.Set(SiteParam, Text(site))
	}
	return j
}

// Samples returns the address of the page of a workflow with samples of the jobs.
func (j Jobs) Samples(workflow string) string { return j.Showing(workflow, "#errors", ShowJobs) }

// Showing returns the address of the page of a workflow, at an anchor, with parts
// read from CouchDB.
func (j Jobs) Showing(workflow, anchor string, parts ...string) string {
	v := maps.Clone(j.params)
	v.Set(ShowParam, strings.Join(parts, ","))
	return web.WorkflowPath(workflow) + "?" + v.Encode() + anchor
}

// With rows=all a heat map has all sites.
const (
	RowsParam = "rows"
	AllRows   = "all"
)

// Errors is the query of the page of failing jobs.
type Errors struct {
	Workflows List // filter of workflows
	Jobs      Jobs // filter of their jobs
	All       bool // all sites in the map
}

// ReadErrors parses the address of the page of failing jobs.
func (l *Lists) ReadErrors(u *url.URL) (q Errors, notes []web.Note) {
	var more []web.Note
	q.Jobs, notes = ReadJobs(u)
	q.All = u.Query().Get(RowsParam) == AllRows
	q.Workflows, more = l.Read(u, ExitParam, SiteParam, StateParam, RowsParam)
	q.Workflows.Sort, q.Workflows.Idx, q.Workflows.Gen, q.Workflows.Cols = nil, 0, "", nil
	return q, append(notes, more...)
}

// ErrorsOf returns the query for the failing jobs of workflows under some terms.
func ErrorsOf(terms []wire.Term) Errors {
	return Errors{Workflows: List{Query: wire.Query{Terms: terms}}, Jobs: Jobs{params: url.Values{}}}
}

// WorkflowParams returns the parameters that filter workflows.
func (q Errors) WorkflowParams() url.Values { return Conditions(q.Workflows.Query).Values() }

// Params returns all parameters of the API.
func (q Errors) Params() url.Values {
	v := q.WorkflowParams()
	maps.Copy(v, q.Jobs.params)
	return v
}

// With returns the address of the page with more conditions; pairs are parameters
// and their values.
func (q Errors) With(pairs ...string) string {
	v := q.Params()
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return web.ErrorsPath + "?" + v.Encode()
}

// Failed returns the query for the workflows with failed jobs as agents count them,
// most first. ok is false under a filter of jobs: agents do not count by exit code
// or state.
func (q Errors) Failed(limit int) (failed wire.Query, ok bool) {
	failed = Conditions(q.Workflows.Query)
	failed.Terms = append(slices.Clone(failed.Terms), wire.Term{Field: "Failure", Op: wire.Has})
	failed.Sort = []wire.SortKey{{Field: "Failure", Desc: true}}
	failed.Limit, failed.Fields = limit, []string{"Workflow", "Failure", "FailureRate"}
	return failed, len(q.Jobs.params) == 0
}

// WithAll returns the address of the page with all sites in its heat map.
func (q Errors) WithAll() string { return q.With(RowsParam, AllRows) }

// Chips returns links that remove one condition each.
func (q Errors) Chips() []web.Link {
	var out []web.Link
	for _, param := range jobParams {
		if value := q.Jobs.Get(param.name); value != "" {
			v := q.Params()
			v.Del(param.name)
			out = append(out, web.Link{Text: param.name + " " + wire.Shorten(value), Href: web.ErrorsPath + "?" + v.Encode()})
		}
	}
	for _, c := range q.Workflows.Split() {
		rest := q
		rest.Workflows = c.Rest
		out = append(out, web.Link{Text: "workflows with " + c.Label + " " + wire.Shorten(c.Value), Href: rest.With()})
	}
	return out
}
