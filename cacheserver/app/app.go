// Package app puts the parts of the cache server together: the only place that
// knows all of them, the order in which they start, and the order in which they
// stop. It has no logic of data and none of HTTP beyond the server's time-outs.
package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/history"
	"github.com/dmwm/wmstats/cacheserver/journal"
	"github.com/dmwm/wmstats/cacheserver/requestcache"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/serving"
)

// App is a cache server as a value: New, Start, Addr, Stop, or Run for all.
type App struct {
	o        Options
	log      *slog.Logger
	follower *follower.Follower
	records  *store.Store
	history  *history.History
	journal  *journal.Journal
	api      *api.API
	cache    *cache.Cache       // nil: none
	program  int64              // bytes that live before anything is read
	keeper   *checkpoint.Keeper // nil: no checkpoint
	sourceID string             // tells the source from others, for the checkpoint; no credentials
	gate     *access.Gate
	files    files
	reloaded chan struct{}             // files have been read again
	login    func() couch.LoginState   // nil: the source is no CouchDB
	indexing func() []couch.IndexBuild // nil: the same
	server   *serving.Server
	listener net.Listener

	metricsAddr string // of metrics' own listener

	failed chan error // why a part ended by itself

	stopping sync.Once
	stopErr  error
	stops    []step
}

// step is one part to stop.
type step struct {
	name string
	run  func(context.Context) error
}

// onStop registers a teardown step; Stop runs them last-registered first.
func (a *App) onStop(name string, run func(context.Context) error) {
	a.stops = append(a.stops, step{name, run})
}

// New builds all parts and starts none of them. What was built is taken down
// again when a later part fails.
func New(ctx context.Context, o Options) (_ *App, err error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	a := &App{o: o, log: o.Log, journal: journal.New(nil), failed: make(chan error, 8), reloaded: make(chan struct{}, 1)}
	if a.log == nil {
		a.log = newLog(os.Stderr, o.LogLevel, o.LogFormat)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
		}
	}()
	a.warnOfPasswords()
	if err := a.openFiles(); err != nil {
		return nil, err
	}
	source, err := a.newSource(ctx)
	if err != nil {
		return nil, err
	}
	if a.cache, err = a.newCache(); err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	hooks, err := followerHooks(registry, a.journal)
	if err != nil {
		return nil, err
	}
	alerts := a.attention()
	records, err := store.New(store.Options{Process: processTag(), Cache: a.cache, Memory: o.shares().store, MaxLoss: o.MaxLoss, Limits: alerts.Limits, JoinAll: o.T0, Log: a.log})
	if err != nil {
		return nil, fmt.Errorf("set up the store: %w", err)
	}
	a.records = records
	if a.follower, err = follower.New(follower.Options{
		Source: source, Store: follower.OfStore(records), PollInterval: pollInterval(o), RereadEvery: rereadEvery(o), Statuses: o.statuses(),
		MinWait: o.Patience.MinWait, MaxWait: o.Patience.MaxWait, HoldWait: o.Patience.HoldWait,
		LookEvery: o.Patience.LookEvery, FeedRetry: o.Patience.FeedRetry, FallAfter: o.Patience.FallAfter, Log: a.log, Hooks: hooks,
	}); err != nil {
		return nil, fmt.Errorf("set up the follower: %w", err)
	}
	if a.history, err = history.New(history.Options{Statuses: o.knownStatuses(), Log: a.log}); err != nil {
		return nil, fmt.Errorf("set up the history: %w", err)
	}
	if o.Statuses != nil { // records of other statuses are not in a checkpoint of these
		a.sourceID += fmt.Sprintf(" %q", o.Statuses)
	}
	if a.keeper, err = a.newKeeper(registry); err != nil {
		return nil, err
	}
	if a.gate, err = a.newGate(); err != nil {
		return nil, err
	}
	if a.api, err = api.New(api.Options{ //nolint:contextcheck // handlers take the context of their request
		Store: records, Details: details{source}, Jobs: jobsOf(source), Demand: o.Demand, Quarantine: a.quarantined, Checkpoint: a.checkpointState, Checks: a.checks, Reading: a.reading, Cache: a.cache, Memory: a.memory(),
		Registry: registry, Build: build(o.Version), Attention: alerts, History: a.history, Journal: a.journal, Log: a.log,
		Gate: a.gate, Metrics: o.Access.metricsFor(), Streams: o.Access.StreamsPerClient, MaxStreams: o.Access.MaxStreams, Queries: o.Queries, MaxBody: o.Access.MaxBody,
		Feeds: api.FeedOptions{PerClient: o.Access.FeedsPerClient, Total: o.Access.MaxFeeds},
	}); err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}
	if a.server, err = a.newServer(a.api.Handler()); err != nil {
		return nil, err
	}
	return a, nil
}

// source is where documents come from: all of them, and those of one workflow.
type source interface {
	follower.Source
	api.Details
}

