package api

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/limit"
)

// Waiting requests for each running one.
const (
	waitingEach      = 32
	waitingPerClient = 8
)

// queries lets only a few expensive requests run at once.
type queries struct {
	o       QueryOptions
	turns   *limit.Turns[access.Client]
	refused *prometheus.CounterVec
}

func newQueries(o QueryOptions, registry *prometheus.Registry) (*queries, error) {
	q := &queries{o: o, turns: limit.NewTurns[access.Client](limit.TurnOptions{
		AtOnce: o.AtOnce, AtOncePerKey: o.PerClient,
		Waiting: waitingEach * o.AtOnce, WaitingPerKey: waitingPerClient * o.PerClient,
	})}
	q.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wmstats_queries_refused_total",
		Help: "Expensive requests that were refused or aborted, by reason: time (422: over the time limit), client (429: too many of one client), busy (429: too many in all), left (the client disconnected).",
	}, []string{"reason"})
	for _, reason := range []string{"time", "client", "busy", "left"} {
		q.refused.WithLabelValues(reason)
	}
	gauge := func(name, help string, value func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	return q, errors.Join(registry.Register(q.refused),
		registry.Register(gauge("wmstats_queries", "Expensive requests being processed.", func() int { n, _ := q.turns.Len(); return n })),
		registry.Register(gauge("wmstats_queries_waiting", "Expensive requests in the queue.", func() int { _, n := q.turns.Len(); return n })))
}
