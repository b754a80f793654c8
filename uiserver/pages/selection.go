package pages

import (
	"encoding/json"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// Limits of the page Selected workflows; the exports have none.
const (
	mostNames = 5000
	mostLinks = 300
)

// selection is the page with the names of all workflows that match a query, or of
// the ticked ones (name=), in forms to paste elsewhere.
func (p *Pages) selection(c echo.Context) error {
	q, notes := p.lists.Read(c.Request().URL)
	asked := q.Top().Query
	asked.Limit, asked.Fields = mostNames, []string{"Workflow"}
	r := p.begin(c)
	list := r.List(asked)
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, web.WorkflowsPath, state, err)
	}
	items := list.Value.Items
	names := make([]string, len(items))
	for i, w := range items {
		names[i] = w.Workflow
	}
	asJSON, err := json.MarshalIndent(names, "", " ")
	if err != nil {
		return p.fail(c, web.WorkflowsPath, state, err)
	}
	page := web.SelectionPage{
		Frame: p.frame(web.WorkflowsPath, "Selection", state, list.Meta), Notes: notes,
		Total: int64(list.Value.Total), Shown: int64(len(names)), Line: query.Line(q.Query), List: q.Top().Address(web.WorkflowsPath),
		Names: strings.Join(names, "\n"), JSON: string(asJSON),
		Export: q.Export(origin(c.Request())), NamesOnly: q.NamesOnly(),
	}
	watch(&page.Frame, q.Query)
	for _, w := range items[:min(len(items), mostLinks)] {
		for _, link := range systemLinks(p.Links[:min(len(p.Links), 1)], w) {
			page.System = link.Text
			page.Links = append(page.Links, web.Link{Text: w.Workflow, Href: link.Href})
		}
	}
	return p.render(c, status(notes), web.Selection(page))
}
