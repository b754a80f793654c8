package timeline

import (
	"slices"

	"github.com/dmwm/wmstats/schema"
)

// Kind is what a series is about.
type Kind string

// Kinds of series; the empty Kind is that of all workflows.
const (
	Campaign Kind = "campaign"
	Site     Kind = "site"
	Release  Kind = "release"
	Agent    Kind = "agent"
)

// Kinds returns the kinds of series that have names.
func Kinds() []Kind { return []Kind{Campaign, Site, Release, Agent} }

// key identifies a series; it is empty for that of all workflows.
type key struct {
	kind Kind
	name string
}

// OtherStatus counts workflows in a status that is not counted separately, or
// that is in no group.
const OtherStatus = "(other)"

// state is one part of TotalJobs.
type state struct {
	name  string
	count func(c *schema.Counters) int64
}

// states are the parts of TotalJobs, in the order of the life cycle: those of
// all workflows.
var states = [...]state{
	{"Queued", func(c *schema.Counters) int64 { return c.Queued }},
	namedStates[0],
	namedStates[1],
	namedStates[2],
	namedStates[3],
	{"Cooloff", func(c *schema.Counters) int64 { return c.Cooloff }},
	{"Paused", func(c *schema.Counters) int64 { return c.Paused }},
	{"Canceled", func(c *schema.Counters) int64 { return c.Canceled }},
	{"Transition", func(c *schema.Counters) int64 { return c.Transition }},
}

// namedStates are the parts that are counted for each name.
var namedStates = [...]state{
	{"Pending", func(c *schema.Counters) int64 { return c.Pending }},
	{"Running", func(c *schema.Counters) int64 { return c.Running }},
	{"Success", func(c *schema.Counters) int64 { return c.Success }},
	{"Failure", func(c *schema.Counters) int64 { return c.Failure }},
}

// layout is the order of the values of a point: workflows by status or group,
// then jobs by state.
type layout struct {
	labels  []string
	states  int   // index of the first state
	waiting []int // indexes of Pending and Running
	count   []state
}

func layoutOf(statuses []string, count []state) layout {
	l := layout{labels: append(slices.Clone(statuses), OtherStatus), count: count}
	l.states = len(l.labels)
	for i, s := range count {
		l.labels = append(l.labels, s.name)
		if s.name == "Pending" || s.name == "Running" {
			l.waiting = append(l.waiting, l.states+i)
		}
	}
	return l
}

// layout returns the layout of a series.
func (t *Timeline) layout(k key) *layout {
	if k == (key{}) {
		return &t.all
	}
	return &t.named
}

// add adds jobs to the values of a point.
func (l *layout) add(values []int64, c *schema.Counters) {
	for i := range l.count {
		values[l.states+i] += l.count[i].count(c)
	}
}

// weight returns the number of workflows, and of jobs that wait or run.
func (l *layout) weight(values []int64) (n int64) {
	for _, v := range values[:l.states] {
		n += v
	}
	for _, i := range l.waiting {
		n += values[i]
	}
	return n
}

// columns returns the range of the values that are counted by status (or
// group), or by state.
func (l *layout) columns(byState bool) (from, to int) {
	if byState {
		return l.states, len(l.labels)
	}
	return 0, l.states
}
