// Package failures counts the failing jobs of all workflows by exit code,
// site, workflow and state. A Table is built in one pass over the groups that
// the source returns. It holds 24 bytes for each different (workflow, exit
// code, site, state), and answers any grouping and filter of them exactly.
//
// The package reads no source and holds no single jobs. Its user decides when
// to build a new table.
package failures

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// MaxCells is the maximum number of different (workflow, exit code, site,
// state) in a table, some 100 MB. The largest known system has a quarter of
// that.
const MaxCells = 4_000_000

// MaxGroups is the maximum number of groups of one answer: they are computed
// again for each page of it.
const MaxGroups = 250_000

// TooManyGroupsError reports that a grouping is too fine to be answered.
type TooManyGroupsError struct{ Max int }

func (e *TooManyGroupsError) Error() string {
	return fmt.Sprintf("more than %d groups: add filters or group by less", e.Max)
}

// ErrTooMany reports more than MaxCells cells.
var ErrTooMany = errors.New("too many different failures to hold")

// cell is a number of jobs that agree in everything that is counted.
type cell struct {
	workflow, exit, site, state uint32 // indices into the tables of names
	jobs                        int64
}

// names maps texts (or codes) to small numbers.
type names[T comparable] struct {
	list []T
	at   map[T]uint32
}

func (n *names[T]) place(name T) uint32 {
	if n.at == nil {
		n.at = map[T]uint32{}
	}
	i, known := n.at[name]
	if !known {
		i = uint32(len(n.list)) //nolint:gosec // at most MaxCells
		n.list, n.at[name] = append(n.list, name), i
	}
	return i
}

// Table is the result of Builder. It is immutable and safe for concurrent use.
type Table struct {
	cells     []cell // grouped by workflow
	workflows []string
	exits     []int64
	sites     []string
	states    []string
	reports   []report // of failed jobs, grouped by workflow
	agents    []string
	bytes     int64
}

// report is the number of failed jobs of one workflow that one agent has
// reported.
type report struct {
	workflow, agent uint32 // indices into the tables of names
	jobs            int64
}

// Builder builds a Table. Groups of one workflow must be added together.
type Builder struct {
	max       int
	cells     []cell
	of        map[cell]int // index in cells, for the last workflow
	last      string
	workflows []string
	exits     names[int64]
	sites     names[string]
	states    names[string]
	agents    names[string]
	reports   []report
}

// NewBuilder returns a Builder of at most the given number of cells.
func NewBuilder(most int) *Builder { return &Builder{max: most, of: map[cell]int{}} }

// Add counts a group of jobs. The only error is ErrTooMany.
func (b *Builder) Add(g schema.JobError) error {
	if len(b.workflows) == 0 || b.last != g.Workflow {
		b.last = g.Workflow
		b.workflows = append(b.workflows, g.Workflow)
		clear(b.of)
	}
	c := cell{
		workflow: uint32(len(b.workflows) - 1), //nolint:gosec // at most MaxCells
		exit:     b.exits.place(g.ExitCode), site: b.sites.place(g.Site), state: b.states.place(g.State),
	}
	i, known := b.of[c]
	if !known {
		if len(b.cells) >= b.max {
			return ErrTooMany
		}
		i = len(b.cells)
		b.of[c] = i
		b.cells = append(b.cells, c)
	}
	b.cells[i].jobs += g.Count
	if schema.FailedForGood(g.State) {
		b.report(c.workflow, b.agents.place(g.Agent), g.Count)
	}
	return nil
}

// report counts jobs of a workflow by agent; a workflow has few of them.
func (b *Builder) report(workflow, agent uint32, jobs int64) {
	for i := len(b.reports) - 1; i >= 0 && b.reports[i].workflow == workflow; i-- {
		if b.reports[i].agent == agent {
			b.reports[i].jobs += jobs
			return
		}
	}
	b.reports = append(b.reports, report{workflow, agent, jobs})
}

