package pages

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// tasksParam chooses which tasks the page of a workflow shows.
const tasksParam = "tasks"

const onlyFailing = "failing"

// workflow is the page of one workflow.
func (p *Pages) workflow(c echo.Context) error {
	named, err := name(c)
	if err != nil {
		return p.notFound(c)
	}
	var detail schema.Detail
	var meta cacheclient.Meta
	var a jobsOf
	chosen, notes := parseChosen(c.Request())
	show, unknown := shown(c.QueryParams()[showParam])
	notes = append(append(notes, unknown...), tasksNote(c.QueryParam(tasksParam))...)
	var missing *web.Missing
	calls := append(p.onDemandCalls(named, chosen, show, &a), func(ctx context.Context) (err error) {
		detail, meta, missing, err = p.detailOf(ctx, named)
		return err
	})
	state, err := p.load(c.Request().Context(), calls...)
	if err != nil {
		return p.fail(c, workflowsPath, state, err)
	}
	if missing != nil {
		c.Response().Header().Set("Refresh", retryDown)
		missing.Again = web.WorkflowPath(named)
	}
	if len(detail.Errors) > 0 {
		p.groups(c.Request().Context(), named, chosen, &a)
	}
	detail.Errors = chosen.errors(detail.Errors)
	path := web.WorkflowPath(detail.Workflow.Workflow)
	raw := APIPrefix + "/fetch" + path[len(workflowsPath):]
	if missing != nil {
		raw = APIPrefix + "/fetch?" + wire.Query{Names: []string{named}}.Values().Encode()
	}
	page := web.WorkflowPage{
		Frame:    p.frame(workflowsPath, detail.Workflow.Workflow, state, meta),
		Notes:    append(notes, onlyParams(c.Request(), tasksParam, exitParam, siteParam, stateParam, showParam)...),
		Detail:   detail,
		Chosen:   chosen.label(),
		Unchosen: path + "#errors",
		Links:    links(p.Links, detail.Workflow),
		Raw:      raw,
		Curl:     "curl -sf --compressed '" + shellQuoted(origin(c.Request())+raw) + "'",
		Failing:  c.QueryParam(tasksParam) == onlyFailing,
		Tasks:    path + "?" + tasksParam + "=" + onlyFailing + "#tasks",
		Branches: web.Branches(detail.TaskTotals),
		Missing:  missing,
	}
	fillJobs(&page, path, chosen, show, &a)
	watch(&page.Frame, wire.Query{Names: []string{detail.Workflow.Workflow}})
	if page.Failing {
		page.Tasks = path + "#tasks"
	}
	return p.render(c, statusFor(page.Notes), web.Workflow(page))
}

// detailOf is all that is known of one workflow. When the source does not give
// its details it is the list record alone, and missing says so.
func (p *Pages) detailOf(ctx context.Context, named string) (detail schema.Detail, meta cacheclient.Meta, missing *web.Missing, err error) {
	detail, meta, err = p.Client.Workflow(ctx, named)
	problem := cacheclient.ProblemIn(err)
	if problem == nil {
		return detail, meta, nil, err
	}
	switch problem.Slug() {
	case wire.SlugSourceFailed, wire.SlugNotReady, wire.SlugRateLimited:
	default:
		return detail, meta, nil, err
	}
	list, lerr := p.Client.Fetch(ctx, wire.Query{Names: []string{named}, Limit: 1})
	if lerr != nil || len(list.Items) == 0 {
		return detail, meta, nil, err // nothing is there yet, or no such workflow any more
	}
	p.Log.Info("details not read", "workflow", named, "err", err)
	return schema.Detail{Workflow: list.Items[0], ErrorsState: schema.ErrorsNotLoaded}, list.Meta,
		&web.Missing{Title: detailsNotRead(problem), Text: "Shown is what the list knows of this workflow."}, nil
}

// detailsNotRead says in a few words why.
func detailsNotRead(problem *wire.Problem) string {
	switch problem.Slug() {
	case wire.SlugNotReady:
		return "Details are being read from the source."
	case wire.SlugRateLimited:
		return "Details not read: too many are being read from the source."
	}
	return "Details not read: the source does not answer."
}

// tasksNote says that tasks= takes one value.
func tasksNote(given string) []web.Note {
	if given == "" || given == onlyFailing {
		return nil
	}
	return []web.Note{notOneOf(tasksParam, given, []string{onlyFailing})}
}

// notOneOf says that a parameter takes some values only, and names the nearest.
func notOneOf(param, given string, values []string) web.Note {
	note := web.Note{Bad: true, Text: param + " takes " + strings.Join(values, " and ") + ", not '" + shorten(given) + "'. It was left out."}
	if near := wire.Near(given, values, 1); len(near) > 0 {
		note.Text += " Did you mean " + near[0] + "?"
	}
	return note
}

// shellQuoted makes an address safe between single quotes.
func shellQuoted(address string) string {
	out := make([]byte, 0, len(address))
	for i := range len(address) {
		if address[i] == '\'' {
			out = append(out, "%27"...)
			continue
		}
		out = append(out, address[i])
	}
	return string(out)
}

// onlyParams says which parameters a page does not know.
func onlyParams(r *http.Request, known ...string) []web.Note {
	var notes []web.Note
	for key := range r.URL.Query() {
		unknown := true
		for _, k := range known {
			unknown = unknown && k != key
		}
		if !unknown {
			continue
		}
		problem := wire.UnknownParameter(key, wire.Near(key, known, 3))
		note := web.Note{Bad: true, Text: problem.Detail + " It was left out."}
		for _, near := range problem.DidYouMean {
			note.Text += " Did you mean " + near + "?"
		}
		notes = append(notes, note)
	}
	return notes
}
