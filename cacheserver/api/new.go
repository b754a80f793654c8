package api

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/limit"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/schema"
)

// New checks the options and sets up the routes.
func New(o Options) (*API, error) {
	if o.Store == nil {
		return nil, errors.New("api: Options.Store is missing")
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Cache == nil {
		o.Cache = (*cache.Cache)(nil)
	}
	if o.Gate == nil {
		o.Gate = access.New(access.Options{Trusted: peers.Loopback()})
	}
	if o.Streams == 0 {
		o.Streams = 2
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = 64
	}
	if o.MaxBody == 0 {
		o.MaxBody = 64 << 10
	}
	if o.Memory.Answers == 0 {
		o.Memory.Answers = 16 << 20
	}
	o.Attention, o.Feeds, o.Demand, o.Queries = o.Attention.Complete(), o.Feeds.complete(), o.Demand.complete(), o.Queries.complete()
	a := &API{o: o, log: o.Log, drained: make(chan struct{})}
	a.SetAttention(o.Attention)
	a.started = o.Now()
	a.kinds = a.errorKinds()
	a.feeds = limit.NewPlaces[access.Client](o.Feeds.PerClient, o.Feeds.Total)
	a.streams = limit.NewPlaces[access.Client](o.Streams, 0)
	a.allStreams = limit.NewPlaces[struct{}](0, o.MaxStreams)
	var err error
	if a.metrics, err = newMetrics(o.Registry, o.Store, o.Now); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if a.queries, err = newQueries(o.Queries, o.Registry); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if a.demand, err = newDemand(o); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "wmstats_feeds", Help: "Open streams and long polls of /changes."}, func() float64 { return float64(a.feeds.Len()) })
	if err := errors.Join(o.Registry.Register(newAttentionMetric(a)), o.Registry.Register(newMemoryMetric(a)), o.Registry.Register(open)); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	a.workflow = schema.Describe[schema.Workflow]()
	a.sender, err = answer.New(answer.Options{
		Seed:  xxhash.Sum64String(fmt.Sprint(o.Build, a.workflow)), // all that every representation depends on
		Cache: o.Cache, Bytes: o.Memory.Answers, Enter: a.enterStream, Now: o.Now,
		Stale: func() (string, bool) { state := o.Store.Source(); return state.Reason, state.Stale },
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // the error says what is missing
	}
	a.groups = a.allGroups()
	a.openapi = sync.OnceValues(a.makeOpenAPI)
	a.echo = a.routes()
	return a, nil
}
