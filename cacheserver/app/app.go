// Package app assembles the cache server: it is the only place that knows all
// parts, the order in which they start, and the order in which they stop. It
// has no data logic, and no HTTP beyond the timeouts of the server.
package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/alertmanager"
	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/journal"
	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/cacheserver/onewrite"
	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/requestcache"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/program"
	"github.com/dmwm/wmstats/program/basepath"
	"github.com/dmwm/wmstats/program/serving"
)

// App is a cache server as a value: New, Start, Addr, Stop, or Run for all of
// them.
type App struct {
	*program.Server

	o        Options
	follower *follower.Follower
	records  *store.Store
	timeline *timeline.Timeline
	counts   *countsOverTime // timeline in the checkpoint
	journal  *journal.Journal
	api      *api.API
	cache    *cache.Cache         // nil: none
	program  int64                // bytes in use before anything is read
	keeper   *checkpoint.Keeper   // nil: no checkpoint
	sourceID string               // identifies the source for the checkpoint; no credentials
	poster   *alertmanager.Poster // nil: none
	files    files
	reloaded chan struct{}             // called when files have been read again
	login    func() couch.LoginState   // nil: the source is not a CouchDB
	indexing func() []couch.IndexBuild // nil: the same
	metrics  *prometheus.Registry

	documents *documents.Documents // of the old API; nil: it is not served

	clock   *replica.Clock   // of the inputs of the log
	machine *machine         // what the log is applied to
	replica *replica.Replica // nil: this server is alone; so are the two before
}

// New builds all parts and starts none of them. If a later part fails, the
// earlier ones are closed again.
func New(ctx context.Context, o Options) (_ *App, err error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	server, err := program.New(o.Options)
	if err != nil {
		return nil, err
	}
	a := &App{Server: server, o: o, journal: journal.New(nil), reloaded: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
		}
	}()
	a.warnOfPasswords()
	if err := a.openFiles(); err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	a.metrics = registry
	if err := a.openSecure(registry); err != nil {
		return nil, err
	}
	source, err := a.newSource(ctx)
	if err != nil {
		return nil, err
	}
	if a.cache, err = a.newCache(); err != nil {
		return nil, err
	}
	hooks, err := followerHooks(registry, a.journal)
	if err != nil {
		return nil, err
	}
	alerts := a.attention()
	keep := store.Options{Process: processTag(), Cache: a.cache, Memory: o.shares().store, Loan: a.loan(), MaxLoss: o.MaxLoss, Limits: alerts.Limits, JoinAll: o.T0, Log: a.Log}
	if o.Replicas.on() {
		a.clock = new(replica.Clock)
		keep.Moment, keep.Name, keep.Input, keep.KeepAll = a.clock.Moment, a.clock.Name, a.clock.Input, true
	}
	records, err := store.New(keep)
	if err != nil {
		return nil, fmt.Errorf("set up the store: %w", err)
	}
	a.records = records
	if a.documents, err = a.newDocuments(); err != nil {
		return nil, err
	}
	if a.timeline, err = timeline.New(timeline.Options{Statuses: o.knownStatuses(), Bytes: o.shares().timeline, Source: a.sourceOfRecords, Log: a.Log}); err != nil {
		return nil, fmt.Errorf("set up the counts over time: %w", err)
	}
	a.counts = &countsOverTime{timeline: a.timeline, now: time.Now, log: a.Log}
	if o.Statuses != nil { // a checkpoint does not contain records of other statuses
		a.sourceID += fmt.Sprintf(" %q", o.Statuses)
	}
	feeds := feed(records, a.documents, a.Log)
	if o.Replicas.on() {
		a.machine = &machine{Store: feeds, a: a}
		if a.replica, err = a.newReplica(registry); err != nil {
			return nil, err
		}
		feeds = a.replica
	}
	if a.follower, err = follower.New(follower.Options{
		Source: source, Store: feeds, Shares: o.Replicas.on(), PollInterval: pollInterval(o), RereadEvery: rereadEvery(o), Statuses: o.statuses(),
		MinWait: o.Patience.MinWait, MaxWait: o.Patience.MaxWait, HoldWait: o.Patience.HoldWait,
		LookEvery: o.Patience.LookEvery, FeedRetry: o.Patience.FeedRetry, FallAfter: o.Patience.FallAfter, Log: a.Log, Hooks: hooks,
	}); err != nil {
		return nil, fmt.Errorf("set up the follower: %w", err)
	}
	if a.poster, err = a.newPoster(registry); err != nil {
		return nil, err
	}
	if a.replica != nil {
		a.replica.SetReader(a.follower)
	}
	if a.keeper, err = a.newKeeper(registry); err != nil {
		return nil, err
	}
	if a.api, err = api.New(api.Options{ //nolint:contextcheck // handlers take the context of their request
		Store: a.shownStore(), Await: a.await(), Details: details{source}, Jobs: jobsOf(source), Demand: o.Demand, Quarantine: a.quarantined, Checkpoint: a.checkpointState, Checks: a.checks, Reading: a.reading, CertificateExpires: a.certificateExpires, Cache: a.cache, Memory: a.memory(),
		Registry: registry, Build: build(o.Version), Attention: alerts, History: a.timeline, Journal: a.journal, Log: a.Log,
		Gate: a.Gate, Metrics: o.metricsFor(), Streams: o.Limits.StreamsPerClient, MaxStreams: o.Limits.MaxStreams, Queries: o.Queries, MaxBody: o.Limits.MaxBody,
		Feeds: api.FeedOptions{PerClient: o.Limits.FeedsPerClient, Total: o.Limits.MaxFeeds},
	}); err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	old, err := a.newLegacy(source, registry)
	if err != nil {
		return nil, err
	}
	within := basepath.Handler(basepath.Options{Base: o.BasePath, Beside: besides(old)}, withLegacy(old, a.api.Handler()))
	if err := a.Handle(a.serving(within)); err != nil {
		return nil, err
	}
	return a, nil
}

