package pages

import (
	"context"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

const changedPath = "/changed"

// fromParam is a time: Unix s, RFC 3339 or a date, as since= of a list.
const fromParam = "from"

// changes is what the page on changes asks the cache server for.
type changes struct {
	change wire.Change
	reset  bool             // since is no longer known
	rows   cacheclient.List // of change
	moved  cacheclient.List // entered their status since from
	by     wire.Stats       // moved by status
}

// changed answers "what changed since …?": since= is the generation of the last
// visit, which the cache server knows for an hour, and from= a time, for which
// the workflows that entered their status since then are listed.
func (p *Pages) changed(c echo.Context) error {
	notes := onlyParams(c.Request(), sinceParam, fromParam)
	since := c.QueryParam(sinceParam)
	from, bad := p.fromTime(c.QueryParam(fromParam))
	notes = append(notes, bad...)
	moved := wire.Query{
		Terms: []wire.Term{{Field: "StatusTime", Op: wire.Min, Number: float64(from)}},
		Sort:  []wire.SortKey{{Field: "StatusTime", Desc: true}}, Limit: defaultSize,
	}
	var standard listQuery
	standard.Cols = []string{"Workflow", "Status", "StatusTime", "Type", "Priority", "TotalJobs", "JobProgress", "FailureRate", "Campaign"}
	var a changes
	calls := []call{
		func(ctx context.Context) (err error) {
			q := moved
			q.Fields = p.fields(standard)
			a.moved, err = p.Client.Fetch(ctx, q)
			return err
		},
		func(ctx context.Context) (err error) {
			a.by, _, err = p.Client.Stats(ctx, moved, []string{"Status"}, nil)
			return p.optional("changes by status", err)
		},
	}
	if since != "" {
		calls = append(calls, func(ctx context.Context) error { return p.sinceGeneration(ctx, &a, since, standard) })
	}
	state, err := p.load(c.Request().Context(), calls...)
	if err != nil {
		return p.fail(c, "/", state, err)
	}
	page := web.ChangedPage{
		Frame: p.frame("/", "What changed", state, a.moved.Meta), Notes: notes, From: from, Since: since, Reset: a.reset,
		Added: int64(a.change.Added), Changed: int64(a.change.Changed), Removed: int64(a.change.Removed), Gone: a.change.Gone,
		Cut:   a.change.Truncated || len(a.change.Workflows) > len(a.rows.Items),
		Moved: p.still(standard, "Workflows that entered their status", a.moved), All: filtered(moved),
		Choices: p.fromChoices(from),
	}
	if since != "" && !a.reset {
		page.Rows = p.still(standard, "Workflows that changed", a.rows)
	}
	page.ByStatus = statusCounts(a.by, wire.Query{Terms: moved.Terms, Sort: moved.Sort})
	return p.render(c, statusFor(notes), web.Changed(page))
}

// sinceGeneration reads what changed since a generation, and the records of the
// first of those.
func (p *Pages) sinceGeneration(ctx context.Context, a *changes, since string, columns listQuery) (err error) {
	a.change, _, err = p.Client.Changes(ctx, wire.Query{}, since)
	if err != nil {
		return err
	}
	a.reset = a.change.Event == wire.EventReset
	names := a.change.Workflows[:min(len(a.change.Workflows), mostSize)]
	if a.reset || len(names) == 0 {
		return nil
	}
	a.rows, err = p.Client.Fetch(ctx, wire.Query{
		Names: names, Fields: p.fields(columns), Limit: mostSize, Sort: []wire.SortKey{{Field: "StatusTime", Desc: true}},
	})
	return err
}

// still is a table that is neither sorted nor paged: the page is about other
// things.
func (p *Pages) still(q listQuery, caption string, list cacheclient.List) web.List {
	q.Limit = defaultSize
	out := web.List{Caption: caption, Now: p.Now().Unix(), Rows: list.Items, Heads: p.heads(q), Pager: web.Pager{Total: int64(list.Total)}}
	for i := range out.Heads {
		out.Heads[i].Href, out.Heads[i].Sort = "", ""
	}
	return out
}

// fromTime reads from=; the beginning of this day is what it is without.
func (p *Pages) fromTime(text string) (unix int64, notes []web.Note) {
	today := p.Now().UTC().Truncate(24 * time.Hour).Unix()
	if text == "" {
		return today, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return n, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Unix(), nil
		}
	}
	return today, []web.Note{{Bad: true, Text: "from must be a date, such as 2026-01-31, a time, such as 2026-01-31T06:00:00Z, or Unix seconds. It was left out."}}
}

// fromChoices are times that are often asked for.
func (p *Pages) fromChoices(from int64) []web.Choice {
	now := p.Now().UTC()
	today := now.Truncate(24 * time.Hour)
	var out []web.Choice
	for _, c := range []struct {
		label string
		at    time.Time
	}{
		{"since 00:00 UTC today", today}, {"for 1 h", now.Add(-time.Hour)}, {"for 24 h", now.Add(-24 * time.Hour)},
		{"since yesterday 00:00", today.Add(-24 * time.Hour)}, {"for 7 d", now.Add(-7 * 24 * time.Hour)},
	} {
		choice := web.Choice{Label: c.label, Href: changedPath + "?" + fromParam + "=" + c.at.Format("2006-01-02T15:04:05Z")}
		if c.at.Unix() == from {
			choice.Href = ""
		}
		out = append(out, choice)
	}
	return out
}
