package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/labstack/echo/v4"

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

// listHolds handles GET /fetch/{workflow}/holds: Holds of /fetch/{workflow}, which
// needs nothing from the source and so has them while that is down.
func (a *API) listHolds(c echo.Context) error {
	fields := schema.Describe[schema.Hold]()
	name, generation, p, err := a.workflowPart(c, fields)
	if err != nil {
		return err
	}
	found, err := a.holdsOf(c.Request().Context(), generation, wire.Query{Names: []string{name}}, nil)
	if err != nil {
		return err
	}
	return sendWhole(c, a, generation, p, "holds", fields, found.Holds())
}

// campaignHolds adds the members of the answer about one campaign after its
// record and rate. They cover the workflows whose main campaign it is, as its sums do;
// links have no filter for that.
func (a *API) campaignHolds(ctx context.Context, generation *store.Generation, o *objectWriter, term wire.Term, rate schema.Rate) error {
	base := wire.Query{Terms: []wire.Term{term}}
	own := term
	own.Field = wire.MainField(term.Field)
	found, err := a.holdsOf(ctx, generation, wire.Query{Terms: []wire.Term{own}}, &base)
	if err != nil {
		return err
	}
	if rate.Usable(a.o.Now().Unix()) {
		found.Rate(rate)
	}
	name := schema.None
	if len(term.Values) > 0 {
		name = term.Values[0]
	}
	o.value("WorstSites", generation.WorstSites(name))
	o.value("Holds", found.Holds())
	o.value("Left", found.Left())
	o.value("MostLeft", found.MostLeft())
	return nil
}

// agentDrain adds the members of the answer about one agent after its record and
// rate.
func (a *API) agentDrain(ctx context.Context, generation *store.Generation, o *objectWriter, term wire.Term, rate schema.Rate) error {
	q := wire.Query{Terms: []wire.Term{term, {Field: "Status", Op: wire.In, Values: runningStatuses()}}}
	sorted := q
	sorted.Sort = []wire.SortKey{{Field: "StatusTime"}}
	list, err := generation.Matching(ctx, sorted)
	if err != nil {
		return err
	}
	d := schema.Drain{Workflows: int64(list.Total()), Jobs: rate.JobsLeft, Query: q.Values().Encode()}
	if first := list.Page(0, 1); len(first) > 0 { //nolint:contextcheck // reading a page of the result spends nothing
		var w schema.Workflow
		if err := schema.DecodeWorkflow(first[0], &w); err != nil {
			return fmt.Errorf("read the oldest workflow of an agent: %w", err)
		}
		if w.StatusTime > 0 {
			d.Oldest, d.OldestStatusTime = w.Workflow, w.StatusTime
		}
	}
	o.value("Drain", d)
	return nil
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
