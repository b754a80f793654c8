package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/limit"
	"github.com/dmwm/wmstats/schema/wire"
)

// QueryOptions bound requests whose cost is not that of the page which they
// return: filters, sorts, counts and selectors. Zero values are good.
type QueryOptions struct {
	Timeout   time.Duration                        // longest work on one request, and longest wait for its turn; 0: 5 s
	AtOnce    int                                  // expensive requests that are worked on at once; 0: half of the processors, 2 to 8
	PerClient int                                  // the same, of one client; 0: half of AtOnce, at least 1
	Steps     int64                                // most steps of one request (see package budget); 0: no bound but the time
	Free      int64                                // steps from which on a request is expensive; 0: DefaultFree
	Spent     func(route string, b *budget.Budget) // nil or called at the end of each request that scans, for tests
}

// DefaultFree is about 5 ms of work: at 20 000 workflows hardly anything is
// expensive, at a million every new filter.
const DefaultFree = 5_000_000

// Requests that wait for their turn, for each one that is worked on.
const (
	waitingEach      = 32
	waitingPerClient = 8
)

// DefaultQueries are the options without flags.
func DefaultQueries() QueryOptions { return QueryOptions{}.complete() }

func (o QueryOptions) complete() QueryOptions {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.AtOnce == 0 {
		o.AtOnce = min(8, max(2, runtime.GOMAXPROCS(0)/2)) // each may take some 200 MB at a million workflows
	}
	if o.PerClient == 0 {
		o.PerClient = max(1, o.AtOnce/2)
	}
	if o.Free == 0 {
		o.Free = DefaultFree
	}
	return o
}

// queries lets few expensive requests work at once.
type queries struct {
	o       QueryOptions
	turns   *limit.Turns[access.Client]
	refused *prometheus.CounterVec
}

func newQueries(o QueryOptions, registry *prometheus.Registry) (*queries, error) {
	q := &queries{o: o, turns: limit.NewTurns[access.Client](limit.TurnOptions{
		AtOnce: o.AtOnce, AtOncePerKey: o.PerClient,
		Waiting: waitingEach * o.AtOnce, WaitingPerKey: waitingPerClient * o.PerClient,
	})}
	q.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wmstats_queries_refused_total",
		Help: "Expensive requests that were refused or ended, by reason: time (422), client and busy (429), left (the client did).",
	}, []string{"reason"})
	for _, reason := range []string{"time", "client", "busy", "left"} {
		q.refused.WithLabelValues(reason)
	}
	gauge := func(name, help string, value func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	return q, errors.Join(registry.Register(q.refused),
		registry.Register(gauge("wmstats_queries", "Expensive requests that are worked on.", func() int { n, _ := q.turns.Len(); return n })),
		registry.Register(gauge("wmstats_queries_waiting", "Expensive requests that wait for their turn.", func() int { _, n := q.turns.Len(); return n })))
}

// bound puts a budget into the context of the request, once; wrap ends it.
func (a *API) bound(c echo.Context) {
	ctx := c.Request().Context()
	if _, there := ctx.(*budget.Budget); !there {
		c.SetRequest(c.Request().WithContext(a.newBudget(ctx, c.Request())))
	}
}

// newBudget is the budget of one request, or of one event of a feed.
func (a *API) newBudget(ctx context.Context, r *http.Request) *budget.Budget {
	o := a.o.Queries
	return budget.New(ctx, budget.Options{
		Time: o.Timeout, Steps: o.Steps, Free: o.Free, Now: a.o.Now,
		Enter: func(ctx context.Context) (func(), error) { return a.takeTurn(ctx, r) },
	})
}

// takeTurn waits until the request may go on with expensive work.
func (a *API) takeTurn(ctx context.Context, r *http.Request) (leave func(), err error) {
	client, free := a.o.Gate.Client(r)
	patient, cancel := context.WithTimeout(ctx, a.o.Queries.Timeout)
	defer cancel()
	leave, why, err := a.queries.turns.Take(patient, client, free)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("request ended: %w", ctx.Err())
	case err != nil:
		return nil, a.busy("busy", fmt.Sprintf("This server is busy with %d expensive requests; yours waited for %s.", a.o.Queries.AtOnce, a.o.Queries.Timeout))
	case why == limit.ByKey:
		return nil, a.busy("client", fmt.Sprintf("You have %d expensive requests waiting; at most %d of one client are worked on at once.", waitingPerClient*a.o.Queries.PerClient, a.o.Queries.PerClient))
	case why == limit.InTotal:
		return nil, a.busy("busy", fmt.Sprintf("%d expensive requests wait for their turn, which is all that this server takes.", waitingEach*a.o.Queries.AtOnce))
	}
	return leave, nil
}

func (a *API) busy(reason, detail string) error {
	a.queries.refused.WithLabelValues(reason).Inc()
	p := wire.RateLimited(detail + " Ask again soon, or for less: with more filters, or by q= or name= in place of a selector.")
	p.RetryAfter = max(1, int(math.Ceil(a.o.Queries.Timeout.Seconds()/2)))
	return p
}

// exceeded says that a request had all its time.
func (a *API) exceeded(err *budget.ExceededError) *wire.Problem {
	a.queries.refused.WithLabelValues("time").Inc()
	if err.Time == 0 {
		return wire.TooExpensive(fmt.Sprintf("The answer takes more than the %d steps that one request may take. Ask for less: with more filters, a simpler selector, or fewer keys of sort= or facets=.", err.Steps))
	}
	return wire.TooExpensive(fmt.Sprintf("The answer takes longer than the %s that one request may take. Ask for less: with more filters, a simpler selector, or fewer keys of sort= or facets=.", err.Time))
}

// endBudget gives back what a request holds.
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
