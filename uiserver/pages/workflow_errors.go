package pages

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// showParam chooses what is read from the source for the page of a workflow:
// jobs, logs.
const (
	showParam = "show"
	showJobs  = "jobs"
	showLogs  = "logs"
)

// shown are the values of show=; one that is not known is named.
func shown(values []string) (show map[string]bool, notes []web.Note) {
	show = map[string]bool{}
	for _, value := range strings.Split(strings.Join(values, ","), ",") {
		switch value {
		case "":
		case showJobs, showLogs:
			show[value] = true
		default:
			notes = append(notes, notOneOf(showParam, value, []string{showJobs, showLogs}))
		}
	}
	return show, notes
}

// jobsOf is what the page of a workflow asks for beside its record.
type jobsOf struct {
	byCode, byCell []schema.JobError
	samples        []schema.JobSample
	samplesMeta    cacheclient.Meta
	samplesErr     error
	logs           []schema.LogEntry
	logsMeta       cacheclient.Meta
	logsErr        error
}

// onDemandCalls are those for what the address asks for. Their errors belong to
// their part of the page, and spoil nothing else.
func (p *Pages) onDemandCalls(workflow string, q chosen, show map[string]bool, a *jobsOf) []call {
	var calls []call
	if show[showJobs] {
		calls = append(calls, func(ctx context.Context) error {
			a.samples, a.samplesMeta, a.samplesErr = p.Client.Jobs(ctx, workflow, q.filters())
			return nil
		})
	}
	if show[showLogs] {
		calls = append(calls, func(ctx context.Context) error {
			a.logs, a.logsMeta, a.logsErr = p.Client.Logs(ctx, workflow)
			return nil
		})
	}
	return calls
}

