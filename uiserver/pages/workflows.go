package pages

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

const workflowsPath = "/workflows"

// facetBoxes are the facets of the list, in the order of the page.
var facetBoxes = []struct{ field, title string }{
	{"Status", "Status"}, {"Type", "Type"}, {"Alerts", "Alert"}, {"Campaign", "Campaign"},
	{"Sites", "Site"}, {"Agents", "Agent"}, {"Release", "Release"}, {"Team", "Team"},
}

// inputs of the filter form; all other parameters are carried along.
var inputs = []struct {
	name, label, placeholder string
	wide                     bool
}{
	{"q", "text in name, PrepID, dataset", "such as Summer20", true},
	{"status", "status", "running-open,acquired", false},
	{"type", "type", "TaskChain", false},
	{"campaign", "campaign", "Run3*", false},
	{"release", "release", "CMSSW_14_*", false},
	{"site", "site", "T2_US_* or !T1_*", false},
	{"agent", "agent", "vocms*", false},
	{"team", "team", "production", false},
	{"minPriority", "priority from", "90000", false},
	{"maxPriority", "priority to", "", false},
	{"minFailure", "failed jobs from", "1", false},
	{"minFailureRate", "failure rate from %", "10", false},
	{"minAge", "in status for at least", "2d", false},
}

// workflows is the list of workflows.
func (p *Pages) workflows(c echo.Context) error {
	if line, before, ok := barLine(c.Request()); ok {
		return p.ask(c, line, before)
	}
	r := c.Request()
	if tidy, changed := tidyAddress(r.URL); changed {
		return c.Redirect(http.StatusSeeOther, tidy)
	}
	q, notes := p.parseList(r)
	return p.showList(c, q, notes, web.Bar{})
}

// showList makes the list of a query. line is what the filter bar shows when
// it is not the query's own conditions.
func (p *Pages) showList(c echo.Context, q listQuery, notes []web.Note, line web.Bar) error {
	r := c.Request()
	asked := q.Query
	for _, box := range facetBoxes {
		asked.Facets = append(asked.Facets, wire.Facet{Field: box.field})
	}
	asked.Fields = p.fields(q, "PrepID") // exact looks at it
	var list cacheclient.List
	fetch := func(ctx context.Context) (err error) {
		list, err = p.Client.Fetch(ctx, asked)
		return err
	}
	var sums, ages wire.Stats
	calls := []call{fetch, func(ctx context.Context) (err error) {
		sums, _, err = p.Client.Stats(ctx, asked, nil, jobSums)
		return p.optional("sums of the list", err)
	}, func(ctx context.Context) (err error) {
		ages, _, err = p.Client.Stats(ctx, ageless(asked), []string{wire.AgeField}, nil)
		return p.optional("time in status", err)
	}}
	state, err := p.load(r.Context(), calls...)
	if problem := cacheclient.ProblemIn(err); problem != nil && problem.Slug() == wire.SlugGenerationExpired {
		notes = append(notes, web.Note{Text: "Generation " + q.Gen + " is no longer kept; this is the newest."})
		q.Gen, asked.Gen = "", ""
		state, err = p.load(r.Context(), calls...)
	}
	if err != nil {
		return p.fail(c, workflowsPath, state, err)
	}
	if only, ok := exact(q, list); ok && len(line.Mistakes) == 0 {
		return c.Redirect(http.StatusSeeOther, web.WorkflowPath(only))
	}
	if list.Total > 0 && q.Idx >= list.Total && len(line.Mistakes) == 0 {
		q.Idx = (list.Total - 1) / q.Limit * q.Limit
		return c.Redirect(http.StatusSeeOther, q.address(workflowsPath))
	}
	status := http.StatusOK
	if len(line.Mistakes) > 0 || slices.ContainsFunc(notes, func(n web.Note) bool { return n.Bad }) {
		status = http.StatusBadRequest
	}
	page := p.workflowsPage(r, q, notes, list, state)
	for _, g := range sums.Groups {
		page.Jobs = plainParts(g)
	}
	page.Facets = withAges(page.Facets, q, ages)
	if len(line.Mistakes) > 0 {
		page.Bar = line
	}
	return p.render(c, status, web.Workflows(page))
}

func (p *Pages) workflowsPage(r *http.Request, q listQuery, notes []web.Note, list cacheclient.List, state pulse) web.WorkflowsPage {
	page := web.WorkflowsPage{
		Frame:  p.frame(workflowsPath, "Workflows", state, list.Meta),
		Bar:    bar(q),
		Views:  p.viewChoices(q),
		Form:   filterForm(q, list),
		Active: activeFilters(q),
		Clear:  q.bare().here(),
		Facets: facets(q, list),
		List:   p.list(q, "Workflows", list.Generation, list.Idx, list.Total, list.Items),
		All:    allWorkflows(state),
		Sets:   setChoices(q),
		Choose: q.columnsAddress(),
		Export: exportLinks(r, q),
	}
	page.Notes = slices.Concat(notes, pinNote(q, state))
	fresh := q
	fresh.Gen = ""
	page.Data.Newest = fresh.here()
	watch(&page.Frame, q.Query)
	if list.Total == 0 {
		page.Hints = p.hints(r.Context(), q)
	}
	return page
}

