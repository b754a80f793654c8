package pages

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// rollupColumns returns the columns of the tables of campaigns and releases.
func rollupColumns(kind string) []query.GroupColumn {
	return []query.GroupColumn{
		{Key: kind, Label: strings.ToLower(kind)},
		{Key: "Workflows", Label: "workflows", Doc: "workflows that have it as their main one, + those that have it in a step only", Numeric: true},
		{Key: "RunningWorkflows", Label: "by status", Doc: "workflows by status group; sorts by running workflows"},
		{Key: "TotalJobs", Label: "jobs", Doc: "jobs by state; sorts by their number"},
		{Key: "JobProgress", Label: "jobs done", Doc: "share of created jobs that finished", Numeric: true},
		{Key: "EventProgress", Label: "events", Doc: "share of requested events done", Numeric: true},
		{Key: "LumiProgress", Label: "lumis", Doc: "share of requested lumi sections done", Numeric: true},
		{Key: "Failure", Label: "failed", Doc: "jobs that failed for good", Numeric: true},
		{Key: "FailureRate", Label: "failure rate", Doc: "share of finished jobs that failed", Numeric: true},
		{Key: "Cooloff", Label: "cool-off", Doc: "jobs waiting to be retried", Numeric: true},
		{Key: "OldestStatusTime", Label: "longest in status", Doc: "longest time of a workflow in its current status", Numeric: true, Time: true},
		{Key: "MaxPriority", Label: "highest priority", Doc: "highest priority of its workflows", Numeric: true},
	}
}

// lineColumn is the column of sparklines; it does not sort.
var lineColumn = query.GroupColumn{Label: "running, over time", Doc: "running jobs over up to 24 hours; each line is scaled from its lowest to its highest count, or to 5 %; its title has its span"}

// groupsPage fills the props that the tables of campaigns, releases and sites share.
// rows are the records of the page under q; all is the number without a filter.
func groupsPage[T any](p *Pages, section, kind string, columns []query.GroupColumn, q query.Groups, notes []web.Note, state load.State, rows *load.Answer[[]T], all int) web.GroupsPage {
	lower := strings.ToLower(kind)
	return web.GroupsPage{
		Frame: p.frame(section, kind+"s", state, rows.Meta), Notes: notes, Heading: kind + "s", Kind: lower,
		Filter: q.Text, Total: int64(all), Heads: q.Heads(columns), Pager: q.Pager(lower+"s", len(rows.Value), rows.Meta.Total),
		Hidden: query.Hidden(q.Params(), "q", "idx"), JSON: section + ".json",
	}
}

// rollups serves the table of campaigns or releases. more starts further requests
// of the same round.
func rollups[T any](p *Pages, c echo.Context, section, kind string, columns []query.GroupColumn,
	request func(load.Round, wire.Query) *load.Answer[[]T], row func(T) web.RollupRow, more ...func(load.Round),
) error {
	q, notes := query.ReadGroups(c.Request().URL, columns, query.Groups{Sort: "Workflows", Desc: true})
	r := p.begin(c)
	rows := request(r, q.Query())
	all := rows
	if q.Text != "" {
		all = request(r, wire.Query{Fields: []string{kind}, Limit: 1}) // for the total number
	}
	for _, one := range more {
		one(r)
	}
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, section, state, err)
	}
	page := groupsPage(p, section, kind, columns, q, notes, state, rows, all.Meta.Total)
	page.Unknown = p.nameHints(c, "/"+strings.ToLower(kind), q, rows.Meta.Total, nil)
	for _, record := range rows.Value {
		page.Rollups = append(page.Rollups, row(record))
	}
	return p.render(c, status(notes), web.Groups(page))
}

// rollupRow returns the row of one campaign or release.
func rollupRow(field, name string, path func(string) string, r schema.Rollup, c schema.Counters) web.RollupRow {
	return web.RollupRow{Name: name, Href: path(name), List: query.WorkflowsOf(field, name), Rollup: r, Counters: c}
}
