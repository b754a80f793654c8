package load

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
	"github.com/dmwm/wmstats/web"
)

// What the lines of a page cover, and how many points they have.
const (
	historySince  = "24h"
	historySpan   = 24 * time.Hour
	historyPoints = 48
)

// The lines in a table: jobs that run.
const (
	rowName   = "Running"
	rowPoints = "12"
)

const historyPart = "counts over time"

// History asks for counts over time by status or state: of all, or of the
// campaign or site of pick. A page does without them: why there are none is said
// in their place.
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
			out.Missing = "Counts over time are kept for the campaigns and sites with most work only; this is not one of them."
		case err != nil:
			r.loader.LeftOut(historyPart, err)
			out.Missing = "Counts over time could not be had."
		case len(out.Lines) == 0:
			out.Missing = "There are no counts over time yet: the first comes within five minutes."
		}
		return struct{}{}, meta, err
	})
	return &out
}

// lines makes one line of each name, from points in the order of time. A name
// that a time has no point of counts nothing then.
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
	out.Young = !meta.HistoryStart.IsZero() && l.Now().Sub(meta.HistoryStart) < historySpan
	return out
}

// thinned leaves every so many point, the last one among them.
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

// RowLines are the lines of the rows of a table.
type RowLines struct {
	byName  map[string]web.Spark
	missing string // why a row has none
}

// Of is the line of a row, or why there is none.
func (l *RowLines) Of(name string) (line web.Spark, missing string) {
	line, followed := l.byName[name]
	if followed {
		return line, "the second count comes within minutes"
	}
	return line, l.missing
}

// RowLines asks for the lines of all campaigns, or sites, that are followed, in
// one request: there are some forty. kind is the parameter.
func (r Round) RowLines(kind string) *RowLines {
	out := &RowLines{byName: map[string]web.Spark{}}
	ask(r.Apart(), func(ctx context.Context) (struct{}, Meta, error) {
		points, meta, err := r.loader.Client.History(ctx, url.Values{
			"by": {"state"}, "name": {rowName}, "points": {rowPoints}, "since": {historySince}, kind: {"*"},
		})
		switch {
		case err != nil:
			r.loader.LeftOut(historyPart, err)
			out.missing = "Counts over time could not be had."
		case len(points) == 0:
			out.missing = "There are no counts over time yet."
		default:
			out.missing = "kept for the " + kind + "s with most work only"
		}
		for _, point := range points {
			name := point.Campaign + point.Site // one of them is empty
			line := out.byName[name]
			line.Name = "running"
			line.Counts = append(line.Counts, point.Count)
			out.byName[name] = line
		}
		return struct{}{}, meta, err
	})
	return out
}
