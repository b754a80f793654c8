package pages

import (
	"cmp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// mostFound is the number of results of each kind.
const mostFound = 6

// palette is the page Go to, also shown as the dialog of Ctrl-K: all pages, views and
// names that match q.
func (p *Pages) palette(c echo.Context) error {
	text := strings.TrimSpace(c.QueryParam("q"))
	words := wire.Words(text)
	r := p.begin(c)
	var found func() []web.PaletteGroup
	if len(words) > 0 {
		found = find(r, words)
	}
	state, err := r.Wait()
	page := web.PalettePage{Frame: p.frame("", "Go to", state, noMeta), Notes: query.OnlyParams(c.Request().URL, "q"), Text: text, Words: words}
	if err != nil {
		p.Log.Debug("palette without names", "err", err)
		page.Notes = append(page.Notes, web.Note{Text: "The cache server does not answer, so only pages and views are searched."})
	}
	views := web.PaletteGroup{Title: "Views"}
	for _, v := range p.lists.FindViews(words) {
		views.Lines = append(views.Lines, web.PaletteLine{Text: v.Text, Href: v.Href})
	}
	page.Groups = append(page.Groups, web.PalettePages(words), views)
	if found != nil {
		page.Groups = append(page.Groups, found()...)
	}
	if err == nil && len(words) > 0 && page.Nothing() {
		page.Meant = query.Meant(p.suggestions(c, func(r load.Round) *load.Answer[wire.Suggestions] {
			return r.Suggest(wire.Query{Text: wire.TextOf(words)})
		}))
	}
	return p.render(c, status(page.Notes), web.Palette(page))
}

// find requests workflows, sites, agents, campaigns and releases with the words in
// their names. It returns a function that groups the answers.
func find(r load.Round, words []string) func() []web.PaletteGroup {
	fields := []string{"Workflow", "Status"}
	named := wire.Query{Text: wire.TextOf(words)}
	begins, holds := named, named
	begins.Fields, begins.Limit = fields, mostFound
	begins.Text = wire.TextOf(words[1:])
	begins.Terms = query.Exactly("Workflow", strings.ReplaceAll(words[0], "*", "")+"*")
	holds.Fields, holds.Limit = fields, mostFound
	beginning, holding := r.List(begins), r.List(holds)
	sites, agents, campaigns, releases := r.Sites(named), r.Agents(named), r.Campaigns(named), r.Releases(named)
	return func() []web.PaletteGroup {
		slices.SortStableFunc(campaigns.Value, func(a, b schema.Campaign) int { return cmp.Compare(inList(b.Rollup), inList(a.Rollup)) })
		slices.SortStableFunc(releases.Value, func(a, b schema.Release) int { return cmp.Compare(inList(b.Rollup), inList(a.Rollup)) })
		return []web.PaletteGroup{
			foundWorkflows(named, beginning.Value, holding.Value),
			namesWith("Sites", words[0], sites.Value, func(s schema.Site) web.PaletteLine {
				return workflowsLine(s.Site, web.SitePath(s.Site), s.Workflows)
			}),
			namesWith("Agents", words[0], agents.Value, func(a schema.Agent) web.PaletteLine {
				return web.PaletteLine{Text: a.Agent, Href: web.AgentPath(a.Agent), Note: a.Severity}
			}),
			namesWith("Campaigns", words[0], campaigns.Value, func(c schema.Campaign) web.PaletteLine {
				return workflowsLine(c.Campaign, web.CampaignPath(c.Campaign), inList(c.Rollup))
			}),
			namesWith("Releases", words[0], releases.Value, func(l schema.Release) web.PaletteLine {
				return workflowsLine(l.Release, web.ReleasePath(l.Release), inList(l.Rollup))
			}),
		}
	}
}

// foundWorkflows lists workflows whose name begins with the first word, then those
// with the words anywhere in name, PrepIDs or datasets.
func foundWorkflows(named wire.Query, begins, holds load.Workflows) web.PaletteGroup {
	out := web.PaletteGroup{Title: "Workflows"}
	for _, w := range slices.Concat(begins.Items, holds.Items) {
		if len(out.Lines) < mostFound && !slices.ContainsFunc(out.Lines, func(l web.PaletteLine) bool { return l.Text == w.Workflow }) {
			out.Lines = append(out.Lines, web.PaletteLine{Text: w.Workflow, Href: web.WorkflowPath(w.Workflow), Note: w.Status})
		}
	}
	if words := wire.Words(named.Text); len(out.Lines) == 0 && len(words) == 1 && schema.IsWholeRequestName(words[0]) {
		out.Lines = append(out.Lines, web.PaletteLine{Text: words[0], Href: web.WorkflowPath(words[0]), Note: "not in the lists: look in CouchDB"})
	}
	if holds.Total > len(out.Lines) {
		out.Lines = append(out.Lines, web.PaletteLine{
			Text: "all " + web.Int(int64(holds.Total)) + " with this text", Href: query.Of(named),
		})
	}
	return out
}

// inList is the number of workflows in the list of a campaign or release.
func inList(r schema.Rollup) int64 { return r.Workflows + r.StepWorkflows }

func workflowsLine(name, path string, count int64) web.PaletteLine {
	return web.PaletteLine{Text: name, Href: path, Note: web.Plural(count, "workflow", "workflows")}
}

// namesWith returns the first results of one kind, those whose name begins with the
// text before the others.
func namesWith[T any](title, text string, all []T, line func(T) web.PaletteLine) web.PaletteGroup {
	var first, rest []web.PaletteLine
	for _, v := range all {
		if l := line(v); strings.HasPrefix(strings.ToLower(l.Text), strings.ToLower(text)) {
			first = append(first, l)
		} else {
			rest = append(rest, l)
		}
	}
	found := slices.Concat(first, rest)
	return web.PaletteGroup{Title: title, Lines: found[:min(len(found), mostFound)]}
}
