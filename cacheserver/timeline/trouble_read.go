package timeline

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/schema"
)

// FailingWorkflows returns the workflows that have more failed jobs than at a time,
// those that gained most first. It spends the budget of ctx.
func (t *Timeline) FailingWorkflows(ctx context.Context, since int64) (out []schema.FailureChange, from int64, err error) {
	spent := budget.From(ctx)
	l := t.trouble.copied()
	changed, from := l.since(spent, since)
	out = []schema.FailureChange{}
	for id, was := range changed {
		if !spent.Spend(stepsOfState) {
			break
		}
		if is := l.is[id]; is.failure > was.failure {
			out = append(out, schema.FailureChange{Name: was.name, By: "workflow", From: from, To: l.to, Failure: is.failure, Gained: is.failure - was.failure})
		}
	}
	return sortedFailures(spent, out, from)
}

// sortedFailures sorts changes, unless the budget is spent.
func sortedFailures(spent *budget.Budget, out []schema.FailureChange, from int64) ([]schema.FailureChange, int64, error) {
	budget.Sort(spent, out, stepsOfSort, func(a, b schema.FailureChange) int {
		return cmp.Or(cmp.Compare(b.Gained, a.Gained), cmp.Compare(a.Name, b.Name))
	})
	if err := spent.Stopped(); err != nil {
		return nil, 0, fmt.Errorf("read failed jobs over time: %w", err)
	}
	return out, from, nil
}

// Failing returns the names of a kind whose failed jobs have increased since a time,
// by the counts over time, those that gained most first. Gained is the sum of the
// increases: a decrease, when workflows leave, is not subtracted. from is the time of
// the point that all are compared with; a name that was followed later has its own.
func (t *Timeline) Failing(ctx context.Context, kind Kind, since int64) (out []schema.FailureChange, from int64, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	out = []schema.FailureChange{}
	if len(t.times) == 0 {
		return out, 0, nil
	}
	spent := budget.From(ctx)
	first := t.pointAt(since)
	failure := slices.Index(t.named.labels, "Failure")
	for _, name := range t.names(kind) {
		const value = 10 // steps of unpacking one number
		if !spent.Spend(value * len(t.named.labels) * (len(t.times) - first)) {
			return nil, 0, fmt.Errorf("read counts over time: %w", spent.Stopped())
		}
		rows := t.series[key{kind, name}].between(t.first+int64(first), t.first+int64(len(t.times)), len(t.named.labels))
		if len(rows) == 0 {
			continue
		}
		c := schema.FailureChange{
			Name: name, By: string(kind), From: t.times[rows[0].number-t.first], To: t.times[rows[len(rows)-1].number-t.first],
			Failure: rows[len(rows)-1].values[failure],
		}
		for i := 1; i < len(rows); i++ {
			if slices.ContainsFunc(rows[i-1].values, func(n int64) bool { return n != 0 }) { // it has not just come back
				c.Gained += max(0, rows[i].values[failure]-rows[i-1].values[failure])
			}
		}
		if c.Gained > 0 {
			out = append(out, c)
		}
	}
	return sortedFailures(spent, out, t.times[first])
}

// pointAt returns the index of the last point at or before a time, else of the first.
func (t *Timeline) pointAt(at int64) int {
	i, found := slices.BinarySearch(t.times, at)
	if !found {
		i--
	}
	return max(0, min(i, len(t.times)-1))
}

// mostBegan is the number of workflows that are named of a rule.
const mostBegan = 50

// AlertChanges returns, for each rule with alerts now or then, the workflows of which
// it holds, and those of which it has begun or ended since a time. It spends the
// budget of ctx.
func (t *Timeline) AlertChanges(ctx context.Context, since int64) (out []schema.AlertChange, from int64, err error) {
	spent := budget.From(ctx)
	l := t.trouble.copied()
	changed, from := l.since(spent, since)
	out = make([]schema.AlertChange, len(l.rules))
	for i, rule := range l.rules {
		out[i] = schema.AlertChange{Rule: rule, From: from, To: l.to, Workflows: []string{}}
	}
	for _, is := range l.is {
		if !spent.Spend(stepsOfState) {
			break
		}
		for i := range bitsOf(is.alerts) {
			out[i].Holds++
		}
	}
	for id, was := range changed {
		if !spent.Spend(stepsOfState) {
			break
		}
		now := l.is[id].alerts
		for i := range bitsOf(now &^ was.alerts) {
			out[i].Began++
			out[i].Workflows = append(out[i].Workflows, was.name)
		}
		for i := range bitsOf(was.alerts &^ now) {
			out[i].Ended++
		}
	}
	for i := range out {
		budget.Sort(spent, out[i].Workflows, stepsOfSort, cmp.Compare[string])
		out[i].Workflows = out[i].Workflows[:min(len(out[i].Workflows), mostBegan)]
	}
	out = slices.DeleteFunc(out, func(a schema.AlertChange) bool { return a.Holds+a.Began+a.Ended == 0 })
	slices.SortFunc(out, func(a, b schema.AlertChange) int {
		return cmp.Or(cmp.Compare(b.Began, a.Began), cmp.Compare(b.Ended, a.Ended), cmp.Compare(a.Rule, b.Rule))
	})
	if err := spent.Stopped(); err != nil {
		return nil, 0, fmt.Errorf("read alerts over time: %w", err)
	}
	return out, from, nil
}

// bitsOf yields the numbers of the bits that are set.
func bitsOf(word uint64) iter.Seq[int] {
	return func(yield func(int) bool) {
		for ; word != 0 && yield(bits.TrailingZeros64(word)); word &= word - 1 {
		}
	}
}