// source provides the documents: all of them, and those of one workflow.
type source interface {
	follower.Source
	api.Details
}

func (a *App) newSource(ctx context.Context) (source, error) {
	if a.o.RequestCache == "" {
		return a.newCouch()
	}
	made, err := requestcache.New(requestcache.Options{
		From: a.o.RequestCache, Interval: a.o.PollInterval, Token: a.token(), TLS: a.files.tls, UserAgent: "wmstats/" + a.o.Version, Answered: a.journal.Answered, Log: a.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the source: %w", err)
	}
	a.OnStop("source", func(context.Context) error { return made.Close() })
	name, err := made.Name(ctx)
	if err != nil {
		return nil, fmt.Errorf("identify the source: %w", err)
	}
	a.sourceID = "requestcache " + name
	return made, nil
}

// pollInterval returns the follower's interval: a requestcache is polled by
// its source, which a follower follows like any other.
func pollInterval(o Options) time.Duration {
	if o.RequestCache != "" {
		return 0
	}
	return o.PollInterval
}

// rereadEvery returns the follower's interval: a requestcache is compared with
// its next answer as a whole.
func rereadEvery(o Options) time.Duration {
	if o.RequestCache != "" {
		return 0
	}
	return o.RereadEvery
}

func (a *App) newCouch() (*couch.Client, error) {
	o := couch.Options{
		URL: a.o.CouchURL, User: a.o.CouchUser, Token: a.token(), TLS: a.files.tls,
		Design: a.o.design(), RequestDB: a.o.RequestDB, WMStatsDB: a.o.WMStatsDB, LogDB: a.o.LogDB,
		Heartbeat: a.o.Patience.Heartbeat, ReadIdle: a.o.Patience.ReadIdle,
		UserAgent: "wmstats/" + a.o.Version, Answered: a.journal.Answered, Log: a.Log,
	}
	if f := a.files.password; f != nil {
		o.PasswordNow, o.Refused = f.Value, f.Reload
	}
	source, err := couch.New(o)
	if err != nil {
		return nil, fmt.Errorf("set up the source: %w", err)
	}
	a.OnStop("source", func(context.Context) error { return source.Close() })
	a.login, a.indexing = source.Login, source.Indexing
	a.sourceID = fmt.Sprintf("couch %s %q %q", source.PublicURL(), a.o.RequestDB, a.o.WMStatsDB)
	return source, nil
}

// quarantined converts the follower's list to the API's type.
func (a *App) quarantined() []api.Quarantined {
	docs := a.unusable()
	list := make([]api.Quarantined, 0, len(docs))
	for _, q := range docs {
		list = append(list, api.Quarantined{
			ID: couch.Brief(q.ID), Database: q.Database, Rev: q.Rev, Path: q.Path, Reason: q.Reason,
			FirstSeen: q.First.Unix(), LastSeen: q.Last.Unix(), Count: q.Count, Owed: q.Owed,
		})
	}
	return list
}

// Start listens, serves and follows. It returns as soon as requests are
// answered; lists return 503 until the first full read has finished.
func (a *App) Start(ctx context.Context) error {
	if err := a.Listen(ctx); err != nil {
		return err
	}
	a.measureProgram()
	if err := a.ListenMetrics(ctx, a.serving(nil), a.api.MetricsHandler()); err != nil {
		return err
	}
	restored := make(chan struct{})
	if a.o.Headroom > 0 {
		a.Background(ctx, "memory", "tune memory", func(ctx context.Context) error {
			a.loadInHeadroom(ctx, restored, a.allLoaded())
			return nil
		})
	}
	if a.o.Ceiling > 0 {
		a.Background(ctx, "limit", "keep to the planned memory", a.keepToPlan)
	}
	if a.replica != nil {
		close(restored)
		a.Background(ctx, "replica", "apply the log", a.runReplica)
	} else {
		a.readAlone(ctx, restored)
	}
	a.Background(ctx, "files", "read files again", a.watchFiles)
	if a.poster != nil {
		a.Background(ctx, "alertmanager", "post alerts", a.poster.Run)
	}
	a.Serve()
	// Feeds end at once: they never would on their own.
	a.OnStop("feeds", func(context.Context) error { a.api.Drain(); return nil })
	a.Log.Info("serving", "addr", a.Addr()+a.o.BasePath, "version", a.o.Version)
	return nil
}

// readAlone starts what fills the store of a server without a log.
func (a *App) readAlone(ctx context.Context, restored chan struct{}) {
	if a.keeper != nil {
		a.OnStop("checkpoint", a.lastCheckpoint) // when nothing runs any more
	}
	a.Background(ctx, "follower", "follow the source", a.follow(restored))
	if a.keeper != nil {
		a.Background(ctx, "checkpoints", "write checkpoints", a.keep(restored))
	}
	a.Background(ctx, "timeline", "keep counts over time", func(ctx context.Context) error { return a.timeline.Run(ctx, a.records) })
}

// Run runs the server: it starts, waits until ctx ends or a part fails, and
// stops. The end of ctx is not an error.
func Run(ctx context.Context, o Options) error {
	a, err := New(ctx, o)
	if err != nil {
		return err
	}
	return program.Run(ctx, o.Options, a.Log, a)
}

// processTag distinguishes this process's generations from those of an earlier
// or parallel process.
func processTag() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return "g" + hex.EncodeToString(b[:])
}

// build returns the version of the program that the compiler recorded.
func build(version string) api.Build {
	b := api.Build{Version: version}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Go = info.GoVersion
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.time":
				b.Time = s.Value
			}
		}
	}
	return b
}

// serving returns the limits of connections to a handler.
func (a *App) serving(handler http.Handler) serving.Options {
	o := a.o.Serving()
	o.Handler = handler
	o.MaxHeader = 256 << 10 // 1 000 names in one URL
	o.Wrap, o.ConnContext = onewrite.Listener, onewrite.Context
	o.ErrorLog = slog.NewLogLogger(a.Log.Handler(), slog.LevelWarn)
	return o
}
