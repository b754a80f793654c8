package load

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// Time covered by counts over time on a page, and the largest number of points.
const (
	historySince  = "24h"
	historySpan   = 24 * time.Hour
	historyPoints = 48
)

// Counts over time in a table: running jobs.
const (
	rowName   = "Running"
	rowPoints = "24"
)

const historyPart = "counts over time"

// History requests counts over time by status or state, of all workflows or of the
// campaign, site, release or agent in pick. Errors do not fail the page: Missing has the reason.
func (r Round) History(by string, pick url.Values) *web.History {
	data := url.Values{"by": {by}}
	maps.Copy(data, pick)
	asked := maps.Clone(data)
	asked.Set("since", historySince)
	asked.Set("fields", "Time,Name,Count")
	var out web.History
	ask(r.Apart(), func(ctx context.Context) (struct{}, Meta, error) {
		points, meta, err := r.loader.Client.History(ctx, asked)
		out = r.loader.lines(points, meta)
		out.Data = web.APIPrefix + "/history?" + data.Encode()
		switch problem := wire.ProblemOf(err); {
		case problem != nil && problem.Status == http.StatusNotFound:
			out.Missing = "No counts over time: the first one of a name is taken within five minutes, and the least used have none when there are too many."
		case err != nil:
			r.loader.LeftOut(historyPart, err)
			out.Missing = "Counts over time are unavailable."
		case len(out.Lines) == 0:
			out.Missing = "No counts over time yet: the first arrives within five minutes."
		}
		return struct{}{}, meta, err
	})
	return &out
}

// AgentChanges requests the changes of an agent's state, oldest first. Errors do
// not fail the page; they are in the Answer.
func (r Round) AgentChanges(agent string) *Answer[[]schema.AgentChange] {
	return changesOver[schema.AgentChange](r, "agents", url.Values{"agent": {agent}})
}

// lines returns one line per name, from points in order of time. Where a name has
// no point at a time, its count is 0.
func (l *Loader) lines(points []schema.TimelinePoint, meta Meta) web.History {
	var out web.History
	var times []int64
	at := map[int64]int{}
	for _, point := range points {
		if _, known := at[point.Time]; !known {
			at[point.Time] = len(times)
			times = append(times, point.Time)
		}
	}
	if len(times) == 0 {
		return out
	}
	for _, point := range points {
		i := slices.IndexFunc(out.Lines, func(s web.Spark) bool { return s.Name == point.Name })
		if i < 0 && point.Name != "" {
			i = len(out.Lines)
			out.Lines = append(out.Lines, web.Spark{Name: point.Name, Counts: make([]int64, len(times))})
		}
		if i >= 0 {
			out.Lines[i].Counts[at[point.Time]] = point.Count
		}
	}
	for i := range out.Lines {
		out.Lines[i].Counts = thinned(out.Lines[i].Counts, historyPoints)
	}
	out.Seconds = l.Now().Unix() - times[0]
	for i := range out.Lines {
		out.Lines[i].Span = out.Seconds
	}
	out.Young = !meta.HistoryStart.IsZero() && l.Now().Sub(meta.HistoryStart) < historySpan
	return out
}

// thinned keeps at most that many points at equal steps, including the last.
func thinned(counts []int64, most int) []int64 {
	step := (len(counts) + most - 1) / most
	if step <= 1 {
		return counts
	}
	var out []int64
	for i := (len(counts) - 1) % step; i < len(counts); i += step {
		out = append(out, counts[i])
	}
	return out
}

// RowLines has the counts over time of the rows of a table.
type RowLines struct {
	byName  map[string]web.Spark
	missing string // why a row has no line
}

// Of returns the line of a row, and why there is none.
func (l *RowLines) Of(name string) (line web.Spark, missing string) {
	line, followed := l.byName[name]
	if followed {
		return line, "drawn from an hour of counts on"
	}
	return line, l.missing
}

// RowLines requests the counts over time of all campaigns, sites, releases or
// agents in one request. kind is the parameter, one of these in the singular.
func (r Round) RowLines(kind string) *RowLines {
	out := &RowLines{byName: map[string]web.Spark{}}
	field := strings.ToUpper(kind[:1]) + kind[1:]
	ask(r.Apart(), func(ctx context.Context) (struct{}, Meta, error) {
		points, meta, err := r.loader.Client.History(ctx, url.Values{
			"by": {"state"}, "name": {rowName}, "points": {rowPoints}, "since": {historySince}, kind: {"*"}, "fields": {"Time,Count," + field},
		})
		switch {
		case err != nil:
			r.loader.LeftOut(historyPart, err)
			out.missing = "Counts over time are unavailable."
		case len(points) == 0:
			out.missing = "No counts over time yet."
		default:
			out.missing = "the first count arrives within minutes"
		}
		for _, point := range points {
			name := point.Campaign + point.Site + point.Release + point.Agent // all but one are empty
			line := out.byName[name]
			line.Name = "running"
			line.Counts = append(line.Counts, point.Count)
			line.Span = r.loader.Now().Unix() - points[0].Time
			out.byName[name] = line
		}
		return struct{}{}, meta, err
	})
	return out
}

// Since is what has changed since a time, other than the status of workflows.
type Since struct {
	Campaigns, Sites, Workflows *Answer[[]schema.FailureChange]
	Agents                      *Answer[[]schema.AgentChange]
	SiteStates                  *Answer[[]schema.SiteChange]
	Alerts                      *Answer[[]schema.AlertChange]
}

// Since requests all of it, with at most that many names that gained failed jobs.
// Errors do not fail the page; each is in its Answer.
func (r Round) Since(from int64, names int) *Since {
	at := strconv.FormatInt(from, 10)
	failing := func(by string) *Answer[[]schema.FailureChange] {
		return changesOver[schema.FailureChange](r, "failures", url.Values{"by": {by}, "since": {at}, "limit": {strconv.Itoa(names)}})
	}
	since := url.Values{"since": {at}}
	return &Since{
		Campaigns: failing("campaign"), Sites: failing("site"), Workflows: failing("workflow"),
		Agents:     changesOver[schema.AgentChange](r, "agents", since),
		SiteStates: changesOver[schema.SiteChange](r, "sites", since),
		Alerts:     changesOver[schema.AlertChange](r, "alerts", since),
	}
}

func changesOver[T any](r Round, kind string, v url.Values) *Answer[[]T] {
	return ask(r.Apart(), func(ctx context.Context) ([]T, Meta, error) {
		list, meta, err := cacheclient.ChangesOver[T](ctx, r.loader.Client, kind, v)
		if err != nil {
			r.loader.LeftOut("changes of "+kind, err)
		}
		return list, meta, err
	})
}
