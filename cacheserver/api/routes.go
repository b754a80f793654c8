package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

func (a *API) table() []route {
	table := make([]route, 0, 32)
	table = append(table, []route{
		{"/", "this list", a.showIndex, nil, known},
		{"/fetch", "list of workflows: filters, sort=, fields=, facets=, pages, format=", a.listWorkflows, nil, known},
		{"/fetch/:name", "one workflow with its tasks, sites, agents, outputs and history", a.showWorkflow, nil, known},
		{"/fetch/:name/holds", "what holds one workflow back; not read from the source", a.listHolds, nil, known},
		{"/status", "totals of the workflows by status", a.listStatuses, nil, known},
		{"/find", "workflows that match a Mango selector in the request body", a.findRecords, []string{http.MethodPost, methodQuery}, known},
		{"/stats", "counts and sums by one or two fields: by=a[,b], sum=x,y, and filters", a.showStats, nil, known},
		{"/facet/:name", "values of a field with counts: prefix=, limit= and filters", a.showFacet, nil, known},
		{"/suggest", "for each condition on workflows the counts with and without it, and what may have been meant by values that none has: filters", a.showSuggestions, nil, known},
		{"/attention", "rules that match, with their workflows and agents: rule=", a.showAttention, nil, known},
		{"/stray", "workflows with running or pending jobs although their status allows none, or the lists have no such request", a.listStrays(), nil, known},
		{"/changes", "changes since a generation: since=, feed=normal|longpoll|sse, include=records, and filters", a.listChanges, nil, known},
		{"/pulse", "state of the data: generation, age, source", a.showPulse, nil, known},
		{"/history", "counts over time: by=status|group|state, since=, of all workflows, or of the names in campaign=, site=, release= or agent= (several, or *)", a.listHistory, nil, known},
		{"/history/alerts", "how many workflows came under each rule and left it: since=", a.listAlertChanges, nil, known},
		{"/history/failures", "what gained failed jobs: by=workflow|campaign|site|release|agent, since=, limit=", a.listFailureChanges, nil, known},
		{"/history/sites", "changes of sites' states over 7 days: site=, since=", a.listSiteChanges, nil, known},
		{"/history/agents", "changes of agents' states over 7 days: agent=, since=", a.listAgentChanges, nil, known},
		{"/quarantine", "documents that could not be read", a.listQuarantine, nil, known},
		{"/problems", "all kinds of problems (errors)", a.listProblems, nil, known},
		{"/problems/:name", "what a problem means", a.showProblem, nil, known},
		{"/openapi.json", "this API as OpenAPI 3.1", a.showOpenAPI, nil, known},
		{"/version", "version of this program", a.showVersion, nil, known},
		{"/about", "the program and its recent activity: generations, answers and failures of the source, memory", a.showAbout, nil, known},
		{"/livez", "liveness: the process answers", a.showLive, nil, everyone},
		{"/healthz", "alias of /livez", a.showLive, nil, everyone},
		{"/readyz", "readiness: lists can be served; ?verbose lists the checks", a.showReady, nil, everyone},
	}...)
	switch a.o.Metrics {
	case MetricsElsewhere:
	case MetricsForAll:
		table = append(table, a.metricsRoute(everyone))
	default:
		table = append(table, a.metricsRoute(known))
	}
	table = append(table, a.demandRoutes()...)
	for _, g := range a.groups {
		table = append(table,
			route{g.path, "totals of the workflows by " + g.noun, g.list, nil, known},
			route{"/suggest" + g.path, "the same as /suggest for the list of " + g.noun + "s, with its filters", g.suggest, nil, known},
			route{g.path + "/:name", "totals and workflows of one " + g.noun + ", with all parameters of /fetch", a.showGroup(g), nil, known})
	}
	return table
}

// demandRoutes are the resources that are read on demand.
func (a *API) demandRoutes() []route {
	return []route{
		{"/fetch/:name/errors", "failing jobs of one workflow in groups: by=, task=, state=, exitcode=, site=, agent=", a.listFailingJobsOfWorkflow, nil, known},
		{"/fetch/:name/jobs", "samples of failing jobs of one workflow: task=, state=, exitcode=, site=, agent=, limit=", a.listJobs, nil, known},
		{"/fetch/:name/logs", "log messages of one workflow: type=, reporter=, thread=", a.listLogs, nil, known},
		{"/errors", "failing jobs of all workflows in groups: by=, exitcode=, site=, state=, and the filters of /fetch", a.listFailingJobs, nil, known},
		{"/logs", "log messages about all workflows in groups: type=, reporter=, thread=, sort=, limit=, and the filters of /fetch", a.listAllLogs, nil, known},
	}
}

func (a *API) metricsRoute(admits admission) route {
	return route{"/metrics", "metrics for Prometheus", a.metrics.serve, nil, admits}
}

func (a *API) routes() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = a.unrouted()
	for _, r := range a.table() {
		a.paths = append(a.paths, strings.TrimSuffix(r.path, ":name"))
		handle := a.wrap(r)
		methods := a.wrap(route{path: r.path, handle: showMethods(r), admits: r.admits})
		for _, prefix := range []string{"", versionPrefix} {
			for _, method := range r.allowed() {
				e.Add(method, prefix+r.path, handle)
			}
			e.OPTIONS(prefix+r.path, methods)
		}
	}
	slices.Sort(a.paths)
	return e
}

// showIndex handles GET /.
func (a *API) showIndex(c echo.Context) error {
	var text strings.Builder
	text.WriteString("WMStats cache server\n\n")
	prefix := clientPrefix(c)
	for _, r := range a.table() {
		fmt.Fprintf(&text, "  %-18s %s\n", prefix+strings.Replace(r.path, ":name", "{name}", 1), r.doc)
	}
	text.WriteString("\nEach path also exists under " + prefix + versionPrefix + ".\n")
	return a.sendText(c, http.StatusOK, mediaText, text.String())
}

// MetricsHandler returns a handler of the metrics for a separate listener.
func (a *API) MetricsHandler() http.Handler { return a.metrics.page }
