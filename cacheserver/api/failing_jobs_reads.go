package api

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/failures"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// failingJobs returns the read that the request names, else the newest. An
// expired one is read again: in the background until it is twice too old, so
// that regular readers never wait. If that fails, the old one is served as
// stale.
func (a *API) failingJobs(c echo.Context, generation *store.Generation, id string) (*failingJobsTable, error) {
	if id != "" {
		if t := a.failing.named(id); t != nil {
			return t, nil
		}
		return nil, expiredRead(c, id)
	}
	newest := a.failing.newest()
	var age time.Duration
	if newest != nil {
		if age = a.o.Now().Sub(newest.time); age < newest.good(a.o.Demand.KeepErrors) {
			return newest, nil
		}
	}
	if a.o.Jobs == nil {
		return nil, demandProblem(c.Request().Context(), "job documents", ondemand.ErrAbsent)
	}
	wait := a.o.Demand.WaitErrors
	if preferred, ok := preferredWait(c.Request().Header); ok {
		wait = min(wait, preferred)
	}
	if newest != nil && age < 2*newest.good(a.o.Demand.KeepErrors) {
		wait = 0
	}
	t, err := a.readTable(c.Request().Context(), generation, wait)
	var problem *wire.Problem
	switch {
	case err == nil:
		return t, nil
	case newest == nil || c.Request().Context().Err() != nil:
		return nil, err
	case errors.As(err, &problem) && problem.Slug() == wire.SlugNotReady:
		return newest, nil // a newer one is being read
	}
	a.log.WarnContext(c.Request().Context(), "could not refresh failing jobs; serving the last ones read", "age", age, "err", err, "cause", errors.Unwrap(err))
	old := *newest
	old.stale = "the failing jobs of all workflows could not be refreshed"
	return &old, nil
}

// readTable waits for a read for the given time; the read continues after
// that.
func (a *API) readTable(ctx context.Context, generation *store.Generation, wait time.Duration) (*failingJobsTable, error) {
	const what = "job documents"
	patient, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	defer budget.From(ctx).Pause()()
	v, err := a.demand.Get(patient, ondemand.Call{
		Kind: kindAllFailingJobs, Timeout: a.o.Demand.TimeoutErrors,
		Read: func(ctx context.Context) (ondemand.Value, error) {
			began := a.o.Now()
			if newest := a.failing.newest(); newest != nil && began.Sub(newest.time) < newest.good(a.o.Demand.KeepErrors) {
				return ondemand.Value{Data: newest}, nil // another flight has just ended
			}
			table, err := a.readFailingJobs(ctx, generation)
			if err != nil {
				return ondemand.Value{}, err
			}
			return ondemand.Value{Data: a.failing.add(table, began, a.o.Now().Sub(began))}, nil
		},
	})
	if patient.Err() != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, wire.NewProblem(wire.SlugNotReady, "The failing jobs of all workflows are still being read from the source; retry soon.")
	}
	if err != nil {
		return nil, demandProblem(ctx, what, err)
	}
	t, _ := v.Data.(*failingJobsTable)
	return t, nil
}

// readFailingJobs builds a table of the failing jobs of the workflows of a
// generation while they are read.
func (a *API) readFailingJobs(ctx context.Context, generation *store.Generation) (*failures.Table, error) {
	build := failures.NewBuilder(failures.MaxCells)
	if err := a.o.Jobs.FailingJobs(ctx, wanted(generation), build.Add); err != nil {
		return nil, err //nolint:wrapcheck // demandProblem adds what was read
	}
	return build.Table(), nil
}

// wanted returns the test whether a generation has a workflow.
func wanted(generation *store.Generation) func(string) bool {
	return func(name string) bool { _, _, ok := generation.Workflow(name); return ok }
}

// expiredRead returns the problem for a read that is no longer held.
func expiredRead(c echo.Context, id string) error {
	p := wire.GenerationExpired(id, restartURL(c), "")
	p.Param = "read"
	p.Detail = "This read of the failing jobs is no longer available."
	return p
}