// groups adds the failing jobs up, which the cache server does: by exit code,
// and by exit code and site. Few workflows have any, so it is asked only then.
func (p *Pages) groups(ctx context.Context, workflow string, q chosen, a *jobsOf) {
	var group errgroup.Group
	for _, one := range []struct {
		by   []string
		list *[]schema.JobError
	}{{[]string{exitParam}, &a.byCode}, {[]string{exitParam, siteParam}, &a.byCell}} {
		group.Go(func() (err error) {
			*one.list, _, err = p.Client.JobErrors(ctx, workflow, q.filters(), one.by)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		p.Log.Warn("a part of a page is left out", "part", "failing jobs by exit code", "err", err)
	}
}

// fillJobs puts the answers into the page.
func fillJobs(page *web.WorkflowPage, path string, q chosen, show map[string]bool, a *jobsOf) {
	at := func(name string) string {
		more := maps.Clone(show)
		more[name] = true
		v := maps.Clone(q.params)
		v.Set(showParam, strings.Join(slices.Sorted(maps.Keys(more)), ","))
		return path + "?" + v.Encode()
	}
	page.Samples = web.Samples{
		Load: at(showJobs) + "#samples", Loaded: show[showJobs], Jobs: a.samples, Total: int64(a.samplesMeta.Total), Read: unix(a.samplesMeta),
		Missing: missingPart("samples of failing jobs", at(showJobs)+"#samples", a.samplesErr),
	}
	page.Logs = web.Logs{
		Load: at(showLogs) + "#logs", Loaded: show[showLogs], Entries: a.logs, Read: unix(a.logsMeta),
		Missing: missingPart("log entries", at(showLogs)+"#logs", a.logsErr),
	}
	for _, e := range a.byCode {
		v := q.with(e.ExitCode, "")
		v.Set(showParam, showJobs)
		row := web.CodeRow{ExitCode: e.ExitCode, Count: e.Count, Href: path + "?" + v.Encode() + "#errors"}
		if e.ExitCode != -1 {
			info, _ := schema.ExitCodeOf(e.ExitCode)
			row.Meaning, row.Area = info.Meaning, info.Area
		}
		page.Codes = append(page.Codes, row)
	}
	page.CodeMap = codeMap(path, q, a)
	page.SiteMap = siteMap("jobs by site and state", web.SitePath, page.Detail.SiteTotals, mapRows,
		func(s schema.WorkflowSite) (string, schema.Counters) { return s.Site, s.Counters }, nil)
}

// missingPart is missingOf with a text for errors of any other kind too.
func missingPart(what, again string, err error) *web.Missing {
	if err == nil {
		return nil
	}
	if m := missingOf(what, again, err); m != nil {
		return m
	}
	return &web.Missing{Title: "The " + what + " could not be had.", Text: problemFor(err).Detail, Again: again}
}

func unix(m cacheclient.Meta) int64 {
	if m.ReadTime.IsZero() {
		return 0
	}
	return m.ReadTime.Unix()
}

// codeMap has the sites and exit codes with most jobs; each cell leads to
// samples of its jobs.
func codeMap(path string, q chosen, a *jobsOf) web.Heat {
	heat := web.Heat{Title: "failed jobs by site and exit code", Row: "site"}
	columns, rows := map[int64]int{}, map[string]int{}
	for i, e := range a.byCode[:min(len(a.byCode), mapColumns)] {
		info, _ := schema.ExitCodeOf(e.ExitCode)
		columns[e.ExitCode] = i
		heat.Columns = append(heat.Columns, web.HeatHead{Name: web.ExitCode(e.ExitCode), Title: info.Meaning})
	}
	for _, e := range a.byCell { // most jobs first
		column, known := columns[e.ExitCode]
		if !known {
			continue
		}
		row, there := rows[e.Site]
		if !there {
			if row = len(rows); row == mapRows {
				continue
			}
			rows[e.Site] = row
			heat.Rows = append(heat.Rows, web.HeatHead{Name: e.Site, Href: web.SitePath(e.Site)})
			heat.Cells = append(heat.Cells, make([]web.HeatCell, len(heat.Columns)))
		}
		v := q.with(e.ExitCode, e.Site)
		v.Set(showParam, showJobs)
		heat.Cells[row][column] = web.HeatCell{Count: e.Count, Href: path + "?" + v.Encode() + "#errors"}
	}
	return heat
}

// siteMap has the jobs of sites by state: those with most failures, up to most
// rows (all of them with 0), with all states of jobs that any of them has.
func siteMap[T any](title string, path func(string) string, records []T, most int, of func(T) (string, schema.Counters), list func(site, field string) string) web.Heat {
	type site struct {
		name  string
		parts []web.Part
		bad   int64
	}
	var sites []site
	for _, r := range records {
		name, counters := of(r)
		sites = append(sites, site{name, web.JobParts(counters), counters.Failure})
	}
	slices.SortStableFunc(sites, func(a, b site) int { return cmp.Or(cmp.Compare(b.bad, a.bad), strings.Compare(a.name, b.name)) })
	if most > 0 {
		sites = sites[:min(len(sites), most)]
	}
	heat := web.Heat{Title: title, Row: "site", Apart: true}
	var used []int
	for i, part := range slices.Backward(web.JobParts(schema.Counters{})) { // trouble first
		if slices.ContainsFunc(sites, func(s site) bool { return s.parts[i].Count > 0 }) {
			used = append(used, i)
			heat.Columns = append(heat.Columns, web.HeatHead{Name: part.Label})
		}
	}
	if len(used) == 0 {
		return web.Heat{Title: title, Row: "site"}
	}
	for _, s := range sites {
		heat.Rows = append(heat.Rows, web.HeatHead{Name: s.name, Href: path(s.name)})
		cells := make([]web.HeatCell, len(used))
		for at, i := range used {
			cells[at].Count = s.parts[i].Count
			if list != nil {
				cells[at].Href = list(s.name, jobFields[s.parts[i].Label])
			}
		}
		heat.Cells = append(heat.Cells, cells)
	}
	return heat
}

// filters are the parameters of the API for the jobs that are chosen: those
// that succeeded in the end are not failing, unless they are asked for.
func (c chosen) filters() url.Values {
	v := maps.Clone(c.params)
	if !v.Has(stateParam) {
		v.Set(stateParam, "!"+schema.StateSuccess)
	}
	return v
}

// with chooses fewer jobs; a site of "" leaves the choice of sites as it is.
func (c chosen) with(code int64, site string) url.Values {
	v := maps.Clone(c.params)
	v.Set(exitParam, strconv.FormatInt(code, 10))
	if site != "" {
		v.Set(siteParam, exactText(site))
	}
	return v
}
