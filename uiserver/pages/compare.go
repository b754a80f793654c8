package pages

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// Bounds of what a comparison shows.
const (
	othersShown = 12 // names that are offered
	mostAlerts  = 50 // alerts of one name
)

// comparedKind is a kind of names that can be compared.
type comparedKind struct {
	name    string // also the parameter
	section string // its table
	field   string // of workflows
	path    func(name string) string
	record  func(r load.Round, name string) func() (web.Compared, load.Meta, error)
	names   func(r load.Round, q wire.Query) func() []string
}

// comparedKinds returns all kinds, in the order of the top bar.
func comparedKinds() []comparedKind {
	return []comparedKind{
		{
			"campaign", web.CampaignsPath, "Campaign", web.CampaignPath,
			recordOf(load.Round.Campaign, func(c *web.Compared, record load.HeldCampaign) {
				c.Rollup, c.Counters, c.Held = &record.Rollup, record.Counters, record.Held
			}),
			namesOf("Campaign", load.Round.Campaigns, func(r schema.Campaign) string { return r.Campaign }),
		},
		{
			"site", web.SitesPath, "Sites", web.SitePath,
			recordOf(load.Round.Site, func(c *web.Compared, record schema.SiteDetail) { c.Site, c.Counters = &record, record.Counters }),
			namesOf("Site", load.Round.Sites, func(r schema.Site) string { return r.Site }),
		},
		{
			"release", web.ReleasesPath, "Release", web.ReleasePath,
			recordOf(load.Round.Release, func(c *web.Compared, record schema.Release) { c.Rollup, c.Counters = &record.Rollup, record.Counters }),
			namesOf("Release", load.Round.Releases, func(r schema.Release) string { return r.Release }),
		},
		{
			"agent", web.AgentsPath, "Agents", web.AgentPath,
			recordOf(load.Round.Agent, func(c *web.Compared, record load.DrainedAgent) {
				c.Agent, c.Drain, c.Counters = &record.AgentDetail, record.Drain, record.Counters
			}),
			namesOf("Agent", load.Round.Agents, func(r schema.Agent) string { return r.Agent }),
		},
	}
}

// recordOf returns a function that requests the record of one name, and one that
// returns it after the round.
func recordOf[T any](request groupRequest[T], fill func(*web.Compared, T)) func(load.Round, string) func() (web.Compared, load.Meta, error) {
	return func(r load.Round, name string) func() (web.Compared, load.Meta, error) {
		answer := request(r.Apart(), name, wire.Query{Fields: []string{"Workflow"}, Limit: 1})
		return func() (c web.Compared, _ load.Meta, _ error) {
			c.Name, c.Rate = name, answer.Value.Rate
			if answer.Err == nil {
				fill(&c, answer.Value.Record)
			}
			return c, answer.Meta, answer.Err
		}
	}
}

// namesOf does the same for names, those with most workflows first.
func namesOf[T any](key string, request func(load.Round, wire.Query) *load.Answer[[]T], name func(T) string) func(load.Round, wire.Query) func() []string {
	return func(r load.Round, q wire.Query) func() []string {
		q.Fields, q.Sort = []string{key}, []wire.SortKey{{Field: "Workflows", Desc: true}}
		answer := request(r.Apart(), q)
		return func() (names []string) {
			for _, one := range answer.Value {
				names = append(names, name(one))
			}
			return names
		}
	}
}

// compared is the page that shows two to four campaigns, sites, releases or agents
// side by side, all requested at the same time.
func (p *Pages) compared(c echo.Context) error {
	kinds := comparedKinds()
	kind, names, notes := readCompared(c.Request().URL, kinds)
	if kind == nil {
		return p.nothingCompared(c, kinds, notes)
	}
	if len(names) > web.MostCompared {
		notes = append(notes, web.Note{Bad: true, Text: fmt.Sprintf("A comparison has at most %d %ss, and this address has %d. The first %d are shown.",
			web.MostCompared, kind.name, len(names), web.MostCompared)})
		names = names[:web.MostCompared]
	}
	r := p.begin(c)
	var records []func() (web.Compared, load.Meta, error)
	for _, name := range names {
		records = append(records, p.column(r, kind, name))
	}
	others := func() []string { return nil }
	if len(names) < web.MostCompared {
		others = kind.names(r, wire.Query{Limit: othersShown + len(names)})
	}
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, kind.section, state, err)
	}
	page, meta, code := web.ComparePage{Kind: kind.name}, noMeta, http.StatusOK
	var unknown []unknownName
	var shown []string
	for i, record := range records {
		column, columnMeta, err := record()
		switch problem := wire.ProblemOf(err); {
		case problem != nil && problem.Status == http.StatusNotFound:
			unknown = append(unknown, unknownName{names[i], problem.DidYouMean})
		case err != nil:
			return p.fail(c, kind.section, state, err)
		default:
			meta, shown = columnMeta, append(shown, names[i])
			page.Columns = append(page.Columns, column)
		}
	}
	for i := range page.Columns {
		rest := slices.Delete(slices.Clone(shown), i, i+1)
		page.Columns[i].Without = web.CompareWith(kind.name, rest...)
	}
	if len(unknown) > 0 {
		notes = append(notes, p.unknownNames(c, kind, shown, unknown)...)
		code = http.StatusNotFound
	} else if len(shown) < web.LeastCompared {
		notes = append(notes, web.Note{Text: fmt.Sprintf("A comparison needs at least two %ss: type or choose another.", kind.name)})
	}
	page.Frame, page.Notes = p.frame(kind.section, "Compare "+strings.Join(shown, " and "), state, meta), notes
	page.Tables = []web.Link{{Text: "all " + kind.name + "s", Href: kind.section}}
	page.Data.Newest = web.CompareWith(kind.name, shown...)
	page.Others = otherNames(kind, shown, others())
	return p.render(c, max(code, status(notes)), web.Compare(page))
}

