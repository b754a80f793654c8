package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/failures"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema/wire"
)

// errorTable is one read of the failing jobs of all workflows.
type errorTable struct {
	*failures.Table

	id    string
	time  time.Time // when the read began
	took  time.Duration
	stale string // why there is no newer one, when there should be
}

// share is how much of its time a source spends on these reads at most: one
// twentieth. Measured on CouchDB 3.5, a group costs it 0.1 ms, so that a million
// of them take minutes.
const share = 20

// good is how long a read is good.
func (t *errorTable) good(keep time.Duration) time.Duration { return max(keep, share*t.took) }

// errorTables holds the last reads. They are not in the cache: it may forget or
// drop a value at any time, and the next request would ask the source for
// everything again. The one before the last is there for those who page.
type errorTables struct {
	mu     sync.Mutex
	tables []*errorTable // newest last
	count  int
}

// keptTables is how many reads are held.
const keptTables = 2

func (e *errorTables) newest() *errorTable {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.tables) == 0 {
		return nil
	}
	return e.tables[len(e.tables)-1]
}

func (e *errorTables) named(id string) *errorTable {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.tables {
		if t.id == id {
			return t
		}
	}
	return nil
}

func (e *errorTables) add(process string, t *failures.Table, at time.Time, took time.Duration) *errorTable {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	made := &errorTable{Table: t, id: fmt.Sprintf("%s-e%d", process, e.count), time: at, took: took}
	if e.tables = append(e.tables, made); len(e.tables) > keptTables {
		e.tables = append([]*errorTable(nil), e.tables[1:]...)
	}
	return made
}

// held is the memory of the tables, in bytes, and their number.
func (e *errorTables) held() (bytes, n int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.tables {
		bytes += t.Bytes()
	}
	return bytes, int64(len(e.tables))
}

// failingJobs gives the read that the request names, else the newest. One that
// is no longer good is read again: in the background as long as it is not twice
// too old, so that who looks regularly never waits. If that fails, the old one
// is served and says so.
func (a *API) failingJobs(c echo.Context, generation *store.Generation, id string) (*errorTable, error) {
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
		return newest, nil // a newer one is on its way
	}
	a.log.WarnContext(c.Request().Context(), "failing jobs not read again", "age", age, "err", err, "cause", errors.Unwrap(err))
	old := *newest
	old.stale = "the failing jobs of all workflows could not be read again"
	return &old, nil
}

// readTable waits so long for a read, which goes on after that.
func (a *API) readTable(ctx context.Context, generation *store.Generation, wait time.Duration) (*errorTable, error) {
	const what = "job documents"
	patient, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	defer budget.From(ctx).Pause()()
	v, err := a.demand.Get(patient, ondemand.Call{
		Kind: kindAll, Timeout: a.o.Demand.TimeoutErrors,
		Read: func(ctx context.Context) (ondemand.Value, error) {
			began := a.o.Now()
			if newest := a.failing.newest(); newest != nil && began.Sub(newest.time) < newest.good(a.o.Demand.KeepErrors) {
				return ondemand.Value{Data: newest}, nil // another flight has just landed
			}
			table, err := a.readFailingJobs(ctx, generation)
			if err != nil {
				return ondemand.Value{}, err
			}
			return ondemand.Value{Data: a.failing.add(processOf(generation.ID()), table, began, a.o.Now().Sub(began))}, nil
		},
	})
	if patient.Err() != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, wire.NewProblem(wire.SlugNotReady, "The failing jobs of all workflows are being read from the source; ask again soon.")
	}
	if err != nil {
		return nil, demandProblem(ctx, what, err)
	}
	t, _ := v.Data.(*errorTable)
	return t, nil
}

// processOf is the tag of the process in the id of a generation.
func processOf(generation string) string {
	return generation[:max(0, strings.LastIndexByte(generation, '-'))]
}

// expiredRead says that a read is not held any more.
func expiredRead(c echo.Context, id string) error {
	p := wire.GenerationExpired(id, restartURL(c), "")
	p.Param = "read"
	p.Detail = "This read of the failing jobs is not kept here any more."
	return p
}
