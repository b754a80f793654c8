package timeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
)

// Query asks for lines of counts: overall, or of campaigns, or of sites.
type Query struct {
	ByState          bool     // jobs by state; else workflows by status
	Campaigns, Sites []string // at most one of them is set; Followed alone stands for all that are followed
	Names            []string // requested statuses or states; none: those with counts
	Points           int      // maximum points of a line, at even distances, including the newest; 0: all
	Since            int64    // Unix s
}

// Followed stands for all campaigns, or sites, that are followed.
const Followed = "*"

// MostPoints is the maximum number of points in one answer.
const MostPoints = 100_000

// ErrNotFollowed reports that a campaign or site has no line.
var ErrNotFollowed = errors.New("not followed")

// TooManyError reports that an answer would have more than MostPoints.
type TooManyError struct{ Points int }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("%d points, of at most %d", e.Points, MostPoints)
}

// Points returns the counts at each point: line after line in the order
// requested (by name with Followed), each by time and then in the order of the
// life cycle. Names without counts in the whole period are omitted, unless
// they are requested. start is the time of the first stored point, 0 if there
// is none. The error is ErrNotFollowed, a *TooManyError, or that of the budget
// of ctx.
func (t *Timeline) Points(ctx context.Context, q Query) (points []schema.TimelinePoint, start int64, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	points = []schema.TimelinePoint{}
	if len(t.times) > 0 {
		start = t.times[0]
	}
	spent := budget.From(ctx)
	for _, k := range t.wanted(q) {
		s := t.series[k]
		if s == nil && k == (key{}) {
			return points, start, nil // nothing yet
		}
		if s == nil {
			return nil, start, fmt.Errorf("%s %q: %w", k.kind, k.name, ErrNotFollowed)
		}
		const value = 10 // steps of unpacking one number
		for range t.times {
			if !spent.Spend(value * len(t.labels)) {
				return nil, start, fmt.Errorf("read counts over time: %w", spent.Stopped())
			}
		}
		if points, err = t.line(points, k, s, q); err != nil {
			return nil, start, err
		}
	}
	return points, start, nil
}

// wanted returns the lines that a query asks for.
func (t *Timeline) wanted(q Query) []key {
	kind, names := kindCampaign, q.Campaigns
	if len(q.Sites) > 0 {
		kind, names = kindSite, q.Sites
	}
	if len(names) == 0 {
		return []key{{}}
	}
	if len(names) == 1 && names[0] == Followed {
		names = t.names(kind)
	}
	keys := make([]key, len(names))
	for i, name := range names {
		keys[i] = key{kind, name}
	}
	return keys
}

// line adds the points of one line.
func (t *Timeline) line(points []schema.TimelinePoint, k key, s *series, q Query) ([]schema.TimelinePoint, error) {
	from, to, by := 0, t.states, "status"
	if q.ByState {
		from, to, by = t.states, len(t.labels), "state"
	}
	rows := s.since(t.first, len(t.labels), func(number int64) bool { return t.times[number-t.first] >= q.Since })
	rows = thinned(rows, q.Points)
	var columns []int
	for i := from; i < to; i++ {
		used := slices.ContainsFunc(q.Names, func(n string) bool { return strings.EqualFold(n, t.labels[i]) })
		if len(q.Names) == 0 {
			used = slices.ContainsFunc(rows, func(r row) bool { return r.values[i] != 0 })
		}
		if used {
			columns = append(columns, i)
		}
	}
	if n := len(points) + len(rows)*len(columns); n > MostPoints {
		return nil, &TooManyError{n}
	}
	p := schema.TimelinePoint{By: by}
	switch k.kind {
	case kindCampaign:
		p.Campaign = k.name
	case kindSite:
		p.Site = k.name
	}
	for _, row := range rows {
		for _, i := range columns {
			p.Time, p.Name, p.Count = t.times[row.number-t.first], t.labels[i], row.values[i]
			points = append(points, p)
		}
	}
	return points, nil
}

// thinned keeps every nth row, so that at most the given number remain,
// including the last one; 0 keeps all.
func thinned(rows []row, most int) []row {
	if most <= 0 || len(rows) <= most {
		return rows
	}
	step := (len(rows) + most - 1) / most
	out := make([]row, 0, most)
	for i := (len(rows) - 1) % step; i < len(rows); i += step {
		out = append(out, rows[i])
	}
	return out
}

// Names returns the followed campaigns, or sites, in order.
func (t *Timeline) Names(sites bool) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if sites {
		return t.names(kindSite)
	}
	return t.names(kindCampaign)
}

func (t *Timeline) names(kind string) []string {
	names := []string{}
	for k := range t.series {
		if k.kind == kind {
			names = append(names, k.name)
		}
	}
	slices.Sort(names)
	return names
}

// Labels returns the statuses, or the job states, that are counted separately.
func (t *Timeline) Labels(byState bool) []string {
	if byState {
		return slices.Clone(t.labels[t.states:])
	}
	return slices.Clone(t.labels[:t.states])
}