// readCompared reads the kind and the names of an address, each name once. kind is
// nil if none is given.
func readCompared(u *url.URL, kinds []comparedKind) (kind *comparedKind, names []string, notes []web.Note) {
	values := u.Query()
	var params []string
	for i := range kinds {
		params = append(params, kinds[i].name)
		if len(values[kinds[i].name]) == 0 {
			continue
		}
		if kind != nil {
			notes = append(notes, web.Note{Bad: true, Text: "Only names of one kind can be compared: " + kinds[i].name + " was ignored."})
			continue
		}
		kind = &kinds[i]
	}
	notes = append(notes, query.OnlyParams(u, params...)...)
	if kind == nil {
		return nil, nil, notes
	}
	for _, name := range values[kind.name] {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return kind, names, notes
}

// column requests what a column shows.
func (p *Pages) column(r load.Round, kind *comparedKind, name string) func() (web.Compared, load.Meta, error) {
	terms := query.Exactly(kind.field, name)
	record := kind.record(r, name)
	past := r.History("state", url.Values{kind.name: {name}})
	alerts := r.Apart().Facet(wire.Query{Terms: terms}, "Alerts", "", mostAlerts)
	return func() (web.Compared, load.Meta, error) {
		column, meta, err := record()
		column.Href, column.List, column.History = kind.path(name), query.WorkflowsOf(kind.field, name), past
		column.Alerts, column.NoAlerts = alerts.Value.Values, alerts.Err != nil
		column.AlertList = func(alert string) string {
			return query.Of(wire.Query{Terms: append(query.Exactly("Alerts", alert), terms...)})
		}
		return column, meta, err
	}
}

// nothingCompared is the page without names: it leads to the tables.
func (p *Pages) nothingCompared(c echo.Context, kinds []comparedKind, notes []web.Note) error {
	state, err := p.begin(c).Wait()
	if err != nil {
		return p.fail(c, web.ComparePath, state, err)
	}
	page := web.ComparePage{Frame: p.frame("", "Compare", state, noMeta), Notes: notes}
	page.Notes = append(page.Notes, web.Note{Text: "Tick two to four rows of a table, then choose Compare ticked."})
	for _, kind := range kinds {
		page.Tables = append(page.Tables, web.Link{Text: kind.name + "s", Href: kind.section})
	}
	return p.render(c, status(page.Notes), web.Compare(page))
}

// unknownName is a name that does not exist, and those near it.
type unknownName struct {
	name string
	near []string
}

// unknownNames returns a note on each name that does not exist, with near names and
// those that have its words, each as this page with it.
func (p *Pages) unknownNames(c echo.Context, kind *comparedKind, shown []string, unknown []unknownName) (notes []web.Note) {
	const offered = 6
	r := p.more(c)
	var holding []func() []string
	for _, one := range unknown {
		holding = append(holding, kind.names(r, wire.Query{Text: wire.TextOf(wire.Words(one.name)), Limit: offered}))
	}
	_, _ = r.Wait() // errors are apart: then only near names are offered
	for i, one := range unknown {
		note := web.Note{Bad: true, Text: wire.NotFound(kind.name, one.name, nil).Detail}
		for _, name := range append(slices.Clone(one.near), holding[i]()...) {
			link := web.Link{Text: name, Href: web.CompareWith(kind.name, append(slices.Clone(shown), name)...)}
			if !slices.Contains(shown, name) && !slices.Contains(note.Links, link) && len(note.Links) < offered {
				note.Links = append(note.Links, link)
			}
		}
		if len(note.Links) > 0 {
			note.Text += " Did you mean "
		}
		notes = append(notes, note)
	}
	return notes
}

// otherNames are the names with most workflows that are not yet compared.
func otherNames(kind *comparedKind, shown, names []string) (links []web.Link) {
	if len(shown) == web.MostCompared {
		return nil
	}
	for _, name := range names {
		if !slices.Contains(shown, name) && len(links) < othersShown {
			links = append(links, web.Link{Text: name, Href: web.CompareWith(kind.name, append(slices.Clone(shown), name)...)})
		}
	}
	return links
}
