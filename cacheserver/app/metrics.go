package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/program"
)

// metricsFor converts Metrics to the API's type.
func (o *Options) metricsFor() api.MetricsFor {
	switch {
	case o.MetricsElsewhere():
		return api.MetricsElsewhere
	case o.Metrics == program.MetricsOpen:
		return api.MetricsForAll
	}
	return api.MetricsForKnown
}

// Metrics returns the metrics of this server.
func (a *App) Metrics() prometheus.Gatherer { return a.metrics }
