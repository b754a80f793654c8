package pages

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/uiserver/cacheclient"
	"github.com/dmwm/wmstats/web"
)

// What the lines of a page cover, and how many points they have.
const (
	historySince  = "24h"
	historySpan   = 24 * time.Hour
	historyPoints = 48
)

// historyOf asks for the lines of all, of a campaign or of a site. A page does
// without them: why there are none is said in their place.
func (p *Pages) historyOf(by, campaign, site string, out *web.History) call {
	return func(ctx context.Context) error {
		points, meta, err := p.Client.History(ctx, by, campaign, site, historySince)
		data := url.Values{"by": {by}}
		if campaign != "" {
			data.Set("campaign", campaign)
		}
		if site != "" {
			data.Set("site", site)
		}
		*out = p.lines(points, meta)
		out.Data = APIPrefix + "/history?" + data.Encode()
		switch problem := cacheclient.ProblemIn(err); {
		case problem != nil && problem.Status == http.StatusNotFound:
			out.Missing = "Counts over time are kept for the campaigns and sites with most work only; this is not one of them."
		case err != nil:
			p.Log.Warn("a part of a page is left out", "part", "counts over time", "err", err)
			out.Missing = "Counts over time could not be had."
		case len(out.Lines) == 0:
			out.Missing = "There are no counts over time yet: the first comes within five minutes."
		}
		return nil
	}
}

// lines makes one line of each name, from points in the order of time. A name
// that a time has no point of counts nothing then.
func (p *Pages) lines(points []schema.HistoryPoint, meta cacheclient.Meta) web.History {
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
	out.Seconds = p.Now().Unix() - times[0]
	out.Young = !meta.HistoryStart.IsZero() && p.Now().Sub(meta.HistoryStart) < historySpan
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
