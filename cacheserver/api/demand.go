package api

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/failures"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Details reads all of one workflow from the source: its request document and
// the agent documents of these ids. The keys of the list record, with what only
// the store knows (alerts, freshness), and Recoveries are put in by the API.
type Details interface {
	Detail(ctx context.Context, request string, agents []string) (schema.Detail, error)
}

// Jobs reads failing jobs and messages from the source. An error that wraps
// ondemand.ErrAbsent says that the source has nothing of the kind.
type Jobs interface {
	// JobErrors are the groups of failing jobs of one workflow.
	JobErrors(ctx context.Context, workflow string) ([]schema.JobError, error)
	// JobSamples are jobs of the groups that match, and how many jobs these have.
	JobSamples(ctx context.Context, workflow string, match func(schema.JobError) bool, limit int) ([]schema.JobSample, int64, error)
	// FailingJobs gives the groups of all workflows that are wanted, those of one
	// workflow together.
	FailingJobs(ctx context.Context, wanted func(workflow string) bool, fn func(schema.JobError) error) error
	// LogEntries are the messages about one workflow, newest first.
	LogEntries(ctx context.Context, workflow string) ([]schema.LogEntry, error)
}

// DemandOptions bound what is read from the source when somebody asks; zero
// values are those of DefaultDemand.
type DemandOptions struct {
	Keep          time.Duration // how long what was read of one workflow is good
	KeepErrors    time.Duration // how long the failing jobs of all workflows are good
	Timeout       time.Duration // longest read of one workflow
	TimeoutErrors time.Duration // longest read of the failing jobs of all workflows: the view may have to be built
	WaitErrors    time.Duration // how long a request waits for them
	AtOnce        int           // reads at the same time
	Waiting       int           // reads that may wait for their turn
	Failures      int           // in a row, after which the source is left alone for a while
	MinWait       time.Duration // how long at first
	MaxWait       time.Duration // at most
}

// DefaultDemand are the bounds that a server has unless it is told others.
func DefaultDemand() DemandOptions {
	return DemandOptions{
		Keep: 5 * time.Minute, KeepErrors: 10 * time.Minute,
		Timeout: 30 * time.Second, TimeoutErrors: 10 * time.Minute, WaitErrors: 20 * time.Second,
		AtOnce: 4, Waiting: 64, Failures: 3, MinWait: time.Second, MaxWait: time.Minute,
	}
}

func (o DemandOptions) complete() DemandOptions {
	std := DefaultDemand()
	return DemandOptions{
		Keep: cmp.Or(o.Keep, std.Keep), KeepErrors: cmp.Or(o.KeepErrors, std.KeepErrors),
		Timeout: cmp.Or(o.Timeout, std.Timeout), TimeoutErrors: cmp.Or(o.TimeoutErrors, std.TimeoutErrors), WaitErrors: cmp.Or(o.WaitErrors, std.WaitErrors),
		AtOnce: cmp.Or(o.AtOnce, std.AtOnce), Waiting: cmp.Or(o.Waiting, std.Waiting), Failures: cmp.Or(o.Failures, std.Failures),
		MinWait: cmp.Or(o.MinWait, std.MinWait), MaxWait: cmp.Or(o.MaxWait, std.MaxWait),
	}
}

// Kinds of reads on demand, for metrics.
const (
	kindDetail = "detail"
	kindErrors = "errors"
	kindJobs   = "jobs"
	kindLogs   = "logs"
	kindAll    = "all_errors"
)

// newDemand makes what stands between handlers and source, with its metrics.
func newDemand(o Options) (*ondemand.Reader, error) {
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wmstats_ondemand_total",
		Help: "Calls for what is read on demand, by kind and outcome: kept, read, absent, failed, backoff (not asked), busy (not asked).",
	}, []string{"kind", "outcome"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "wmstats_ondemand_seconds", Help: "Time of reads from the source on demand, the wait for their turn included.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120},
	}, []string{"kind"})
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
	running := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "wmstats_ondemand_running", Help: "Reads from the source on demand that are under way."},
		func() float64 { return float64(reader.Running()) })
	return reader, errors.Join(o.Registry.Register(calls), o.Registry.Register(seconds), o.Registry.Register(running))
}

// demandRoutes are the resources that are read on demand.
func (a *API) demandRoutes() []route {
	return []route{
		{"/fetch/:name/errors", "failing jobs of one workflow in groups: task=, state=, exitcode=, site=, agent=, by=", a.listJobErrors, nil, known},
		{"/fetch/:name/jobs", "samples of failing jobs of one workflow: task=, state=, exitcode=, site=, agent=, limit=", a.listJobs, nil, known},
		{"/fetch/:name/logs", "what the log database says of one workflow: type=, reporter=, thread=", a.listLogs, nil, known},
		{"/errors", "failing jobs of all workflows by=exitcode,site: exitcode=, site=, state=, and the filters of /fetch", a.listErrors, nil, known},
	}
}

// demandProblem gives the error of a read on demand its form. what is what was
// to be read, for people.
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
		return wire.RateLimited("Too many reads wait for the source; ask again soon.")
	case errors.Is(err, ondemand.ErrBackoff):
		return wire.SourceFailed("The source has failed several times in a row to give its "+what+"; it is asked again soon.", err)
	}
	return wire.SourceFailed("The source could not be read for its "+what+".", err)
}

// demanded is a list that was read on demand.
type demanded struct {
	name   string // of the file when it is to be saved
	fields []schema.Field
	params listParams
	time   time.Time // when it was read
	total  int64
	began  time.Time
	head   []byte // of an envelope, up to the [ of its items; nil: there is none
}

// sendDemanded answers with such a list, all of it.
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
	ans.Pinned = false // it is read again
	describeRead(c, d.time)
	return sendList(c, a, ans, listing{d.fields, d.params.keys, d.total, d.head, []byte("]}\n")}, records)
}

// describeRead says in the header when a list was read on demand.
func describeRead(c echo.Context, read time.Time) {
	c.Response().Header()[wire.HeaderReadTime] = []string{answer.Timestamp(read)}
}

// flat are the fields that a table has a column for: no lists of records.
func flat(fields []schema.Field) (out []schema.Field) {
	for _, f := range fields {
		if f.Type != schema.Records {
			out = append(out, f)
		}
	}
	return out
}
