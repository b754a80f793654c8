package pages

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/load"
	"github.com/dmwm/wmstats/uiserver/query"
	"github.com/dmwm/wmstats/web"
)

// fromParam is a time: Unix s, RFC 3339 or a date, as since= of a list.
const fromParam = "from"

// changed is the page of changes. since= is the generation of the last visit, whose
// changes the cache server keeps for an hour; from= is a time, since when workflows
// changed status.
func (p *Pages) changed(c echo.Context) error {
	notes := query.OnlyParams(c.Request().URL, query.SinceParam, fromParam)
	since := c.QueryParam(query.SinceParam)
	from, bad := p.fromTime(c.QueryParam(fromParam))
	notes = append(notes, bad...)
	columns := query.List{Cols: []string{"Workflow", "Status", "StatusTime", "Type", "Priority", "TotalJobs", "JobProgress", "FailureRate", "Campaign"}}
	entered := query.Entered(from, p.clockEnd())
	ahead := query.Ahead(p.clockEnd())
	listed := entered
	listed.Limit, listed.Fields = query.DefaultSize, p.lists.Fields(columns)

	r := p.begin(c)
	moved := r.List(listed)
	byStatus := r.Optional("changes by status").Stats(entered, []string{"Status"}, nil)
	future := r.Optional("clocks ahead").Stats(ahead, nil, nil)
	other := r.Since(from, mostGained)
	changes := &load.Answer[load.Changes]{}
	if since != "" {
		changes = r.ChangedSince(since, wire.Query{Fields: listed.Fields, Limit: query.MostSize, Sort: entered.Sort})
	}
	state, err := r.Wait()
	if err != nil {
		return p.fail(c, web.OverviewPath, state, err)
	}
	change, rows, now := changes.Value.Change, changes.Value.Rows, p.Now().Unix()
	page := web.ChangedPage{
		Frame: p.frame(web.OverviewPath, "What changed", state, moved.Meta), Notes: notes, From: from, Since: since, Reset: change.Event == wire.EventReset,
		Added: int64(change.Added), Changed: int64(change.Changed), Removed: int64(change.Removed), Gone: change.Gone,
		Cut:   change.Truncated || len(change.Workflows) > len(rows.Items),
		Moved: p.lists.Still(columns, "Workflows that changed status", now, moved.Value), All: query.Of(entered),
		Choices: p.fromChoices(from), ByStatus: query.StatusCounts(byStatus.Value, entered),
		Ahead: int64(future.Value.Total), AheadHref: query.Of(ahead),
		Failing: []web.FailingNames{
			failingNames("workflow", from, other.Workflows), failingNames("campaign", from, other.Campaigns), failingNames("site", from, other.Sites),
		},
		Alerts: alertChanges(from, other.Alerts),
		Agents: newest("agents", from, other.Agents), Sites: newest("sites", from, other.SiteStates),
	}
	if since != "" && !page.Reset {
		page.Rows = p.lists.Still(columns, "Workflows that changed", now, rows)
	}
	return p.render(c, status(notes), web.Changed(page))
}

// Numbers of rows of what changed beside the statuses of workflows.
const (
	mostGained = 5
	mostStates = 12
)

// failingNames returns the names of a kind that gained most failed jobs.
func failingNames(kind string, from int64, a *load.Answer[[]schema.FailureChange]) web.FailingNames {
	return web.FailingNames{
		Kind: kind, Rows: a.Value, Total: int64(max(a.Meta.Total, len(a.Value))), From: unix(a.Meta.HistoryStart), Missing: a.Err != nil,
		Data: web.HistoryData("failures", from, url.Values{"by": {kind}}),
	}
}

// alertChanges returns the alerts of which any began or ended.
func alertChanges(from int64, a *load.Answer[[]schema.AlertChange]) web.AlertChanges {
	list := func(rule string) string { return query.WorkflowsOf("Alerts", rule) }
	return web.AlertChanges{
		Rows: slices.DeleteFunc(a.Value, func(c schema.AlertChange) bool { return c.Began+c.Ended == 0 }),
		From: unix(a.Meta.HistoryStart), Missing: a.Err != nil, List: list, Data: web.HistoryData("alerts", from, nil),
		Began: func(c schema.AlertChange) string {
			if int64(len(c.Workflows)) < c.Began {
				return list(c.Rule)
			}
			return query.Of(wire.Query{Names: c.Workflows})
		},
	}
}

// newest returns the last changes of states, the newest first.
func newest[T any](kind string, from int64, a *load.Answer[[]T]) web.ChangesOf[T] {
	rows := slices.Clone(a.Value)
	slices.Reverse(rows)
	return web.ChangesOf[T]{
		Rows: rows[:min(len(rows), mostStates)], Total: int64(len(rows)), Missing: a.Err != nil, Data: web.HistoryData(kind, from, nil),
	}
}

// fromTime parses from=; the default is the start of the current day.
func (p *Pages) fromTime(text string) (unix int64, notes []web.Note) {
	if text == "" {
		return p.startOfDay().Unix(), nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return n, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Unix(), nil
		}
	}
	return p.startOfDay().Unix(), []web.Note{{Bad: true, Text: "from must be a date, such as 2026-01-31, a time, such as 2026-01-31T06:00:00Z, or Unix seconds. It was ignored."}}
}

// fromChoices returns links for common times.
func (p *Pages) fromChoices(from int64) []web.Choice {
	now, today := p.Now().UTC(), p.startOfDay()
	var out []web.Choice
	for _, c := range []struct {
		label string
		at    time.Time
	}{
		{"since 00:00 UTC today", today}, {"last 1 h", now.Add(-time.Hour)}, {"last 24 h", now.Add(-24 * time.Hour)},
		{"since yesterday 00:00", today.Add(-24 * time.Hour)}, {"last 7 d", now.Add(-7 * 24 * time.Hour)},
	} {
		choice := web.Choice{Label: c.label, Href: web.ChangedPath + "?" + fromParam + "=" + c.at.Format("2006-01-02T15:04:05Z")}
		if c.at.Unix() == from {
			choice.Href = ""
		}
		out = append(out, choice)
	}
	return out
}
