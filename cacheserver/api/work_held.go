package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/holds"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// holdsOf finds what holds the workflows that match filter. base selects them
// in links; nil for a single one.
func (a *API) holdsOf(ctx context.Context, generation *store.Generation, filter wire.Query, base *wire.Query) (*holds.Finder, error) {
	const each = 20_000
	spent := budget.From(ctx)
	list, err := generation.Matching(ctx, filter)
	if err != nil {
		return nil, err
	}
	found := holds.New(holds.NewWorld(a.o.Store.Agents(generation), a.o.Now().Unix(), generation.Limits()), base)
	list.EachPlaced(func(w *schema.Workflow) { //nolint:contextcheck // it spends the budget
		if spent.Spend(each) {
			found.Add(w)
		}
	})
	if err := spent.Stopped(); err != nil {
		return nil, fmt.Errorf("find what holds workflows: %w", err)
	}
	return found, nil
}

// campaignHolds returns the members of the answer about one campaign after its
// record. They cover the workflows whose main campaign it is, as its sums do;
// links have no filter for that.
func (a *API) campaignHolds(ctx context.Context, generation *store.Generation, term wire.Term) ([]byte, error) {
	base := wire.Query{Terms: []wire.Term{term}}
	own := term
	own.Field = wire.MainField(term.Field)
	found, err := a.holdsOf(ctx, generation, wire.Query{Terms: []wire.Term{own}}, &base)
	if err != nil {
		return nil, err
	}
	var o objectWriter
	o.value("Holds", found.Holds())
	o.value("Left", found.Left())
	o.value("MostLeft", found.MostLeft())
	return o.bytes[1:], o.err
}

// agentDrain returns the members of the answer about one agent after its record.
func (a *API) agentDrain(ctx context.Context, generation *store.Generation, term wire.Term) ([]byte, error) {
	q := wire.Query{Terms: []wire.Term{term, {Field: "Status", Op: wire.In, Values: runningStatuses()}}}
	sorted := q
	sorted.Sort = []wire.SortKey{{Field: "StatusTime"}}
	list, err := generation.Matching(ctx, sorted)
	if err != nil {
		return nil, err
	}
	d := schema.Drain{Workflows: int64(list.Total()), Query: q.Values().Encode()}
	if first := list.Page(0, 1); len(first) > 0 { //nolint:contextcheck // reading a page of the result spends nothing
		var w schema.Workflow
		if err := schema.DecodeWorkflow(first[0], &w); err != nil {
			return nil, fmt.Errorf("read the oldest workflow of an agent: %w", err)
		}
		if w.StatusTime > 0 {
			d.Oldest, d.OldestStatusTime = w.Workflow, w.StatusTime
		}
	}
	for _, agent := range a.o.Store.Agents(generation) {
		if c := &agent.Counters; slices.Contains(term.Values, agent.Agent.Agent) {
			d.Jobs = c.Queued + c.Pending + c.Running + c.Cooloff + c.Paused
		}
	}
	var o objectWriter
	o.value("Drain", d)
	return o.bytes[1:], o.err
}

// runningStatuses are those in which agents have work to do.
func runningStatuses() (names []string) {
	for _, s := range append(schema.Statuses(), schema.TierZeroStatuses()...) {
		if s.Group == "RunningWorkflows" {
			names = append(names, s.Status)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
