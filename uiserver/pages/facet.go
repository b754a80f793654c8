package pages

import (
	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// mostValues is the number of values shown on the page of a facet.
const mostValues = 200

const prefixParam = "prefix"

// facetValues is the page with all values of a facet of the list, also shown as the
// dialog of "more…". prefix= filters them.
func (p *Pages) facetValues(c echo.Context) error {
	named, err := name(c)
	if err != nil {
		return p.notFound(c)
	}
	r := p.begin(c)
	f, err := wire.FieldNamed(web.FacetPath, named)
	if err != nil || f.Type == schema.Int || f.Type == schema.Float {
		state, _ := r.Wait()
		return p.fail(c, web.WorkflowsPath, state, wire.NotFound("facet", named, wire.Near(named, query.FacetNames(), 3)))
	}
	prefix := c.QueryParam(prefixParam)
	q, notes := p.lists.Read(c.Request().URL, prefixParam)
	answer := r.Facet(q.Query, f.Key, prefix, mostValues)
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, web.WorkflowsPath, state, err)
	}
	title := query.FacetTitle(f)
	return p.render(c, status(notes), web.Facet(web.FacetPage{
		Frame: p.frame(web.WorkflowsPath, "Values of "+title, state, noMeta), Notes: notes,
		Prefix: prefix, Path: web.FacetPath + named, Hidden: query.Hidden(q.Top().Params()), Back: q.Address(web.WorkflowsPath),
		Box: q.FacetBox(title, f.Key, answer.Value.FacetResult, func(q query.List) string { return q.Address(web.WorkflowsPath) }),
	}))
}
