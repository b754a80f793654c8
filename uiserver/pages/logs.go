package pages

import (
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// logGroups is the number of groups of messages on the page.
const logGroups = 200

// logs is the page of log messages about all workflows.
func (p *Pages) logs(c echo.Context) error {
	q, notes := p.lists.ReadLogs(c.Request().URL)
	asked := q.Params()
	asked.Set("limit", strconv.Itoa(logGroups))
	r := p.begin(c)
	answer := r.AllLogs(asked)
	state, err := r.Wait()
	missing := load.MissingOf("log entries", q.Address(), err)
	if err != nil && (missing == nil || state.Is == web.Loading || state.Is == web.Down) {
		return p.fail(c, web.ErrorsPath, state, err)
	}
	page := web.LogsPage{
		Frame: p.frame(web.ErrorsPath, "Log", state, answer.Meta), Notes: notes, Missing: missing, JSON: web.APIPrefix + q.Address(),
		Type: q.Get(query.LogTypeParam), Reporter: q.Get(query.ReporterParam), Thread: q.Get(query.ThreadParam),
		Hidden: query.Hidden(q.WorkflowParams()), Chips: q.Chips(),
		Groups: answer.Value, Total: int64(max(answer.Meta.Total, len(answer.Value))), Read: unix(answer.Meta.ReadTime), Stale: answer.Meta.StaleReason,
	}
	watch(&page.Frame, q.Workflows.Query)
	if missing != nil {
		if missing.Again != "" {
			c.Response().Header().Set("Refresh", retryDown)
		}
		return p.render(c, statusOfMissing(err), web.LogMessages(page))
	}
	return p.render(c, status(notes), web.LogMessages(page))
}