// Table returns the result; the Builder must not be used afterwards.
func (b *Builder) Table() *Table {
	t := &Table{cells: slices.Clip(b.cells), workflows: b.workflows, exits: b.exits.list, sites: b.sites.list, states: b.states.list, reports: slices.Clip(b.reports), agents: b.agents.list}
	const each, report, text = 24, 16, 16
	t.bytes = int64(each*len(t.cells) + report*len(t.reports))
	for _, w := range t.workflows {
		t.bytes += int64(text + len(w))
	}
	return t
}

// Bytes returns the approximate memory of the table.
func (t *Table) Bytes() int64 { return t.bytes }

// Filter selects jobs; the zero value selects those that did not succeed in
// the end.
type Filter struct {
	Workflow func(name string) bool // nil: all
	ExitCode wire.Numbers
	Site     wire.Texts
	State    wire.Texts // without a filter: all but success
}

// By selects the fields to group by.
type By struct{ ExitCode, Site, Workflow, State bool }

// group is one group while it is counted.
type group struct {
	cell
	retries      int64
	workflows    int64
	lastWorkflow uint32
	sites, exits set
}

// none is used for fields that are not grouped by.
const none = ^uint32(0)

// Summaries groups the jobs that pass the filter: most jobs first, then by
// ExitCode, Site, Workflow and State. It spends the budget of ctx. The error
// is that of the budget, or a *TooManyGroupsError.
func (t *Table) Summaries(ctx context.Context, f Filter, by By) ([]schema.ErrorSummary, error) {
	const cellSteps, groupSteps, compareSteps = 20, 500, 50
	spent := budget.From(ctx)
	passes := t.masks(spent, f)
	retried := make([]bool, len(t.states))
	for i, state := range t.states {
		retried[i] = schema.Retried(state)
	}
	groups := map[cell]*group{}
	var order []*group
	var all int64
	for _, c := range t.cells {
		if !spent.Spend(cellSteps) {
			break
		}
		if !passes.workflows[c.workflow] || !passes.exits[c.exit] || !passes.sites[c.site] || !passes.states[c.state] {
			continue
		}
		key := cell{workflow: none, exit: none, site: none, state: none}
		pick(by.Workflow, &key.workflow, c.workflow)
		pick(by.ExitCode, &key.exit, c.exit)
		pick(by.Site, &key.site, c.site)
		pick(by.State, &key.state, c.state)
		g := groups[key]
		if g == nil {
			if len(order) == MaxGroups {
				return nil, &TooManyGroupsError{MaxGroups}
			}
			if !spent.Spend(groupSteps) {
				break
			}
			g = &group{cell: key, lastWorkflow: none}
			groups[key] = g
			order = append(order, g)
		}
		g.jobs += c.jobs
		if retried[c.state] {
			g.retries += c.jobs
		}
		all += c.jobs
		if g.lastWorkflow != c.workflow { // the cells of a workflow are adjacent
			g.lastWorkflow = c.workflow
			g.workflows++
		}
		g.sites.add(c.site)
		g.exits.add(c.exit)
	}
	list := make([]schema.ErrorSummary, 0, len(order))
	for _, g := range order {
		if !spent.Spend(groupSteps) {
			break
		}
		list = append(list, t.summary(g, all))
	}
	budget.Sort(spent, list, compareSteps, func(a, b schema.ErrorSummary) int { return Order(&a, &b) })
	if err := spent.Stopped(); err != nil {
		return nil, fmt.Errorf("group failing jobs: %w", err)
	}
	return list, nil
}

// Reports returns the failed jobs whose reports are available, by agent, of
// the workflows that pass; nil: all.
func (t *Table) Reports(workflow func(name string) bool) map[string]int64 {
	out := map[string]int64{}
	for _, r := range t.reports {
		if workflow == nil || workflow(t.workflows[r.workflow]) {
			out[t.agents[r.agent]] += r.jobs
		}
	}
	return out
}

