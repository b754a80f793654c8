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

// By is how a series is divided.
type By string

// Ways to divide a series.
const (
	ByStatus By = "status" // workflows by status; overall only
	ByGroup  By = "group"  // workflows by group of status
	ByState  By = "state"  // jobs by state
)

// Query asks for lines of counts: overall, or of names of a kind.
type Query struct {
	By     By       // "": ByStatus overall, ByGroup of names
	Kind   Kind     // "": overall
	Names  []string // of the kind; Followed alone stands for all that are followed
	Labels []string // requested statuses, groups or states; none: those with counts
	Points int      // maximum points of a line, at even distances, including the newest; 0: all
	Since  int64    // Unix s
}

// Followed stands for all names of a kind that are followed.
const Followed = "*"

// MostPoints is the maximum number of points in one answer.
const MostPoints = 100_000

// ErrNotFollowed reports that a name has no line.
var ErrNotFollowed = errors.New("not followed")

// TooManyError reports that an answer would have more than MostPoints.
type TooManyError struct{ Points int }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("%d points, of at most %d", e.Points, MostPoints)
}

// Points returns the counts at each point: line after line in the order
// requested (by name with Followed), each by time and then in the order of the
// life cycle. Labels without counts in the whole period are omitted, unless
// they are requested. start is the time of the first stored point of these
// lines, 0 if there is none. The error is ErrNotFollowed, a *TooManyError, or
// that of the budget of ctx.
func (t *Timeline) Points(ctx context.Context, q Query) (points []schema.TimelinePoint, start int64, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	points = []schema.TimelinePoint{}
	spent := budget.From(ctx)
	from, _ := slices.BinarySearch(t.times, q.Since)
	for _, k := range t.keys(q) {
		s := t.series[k]
		if s == nil && k == (key{}) {
			return points, 0, nil // nothing yet
		}
		if s == nil {
			return nil, start, fmt.Errorf("%s %q: %w", k.kind, k.name, ErrNotFollowed)
		}
		if began := t.began(s); start == 0 || began < start {
			start = began
		}
		const value = 10 // steps of unpacking one number
		for range len(t.times) - from {
			if !spent.Spend(value * len(t.layout(k).labels)) {
				return nil, start, fmt.Errorf("read counts over time: %w", spent.Stopped())
			}
		}
		if points, err = t.line(points, k, s, t.first+int64(from), q); err != nil {
			return nil, start, err
		}
	}
	return points, start, nil
}

// began returns the time of the first point of a series that is kept.
func (t *Timeline) began(s *series) int64 {
	if i := s.start(t.first) - t.first; i < int64(len(t.times)) {
		return t.times[i]
	}
	return 0
}

// keys returns the lines that a query asks for.
func (t *Timeline) keys(q Query) []key {
	if q.Kind == "" {
		return []key{{}}
	}
	names := q.Names
	if len(names) == 1 && names[0] == Followed {
		names = t.names(q.Kind)
	}
	keys := make([]key, len(names))
	for i, name := range names {
		keys[i] = key{q.Kind, name}
	}
	return keys
}

// line adds the points of one line, from number first on.
func (t *Timeline) line(points []schema.TimelinePoint, k key, s *series, first int64, q Query) ([]schema.TimelinePoint, error) {
	layout := t.layout(k)
	rows := thinned(s.between(first, t.first+int64(len(t.times)), len(layout.labels)), q.Points)
	by := q.By
	switch {
	case by == "" && k == (key{}):
		by = ByStatus
	case by == "":
		by = ByGroup
	case by == ByGroup && k == (key{}):
		rows, layout = t.grouped(rows), &t.named
	}
	from, to := layout.columns(by == ByState)
	var columns []int
	for i := from; i < to; i++ {
		used := slices.ContainsFunc(q.Labels, func(n string) bool { return strings.EqualFold(n, layout.labels[i]) })
		if len(q.Labels) == 0 {
			used = slices.ContainsFunc(rows, func(r row) bool { return r.values[i] != 0 })
		}
		if used {
			columns = append(columns, i)
		}
	}
	if n := len(points) + len(rows)*len(columns); n > MostPoints {
		return nil, &TooManyError{n}
	}
	p := schema.TimelinePoint{By: string(by)}
	switch k.kind {
	case Campaign:
		p.Campaign = k.name
	case Site:
		p.Site = k.name
	case Release:
		p.Release = k.name
	case Agent:
		p.Agent = k.name
	}
	for _, row := range rows {
		for _, i := range columns {
			p.Time, p.Name, p.Count = t.times[row.number-t.first], layout.labels[i], row.values[i]
			points = append(points, p)
		}
	}
	return points, nil
}

// grouped adds up the statuses of all workflows by group, in the layout of
// names. The states are not needed.
func (t *Timeline) grouped(rows []row) []row {
	out := make([]row, len(rows))
	for i, r := range rows {
		values := make([]int64, len(t.named.labels))
		for k, group := range t.groups {
			values[group] += r.values[k]
		}
		out[i] = row{r.number, values}
	}
	return out
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

// Names returns the followed names of a kind, in order.
func (t *Timeline) Names(kind Kind) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.names(kind)
}

func (t *Timeline) names(kind Kind) []string {
	names := []string{}
	for k := range t.series {
		if k.kind == kind {
			names = append(names, k.name)
		}
	}
	slices.Sort(names)
	return names
}

// Labels returns the labels that are counted separately: those of all workflows
// with an empty kind, else those of a name. Names are not counted by status.
func (t *Timeline) Labels(kind Kind, by By) []string {
	layout := &t.named
	if kind == "" && by != ByGroup {
		layout = &t.all
	}
	from, to := layout.columns(by == ByState)
	return slices.Clone(layout.labels[from:to])
}
