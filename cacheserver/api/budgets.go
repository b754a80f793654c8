package api

import (
	"context"
	"fmt"
	"math"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/program/access/limit"
	"github.com/dmwm/wmstats/schema/wire"
)

// bound puts a budget into the context of the request, once; wrap ends it.
func (a *API) bound(c echo.Context) {
	ctx := c.Request().Context()
	if _, there := ctx.(*budget.Budget); !there {
		c.SetRequest(c.Request().WithContext(a.newBudget(ctx, c.Request())))
	}
}

// newBudget returns the budget of one request, or of one event of a feed.
func (a *API) newBudget(ctx context.Context, r *http.Request) *budget.Budget {
	o := a.o.Queries
	return budget.New(ctx, budget.Options{
		Time: o.Timeout, Steps: o.Steps, Free: o.Free, Now: a.o.Now,
		Enter: func(ctx context.Context) (func(), error) { return a.takeTurn(ctx, r) },
	})
}

// takeTurn waits until the request may continue with expensive work.
func (a *API) takeTurn(ctx context.Context, r *http.Request) (leave func(), err error) {
	client, free := a.o.Gate.Client(r)
	patient, cancel := context.WithTimeout(ctx, a.o.Queries.Timeout)
	defer cancel()
	leave, why, err := a.queries.turns.Take(patient, client, free)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("request ended: %w", ctx.Err())
	case err != nil:
		return nil, a.busy("busy", fmt.Sprintf("The server is busy with %d expensive requests; yours waited for %s.", a.o.Queries.AtOnce, a.o.Queries.Timeout))
	case why == limit.ByKey:
		return nil, a.busy("client", fmt.Sprintf("You have %d expensive requests waiting; the server processes at most %d of one client at once.", waitingPerClient*a.o.Queries.PerClient, a.o.Queries.PerClient))
	case why == limit.InTotal:
		return nil, a.busy("busy", fmt.Sprintf("The server has %d expensive requests in its queue, the maximum.", waitingEach*a.o.Queries.AtOnce))
	}
	return leave, nil
}

func (a *API) busy(reason, detail string) error {
	a.queries.refused.WithLabelValues(reason).Inc()
	p := wire.RateLimited(detail + " Retry soon, or request less: add filters, or use q= or name= instead of a selector.")
	p.RetryAfter = max(1, int(math.Ceil(a.o.Queries.Timeout.Seconds()/2)))
	return p
}

// exceeded returns the problem of a request that has used all its time or
// steps.
func (a *API) exceeded(err *budget.ExceededError) *wire.Problem {
	a.queries.refused.WithLabelValues("time").Inc()
	if err.Time == 0 {
		return wire.TooExpensive(fmt.Sprintf("The request exceeds the limit of %d steps. Request less: add filters, simplify the selector, or use fewer keys in sort= or facets=.", err.Steps))
	}
	return wire.TooExpensive(fmt.Sprintf("The request exceeds the time limit of %s. Request less: add filters, simplify the selector, or use fewer keys in sort= or facets=.", err.Time))
}

// endBudget releases what a request holds.
func (a *API) endBudget(c echo.Context, route string) {
	b, there := c.Request().Context().(*budget.Budget)
	if !there {
		return
	}
	b.End()
	if a.o.Queries.Spent != nil {
		a.o.Queries.Spent(route, b)
	}
}
