// Package api is the HTTP of the cache server: it reads requests with wire,
// picks from one generation of the store, and hands what it found to package
// answer, which sends it. Each handler is parse, generation, pick, send; there is
// one file for each resource.
//
// It keeps no data: lists are the store's, details come from the source on
// demand, and what costs something to make is kept in the cache under content
// keys. It listens on no port (app does) and follows no source (follower does).
package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/api/answer"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/ondemand"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/limit"
	"github.com/dmwm/wmstats/program/access/peers"
	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Store is what the API reads lists from.
type Store interface {
	Newest() (generation *store.Generation, ok bool)
	Generation(id string) (generation *store.Generation, ok bool)
	Source() store.SourceState
	Info() schema.CacheInfo
	Agents(generation *store.Generation) []schema.AgentDetail
	Changes(since string) (diffs []store.Diff, ok bool)
	Wait(after string) <-chan struct{}
	Made() []wire.AboutGeneration
	Broken() int64
}

// Journal is what passed between the server and its source.
type Journal interface {
	Answers() []wire.SourceAnswers
	Errors() []wire.SourceError
}

// Quarantined is a document that could not be used, or did not come.
type Quarantined struct {
	ID        string `doc:"_id of the document"`
	Database  string `doc:"database that it is in"`
	Rev       string `doc:"revision that was read"`
	Path      string `doc:"where in the document; empty: all of it"`
	Reason    string `doc:"what is wrong"`
	FirstSeen int64  `unit:"Unix s" doc:"when it was first read"`
	LastSeen  int64  `unit:"Unix s" doc:"when it was last read"`
	Count     int64  `doc:"how often it was read"`
	Owed      bool   `doc:"it did not come, though it is there for all that is known: it is asked for again until it comes or is gone"`
}

// Build tells which program this is.
type Build struct {
	Version  string
	Revision string
	Time     string
	Go       string
}

// Options is everything that an API needs.
type Options struct {
	Store      Store                         // needed
	Details    Details                       // nil: there are no details, /fetch/{workflow} answers 502
	Jobs       Jobs                          // nil: the source has no job documents and no log
	Quarantine func() []Quarantined          // nil: none
	History    History                       // nil: none
	Journal    Journal                       // nil: none
	Checkpoint func() (ok bool, note string) // of /readyz?verbose; nil, or an empty note: there is none
	Cache      cache.Keeper                  // nil: keeps nothing
	Registry   *prometheus.Registry          // nil: one of its own; /metrics serves it
	Build      Build
	Attention  attention.Options // thresholds of /attention until SetAttention; the zero value is good

	Checks  func() []health.Check      // more lines of /readyz?verbose; nil: none
	Reading func() []wire.AboutReading // how far the full read under way is; nil: not known

	Queries    QueryOptions // of requests whose cost is not bounded by their page; the zero value is good
	Feeds      FeedOptions  // of /changes; the zero value is good
	Gate       *access.Gate // who may ask, and how often; nil: everybody
	Metrics    MetricsFor   // who may read /metrics
	Streams    int          // limit=all of one client at once; 0: 2
	MaxStreams int          // the same, of all clients; 0: 64
	MaxBody    int64        // bytes of a request's body; 0: 64 KiB

	Demand DemandOptions // of what is read from the source when asked for; the zero value is good
	Memory MemoryOptions // the zero value is good

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: none
}

// API serves a Store over HTTP. Every field is set once, in New, but for the
// thresholds of /attention.
type API struct {
	o          Options
	attention  atomic.Pointer[attention.Options]
	log        *slog.Logger
	echo       *echo.Echo
	started    time.Time
	metrics    *metrics
	sender     *answer.Sender
	counted    counted
	demand     *ondemand.Reader
	failing    errorTables
	groupReads groupReads
	workflow   []schema.Field // of the Workflow record
	paths      []string       // of all routes, for suggestions
	groups     []group
	openapi    func() ([]byte, error) // the description of the API, made when it is first asked for
	queries    *queries
	kinds      []errorKind // which problems errors are
	feeds      *limit.Places[access.Client]
	streams    *limit.Places[access.Client] // limit=all
	allStreams *limit.Places[struct{}]
	drain      sync.Once
	drained    chan struct{} // closed when the server is going down
}

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
		Seed:  xxhash.Sum64String(fmt.Sprint(o.Build, a.workflow)), // what all representations depend on
		Cache: o.Cache, Bytes: o.Memory.Answers, Enter: a.enterStream, Now: o.Now,
		Stale: func() (string, bool) { state := o.Store.Source(); return state.Reason, state.Stale },
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what is missing
	}
	a.groups = a.allGroups()
	a.openapi = sync.OnceValues(a.makeOpenAPI)
	a.echo = a.routes()
	return a, nil
}

// Handler is the API as a handler, all routes with and without /v1.
func (a *API) Handler() http.Handler { return a.echo }

// SetAttention takes other thresholds for /attention. The store's own limits, from
// which the alerts of records are made, are to be changed after it: that makes a
// new generation, for which nothing has been answered yet.
func (a *API) SetAttention(o attention.Options) {
	o = o.Complete()
	a.attention.Store(&o)
}

// Drain makes /readyz fail, so that balancers send nothing new while what is
// under way is still served. Feeds of changes end: they would never by themselves.
func (a *API) Drain() { a.drain.Do(func() { close(a.drained) }) }

func (a *API) draining() bool {
	select {
	case <-a.drained:
		return true
	default:
		return false
	}
}
