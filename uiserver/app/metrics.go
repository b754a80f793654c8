package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dmwm/wmstats/program"
)

// metrics are what this server counts.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	cache    *prometheus.CounterVec
}

// Results of requests to the cache server.
const (
	cacheOK       = "ok"
	cacheError    = "error"     // a status of 500 or more
	cacheNoAnswer = "no_answer" // no connection, or no answer in time
)

// otherRoute is the label of paths that no page has.
const otherRoute = "other"

// newMetrics returns the metrics. expires returns when the certificate for the cache
// server expires; zero: there is none.
func newMetrics(expires func() time.Time) (*metrics, error) {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wmstats_ui_http_requests_total", Help: "Requests by route (the first part of the path) and status.",
		}, []string{"route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wmstats_ui_http_request_seconds", Help: "Time to answer a request, including its body.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 30},
		}, []string{"route"}),
		cache: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wmstats_ui_cache_requests_total", Help: "Requests to the cache server by purpose (pages, api) and result: ok, error (status 500 or more), no_answer.",
		}, []string{"for", "result"}),
	}
	for _, purpose := range []string{"pages", "api"} {
		for _, result := range []string{cacheOK, cacheError, cacheNoAnswer} {
			m.cache.WithLabelValues(purpose, result)
		}
	}
	certificate := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "wmstats_ui_cache_certificate_expires_timestamp_seconds",
		Help: "Unix time at which the client certificate for the cache server expires; 0 without a client certificate.",
	}, func() float64 {
		at := expires()
		if at.IsZero() {
			return 0
		}
		return float64(at.Unix())
	})
	var errs []error
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.requests, m.seconds, m.cache, certificate,
	} {
		errs = append(errs, m.registry.Register(c))
	}
	return m, errors.Join(errs...)
}

// Metrics are those of this server.
func (a *App) Metrics() prometheus.Gatherer { return a.metrics.registry }

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// counted counts the requests of each route that the router has.
func (m *metrics) counted(routes []*echo.Route, next http.Handler) http.Handler {
	byRoute := map[string]http.Handler{}
	add := func(route string) {
		if byRoute[route] != nil {
			return
		}
		for _, code := range []string{"200", "429", "500", "502", "503"} {
			m.requests.WithLabelValues(route, code)
		}
		m.seconds.WithLabelValues(route)
		label := prometheus.Labels{"route": route}
		byRoute[route] = promhttp.InstrumentHandlerCounter(m.requests.MustCurryWith(label),
			promhttp.InstrumentHandlerDuration(m.seconds.MustCurryWith(label), next))
	}
	add(otherRoute)
	for _, r := range routes {
		if r.Path != "/*" {
			add(firstPart(r.Path))
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler := byRoute[firstPart(r.URL.Path)]
		if handler == nil {
			handler = byRoute[otherRoute]
		}
		handler.ServeHTTP(w, r)
	})
}

// firstPart is the path up to its second slash, without the ending of a format.
func firstPart(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	first, _, _ = strings.Cut(first, ".")
	return "/" + first
}

// countedTransport counts requests to the cache server.
type countedTransport struct {
	next    http.RoundTripper
	results *prometheus.CounterVec // by result
}

func (m *metrics) transport(purpose string, next http.RoundTripper) http.RoundTripper {
	return countedTransport{next, m.cache.MustCurryWith(prometheus.Labels{"for": purpose})}
}

func (t countedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	result := cacheOK
	switch {
	case err != nil && errors.Is(r.Context().Err(), context.Canceled):
		return resp, err // the client of this server left
	case err != nil:
		result = cacheNoAnswer
	case resp.StatusCode >= http.StatusInternalServerError:
		result = cacheError
	}
	t.results.WithLabelValues(result).Inc()
	return resp, err
}

// showsMetrics reports who may read /metrics at the address of the pages.
func (o *Options) showsMetrics() (at, open bool) {
	return !o.MetricsElsewhere(), o.Metrics == program.MetricsOpen
}
