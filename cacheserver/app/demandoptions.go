package app

import (
	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/program/settings"
)

// addDemand adds the settings of what is read from the source when somebody
// asks for it.
func addDemand(t *settings.Table, d *api.DemandOptions) {
	t.Duration("demand-keep", &d.Keep, "how long details, failing jobs and log entries of one workflow are good, once read")
	t.Duration("demand-keep-errors", &d.KeepErrors, "how long the failing jobs of all workflows are good, once read")
	t.Duration("demand-timeout", &d.Timeout, "longest read of one workflow from the source, the wait for its turn included")
	t.Duration("demand-timeout-errors", &d.TimeoutErrors, "longest read of the failing jobs of all workflows: the source may have to build its view first")
	t.Duration("demand-wait-errors", &d.WaitErrors, "how long a request waits for the first of these reads before it is told to come again")
	t.Int("demand-at-once", &d.AtOnce, "such reads at the same time")
	t.Int("demand-waiting", &d.Waiting, "such reads that may wait for their turn; more are refused")
	t.Int("demand-failures", &d.Failures, "failures in a row, after which the source is left alone for a while")
	t.Duration("demand-min-wait", &d.MinWait, "how long it is left alone at first; twice as long after each further failure")
	t.Duration("demand-max-wait", &d.MaxWait, "how long it is left alone at most")
}

// validateDemand reports what can't be.
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
		f.Add("--demand-max-wait %s: must not be less than --demand-min-wait %s", d.MaxWait, d.MinWait)
	}
}
