package pages

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// mostFound is how many of a kind the palette names.
const mostFound = 6

// kinds are the values of workflows that have pages of their own, and are too
// many to be read as a whole.
var kinds = []struct {
	field, title string
	path         func(string) string
}{
	{"Campaign", "Campaigns", web.CampaignPath}, {"Release", "Releases", web.ReleasePath},
}

// palette is the page that the dialog of Ctrl-K shows: what q may mean.
func (p *Pages) palette(c echo.Context) error {
	text := strings.TrimSpace(c.QueryParam("q"))
	found := make([]web.PaletteGroup, len(kinds)+3)
	var calls []call
	if text != "" {
		calls = append(calls, func(ctx context.Context) (err error) {
			found[0], err = p.findWorkflows(ctx, text)
			return err
		}, func(ctx context.Context) (err error) {
			found[1], err = p.findSites(ctx, text)
			return err
		}, func(ctx context.Context) (err error) {
			found[2], err = p.findAgents(ctx, text)
			return err
		})
		for i, kind := range kinds {
			calls = append(calls, func(ctx context.Context) (err error) {
				group := web.PaletteGroup{Title: kind.title}
				values, err := p.findValues(ctx, kind.field, text)
				for _, v := range values {
					group.Lines = append(group.Lines, web.PaletteLine{Text: v.Value, Href: kind.path(v.Value), Note: web.Plural(int64(v.Count), "workflow", "workflows")})
				}
				found[i+3] = group
				return err
			})
		}
	}
	state, err := p.load(c.Request().Context(), calls...)
	page := web.PalettePage{Frame: p.frame("", "Go to", state, noMeta), Notes: onlyParams(c.Request(), "q"), Text: text}
	if err != nil {
		p.Log.Debug("the palette lacks names", "err", err)
		page.Notes = append(page.Notes, web.Note{Text: "The cache server does not answer: only pages and views are found."})
	}
	page.Groups = append(page.Groups, web.PalettePages(text), p.findViews(text))
	page.Groups = append(page.Groups, found...)
	return p.render(c, statusFor(page.Notes), web.Palette(page))
}

func (p *Pages) findViews(text string) web.PaletteGroup {
	group := web.PaletteGroup{Title: "Views"}
	for _, v := range p.views {
		if web.Holds(v.name, text) {
			group.Lines = append(group.Lines, web.PaletteLine{Text: v.name, Href: v.query.address(workflowsPath)})
		}
	}
	return group
}

// findWorkflows names those that begin with the text first, then those that
// have it anywhere in name, PrepID or datasets.
func (p *Pages) findWorkflows(ctx context.Context, text string) (web.PaletteGroup, error) {
	group := web.PaletteGroup{Title: "Workflows"}
	asked := []wire.Query{
		{Terms: only("Workflow", strings.ReplaceAll(text, "*", "")+"*")}, {Text: text},
	}
	var total int
	for _, q := range asked {
		q.Fields, q.Limit = []string{"Workflow", "Status"}, mostFound
		list, err := p.Client.Fetch(ctx, q)
		if err != nil {
			return group, err
		}
		total = list.Total
		for _, w := range list.Items {
			if len(group.Lines) < mostFound && !slices.ContainsFunc(group.Lines, func(l web.PaletteLine) bool { return l.Text == w.Workflow }) {
				group.Lines = append(group.Lines, workflowLine(w))
			}
		}
	}
	if total > len(group.Lines) {
		group.Lines = append(group.Lines, web.PaletteLine{
			Text: "all " + web.Int(int64(total)) + " with this text", Href: filtered(wire.Query{Text: text}),
		})
	}
	return group, nil
}

func workflowLine(w schema.Workflow) web.PaletteLine {
	return web.PaletteLine{Text: w.Workflow, Href: web.WorkflowPath(w.Workflow), Note: w.Status}
}

// findValues are the values of a field that have the text in them, those that
// begin with it first. Of a field with more values than an answer holds only
// those are looked for that begin with it.
func (p *Pages) findValues(ctx context.Context, field, text string) ([]wire.FacetValue, error) {
	page, _, err := p.Client.Facet(ctx, wire.Query{}, field, "", wire.MaxFacet)
	if err == nil && page.Distinct > len(page.Values) {
		page, _, err = p.Client.Facet(ctx, wire.Query{}, field, text, mostFound)
	}
	if err != nil {
		return nil, err
	}
	return holding(page.Values, text, func(v wire.FacetValue) string { return v.Value }), nil
}

