package pages

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

const errorsPath = "/errors"

// Parameters of the page that pick jobs; all others pick workflows, as in a
// list. They are those of the API, but for rows.
const (
	exitParam  = "exitcode"
	siteParam  = "site"
	stateParam = "state"
	rowsParam  = "rows" // all: the map has all sites
)

var jobParams = []string{exitParam, siteParam, stateParam}

// How much of a list the page shows.
const (
	errorCodes     = 30
	errorWorkflows = 50
	mapColumns     = 12
	mapRows        = 30
	mostCells      = wire.MaxLimit
)

// errorsQuery is what the page is about.
type errorsQuery struct {
	listQuery            // which workflows
	jobs      url.Values // which of their jobs
	all       bool       // all sites in the map
}

// parseErrors reads the address; what can't be used is named and left out.
func (p *Pages) parseErrors(r *http.Request) (q errorsQuery, notes []web.Note) {
	values, _ := url.ParseQuery(r.URL.RawQuery) // parseList says what is not well encoded
	q.jobs = url.Values{}
	for _, name := range jobParams {
		given := slices.DeleteFunc(slices.Clone(values[name]), func(v string) bool { return v == "" })
		values.Del(name)
		if len(given) == 0 {
			continue
		}
		var err error
		if name == exitParam {
			_, err = wire.ReadNumbers(name, given)
		} else {
			_, err = wire.ReadTexts(name, given)
		}
		if err != nil {
			notes = append(notes, web.Note{Bad: true, Text: problemFor(err).Detail + " It was left out."})
			continue
		}
		q.jobs.Set(name, strings.Join(given, ","))
	}
	q.all = values.Get(rowsParam) == "all"
	values.Del(rowsParam)
	rest := r.Clone(r.Context())
	rest.URL.RawQuery = values.Encode()
	var more []web.Note
	q.listQuery, more = p.parseList(rest)
	q.Sort, q.Idx, q.Gen, q.Cols = nil, 0, "", nil
	return q, append(notes, more...)
}

// workflowTerms are the parameters that pick workflows.
func (q errorsQuery) workflowTerms() url.Values {
	return wire.Query{Terms: q.Terms, Text: q.Text, Names: q.Names}.Values()
}

// filters are all parameters of the API.
func (q errorsQuery) filters() url.Values {
	v := q.workflowTerms()
	maps.Copy(v, q.jobs)
	return v
}

// with is the page about fewer jobs: those with a value more.
func (q errorsQuery) with(pairs ...string) string {
	v := q.filters()
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return errorsPath + "?" + v.Encode()
}

// exactText writes a text as the value of a filter.
func exactText(text string) string {
	return wire.Query{Terms: only("Campaign", text)}.Values().Get("campaign")
}

// failing are the answers that the page is made of.
type failing struct {
	codes, sites, workflows, states, cells     []schema.ErrorSummary
	codeCount, siteCount, workflowCount, total int
	meta                                       cacheclient.Meta
	reports                                    wire.Reports
}

func (p *Pages) failingCalls(q errorsQuery, a *failing) []call {
	filters := q.filters()
	read := func(by []string, limit int, fields string, list *[]schema.ErrorSummary, total *int) call {
		return func(ctx context.Context) error {
			v := maps.Clone(filters)
			if fields != "" {
				v.Set("fields", fields)
			}
			if len(by) == 1 && by[0] == exitParam {
				answer, meta, err := p.Client.FailingJobs(ctx, v, by, limit)
				*list, *total, a.meta, a.reports = answer.Items, max(meta.Total, len(answer.Items)), meta, answer.Reports
				return err
			}
			records, meta, err := p.Client.Errors(ctx, v, by, limit)
			*list, *total = records, max(meta.Total, len(records))
			return err
		}
	}
	var states int
	return []call{
		read([]string{exitParam}, errorCodes, "", &a.codes, &a.codeCount),
		read([]string{siteParam}, mostCells, "", &a.sites, &a.siteCount),
		read([]string{"workflow"}, errorWorkflows, "", &a.workflows, &a.workflowCount),
		read([]string{stateParam}, mostCells, "", &a.states, &states),
		read([]string{exitParam, siteParam}, mostCells, "Site,Jobs", &a.cells, &a.total),
	}
}

// errors is the page of the failing jobs of all workflows.
func (p *Pages) errors(c echo.Context) error {
	q, notes := p.parseErrors(c.Request())
	var a failing
	state, err := p.load(c.Request().Context(), p.failingCalls(q, &a)...)
	here := q.with()
	missing := missingOf("failing jobs", here, err)
	if err != nil && (missing == nil || p.state(state) == web.Loading || p.state(state) == web.Down) {
		return p.fail(c, errorsPath, state, err)
	}
	page := web.ErrorsPage{
		Frame: p.frame(errorsPath, "Errors", state, a.meta), Notes: notes, Missing: missing, Filter: errorsFilter(q),
		JSON: APIPrefix + q.with(),
	}
	watch(&page.Frame, wire.Query{Terms: q.Terms, Text: q.Text, Names: q.Names})
	if missing != nil {
		if missing.Again != "" {
			c.Response().Header().Set("Refresh", retryDown)
		}
		return p.render(c, statusOfMissing(err), web.Errors(page))
	}
	page.Stale = a.meta.StaleReason
	if !a.meta.ReadTime.IsZero() {
		page.Read = a.meta.ReadTime.Unix()
	}
	fillErrors(&page, q, &a)
	return p.render(c, statusFor(notes), web.Errors(page))
}

