package pages

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/uiserver/query/filterbar"
	"github.com/dmwm/wmstats/web"
)

const selectionPath = "/selection"

// Bounds of the page of a selection; the exports have no bound.
const (
	mostNames = 5000
	mostLinks = 300
)

// selection gives the names of all workflows that a query finds, or of those
// that were ticked (name=), in the forms that people paste elsewhere.
func (p *Pages) selection(c echo.Context) error {
	q, notes := p.parseList(c.Request())
	asked := q.top().Query
	asked.Limit, asked.Fields = mostNames, []string{"Workflow"}
	var list cacheclient.List
	state, err := p.load(c.Request().Context(), func(ctx context.Context) (err error) {
		list, err = p.Client.Fetch(ctx, asked)
		return err
	})
	if err != nil {
		return p.fail(c, workflowsPath, state, err)
	}
	names := make([]string, len(list.Items))
	for i, w := range list.Items {
		names[i] = w.Workflow
	}
	asJSON, err := json.MarshalIndent(names, "", " ")
	if err != nil {
		return p.fail(c, workflowsPath, state, err)
	}
	page := web.SelectionPage{
		Frame: p.frame(workflowsPath, "Selection", state, list.Meta), Notes: notes,
		Total: int64(list.Total), Shown: int64(len(names)), Line: filterbar.Format(q.Query), List: q.top().address(workflowsPath),
		Names: strings.Join(names, "\n"), JSON: string(asJSON),
		Export: exportLinks(c.Request(), q), NamesOnly: namesOnly(q),
	}
	watch(&page.Frame, q.Query)
	for _, w := range list.Items[:min(len(list.Items), mostLinks)] {
		for _, link := range links(p.Links[:min(len(p.Links), 1)], w) {
			page.System = link.Text
			page.Links = append(page.Links, web.Link{Text: w.Workflow, Href: link.Href})
		}
	}
	return p.render(c, statusFor(notes), web.Selection(page))
}

// namesOnly is the export of the names alone.
func namesOnly(q listQuery) string {
	api := q.top().Query
	api.Format, api.All, api.Download, api.Fields = wire.CSV, true, true, []string{"Workflow"}
	return APIPrefix + "/fetch?" + api.Values().Encode()
}