// holding are the first things that have the text in their name: those that
// begin with it before the others.
func holding[T any](all []T, text string, name func(T) string) []T {
	var first, rest []T
	for _, v := range all {
		switch {
		case strings.HasPrefix(strings.ToLower(name(v)), strings.ToLower(text)):
			first = append(first, v)
		case web.Holds(name(v), text):
			rest = append(rest, v)
		}
	}
	found := slices.Concat(first, rest)
	return found[:min(len(found), mostFound)]
}

// findSites and findAgents look in the lists of all of them: one without a
// workflow is found too.
func (p *Pages) findSites(ctx context.Context, text string) (web.PaletteGroup, error) {
	group := web.PaletteGroup{Title: "Sites"}
	all, _, err := p.Client.Sites(ctx)
	for _, s := range holding(all, text, func(s schema.Site) string { return s.Site }) {
		group.Lines = append(group.Lines, web.PaletteLine{Text: s.Site, Href: web.SitePath(s.Site), Note: web.Plural(s.Workflows, "workflow", "workflows")})
	}
	return group, err
}

func (p *Pages) findAgents(ctx context.Context, text string) (web.PaletteGroup, error) {
	group := web.PaletteGroup{Title: "Agents"}
	all, _, err := p.Client.Agents(ctx)
	for _, a := range holding(all, text, func(a schema.AgentDetail) string { return a.Agent.Agent }) {
		group.Lines = append(group.Lines, web.PaletteLine{Text: a.Agent.Agent, Href: web.AgentPath(a.Agent.Agent), Note: a.Severity})
	}
	return group, err
}

const facetPath = "/facet/"

// mostValues is how many values of a facet its page shows.
const mostValues = 200

// facetValues is the page with all values of a facet of the list: the dialog of
// "more…". prefix= narrows them down.
func (p *Pages) facetValues(c echo.Context) error {
	named, err := name(c)
	if err != nil {
		return p.notFound(c)
	}
	f, err := wire.FieldNamed(facetPath, named)
	if err != nil || f.Type == schema.Int || f.Type == schema.Float {
		near := wire.Near(named, web.FacetNames(facetTitles()), 3)
		state, _ := p.load(c.Request().Context())
		return p.fail(c, workflowsPath, state, wire.NotFound("facet", named, near))
	}
	r := c.Request().Clone(c.Request().Context())
	values := r.URL.Query()
	prefix := values.Get("prefix")
	values.Del("prefix")
	r.URL.RawQuery = values.Encode()
	q, notes := p.parseList(r)
	var answer wire.FacetPage
	state, err := p.load(c.Request().Context(), func(ctx context.Context) (err error) {
		answer, _, err = p.Client.Facet(ctx, q.Query, f.Key, prefix, mostValues)
		return err
	})
	if err != nil {
		return p.fail(c, workflowsPath, state, err)
	}
	page := web.FacetPage{
		Frame: p.frame(workflowsPath, "Values of "+titleOf(f), state, noMeta), Notes: notes,
		Prefix: prefix, Path: facetPath + named, Hidden: hidden(q.top().values()), Back: q.address(workflowsPath),
		Box: web.FacetBox{Title: titleOf(f), Distinct: int64(answer.Distinct), Other: int64(answer.Other), Missing: int64(answer.Missing)},
	}
	page.Box.Values = facetLines(q, f.Key, answer.Values, func(q listQuery) string { return q.address(workflowsPath) })
	status := http.StatusOK
	if len(notes) > 0 {
		status = statusFor(notes)
	}
	return p.render(c, status, web.Facet(page))
}

func facetTitles() []string {
	var names []string
	for _, b := range facetBoxes {
		names = append(names, b.field)
	}
	return names
}

// titleOf is the heading of a field's values.
func titleOf(f schema.Field) string {
	for _, b := range facetBoxes {
		if b.field == f.Key {
			return b.title
		}
	}
	return f.Key
}
