package app

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/journal"
)

// heldBack is the reason of a full read that was held back, for metrics.
const heldBack = "held_back"

// followerHooks counts the actions of the follower, and logs failures. Each
// series exists from the start, so that increase() sees its first event.
func followerHooks(registry *prometheus.Registry, notes *journal.Journal) (follower.Hooks, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	documents := counter("wmstats_follower_documents_total", "Documents read, by database.", "db")
	bytes := counter("wmstats_follower_bytes_total", "Bytes of documents read, by database.", "db")
	lacking := counter("wmstats_follower_lacking_documents_total", "Rows of CouchDB that came without their document, by database.", "db")
	bad := counter("wmstats_follower_bad_documents_total", "Documents that could not be read, by database.", "db")
	flaws := counter("wmstats_follower_flaws_total", "Fields with an invalid value.")
	changes := counter("wmstats_follower_changes_total", "Changes applied to the records.")
	same := counter("wmstats_follower_unchanged_total", "Changes whose content was known already, except for revision and timestamp.")
	failures := counter("wmstats_follower_failures_total", "Failed reads and feeds by database and reason; held_back (db all) counts full reads that were held back because they lacked too much.", "db", "reason")
	lag := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "wmstats_follower_lag_seconds", Help: "Time from the oldest change of a batch until it is visible.",
		Buckets: []float64{.01, .05, .1, .15, .25, .5, 1, 5, 30},
	})
	loads := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "wmstats_follower_load_seconds", Help: "Duration of full reads.", Buckets: prometheus.ExponentialBuckets(.1, 2, 14),
	})
	rereads := counter("wmstats_follower_rereads_total", "Full re-reads beside the changes feeds by result: done or failed.", "result")
	repaired := counter("wmstats_follower_repaired_documents_total", "Documents that a re-read found changed or deleted though no feed had reported it.")
	polling := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "wmstats_follower_polling", Help: "1 while changes are polled because the changes feed brings none, by database.",
	}, []string{"db"})
	for _, c := range []*prometheus.CounterVec{flaws, changes, same, repaired} {
		c.WithLabelValues()
	}
	rereads.WithLabelValues("done")
	rereads.WithLabelValues("failed")
	failures.WithLabelValues("all", heldBack)
	for _, database := range follower.Databases() {
		db := database.String()
		for _, c := range []*prometheus.CounterVec{documents, bytes, lacking, bad} {
			c.WithLabelValues(db)
		}
		polling.WithLabelValues(db)
		for _, reason := range couch.Reasons() {
			failures.WithLabelValues(db, reason)
		}
	}
	for _, c := range []prometheus.Collector{polling, same, rereads, repaired, documents, bytes, lacking, bad, flaws, changes, failures, lag, loads} {
		if err := registry.Register(c); err != nil {
			return follower.Hooks{}, fmt.Errorf("register the follower's metrics: %w", err)
		}
	}
	return follower.Hooks{
		Documents: func(db string, n int, size int64) {
			documents.WithLabelValues(db).Add(float64(n))
			bytes.WithLabelValues(db).Add(float64(size))
		},
		Bad:     func(db string) { bad.WithLabelValues(db).Inc() },
		Lacking: func(db string) { lacking.WithLabelValues(db).Inc() },
		Flaws:   func(n int) { flaws.WithLabelValues().Add(float64(n)) },
		Batch: func(n int, since time.Duration) {
			changes.WithLabelValues().Add(float64(n))
			lag.Observe(since.Seconds())
		},
		Same: func(n int) { same.WithLabelValues().Add(float64(n)) },
		Reread: func(n int, _ time.Duration, err error) {
			result := "done"
			if err != nil {
				result = "failed"
			}
			rereads.WithLabelValues(result).Inc()
			repaired.WithLabelValues().Add(float64(n))
		},
		Held: func(reason string) {
			failures.WithLabelValues("all", heldBack).Inc()
			notes.Failed("all", reason)
		},
		Failure: func(db, reason string) {
			failures.WithLabelValues(db, couch.Reason(reason)).Inc()
			notes.Failed(db, reason)
		},
		Polling: func(db string, on bool) {
			value := 0.0
			if on {
				value = 1
			}
			polling.WithLabelValues(db).Set(value)
		},
		Loaded: func(_, _ int64, took time.Duration) { loads.Observe(took.Seconds()) },
	}, nil
}
