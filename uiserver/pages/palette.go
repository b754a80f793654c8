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

// mostFound is how many of a kind the palette names.
const mostFound = 6

// palette is the page that the dialog of Ctrl-K shows: what q may mean.
func (p *Pages) palette(c echo.Context) error {
	text := strings.TrimSpace(c.QueryParam("q"))
	r := p.begin(c)
	var found func() []web.PaletteGroup
	if text != "" {
		found = find(r, text)
	}
	state, err := r.Wait()
	page := web.PalettePage{Frame: p.frame("", "Go to", state, noMeta), Notes: query.OnlyParams(c.Request().URL, "q"), Text: text}
	if err != nil {
		p.Log.Debug("the palette lacks names", "err", err)
		page.Notes = append(page.Notes, web.Note{Text: "The cache server does not answer: only pages and views are found."})
	}
	views := web.PaletteGroup{Title: "Views"}
	for _, v := range p.lists.FindViews(text) {
		views.Lines = append(views.Lines, web.PaletteLine{Text: v.Text, Href: v.Href})
	}
	page.Groups = append(page.Groups, web.PalettePages(text), views)
	if found != nil {
		page.Groups = append(page.Groups, found()...)
	}
	return p.render(c, status(page.Notes), web.Palette(page))
}

// find asks for things of all kinds with the text in their names; what it returns
// makes the groups of the answers. Sites and agents are looked for in the lists of
// all of them: one without a workflow is found too. Campaigns and releases are too
// many to be read as a whole.
func find(r load.Round, text string) func() []web.PaletteGroup {
	fields := []string{"Workflow", "Status"}
	begins := r.List(wire.Query{Terms: query.Exactly("Workflow", strings.ReplaceAll(text, "*", "")+"*"), Fields: fields, Limit: mostFound})
	holds := r.List(wire.Query{Text: text, Fields: fields, Limit: mostFound})
	sites, agents := r.Sites(), r.Agents()
	campaigns, releases := r.Values("Campaign", text, mostFound), r.Values("Release", text, mostFound)
	return func() []web.PaletteGroup {
		return []web.PaletteGroup{
			foundWorkflows(text, begins.Value, holds.Value),
			namesWith("Sites", text, sites.Value, func(s schema.Site) web.PaletteLine {
				return web.PaletteLine{Text: s.Site, Href: web.SitePath(s.Site), Note: web.Plural(s.Workflows, "workflow", "workflows")}
			}),
			namesWith("Agents", text, agents.Value, func(a schema.AgentDetail) web.PaletteLine {
				return web.PaletteLine{Text: a.Agent.Agent, Href: web.AgentPath(a.Agent.Agent), Note: a.Severity}
			}),
			namesWith("Campaigns", text, campaigns.Value, valueLine(web.CampaignPath)),
			namesWith("Releases", text, releases.Value, valueLine(web.ReleasePath)),
		}
	}
}

// foundWorkflows names those that begin with the text first, then those that
// have it anywhere in name, PrepID or datasets.
func foundWorkflows(text string, begins, holds load.Workflows) web.PaletteGroup {
	out := web.PaletteGroup{Title: "Workflows"}
	for _, w := range slices.Concat(begins.Items, holds.Items) {
		if len(out.Lines) < mostFound && !slices.ContainsFunc(out.Lines, func(l web.PaletteLine) bool { return l.Text == w.Workflow }) {
			out.Lines = append(out.Lines, web.PaletteLine{Text: w.Workflow, Href: web.WorkflowPath(w.Workflow), Note: w.Status})
		}
	}
	if holds.Total > len(out.Lines) {
		out.Lines = append(out.Lines, web.PaletteLine{
			Text: "all " + web.Int(int64(holds.Total)) + " with this text", Href: query.Of(wire.Query{Text: text}),
		})
	}
	return out
}

func valueLine(path func(string) string) func(wire.FacetValue) web.PaletteLine {
	return func(v wire.FacetValue) web.PaletteLine {
		return web.PaletteLine{Text: v.Value, Href: path(v.Value), Note: web.Plural(int64(v.Count), "workflow", "workflows")}
	}
}

// namesWith are the first things that have the text in their name: those that begin
// with it before the others.
func namesWith[T any](title, text string, all []T, line func(T) web.PaletteLine) web.PaletteGroup {
	var first, rest []web.PaletteLine
	for _, v := range all {
		switch l := line(v); {
		case strings.HasPrefix(strings.ToLower(l.Text), strings.ToLower(text)):
			first = append(first, l)
		case web.Holds(l.Text, text):
			rest = append(rest, l)
		}
	}
	found := slices.Concat(first, rest)
	return web.PaletteGroup{Title: title, Lines: found[:min(len(found), mostFound)]}
}
