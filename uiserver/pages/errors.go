package pages

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// Largest sizes of the tables on the page.
const (
	errorCodes     = 30
	errorWorkflows = 50
	mostCells      = wire.MaxLimit
)

type errorRows = load.Answer[wire.Envelope[schema.ErrorSummary]]

// failing are the answers shown on the page.
type failing struct {
	codes                           *load.Answer[wire.ErrorsEnvelope]
	sites, workflows, states, cells *errorRows
	ranked                          *load.Answer[load.Workflows] // nil under a filter of jobs
	worst                           *load.Answer[[]schema.Site]  // nil under any filter
}

// errors is the page of failing jobs.
func (p *Pages) errors(c echo.Context) error {
	q, notes := p.lists.ReadErrors(c.Request().URL)
	filters := q.Params()
	lean := maps.Clone(filters)
	lean.Set("fields", "Site,Jobs")
	r := p.begin(c)
	a := failing{
		codes:     r.FailingJobsReported(filters, []string{query.ExitParam}, errorCodes),
		sites:     r.FailingJobs(filters, []string{query.SiteParam}, mostCells),
		workflows: r.FailingJobs(filters, []string{"workflow"}, errorWorkflows),
		states:    r.FailingJobs(filters, []string{query.StateParam}, mostCells),
		cells:     r.FailingJobs(lean, []string{query.ExitParam, query.SiteParam}, mostCells),
	}
	failed, whole := q.Failed(errorWorkflows)
	if whole {
		a.ranked = r.List(failed)
	}
	if len(filters) == 0 {
		a.worst = r.Sites(wire.Query{
			Terms: []wire.Term{{Field: "Failure", Op: wire.Has}}, Sort: []wire.SortKey{{Field: "Failure", Desc: true}},
			Fields: []string{"Site", "Success", "Failure", "FailureRate"}, Limit: errorCodes,
		})
	}
	state, err := r.Wait()
	missing := load.MissingOf("failing jobs", q.With(), err)
	if err != nil && (missing == nil || state.Is == web.Loading || state.Is == web.Down) {
		return p.fail(c, web.ErrorsPath, state, err)
	}
	page := web.ErrorsPage{
		Frame: p.frame(web.ErrorsPath, "Errors", state, a.codes.Meta), Notes: notes, Missing: missing, JSON: web.APIPrefix + q.With(),
		Filter: web.ErrorsFilter{
			ExitCode: q.Jobs.Get(query.ExitParam), Site: q.Jobs.Get(query.SiteParam), State: q.Jobs.Get(query.StateParam),
			Hidden: query.Hidden(q.WorkflowParams()), Chips: q.Chips(),
		},
	}
	watch(&page.Frame, q.Workflows.Query)
	if missing != nil {
		if missing.Again != "" {
			c.Response().Header().Set("Refresh", retryDown)
		}
		return p.render(c, statusOfMissing(err), web.Errors(page))
	}
	if whole {
		page.Ranked, page.RankedAll = a.ranked.Value.Items, int64(a.ranked.Value.Total)
		failed.Limit, failed.Fields = 0, nil
		page.RankedAt = query.Of(failed)
	}
	page.Stale, page.Read = a.codes.Meta.StaleReason, unix(a.codes.Meta.ReadTime)
	fillErrors(&page, q, &a)
	return p.render(c, status(notes), web.Errors(page))
}

