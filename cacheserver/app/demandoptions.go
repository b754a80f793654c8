package app

import (
	"time"

	"github.com/dmwm/wmstats/cacheserver/api"
)

// demandSettings are the flags about what is read from the source when somebody
// asks for it.
func demandSettings(
	d *api.DemandOptions,
	duration func(name string, to *time.Duration, help string) setting, whole func(name string, to *int, help string) setting,
) []setting {
	return []setting{
		duration("demand-keep", &d.Keep, "how long details, failing jobs and log entries of one workflow are good, once read"),
		duration("demand-keep-errors", &d.KeepErrors, "how long the failing jobs of all workflows are good, once read"),
		duration("demand-timeout", &d.Timeout, "longest read of one workflow from the source, the wait for its turn included"),
		duration("demand-timeout-errors", &d.TimeoutErrors, "longest read of the failing jobs of all workflows: the source may have to build its view first"),
		duration("demand-wait-errors", &d.WaitErrors, "how long a request waits for the first of these reads before it is told to come again"),
		whole("demand-at-once", &d.AtOnce, "such reads at the same time"),
		whole("demand-waiting", &d.Waiting, "such reads that may wait for their turn; more are refused"),
		whole("demand-failures", &d.Failures, "failures in a row, after which the source is left alone for a while"),
		duration("demand-min-wait", &d.MinWait, "how long it is left alone at first; twice as long after each further failure"),
		duration("demand-max-wait", &d.MaxWait, "how long it is left alone at most"),
	}
}

// validateDemand reports what can't be.
func (o *Options) validateDemand(fault func(format string, args ...any)) {
	d := &o.Demand
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"keep", int64(d.Keep)}, {"keep-errors", int64(d.KeepErrors)}, {"timeout", int64(d.Timeout)}, {"timeout-errors", int64(d.TimeoutErrors)},
		{"wait-errors", int64(d.WaitErrors)}, {"at-once", int64(d.AtOnce)}, {"waiting", int64(d.Waiting)}, {"failures", int64(d.Failures)},
		{"min-wait", int64(d.MinWait)}, {"max-wait", int64(d.MaxWait)},
	} {
		if n.value <= 0 {
			fault("--demand-%s: must be more than 0", n.name)
		}
	}
	if d.MaxWait < d.MinWait {
		fault("--demand-max-wait %s: must not be less than --demand-min-wait %s", d.MaxWait, d.MinWait)
	}
}