// fillErrors turns the answers into tables and the map.
func fillErrors(page *web.ErrorsPage, q errorsQuery, a *failing) {
	page.CodeCount, page.SiteCount, page.Affected = int64(a.codeCount), int64(a.siteCount), int64(a.workflowCount)
	for _, e := range a.states {
		page.States = append(page.States, web.ErrorRow{ErrorSummary: e, Href: q.with(stateParam, exactText(e.State))})
	}
	for _, e := range a.codes {
		page.Codes = append(page.Codes, web.ErrorRow{ErrorSummary: e, Href: q.with(exitParam, strconv.FormatInt(e.ExitCode, 10))})
	}
	for _, e := range a.sites[:min(len(a.sites), errorCodes)] {
		page.Sites = append(page.Sites, web.ErrorRow{ErrorSummary: e, Href: q.with(siteParam, exactText(e.Site))})
	}
	jobs := maps.Clone(q.jobs)
	jobs.Set(showParam, showJobs)
	var names []string
	for _, e := range a.workflows {
		names = append(names, e.Workflow)
		page.Workflows = append(page.Workflows, web.ErrorRow{ErrorSummary: e, Href: web.WorkflowPath(e.Workflow) + "?" + jobs.Encode() + "#errors"})
	}
	if len(names) > 0 && a.workflowCount <= errorWorkflows {
		page.List = filtered(wire.Query{Names: names})
	}
	page.Reports = a.reports
	page.Map = errorMap(q, a)
	if !q.all && len(a.sites) > mapRows {
		page.More = q.with(rowsParam, "all")
	}
	page.MapNote = mapNote(page.Map, a)
}

// errorMap has the sites and the exit codes with most jobs.
func errorMap(q errorsQuery, a *failing) web.Heat {
	heat := web.Heat{Title: "failed jobs by site and exit code", Row: "site"}
	columns, rows := map[int64]int{}, map[string]int{}
	for i, e := range a.codes[:min(len(a.codes), mapColumns)] {
		columns[e.ExitCode] = i
		code := strconv.FormatInt(e.ExitCode, 10)
		heat.Columns = append(heat.Columns, web.HeatHead{Name: web.ExitCode(e.ExitCode), Title: e.Meaning, Href: q.with(exitParam, code)})
	}
	shown := a.sites
	if !q.all {
		shown = shown[:min(len(shown), mapRows)]
	}
	for i, e := range shown {
		rows[e.Site] = i
		heat.Rows = append(heat.Rows, web.HeatHead{Name: e.Site, Href: q.with(siteParam, exactText(e.Site))})
		heat.Cells = append(heat.Cells, make([]web.HeatCell, len(heat.Columns)))
	}
	for _, e := range a.cells {
		column, known := columns[e.ExitCode]
		row, there := rows[e.Site]
		if known && there {
			heat.Cells[row][column] = web.HeatCell{
				Count: e.Jobs, Href: q.with(exitParam, strconv.FormatInt(e.ExitCode, 10), siteParam, exactText(e.Site)) + "#workflows-h",
			}
		}
	}
	return heat
}

// mapNote says what the map leaves out.
func mapNote(heat web.Heat, a *failing) string {
	var parts []string
	if len(heat.Columns) < a.codeCount {
		parts = append(parts, fmt.Sprintf("the %d exit codes with most jobs, of %d", len(heat.Columns), a.codeCount))
	}
	if len(heat.Rows) < a.siteCount {
		parts = append(parts, fmt.Sprintf("the %d sites with most jobs, of %d", len(heat.Rows), a.siteCount))
	}
	if len(a.cells) < a.total {
		parts = append(parts, fmt.Sprintf("the %d pairs with most jobs, of %d", len(a.cells), a.total))
	}
	if len(parts) == 0 {
		return ""
	}
	return "Shown are " + strings.Join(parts, "; ") + "."
}

// errorsFilter is the form, with chips that drop one condition each.
func errorsFilter(q errorsQuery) web.ErrorsFilter {
	f := web.ErrorsFilter{ExitCode: q.jobs.Get(exitParam), Site: q.jobs.Get(siteParam), State: q.jobs.Get(stateParam), Hidden: hidden(q.workflowTerms())}
	for _, name := range jobParams {
		if value := q.jobs.Get(name); value != "" {
			v := q.filters()
			v.Del(name)
			f.Chips = append(f.Chips, web.Link{Text: name + " " + shorten(value), Href: errorsPath + "?" + v.Encode()})
		}
	}
	for _, c := range conditions(q.listQuery) {
		rest := q
		rest.listQuery = c.rest
		f.Chips = append(f.Chips, web.Link{Text: "workflows with " + c.label + " " + shorten(c.value), Href: rest.with()})
	}
	return f
}

// missingOf says why something that is read on demand is not there: the source
// has none of it, it could not be read, or the first read goes on. nil when the
// error is of another kind, or there is none.
func missingOf(what, again string, err error) *web.Missing {
	problem := cacheclient.ProblemIn(err)
	if problem == nil {
		return nil
	}
	switch problem.Slug() {
	case wire.SlugNotInSource:
		return &web.Missing{Title: "This source has no " + what + ".", Text: problem.Detail}
	case wire.SlugSourceFailed:
		return &web.Missing{Title: "Details not read: the source does not answer.", Text: "The " + what + " could not be read from the source: " + problem.Detail, Again: again}
	case wire.SlugNotReady:
		return &web.Missing{Title: "The " + what + " are being read from the source.", Text: problem.Detail, Again: again}
	}
	return nil
}

// statusOfMissing is that of a page that is whole but for what is missing: only
// what is there in a moment is worth a status of its own.
func statusOfMissing(err error) int {
	if problem := cacheclient.ProblemIn(err); problem != nil && problem.Slug() == wire.SlugNotReady {
		return problem.Status
	}
	return http.StatusOK
}
