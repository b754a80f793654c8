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
	calls := append(p.onDemandCalls(named, chosen, show, &a), func(ctx context.Context) (err error) {
		detail, meta, err = p.Client.Workflow(ctx, named)
		return err
	})
	state, err := p.load(c.Request().Context(), calls...)
	if err != nil {
		return p.fail(c, workflowsPath, state, err)
	}
	if len(detail.Errors) > 0 {
		p.groups(c.Request().Context(), named, chosen, &a)
	}
	detail.Errors = chosen.errors(detail.Errors)
	path := web.WorkflowPath(detail.Workflow.Workflow)
	raw := APIPrefix + "/fetch" + path[len(workflowsPath):]
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
	}
	fillJobs(&page, path, chosen, show, &a)
	watch(&page.Frame, wire.Query{Names: []string{detail.Workflow.Workflow}})
	if page.Failing {
		page.Tasks = path + "#tasks"
	}
	return p.render(c, statusFor(page.Notes), web.Workflow(page))
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
