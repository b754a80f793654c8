package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dmwm/wmstats/schema"
)

// metrics are the counters of the API, and the page that shows the whole
// registry.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	page     http.Handler
}

func newMetrics(registry *prometheus.Registry, s Store, now func() time.Time) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wmstats_http_requests_total", Help: "Requests by route, method and status; 499 counts clients that left before the answer.",
		}, []string{"route", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wmstats_http_request_seconds", Help: "Time to answer a request, including its body.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30},
		}, []string{"route"}),
		page: unsniffed(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})),
	}
	errs := []error{
		register(registry, collectors.NewGoCollector()),
		register(registry, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
		registry.Register(m.requests), registry.Register(m.seconds),
	}
	gauge := func(name, help string, value func(schema.CacheInfo) float64) {
		errs = append(errs, registry.Register(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(s.Info()) })))
	}
	gauge("wmstats_workflows", "Workflows in the newest generation.", func(i schema.CacheInfo) float64 { return float64(i.Workflows) })
	gauge("wmstats_agent_reports", "Agent reports that belong to a workflow.", func(i schema.CacheInfo) float64 { return float64(i.AgentReports) })
	gauge("wmstats_unmatched_reports", "Agent reports whose workflow has no request document.", func(i schema.CacheInfo) float64 { return float64(i.UnmatchedReports) })
	gauge("wmstats_encoded_bytes", "Encoded size of the list records.", func(i schema.CacheInfo) float64 { return float64(i.Bytes) })
	gauge("wmstats_bad_documents", "Documents that could not be read since the start.", func(i schema.CacheInfo) float64 { return float64(i.BadDocuments) })
	gauge("wmstats_owed_documents", "Changed documents that CouchDB has not sent yet; they are requested again.", func(i schema.CacheInfo) float64 { return float64(i.OwedDocuments) })
	gauge("wmstats_flaws", "Fields with an invalid value since the start.", func(i schema.CacheInfo) float64 { return float64(i.Flaws) })
	gauge("wmstats_source_stale", "1 while the records are stale: the source does not answer, or some of its changes are missing.", func(i schema.CacheInfo) float64 { return flag(i.Stale) })
	gauge("wmstats_complete", "1 if a full read has finished and changes are being followed.", func(i schema.CacheInfo) float64 { return flag(i.Complete) })
	gauge("wmstats_generation_age_seconds", "Time since the newest generation; -1 before the first.", func(i schema.CacheInfo) float64 { return age(now(), i.CacheTime) })
	gauge("wmstats_source_check_age_seconds", "Time since the source last answered; -1 before the first answer.", func(i schema.CacheInfo) float64 { return age(now(), i.CheckTime) })
	return m, errors.Join(errs...)
}

// register adds a collector that the owner of the registry may have added too.
func register(registry *prometheus.Registry, c prometheus.Collector) error {
	err := registry.Register(c)
	if already := (prometheus.AlreadyRegisteredError{}); errors.As(err, &already) {
		return nil
	}
	return err
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func age(now time.Time, unix int64) float64 {
	if unix <= 0 {
		return -1
	}
	return now.Sub(time.Unix(unix, 0)).Seconds()
}

// route returns the observer of one route's requests.
func (m *metrics) route(path string) func(c echo.Context, took time.Duration) {
	seconds := m.seconds.WithLabelValues(path)
	requests := m.requests.MustCurryWith(prometheus.Labels{"route": path})
	for _, code := range firstCodes() {
		requests.WithLabelValues(http.MethodGet, code)
	}
	return func(c echo.Context, took time.Duration) {
		seconds.Observe(took.Seconds())
		requests.WithLabelValues(methodLabel(c.Request().Method), strconv.Itoa(c.Response().Status)).Inc()
	}
}

// firstCodes are the statuses that are counted from 0: successful answers and
// those used by alerts. A series that starts at 1 hides its first event from
// increase().
func firstCodes() []string { return []string{"200", "429", "500", "502", "503"} }

// methodLabel limits the label: for an unknown path the method may be any
// word.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost, methodQuery:
		return method
	}
	return "other"
}

// unsniffed states that the answer is what its header says.
func unsniffed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

func (m *metrics) serve(c echo.Context) error {
	m.page.ServeHTTP(c.Response(), c.Request())
	return nil
}
