package pages

import (
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// workflow is the page of one workflow. Samples of failing jobs and log entries,
// which CouchDB has to be read for, are requested only if the address says so;
// their errors affect only their own section.
func (p *Pages) workflow(c echo.Context) error {
	named, err := name(c)
	if err != nil {
		return p.notFound(c)
	}
	u := c.Request().URL
	jobs, notes := query.ReadJobs(u)
	show, unknown := shown(c.QueryParams()[query.ShowParam])
	notes = append(append(notes, unknown...), tasksNote(c.QueryParam(web.TasksParam))...)
	notes = append(notes, query.OnlyParams(u, web.TasksParam, query.ExitParam, query.SiteParam, query.StateParam, query.ShowParam)...)

	r := p.begin(c)
	answer := r.Workflow(named)
	samples, logs := &load.Answer[[]schema.JobSample]{}, &load.Answer[[]schema.LogEntry]{}
	if slices.Contains(show, query.ShowJobs) {
		samples = r.Apart().Samples(named, jobs.Failing())
	}
	if slices.Contains(show, query.ShowLogs) {
		logs = r.Apart().Logs(named)
	}
	state, err := r.Wait()
	if shown, failed := p.strayOf(c, named, notes, state, err); shown {
		return failed
	}
	if err != nil {
		return p.fail(c, web.WorkflowsPath, state, err, func(page *web.ProblemPage) {
			page.Systems = systemLinks(p.Links, schema.Workflow{Workflow: named})
		})
	}
	detail, missing := answer.Value.Detail, answer.Value.Missing
	path := web.WorkflowPath(detail.Workflow.Workflow)
	raw := web.APIPrefix + "/fetch" + strings.TrimPrefix(path, web.WorkflowsPath)
	if missing != nil {
		c.Response().Header().Set("Refresh", retryDown)
		missing.Again = web.WorkflowPath(named)
		raw = web.APIPrefix + "/fetch?" + wire.Query{Names: []string{named}}.Values().Encode()
	}
	page := web.WorkflowPage{
		Frame:    p.frame(web.WorkflowsPath, detail.Workflow.Workflow, state, answer.Meta),
		Notes:    notes,
		Pin:      p.pinButton(web.PinWorkflow, detail.Workflow.Workflow, stateOfWorkflow(&detail.Workflow)),
		Chosen:   jobs.Label(),
		Unchosen: path + "#errors",
		Links:    systemLinks(p.Links, detail.Workflow),
		Raw:      raw,
		Curl:     query.Curl(origin(c.Request()) + raw),
		Tasks:    taskChoice(c.QueryParam(web.TasksParam)),
		Branches: web.Branches(detail.TaskTotals),
		Missing:  missing,
		SiteMap:  sitesOf(detail.SiteTotals),
	}
	watch(&page.Frame, wire.Query{Names: []string{detail.Workflow.Workflow}})
	if len(detail.Errors) > 0 {
		p.addCodes(c, &page, named, jobs)
	}
	detail.Errors = jobs.Pick(detail.Errors)
	page.Detail = detail
	load := func(part, anchor string) string {
		return jobs.Showing(detail.Workflow.Workflow, anchor, slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(show), part))))...)
	}
	page.Samples = samplesOf(samples, slices.Contains(show, query.ShowJobs), load(query.ShowJobs, "#samples"))
	page.Logs = logsOf(logs, slices.Contains(show, query.ShowLogs), load(query.ShowLogs, "#logs"))
	return p.render(c, status(notes), web.Workflow(page))
}

// shown returns the values of show=, with notes on unknown values.
func shown(values []string) (show []string, notes []web.Note) {
	for _, value := range strings.Split(strings.Join(values, ","), ",") {
		switch value {
		case "":
		case query.ShowJobs, query.ShowLogs:
			show = append(show, value)
		default:
			notes = append(notes, query.NotOneOf(query.ShowParam, value, query.ShowJobs, query.ShowLogs))
		}
	}
	return show, notes
}

// taskChoice returns the choice that tasks= names, that of tasks with jobs for an
// unknown one.
func taskChoice(given string) web.TaskChoice {
	switch choice := web.TaskChoice(given); choice {
	case web.TasksFailing, web.AllTasks:
		return choice
	}
	return web.TasksWithJobs
}

// tasksNote returns a note on an unknown value of tasks=.
func tasksNote(given string) []web.Note {
	if given == "" || taskChoice(given) != web.TasksWithJobs {
		return nil
	}
	return []web.Note{query.NotOneOf(web.TasksParam, given, string(web.TasksFailing), string(web.AllTasks))}
}

// addCodes adds the failing jobs by exit code, and by exit code and site. The
// cache server computes both. Few workflows have any, so they are requested only then.
func (p *Pages) addCodes(c echo.Context, page *web.WorkflowPage, workflow string, jobs query.Jobs) {
	r := p.more(c)
	byCode := r.JobErrors(workflow, jobs.Failing(), query.ExitParam)
	byCell := r.JobErrors(workflow, jobs.Failing(), query.ExitParam, query.SiteParam)
	if _, err := r.Wait(); err != nil {
		p.Loader.LeftOut("failing jobs by exit code", err)
	}
	var codes []int64
	var all int64
	for _, e := range byCode.Value {
		all += e.Count
	}
	for _, e := range byCode.Value {
		row := web.CodeRow{ExitCode: e.ExitCode, Count: e.Count, Retries: e.Retries, Share: schema.Percent(float64(e.Count), float64(all)), Href: jobs.With(e.ExitCode, "").Samples(workflow)}
		if e.ExitCode != -1 {
			info, _ := schema.ExitCodeOf(e.ExitCode)
			row.Meaning, row.Area = info.Meaning, info.Area
		}
		page.Codes = append(page.Codes, row)
		if len(codes) < mapColumns {
			codes = append(codes, e.ExitCode)
		}
	}
	var sites []string
	var cells []failedJobs
	for _, e := range byCell.Value { // most jobs first
		if slices.Contains(codes, e.ExitCode) && len(sites) < mapRows && !slices.Contains(sites, e.Site) {
			sites = append(sites, e.Site)
		}
		cells = append(cells, failedJobs{e.ExitCode, e.Site, e.Count, jobs.With(e.ExitCode, e.Site).Samples(workflow)})
	}
	page.CodeMap = codeMap(codes, func(int64) string { return "" }, sites, web.JobSitePath, cells)
}

func sitesOf(totals []schema.WorkflowSite) web.Heat {
	sites := make([]siteCounts, len(totals))
	for i, s := range totals {
		sites[i] = siteCounts{s.Site, s.Counters}
	}
	return siteMap(sites, mapRows, nil)
}

func samplesOf(a *load.Answer[[]schema.JobSample], loaded bool, again string) web.Samples {
	return web.Samples{
		Load: again, Loaded: loaded, Jobs: a.Value, Total: int64(a.Meta.Total), Read: unix(a.Meta.ReadTime),
		Missing: load.MissingPart("samples of failing jobs", again, a.Err),
	}
}

func logsOf(a *load.Answer[[]schema.LogEntry], loaded bool, again string) web.Logs {
	return web.Logs{Load: again, Loaded: loaded, Entries: a.Value, Read: unix(a.Meta.ReadTime), Missing: load.MissingPart("log entries", again, a.Err)}
}
