package api

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/budget"
	"github.com/dmwm/wmstats/cacheserver/failures"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Kinds of reads on demand, for metrics.
const (
	kindDetail         = "detail"
	kindFailingJobs    = "errors"
	kindJobs           = "jobs"
	kindLogs           = "logs"
	kindAllFailingJobs = "all_errors"
	kindAllLogs        = "all_logs"
	kindUnlisted       = "unlisted"
)

// newDemand returns the reader between handlers and source, with its metrics.
func newDemand(o Options) (*ondemand.Reader, error) {
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wmstats_ondemand_total",
		Help: "Requests for data that are read on demand, by kind and outcome: kept (from the cache), read, absent (the source has none), failed, backoff (paused after failures), busy (queue full).",
	}, []string{"kind", "outcome"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "wmstats_ondemand_seconds", Help: "Time of on-demand reads from the source, including the wait in the queue.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120},
	}, []string{"kind"})
	for _, kind := range []string{kindDetail, kindFailingJobs, kindJobs, kindLogs, kindAllFailingJobs, kindAllLogs, kindUnlisted} {
		seconds.WithLabelValues(kind)
		for _, outcome := range []string{ondemand.Kept, ondemand.Read, ondemand.Absent, ondemand.Failed, ondemand.Backoff, ondemand.Busy} {
			calls.WithLabelValues(kind, outcome)
		}
	}
	reader := ondemand.New(ondemand.Options{
		Cache: o.Cache, AtOnce: o.Demand.AtOnce, Waiting: o.Demand.Waiting, Timeout: o.Demand.Timeout, Now: o.Now,
		Failures: o.Demand.Failures, MinWait: o.Demand.MinWait, MaxWait: o.Demand.MaxWait,
		Observe: func(kind, outcome string, took time.Duration) {
			calls.WithLabelValues(kind, outcome).Inc()
			if outcome == ondemand.Read || outcome == ondemand.Failed {
				seconds.WithLabelValues(kind).Observe(took.Seconds())
			}
		},
	})
	running := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "wmstats_ondemand_running", Help: "On-demand reads from the source in progress."},
		func() float64 { return float64(reader.Running()) })
	return reader, errors.Join(o.Registry.Register(calls), o.Registry.Register(seconds), o.Registry.Register(running))
}

// demandProblem returns the problem for an error of a read on demand. what
// describes the data to users.
func demandProblem(ctx context.Context, what string, err error) error {
	var problem *wire.Problem
	var crash *ondemand.PanicError
	switch {
	case errors.As(err, &problem), ctx.Err() != nil, errors.Is(err, failures.ErrTooMany):
		return err
	case errors.As(err, &crash):
		return wire.Internal(err)
	case errors.Is(err, ondemand.ErrAbsent):
		return wire.NotInSource("This source has no " + what + ".")
	case errors.Is(err, ondemand.ErrBusy):
		return wire.RateLimited("Too many reads are waiting for the source; retry soon.")
	case errors.Is(err, ondemand.ErrBackoff):
		return wire.SourceFailed("Reading the "+what+" from the source has failed several times in a row; retry soon.", err)
	}
	return wire.SourceFailed("Reading the "+what+" from the source failed.", err)
}

// demandRead is the result of a read on demand. stale means that it is an
// earlier result, served because the source can't be read now; aged that the
// answer states when it was read.
type demandRead struct {
	ondemand.Value

	stale, aged bool
}

