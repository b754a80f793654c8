package pages

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

var siteColumns = []query.GroupColumn{
	{Key: "Site", Label: "site"},
	{Key: "State", Label: "state", Doc: "the worst state that a live agent reports"},
	{Key: "Tier", Label: "tier"},
	{Key: "Country", Label: "country"},
	{Key: "Workflows", Label: "workflows", Doc: "workflows with jobs at the site", Numeric: true},
	{Key: "TotalJobs", Label: "jobs", Doc: "jobs in all states", Numeric: true},
	{Key: "Running", Label: "running", Doc: "running jobs", Numeric: true},
	{Key: "Pending", Label: "pending", Doc: "jobs waiting in the batch system", Numeric: true},
	{Key: "Cooloff", Label: "cool-off", Doc: "jobs waiting to be retried", Numeric: true},
	{Key: "Failure", Label: "failed", Doc: "jobs that failed for good", Numeric: true},
	{Key: "FailureRate", Label: "failure rate", Doc: "share of finished jobs that failed", Numeric: true},
	{Key: "RunningSlots", Label: "slots", Doc: "running slots of the agents for which the site is not draining, down or aborted", Numeric: true},
	lineColumn,
}

// sites is the page with the table of sites below a heat map of their jobs.
func (p *Pages) sites(c echo.Context) error {
	q, notes := query.ReadGroups(c.Request().URL, siteColumns, query.Groups{Sort: "Failure", Desc: true}, query.RowsParam)
	mapped := wire.Query{Fields: append(web.JobKeys(), "Site"), Sort: []wire.SortKey{{Field: "Failure", Desc: true}}, Limit: mapRows}
	whole := c.QueryParam(query.RowsParam) == query.AllRows
	if whole {
		mapped.Limit = 0
	}
	r := p.begin(c)
	rows, most, lines := r.Sites(q.Query()), r.Sites(mapped), r.RowLines("site")
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, web.SitesPath, state, err)
	}
	page := groupsPage(p, web.SitesPath, "Site", siteColumns, q, notes, state, rows, most.Meta.Total)
	page.Unknown = p.nameHints(c, "/sites", q, rows.Meta.Total, nil)
	if !whole && most.Meta.Total > mapRows {
		v := q.Params()
		v.Set(query.RowsParam, query.AllRows)
		page.More = "?" + v.Encode()
	}
	sites := make([]siteCounts, len(most.Value))
	for i, s := range most.Value {
		sites[i] = siteCounts{s.Site, s.Counters}
	}
	page.SiteMap = siteMap(sites, len(sites), func(site, field string) string {
		terms := append(query.Exactly("Sites", site), wire.Term{Field: field, Op: wire.Has})
		return query.Of(wire.Query{Terms: terms, Sort: []wire.SortKey{{Field: field, Desc: true}}})
	})
	for _, s := range rows.Value {
		row := web.SiteRow{Site: s, List: query.WorkflowsOf("Sites", s.Site)}
		row.Line, row.NoLine = lines.Of(s.Site)
		page.Sites = append(page.Sites, row)
	}
	return p.render(c, status(notes), web.Groups(page))
}