// allWorkflows is the number of workflows without any filter; 0 if not known.
func allWorkflows(state pulse) int64 {
	if state.err != nil {
		return 0
	}
	return state.info.Workflows
}

// pinNote says that the pages stay on an older generation.
func pinNote(q listQuery, state pulse) []web.Note {
	if q.Gen == "" || state.err != nil || state.info.Generation == "" || q.Gen == state.info.Generation {
		return nil
	}
	return []web.Note{{
		Text:  "These pages stay on generation " + q.Gen + ", so that nothing shifts while you read.",
		Links: []web.Link{{Text: "Go to the newest", Href: q.top().here()}},
	}}
}

// tidyAddress is the address without empty parameters, which browsers send for
// every empty input of a form, and with the columns of a form in one.
func tidyAddress(u *url.URL) (tidy string, changed bool) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", false // the page says so
	}
	kept := dropEmpty(values)
	for name, all := range values {
		changed = changed || len(kept[name]) != len(all)
	}
	if cols := kept[colsParam]; len(cols) > 1 {
		kept.Set(colsParam, strings.Join(cols, ","))
		changed = true
	}
	if !changed {
		return "", false
	}
	if query := kept.Encode(); query != "" {
		return u.EscapedPath() + "?" + query, true
	}
	return u.EscapedPath(), true
}

// exact reports whether the text that was looked for is the name or the PrepID
// of the only workflow that was found: then its page is what is wanted.
func exact(q listQuery, list cacheclient.List) (name string, ok bool) {
	if q.Text == "" || len(q.Terms)+len(q.Names) > 0 || list.Total != 1 || len(list.Items) != 1 {
		return "", false
	}
	w := list.Items[0]
	return w.Workflow, q.Text == w.Workflow || q.Text == w.PrepID
}

func filterForm(q listQuery, list cacheclient.List) web.FilterForm {
	now := q.top().values()
	var form web.FilterForm
	var names []string
	for _, in := range inputs {
		input := web.Input{Name: in.name, Label: in.label, Placeholder: in.placeholder, Wide: in.wide, Value: now.Get(in.name)}
		switch in.name {
		case "status":
			for _, s := range schema.Statuses() {
				if s.Active {
					input.Options = append(input.Options, s.Status)
				}
			}
			for _, v := range list.Facets["Status"].Values { // Tier-0 has others
				if !slices.Contains(input.Options, v.Value) {
					input.Options = append(input.Options, v.Value)
				}
			}
		case "type":
			for _, v := range list.Facets["Type"].Values {
				input.Options = append(input.Options, v.Value)
			}
		}
		form.Inputs = append(form.Inputs, input)
		names = append(names, in.name)
	}
	form.Hidden = hidden(now, names...)
	return form
}

func facets(q listQuery, list cacheclient.List) []web.FacetBox {
	var boxes []web.FacetBox
	more := q.top().values().Encode()
	for _, b := range facetBoxes {
		result, ok := list.Facets[b.field]
		if !ok {
			continue
		}
		box := web.FacetBox{
			Title: b.title, Distinct: int64(result.Distinct), Other: int64(result.Other), Missing: int64(result.Missing),
			Values: facetLines(q, b.field, result.Values, listQuery.here),
		}
		if result.Other > 0 {
			box.More = facetPath + strings.ToLower(b.field) + "?" + more
		}
		boxes = append(boxes, box)
	}
	return boxes
}

// facetLines are values with the links that want them or don't. at writes the
// address of a query.
func facetLines(q listQuery, field string, values []wire.FacetValue, at func(listQuery) string) []web.FacetLine {
	var lines []web.FacetLine
	for _, v := range values {
		if v.Value == "" {
			continue // counted as missing
		}
		lines = append(lines, web.FacetLine{
			Value: v.Value, Count: int64(v.Count),
			Toggle: at(q.toggle(field, wire.In, v.Value)), Included: has(q.Terms, field, wire.In, v.Value),
			Exclude: at(q.toggle(field, wire.NotIn, v.Value)), Excluded: has(q.Terms, field, wire.NotIn, v.Value),
		})
	}
	return lines
}

// exportLinks are the same list for programs. They don't pin a generation: who
// reads them later wants the workflows of then.
func exportLinks(r *http.Request, q listQuery) web.Export {
	at := func(change func(*wire.Query)) string {
		api := q.top().Query
		change(&api)
		return APIPrefix + "/fetch?" + api.Values().Encode()
	}
	return web.Export{
		JSON:   at(func(a *wire.Query) { a.Envelope, a.Idx = true, q.Idx }),
		NDJSON: at(func(a *wire.Query) { a.Format, a.All = wire.NDJSON, true }),
		CSV:    at(func(a *wire.Query) { a.Format, a.All, a.Download = wire.CSV, true, true }),
		Curl:   "curl -sf --compressed '" + origin(r) + at(func(a *wire.Query) { a.Format, a.All = wire.NDJSON, true }) + "'",
	}
}
