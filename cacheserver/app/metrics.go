package app

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/program/serving"
	"github.com/dmwm/wmstats/program/settings"
)

// Values of Options.Metrics that are not addresses.
const (
	metricsIdentity = "identity"
	metricsOpen     = "open"
)

func (o *Options) validateMetrics(f *settings.Faults) {
	if o.metricsFor() == api.MetricsElsewhere {
		if _, _, err := net.SplitHostPort(o.Metrics); err != nil {
			f.Add("--metrics %q: want identity, open or host:port", o.Metrics)
		}
	}
}

// metricsFor is Metrics as the API wants it.
func (o *Options) metricsFor() api.MetricsFor {
	switch o.Metrics {
	case metricsIdentity, "":
		return api.MetricsForKnown
	case metricsOpen:
		return api.MetricsForAll
	}
	return api.MetricsElsewhere
}

// startMetrics serves the metrics at their own address, if they have one.
func (a *App) startMetrics(ctx context.Context) error {
	if a.o.metricsFor() != api.MetricsElsewhere {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metricsHandler())
	server, err := serving.New(a.serving(mux))
	if err != nil {
		return fmt.Errorf("set up the server of --metrics: %w", err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", a.o.Metrics)
	if err != nil {
		return fmt.Errorf("listen for --metrics: %w", err)
	}
	a.metricsAddr = listener.Addr().String()
	a.OnStop("metrics", func(context.Context) error { return server.Close() })
	a.Go(func() error {
		if err := server.Serve(listener); err != nil {
			return fmt.Errorf("serve metrics: %w", err)
		}
		return nil
	})
	a.Log.Info("metrics have a listener of their own, which asks nobody who they are", "addr", a.metricsAddr)
	return nil
}

// metricsHandler asks nobody who they are, so on loopback it knows its names.
func (a *App) metricsHandler() http.Handler {
	if names := hosts.For(a.o.Access.Hosts, a.o.Metrics, false); names != nil {
		return names.Handler(a.api.MetricsHandler())
	}
	return a.api.MetricsHandler()
}

// MetricsAddr is where the metrics have a listener of their own, host:port;
// valid after Start, "" when they have none.
func (a *App) MetricsAddr() string { return a.metricsAddr }
