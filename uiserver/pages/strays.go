package pages

import (
	"maps"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

var strayColumns = []query.GroupColumn{
	{Key: "Workflow", Label: "workflow"},
	{Key: "Status", Label: "status", Doc: "status of the request, which allows no jobs"},
	{Key: "Running", Label: "running", Doc: "running jobs", Numeric: true},
	{Key: "Pending", Label: "pending", Doc: "jobs waiting in the batch system", Numeric: true},
	{Label: "agents", Doc: "agents that report them"},
	{Label: "sites", Doc: "sites that have them"},
	{Key: "Since", Label: "seen for", Doc: "time since the cache server first saw them", Numeric: true, Time: true},
	{Key: "UpdateTime", Label: "counts", Doc: "time of the newest counts", Numeric: true, Time: true},
}

// strayFilters are the parameters that choose an agent or a site, and their keys.
var strayFilters = []struct{ param, key string }{{"agent", "Agents"}, {"site", "Sites"}}

// strays is the page of jobs where none should be.
func (p *Pages) strays(c echo.Context) error {
	standard := query.Groups{Sort: "Running", Desc: true, Own: url.Values{}}
	q, notes := query.ReadGroups(c.Request().URL, strayColumns, standard, "agent", "site")
	asked := q.Query()
	for _, f := range strayFilters {
		if name := c.QueryParam(f.param); name != "" {
			asked.Terms = append(asked.Terms, query.Exactly(f.key, name)...)
			q.Own.Set(f.param, name)
		}
	}
	r := p.begin(c)
	rows := r.Strays(asked)
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, web.AttentionPath, state, err)
	}
	api := url.Values{}
	if len(asked.Terms)+len(asked.Text) > 0 {
		api = wire.Groups[schema.StrayWorkflow]().Values(wire.Query{Text: asked.Text, Terms: asked.Terms})
	}
	page := web.StraysPage{
		Frame: p.frame(web.AttentionPath, "Stray jobs", state, rows.Meta), Notes: notes, Filter: q.Text,
		Hidden: query.Hidden(q.Params(), "q", "idx"), Heads: q.Heads(strayColumns), Rows: rows.Value,
		Pager: q.Pager("workflows", len(rows.Value), rows.Meta.Total),
		JSON:  query.At(web.APIPrefix+web.StrayPath, api),
	}
	csv := maps.Clone(api)
	csv.Set("format", string(wire.CSV))
	csv.Set("dl", "1")
	page.CSV = query.At(web.APIPrefix+web.StrayPath, csv)
	for _, f := range strayFilters {
		if name := q.Own.Get(f.param); name != "" {
			without := q
			without.Idx, without.Own = 0, maps.Clone(q.Own)
			without.Own.Del(f.param)
			page.Chips = append(page.Chips, web.Link{Text: f.param + " " + name, Href: web.StrayPath + without.Here()})
		}
	}
	return p.render(c, status(notes), web.Strays(page))
}

// strayOf shows a request that could not be shown, but of which agents report stray
// jobs. It reports whether it has written the page.
func (p *Pages) strayOf(c echo.Context, name string, notes []web.Note, state load.State, err error) (bool, error) {
	problem := wire.ProblemOf(err)
	if problem == nil || problem.Status != http.StatusNotFound && problem.Slug() != wire.SlugSourceFailed {
		return false, nil
	}
	r := p.more(c)
	rows := r.Strays(wire.Query{Terms: query.Exactly("Workflow", name), Limit: 1})
	if _, err := r.Wait(); err != nil || len(rows.Value) == 0 {
		return false, nil //nolint:nilerr // the page of the first error is shown
	}
	asked := problem.Status == http.StatusNotFound
	page := web.StrayPage{
		Frame: p.frame(web.AttentionPath, name, state, rows.Meta), Notes: notes, Stray: rows.Value[0], Asked: asked,
		Systems: systemLinks(p.Links, schema.Workflow{Workflow: name}),
		JSON:    query.At(web.APIPrefix+web.StrayPath, wire.Groups[schema.StrayWorkflow]().Values(wire.Query{Terms: query.Exactly("Workflow", name)})),
	}
	return true, p.render(c, status(notes), web.Stray(page))
}