func (a *App) newSource(ctx context.Context) (source, error) {
	if a.o.RequestCache == "" {
		return a.newCouch()
	}
	made, err := requestcache.New(requestcache.Options{
		From: a.o.RequestCache, Interval: a.o.PollInterval, UserAgent: "wmstats/" + a.o.Version, Answered: a.journal.Answered, Log: a.log,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the source: %w", err)
	}
	a.onStop("source", func(context.Context) error { return made.Close() })
	name, err := made.Name(ctx)
	if err != nil {
		return nil, fmt.Errorf("name the source: %w", err)
	}
	a.sourceID = "requestcache " + name
	return made, nil
}

// pollInterval is the follower's: a requestcache is polled by its source, which
// a follower follows like any other.
func pollInterval(o Options) time.Duration {
	if o.RequestCache != "" {
		return 0
	}
	return o.PollInterval
}

// rereadEvery is the follower's: a requestcache is compared with its next answer
// as a whole.
func rereadEvery(o Options) time.Duration {
	if o.RequestCache != "" {
		return 0
	}
	return o.RereadEvery
}

func (a *App) newCouch() (*couch.Client, error) {
	o := couch.Options{
		URL: a.o.CouchURL, User: a.o.CouchUser,
		Design: a.o.design(), RequestDB: a.o.RequestDB, WMStatsDB: a.o.WMStatsDB, LogDB: a.o.LogDB,
		Heartbeat: a.o.Patience.Heartbeat, ReadIdle: a.o.Patience.ReadIdle,
		UserAgent: "wmstats/" + a.o.Version, Answered: a.journal.Answered, Log: a.log,
	}
	if f := a.files.password; f != nil {
		o.PasswordNow, o.Refused = f.Value, f.Reload
	}
	source, err := couch.New(o)
	if err != nil {
		return nil, fmt.Errorf("set up the source: %w", err)
	}
	a.onStop("source", func(context.Context) error { return source.Close() })
	a.login, a.indexing = source.Login, source.Indexing
	a.sourceID = fmt.Sprintf("couch %s %q %q", source.PublicURL(), a.o.RequestDB, a.o.WMStatsDB)
	return source, nil
}

// quarantined gives the follower's list the form of the API.
func (a *App) quarantined() []api.Quarantined {
	docs := a.follower.Quarantined()
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
// answered; lists answer 503 until the first full read has ended.
func (a *App) Start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", a.o.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("the port of %s is in use by another program; choose another with --listen", a.o.Listen)
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", a.o.Listen, err)
	}
	a.listener = listener
	a.measureProgram()
	a.warnOfStrangers()
	if err := a.startMetrics(ctx); err != nil {
		return errors.Join(err, listener.Close())
	}
	restored := make(chan struct{})
	if a.o.Headroom > 0 {
		a.background(ctx, "memory", "tune memory", func(ctx context.Context) error {
			a.loadInHeadroom(ctx, restored, a.records.Wait(""))
			return nil
		})
	}
	if a.o.Ceiling > 0 {
		a.background(ctx, "limit", "keep to the planned memory", a.keepToPlan)
	}
	if a.keeper != nil {
		a.onStop("checkpoint", a.lastCheckpoint) // when nothing moves any more
	}
	a.background(ctx, "follower", "follow the source", a.follow(restored))
	if a.keeper != nil {
		a.background(ctx, "checkpoints", "write checkpoints", a.keep(restored))
	}
	a.background(ctx, "files", "read files again", a.watchFiles)
	a.background(ctx, "history", "keep counts over time", func(ctx context.Context) error { return a.history.Run(ctx, a.records) })
	a.onStop("http", a.shutdown)
	go func() {
		if err := a.server.Serve(listener); err != nil {
			a.failed <- err
		}
	}()
	a.log.Info("serving", "addr", a.Addr(), "version", a.o.Version)
	return nil
}

// background runs a part that ends at its place in the order of Stop, not when
// ctx does.
func (a *App) background(ctx context.Context, name, doing string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			a.failed <- fmt.Errorf("%s: %w", doing, err)
		}
	}()
	a.onStop(name, func(stop context.Context) error {
		cancel()
		select {
		case <-ended:
			return nil
		case <-stop.Done():
			return errors.New("did not end in time")
		}
	})
}

// shutdown says that nothing new should come, and lets what is under way end.
// Feeds end at once: they never would by themselves.
func (a *App) shutdown(ctx context.Context) error {
	a.api.Drain()
	if err := a.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop answering: %w", err)
	}
	return nil
}

func (a *App) serverLog() *log.Logger {
	return slog.NewLogLogger(a.log.Handler(), slog.LevelWarn)
}

// Addr is where the API listens, host:port; valid after Start.
func (a *App) Addr() string { return a.listener.Addr().String() }

// Stop runs every step even if one fails, last-started first, and returns what
// went wrong. Later calls return the same.
func (a *App) Stop(ctx context.Context) error {
	a.stopping.Do(func() {
		for _, s := range slices.Backward(a.stops) {
			if err := s.run(ctx); err != nil {
				a.stopErr = errors.Join(a.stopErr, fmt.Errorf("stop %s: %w", s.name, err))
			}
		}
	})
	return a.stopErr
}

// Run is a whole life: it starts, waits until ctx ends or a part fails, and
// stops. The end of ctx is no error.
func Run(ctx context.Context, o Options) error {
	a, err := New(ctx, o)
	if err != nil {
		return err
	}
	if err = a.Start(ctx); err == nil {
		err = a.live(ctx)
	}
	// ctx has ended already: the time to stop is the drain's own.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Drain+o.DrainDelay)
	defer cancel()
	return errors.Join(err, a.Stop(stop))
}

// live waits for the end, and reads files again as often as it is told to.
func (a *App) live(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			a.log.Info("stopping", "drain", a.o.Drain)
			return nil
		case err := <-a.failed:
			a.log.Error("a part failed", "err", err)
			return err
		case <-a.o.Hangups:
			a.Reload()
		}
	}
}

// processTag tells this process's generations from those of the one before it
// or next to it.
func processTag() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return "g" + hex.EncodeToString(b[:])
}

// build tells which program this is, from what the compiler wrote into it.
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