// ExitCodes returns, for those of the named workflows that have failing jobs,
// the exit code of most of them; of equal ones the smallest.
func (t *Table) ExitCodes(ctx context.Context, names []string) (map[string]schema.Part, error) {
	const cellSteps = 5
	spent := budget.From(ctx)
	named := map[string]bool{}
	for _, name := range names {
		named[name] = true
	}
	exits := make([]map[uint32]int64, len(t.workflows)) // nil: not named
	for i, name := range t.workflows {
		if named[name] {
			exits[i] = map[uint32]int64{}
		}
	}
	for _, c := range t.cells {
		if !spent.Spend(cellSteps) {
			return nil, fmt.Errorf("find exit codes: %w", spent.Stopped())
		}
		if by := exits[c.workflow]; by != nil && t.states[c.state] != schema.StateSuccess {
			by[c.exit] += c.jobs
		}
	}
	out := map[string]schema.Part{}
	for i, by := range exits {
		if len(by) > 0 {
			out[t.workflows[i]] = t.mostFrequent(by)
		}
	}
	return out, nil
}

func (t *Table) mostFrequent(exits map[uint32]int64) (p schema.Part) {
	var first int64
	for exit, jobs := range exits {
		p.All += jobs
		if code := t.exits[exit]; jobs > p.Of || jobs == p.Of && code < first {
			p.Of, first = jobs, code
		}
	}
	info, _ := schema.ExitCodeOf(first)
	p.Name = fmt.Sprintf("%d (%s)", info.ExitCode, info.Meaning)
	return p
}

// Order sorts summaries by jobs, most first, then in the order of Compare.
func Order(a, b *schema.ErrorSummary) int { return cmp.Or(cmp.Compare(b.Jobs, a.Jobs), Compare(a, b)) }

func pick(asked bool, to *uint32, value uint32) {
	if asked {
		*to = value
	}
}

// Compare orders summaries by ExitCode, Site, Workflow and State.
func Compare(a, b *schema.ErrorSummary) int {
	return cmp.Or(cmp.Compare(a.ExitCode, b.ExitCode), cmp.Compare(a.Site, b.Site),
		cmp.Compare(a.Workflow, b.Workflow), cmp.Compare(a.State, b.State))
}

func (t *Table) summary(g *group, all int64) schema.ErrorSummary {
	s := schema.ErrorSummary{ExitCode: -1, Jobs: g.jobs, Retries: g.retries, Workflows: g.workflows, Sites: g.sites.n, ExitCodes: g.exits.n, Share: schema.Percent(float64(g.jobs), float64(all))}
	if g.exit != none {
		info, _ := schema.ExitCodeOf(t.exits[g.exit])
		s.ExitCode, s.Meaning, s.Area = info.ExitCode, info.Meaning, info.Area
	}
	if g.site != none {
		s.Site = t.sites[g.site]
	}
	if g.workflow != none {
		s.Workflow = t.workflows[g.workflow]
	}
	if g.state != none {
		s.State = t.states[g.state]
	}
	return s
}

// masks tell for each name whether it passes, so that a filter costs once for
// each name and not once for each cell.
type masks struct{ workflows, exits, sites, states []bool }

func (t *Table) masks(spent *budget.Budget, f Filter) masks {
	if f.Workflow == nil {
		f.Workflow = func(string) bool { return true }
	}
	state := f.State.Match
	if !f.State.Asked() {
		state = func(s string) bool { return s != schema.StateSuccess }
	}
	const look = 100
	return masks{
		mask(spent, look, t.workflows, f.Workflow), mask(spent, look+f.ExitCode.Steps(), t.exits, f.ExitCode.Match),
		mask(spent, look+f.Site.Steps(), t.sites, f.Site.Match), mask(spent, look+f.State.Steps(), t.states, state),
	}
}

// mask checks each name; each check costs the given steps. If the budget is
// exhausted the result must not be used.
func mask[T any](spent *budget.Budget, each int, list []T, passes func(T) bool) []bool {
	out := make([]bool, len(list))
	for i, name := range list {
		if !spent.Spend(each) {
			break
		}
		out[i] = passes(name)
	}
	return out
}

// set counts distinct small numbers.
type set struct {
	bits []uint64
	n    int64
}

func (s *set) add(i uint32) {
	at, bit := int(i/64), uint64(1)<<(i%64)
	for len(s.bits) <= at {
		s.bits = append(s.bits, 0)
	}
	if s.bits[at]&bit == 0 {
		s.bits[at] |= bit
		s.n++
	}
}