// fillErrors fills the tables and the heat map from the answers.
func fillErrors(page *web.ErrorsPage, q query.Errors, a *failing) {
	codes, sites, workflows := a.codes.Value, a.sites.Value, a.workflows.Value
	page.CodeCount, page.SiteCount, page.Affected = int64(codes.Total), int64(sites.Total), int64(workflows.Total)
	page.Reports = codes.FailureReports
	for _, e := range a.states.Value.Items {
		page.States = append(page.States, web.ErrorRow{ErrorSummary: e, Href: q.With(query.StateParam, query.Text(e.State))})
	}
	for _, e := range codes.Items {
		page.Codes = append(page.Codes, web.ErrorRow{ErrorSummary: e, Href: withCode(q, e.ExitCode)})
	}
	for _, e := range sites.Items[:min(len(sites.Items), errorCodes)] {
		page.Sites = append(page.Sites, web.ErrorRow{ErrorSummary: e, Href: withSite(q, e.Site)})
	}
	if a.worst != nil {
		page.Worst = worstOf(q, a.worst.Value, sites.Items)
	}
	var names []string
	for _, e := range workflows.Items {
		names = append(names, e.Workflow)
		page.Workflows = append(page.Workflows, web.ErrorRow{ErrorSummary: e, Href: q.Jobs.Samples(e.Workflow)})
	}
	if len(names) > 0 && workflows.Total <= errorWorkflows {
		page.List = query.Of(wire.Query{Names: names})
	}
	page.Map = errorMap(q, a)
	if !q.All && len(sites.Items) > mapRows {
		page.More = q.WithAll()
	}
	page.MapNote = mapNote(page.Map, a)
}

// worstOf returns the sites where most jobs failed, as agents count them, with their
// job reports.
func worstOf(q query.Errors, worst []schema.Site, reports []schema.ErrorSummary) []web.WorstSite {
	out := []web.WorstSite{}
	for _, s := range worst {
		row := web.WorstSite{SiteFailures: schema.SiteFailures{Site: s.Site, Success: s.Success, Failure: s.Failure, FailureRate: s.FailureRate}, Href: withSite(q, s.Site)}
		if i := slices.IndexFunc(reports, func(e schema.ErrorSummary) bool { return e.Site == s.Site }); i >= 0 {
			row.Reports, row.ExitCodes, row.Retries = reports[i].Jobs, reports[i].ExitCodes, reports[i].Retries
		}
		out = append(out, row)
	}
	return out
}

func withCode(q query.Errors, code int64) string {
	return q.With(query.ExitParam, strconv.FormatInt(code, 10))
}

func withSite(q query.Errors, site string) string { return q.With(query.SiteParam, query.Text(site)) }

// errorMap returns the heat map of the sites and exit codes with the most jobs.
func errorMap(q query.Errors, a *failing) web.Heat {
	var codes []int64
	for _, e := range a.codes.Value.Items[:min(len(a.codes.Value.Items), mapColumns)] {
		codes = append(codes, e.ExitCode)
	}
	var sites []string
	for _, e := range a.sites.Value.Items {
		sites = append(sites, e.Site)
	}
	if !q.All {
		sites = sites[:min(len(sites), mapRows)]
	}
	var cells []failedJobs
	for _, e := range a.cells.Value.Items {
		if slices.Contains(codes, e.ExitCode) {
			href := q.With(query.ExitParam, strconv.FormatInt(e.ExitCode, 10), query.SiteParam, query.Text(e.Site)) + "#workflows-h"
			cells = append(cells, failedJobs{e.ExitCode, e.Site, e.Jobs, href})
		}
	}
	return codeMap(codes, func(code int64) string { return withCode(q, code) }, sites, func(site string) string { return withSite(q, site) }, cells)
}

// mapNote describes what the heat map leaves out.
func mapNote(heat web.Heat, a *failing) string {
	var parts []string
	for _, part := range []struct {
		shown, all int
		what       string
	}{
		{len(heat.Columns), a.codes.Value.Total, "exit codes"}, {len(heat.Rows), a.sites.Value.Total, "sites"},
		{len(a.cells.Value.Items), a.cells.Value.Total, "pairs"},
	} {
		if part.shown < part.all {
			parts = append(parts, fmt.Sprintf("the %d %s with the most jobs, of %d", part.shown, part.what, part.all))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "The map shows " + strings.Join(parts, "; ") + "."
}
