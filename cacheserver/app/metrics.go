package app

import (
	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/program"
)

// metricsFor is Metrics as the API wants it.
func (o *Options) metricsFor() api.MetricsFor {
	switch {
	case o.MetricsElsewhere():
		return api.MetricsElsewhere
	case o.Metrics == program.MetricsOpen:
		return api.MetricsForAll
	}
	return api.MetricsForKnown
}