// readDemand reads on demand, for as long as the client wants to wait. If the
// source fails, or is slower than that, it returns the last result under that
// name, if it is still cached: when the source is down, known data remain
// available. Errors are those of demandProblem, except ErrAbsent, which the
// caller explains.
func (a *API) readDemand(c echo.Context, what string, call ondemand.Call) (d demandRead, err error) {
	ctx := c.Request().Context()
	patient := ctx
	if wait, ok := preferredWait(c.Request().Header); ok {
		var cancel context.CancelFunc
		patient, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	resume := budget.From(ctx).Pause()
	d.Value, err = a.demand.Get(patient, call)
	resume()
	switch {
	case err == nil, errors.Is(err, ondemand.ErrAbsent), ctx.Err() != nil:
		return d, err //nolint:wrapcheck // the caller distinguishes these
	case patient.Err() != nil && errors.Is(err, context.DeadlineExceeded):
		err = wire.NewProblem(wire.SlugNotReady, "The "+what+" are still being read from the source; retry soon.")
	default:
		err = demandProblem(ctx, what, err)
	}
	switch p := wire.ProblemOf(err); {
	case p == nil:
	case p.Slug() == wire.SlugSourceFailed, p.Slug() == wire.SlugNotReady, p.Slug() == wire.SlugRateLimited:
		if last, ok := a.demand.Last(call); ok {
			a.log.DebugContext(ctx, "serving the last value read", "kind", call.Kind, "err", err)
			return demandRead{Value: last, stale: true}, nil
		}
	}
	return d, err
}

// describeStale states in the headers that a result of a read on demand is
// outdated. If the generation is stale too, this reason replaces that one.
func (a *API) describeStale(c echo.Context, d demandRead, what string) {
	if !d.stale {
		return
	}
	h := c.Response().Header()
	h.Set(wire.HeaderStale, "1")
	h.Set(wire.HeaderStaleReason, "the "+what+" could not be refreshed since "+answer.Timestamp(d.Time))
}

// onDemand returns what the cache has of one workflow, or reads it.
func onDemand[T any](c echo.Context, a *API, call ondemand.Call, what string, read func(context.Context) (T, int64, error)) (found T, at time.Time, err error) {
	if a.o.Jobs == nil {
		return found, at, demandProblem(c.Request().Context(), what, ondemand.ErrAbsent)
	}
	call.TTL = a.o.Demand.Keep
	call.Read = func(ctx context.Context) (ondemand.Value, error) {
		data, cost, err := read(ctx)
		return ondemand.Value{Data: data, Cost: cost}, err
	}
	d, err := a.readDemand(c, what, call)
	if errors.Is(err, ondemand.ErrAbsent) {
		err = demandProblem(c.Request().Context(), what, err)
	}
	if err != nil {
		return found, at, err
	}
	a.describeStale(c, d, what)
	found, _ = d.Data.(T)
	return found, d.Time, nil
}

// demanded is a list that was read on demand.
type demanded struct {
	name   string // file name for a download
	fields []schema.Field
	params listParams
	time   time.Time // when it was read
	total  int64
	began  time.Time
	head   []byte // of an envelope, up to the [ of its items; nil: no envelope
}

// sendDemanded answers with the whole list.
func sendDemanded[T any](c echo.Context, a *API, generation *store.Generation, d demanded, records []T) error {
	formats := wire.Formats()
	if d.head != nil {
		formats = []wire.Format{wire.JSON}
	}
	format, err := chooseFormat(c, d.params.Format, formats...)
	if err != nil {
		return err
	}
	ans := answerOf(generation, d.params.Query, format, d.name, d.began)
	ans.Pinned = false // it will be read again
	describeRead(c, d.time)
	return sendList(c, a, ans, listing{d.fields, d.params.keys, d.total, d.head, []byte("]}\n")}, records)
}

// describeRead states in the header when a list was read on demand.
func describeRead(c echo.Context, read time.Time) {
	c.Response().Header()[wire.HeaderReadTime] = []string{answer.Timestamp(read)}
}

// flat returns the fields that a table has a column for: no lists of records.
func flat(fields []schema.Field) (out []schema.Field) {
	for _, f := range fields {
		if f.Type != schema.Records {
			out = append(out, f)
		}
	}
	return out
}

// workflowPart is common to the handlers below a workflow: its name, which the
// generation has, and the parameters.
func (a *API) workflowPart(c echo.Context, fields []schema.Field, own ...string) (name string, generation *store.Generation, p listParams, err error) {
	if p, err = parseListParams(c, fields, own...); err != nil {
		return "", nil, p, err
	}
	if name, err = pathName(c); err != nil {
		return "", nil, p, err
	}
	if generation, err = a.generation(c, p.Query); err != nil {
		return "", nil, p, err
	}
	if _, _, ok := generation.Workflow(name); !ok {
		return "", nil, p, wire.NotFound("workflow", name, generation.NearWorkflows(name, 3))
	}
	return name, generation, p, nil
}

// costOf returns the approximate memory of records.
func costOf[T any](records []T) int64 {
	var size int64
	var buf []byte
	for i := range records {
		buf = schema.AppendJSON(buf[:0], &records[i])
		size += int64(len(buf))
	}
	return size
}
