package pages

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// inputs are those of the filter form; other parameters are hidden fields.
var inputs = []struct {
	name, label, placeholder string
	wide                     bool
}{
	{"q", "text in name, PrepID, dataset", "for example Summer20", true},
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

// workflows is the page of workflows.
func (p *Pages) workflows(c echo.Context) error {
	u := c.Request().URL
	line, before, asked := query.CutLine(u)
	if !asked {
		if tidy, changed := query.Tidy(u); changed {
			return redirect(c, http.StatusSeeOther, tidy)
		}
	}
	q, notes := p.lists.Read(before)
	if !asked {
		return p.showList(c, q, notes, nil)
	}
	return p.ask(c, line, q, notes)
}

// ask answers a line of the filter bar. It redirects to the list under its
// conditions, or to the workflow that the line names. If the line is invalid, the
// page shows its mistakes and the previous list.
func (p *Pages) ask(c echo.Context, line string, was query.List, notes []web.Note) error {
	next, mistakes := was.Ask(line)
	if len(mistakes) > 0 {
		bar := was.BarWith(line, mistakes)
		return p.showList(c, was, notes, &bar)
	}
	if name, ok := p.named(c, next.Query); ok {
		return redirect(c, http.StatusSeeOther, web.WorkflowPath(name))
	}
	return redirect(c, http.StatusSeeOther, next.Address(web.WorkflowsPath))
}

// leastName is the shortest text that may be a whole name or PrepID.
const leastName = 8

// named finds the workflow whose name or PrepID equals the text. If the request
// fails, the text is searched like any other.
func (p *Pages) named(c echo.Context, q wire.Query) (string, bool) {
	words := wire.Words(q.Text)
	if len(q.Terms)+len(q.Names) > 0 || len(words) != 1 || len(words[0]) < leastName || strings.ContainsAny(words[0], " *") {
		return "", false
	}
	r := p.more(c).Apart()
	byName := r.List(wire.Query{Names: words, Fields: []string{"Workflow"}, Limit: 1})
	byPrepID := r.List(wire.Query{Terms: query.Exactly("PrepID", words[0]), Fields: []string{"Workflow"}, Limit: 1})
	_, _ = r.Wait() // errors are in the answers
	for _, list := range []load.Workflows{byName.Value, byPrepID.Value} {
		if list.Total == 1 && len(list.Items) == 1 {
			return list.Items[0].Workflow, true
		}
	}
	return "", false
}

// listAnswers are the answers shown on the page of a list.
type listAnswers struct {
	list       *load.Answer[load.Workflows]
	sums, ages *load.Answer[wire.Stats]
	state      load.State
}

func (p *Pages) askList(c echo.Context, q query.List) (a listAnswers, err error) {
	asked := q.Query
	asked.Facets = query.Facets()
	asked.Fields = p.lists.Fields(q, "PrepID") // used by exact
	r := p.begin(c)
	a.list = r.List(asked)
	a.sums = r.Optional("job totals of the list").Stats(asked, nil, web.JobKeys())
	a.ages = r.Optional("time in status").Stats(query.Ageless(asked), []string{wire.AgeField}, nil)
	a.state, err = r.Wait()
	return a, err
}

// showList serves the list of a query. bar is the filter bar with an invalid line,
// else nil.
func (p *Pages) showList(c echo.Context, q query.List, notes []web.Note, bar *web.Bar) error {
	a, err := p.askList(c, q)
	if load.Expired(err) {
		notes = append(notes, query.Expired(q))
		q = q.Newest()
		a, err = p.askList(c, q)
	}
	if err != nil {
		return p.fail(c, web.WorkflowsPath, a.state, err)
	}
	list := a.list.Value
	if bar == nil {
		if only, ok := exact(q, list); ok {
			return redirect(c, http.StatusSeeOther, web.WorkflowPath(only))
		}
		if words := wire.Words(q.Text); list.Total == 0 && len(words) == 1 && len(q.Terms)+len(q.Names) == 0 && schema.IsWholeRequestName(words[0]) {
			return redirect(c, http.StatusSeeOther, web.WorkflowPath(words[0])) // it may be archived
		}
		if list.Total > 0 && q.Idx >= list.Total {
			q.Idx = (list.Total - 1) / q.Limit * q.Limit
			return redirect(c, http.StatusSeeOther, q.Address(web.WorkflowsPath))
		}
	}
	page := p.workflowsPage(c, q, a)
	page.Notes = slices.Concat(notes, q.PinNote(a.state.Info.Generation))
	if bar != nil {
		page.Bar = *bar
		return p.render(c, http.StatusBadRequest, web.Workflows(page))
	}
	return p.render(c, status(notes), web.Workflows(page))
}

func (p *Pages) workflowsPage(c echo.Context, q query.List, a listAnswers) web.WorkflowsPage {
	list := a.list.Value
	page := web.WorkflowsPage{
		Frame:  p.frame(web.WorkflowsPath, "Workflows", a.state, a.list.Meta),
		Bar:    q.Bar(),
		Views:  p.lists.Views(q),
		Form:   filterForm(q, list),
		Clear:  q.Bare().Here(),
		Facets: q.FacetBoxes(list.Facets),
		List:   p.lists.Table(q, "Workflows", p.Now().Unix(), list),
		All:    a.state.Info.Workflows,
		Sets:   q.Sets(),
		Order:  p.lists.OrderChip(q),
		Choose: q.Address(web.ColumnsPath),
		Export: q.Export(origin(c.Request())),
	}
	for _, condition := range q.Split() {
		page.Active = append(page.Active, condition.Chip())
	}
	page.Data.Newest = q.Newest().Here()
	watchRows(&page.Frame, q)
	for _, g := range a.sums.Value.Groups {
		page.Jobs = web.SummedParts(g.Sums)
	}
	if a.ages.Value.Groups != nil && len(page.Facets) > 0 {
		page.Facets = slices.Insert(page.Facets, 1, q.AgeBox(a.ages.Value)) // after the status
	}
	if list.Total == 0 && len(page.Active) > 0 {
		page.Hints = p.hints(c, q)
	}
	return page
}

// exact reports whether the searched text is the name or the PrepID of the only
// match, so that its page can be shown instead of the list.
func exact(q query.List, list load.Workflows) (name string, ok bool) {
	words := wire.Words(q.Text)
	if len(words) != 1 || len(q.Terms)+len(q.Names) > 0 || list.Total != 1 || len(list.Items) != 1 {
		return "", false
	}
	w := list.Items[0]
	return w.Workflow, words[0] == w.Workflow || words[0] == w.PrepID
}

func filterForm(q query.List, list load.Workflows) web.FilterForm {
	now := q.Top().Params()
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
			for _, v := range list.Facets["Status"].Values { // Tier-0 has other statuses
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
	form.Hidden = query.Hidden(now, names...)
	return form
}

// hints explains an empty list. The page can do without.
func (p *Pages) hints(c echo.Context, q query.List) web.Hints {
	return q.Hints(p.suggestions(c, func(r load.Round) *load.Answer[wire.Suggestions] {
		asked := q.Query
		asked.Gen = "" // the links lead to the newest
		return r.Suggest(asked)
	}))
}
