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
	MetricsIdentity = "identity" // whoever may read everything else
	MetricsOpen     = "open"     // everybody
)

// MetricsElsewhere says that the metrics have a listener of their own.
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

// ListenMetrics serves GET /metrics at the metrics' own address, if they have
// one. o has the bounds of connections; its handler is not used.
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

// MetricsAddr is host:port of the metrics' own listener; "" before ListenMetrics
// and where there is none.
func (s *Server) MetricsAddr() string { return s.metricsAddr }
