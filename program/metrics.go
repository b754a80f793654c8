package program

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/dmwm/wmstats/program/access/hosts"
	"github.com/dmwm/wmstats/program/serving"
	"github.com/dmwm/wmstats/program/settings"
)

// Values of Options.Metrics that are not addresses.
const (
	MetricsIdentity = "identity" // clients that may read everything else
	MetricsOpen     = "open"     // everybody
)

// MetricsElsewhere reports whether the metrics have their own listener.
func (o *Options) MetricsElsewhere() bool {
	return o.Metrics != MetricsIdentity && o.Metrics != MetricsOpen && o.Metrics != ""
}

func (o *Options) validateMetrics(f *settings.Faults) {
	if !o.MetricsElsewhere() {
		return
	}
	if _, _, err := net.SplitHostPort(o.Metrics); err != nil {
		f.Add("--metrics %q: want identity, open or host:port", o.Metrics)
	}
}

// ListenMetrics serves GET /metrics at the address of the metrics, if they have their
// own. o has the limits of connections; its handler is not used.
func (s *Server) ListenMetrics(ctx context.Context, o serving.Options, metrics http.Handler) error {
	if !s.o.MetricsElsewhere() {
		return nil
	}
	// There is no authentication here, so on loopback only known names are served.
	if names := hosts.For(s.o.Access.Hosts, s.o.Metrics, false); names != nil {
		metrics = names.Handler(metrics)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	o.Handler = mux
	server, err := serving.New(o)
	if err != nil {
		return fmt.Errorf("set up the server of --metrics: %w", err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.o.Metrics)
	if err != nil {
		return fmt.Errorf("listen for --metrics: %w", err)
	}
	s.metricsAddr = listener.Addr().String()
	s.OnStop("metrics", func(context.Context) error { return server.Close() })
	s.Go(func() error {
		if err := server.Serve(listener); err != nil {
			return fmt.Errorf("serve metrics: %w", err)
		}
		return nil
	})
	s.Log.Info("serving metrics without authentication on their own address", "addr", s.metricsAddr)
	return nil
}

// MetricsAddr returns host:port of the listener of the metrics; "" before
// ListenMetrics and without such a listener.
func (s *Server) MetricsAddr() string { return s.metricsAddr }
