package app

import (
	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/program/settings"
)

// addDemand adds the settings of reads on demand from the source.
func addDemand(t *settings.Table, d *api.DemandOptions) {
	t.Group("On-demand reads from the source")
	t.Duration("demand-keep", &d.Keep, "how long details, failing jobs and log entries of one workflow are cached")
	t.Duration("demand-keep-errors", &d.KeepErrors, "how long the failing jobs of all workflows are cached")
	t.Duration("demand-timeout", &d.Timeout, "timeout for reading one workflow, including its wait in the queue")
	t.Duration("demand-timeout-errors", &d.TimeoutErrors, "timeout for reading the failing jobs of all workflows, for which CouchDB may have to build a view")
	t.Duration("demand-wait-errors", &d.WaitErrors, "how long a request waits for the first read of the failing jobs before it gets 503 with Retry-After")
	t.Int("demand-at-once", &d.AtOnce, "maximum concurrent on-demand reads")
	t.Int("demand-waiting", &d.Waiting, "maximum on-demand reads in the queue; more get 429")
	t.Int("demand-failures", &d.Failures, "consecutive failures after which on-demand reads are paused")
	t.Duration("demand-min-wait", &d.MinWait, "first pause after --demand-failures failures; each further failure doubles it")
	t.Duration("demand-max-wait", &d.MaxWait, "longest pause after failures")
}

// validateDemand reports invalid settings.
func validateDemand(f *settings.Faults, d *api.DemandOptions) {
	settings.Positive(f, "demand-keep", d.Keep)
	settings.Positive(f, "demand-keep-errors", d.KeepErrors)
	settings.Positive(f, "demand-timeout", d.Timeout)
	settings.Positive(f, "demand-timeout-errors", d.TimeoutErrors)
	settings.Positive(f, "demand-wait-errors", d.WaitErrors)
	settings.Positive(f, "demand-at-once", d.AtOnce)
	settings.Positive(f, "demand-waiting", d.Waiting)
	settings.Positive(f, "demand-failures", d.Failures)
	settings.Positive(f, "demand-min-wait", d.MinWait)
	settings.Positive(f, "demand-max-wait", d.MaxWait)
	if d.MaxWait < d.MinWait {
		f.Add("--demand-max-wait %q: want at least --demand-min-wait %q", settings.FormatDuration(d.MaxWait), settings.FormatDuration(d.MinWait))
	}
}
