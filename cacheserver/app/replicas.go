package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dmwm/wmstats/cacheserver/alertmanager"
	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/legacy"
	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/jetstream"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/settings"
	"github.com/dmwm/wmstats/schema"
)

// ReplicaOptions are those of several servers that answer as one.
type ReplicaOptions struct {
	Log         []string      // URLs of the engines of the log; none: this server is alone
	Credentials string        // file for the engines; "": none
	Replay      time.Duration // age of the snapshot from which a server starts
	Copies      int           // of the log
	Name        string        // of this server, for people; "": the host's

	Engine        func(family, group string) (replica.Log, error) // instead of Log; not a flag, for tests
	SnapshotEvery time.Duration                                   // not a flag, for tests; 0: 1 min
}

func defaultReplicas() ReplicaOptions { return ReplicaOptions{Replay: 5 * time.Minute, Copies: 3} }

func (o *ReplicaOptions) on() bool { return len(o.Log) > 0 || o.Engine != nil }

func (o *ReplicaOptions) add(t *settings.Table) {
	t.Group("Several cache servers that answer as one")
	t.List("log", &o.Log, "`URLS` of the NATS servers whose JetStream has the log of all cache servers, such as nats://a:4222,nats://b:4222, separated by commas; if empty, this server is alone")
	t.Text("log-credentials-file", &o.Credentials, "credentials `FILE` for the NATS servers")
	t.Duration("log-replay", &o.Replay, "age of the snapshot from which a server starts: it then has the generations of this time")
	t.Int("log-replicas", &o.Copies, "copies of the log and its snapshots: 1, 3 or 5")
	t.Text("name", &o.Name, "`NAME` of this server in logs; if empty, the host's")
}

func (o *Options) validateReplicas(f *settings.Faults) {
	r := &o.Replicas
	if !r.on() {
		if r.Credentials != "" {
			f.Add("--log-credentials-file needs --log")
		}
		return
	}
	if o.RequestCache != "" {
		f.Add("--log works with --couch-url only, not with --requestcache")
	}
	if o.Checkpoint != "" {
		f.Add("--log and --checkpoint: set one of them; the log has snapshots of its own")
	}
	settings.Positive(f, "log-replay", r.Replay)
	if r.Copies != 1 && r.Copies != 3 && r.Copies != 5 {
		f.Add("--log-replicas %q: want 1, 3 or 5", strconv.Itoa(r.Copies))
	}
}

// newReplica returns what applies the log; nil without --log.
func (a *App) newReplica(registry *prometheus.Registry) (*replica.Replica, error) {
	o := a.o.Replicas
	if !o.on() {
		return nil, nil
	}
	if o.Name == "" {
		o.Name, _ = os.Hostname() // for people
	}
	if o.Copies == 1 && o.Engine == nil {
		a.Log.Warn("--log-replicas 1: if the disk of that NATS server is lost, so is the log")
	}
	header := checkpoint.Header{
		Fingerprint: fmt.Sprintf("%s legacy=%t t0=%t", schema.Fingerprint(), a.o.Legacy.On, a.o.T0), Source: a.sourceID,
	}
	family := fmt.Sprintf("%016x_", xxhash.Sum64String(header.Source))
	group := family + fmt.Sprintf("%016x", xxhash.Sum64String(header.Fingerprint))
	engine, err := a.newEngine(o, family, group)
	if err != nil {
		return nil, fmt.Errorf("--log: %w", err)
	}
	hooks, err := a.replicaMetrics(registry, group)
	if err != nil {
		return nil, err
	}
	r, err := replica.New(replica.Options{
		Engine: engine, Machine: a.machine, Clock: a.clock, Header: header, Sections: a.machine.sections(),
		Name: o.Name, Replay: o.Replay, SnapshotEvery: o.SnapshotEvery, Log: a.Log, Hooks: hooks,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the log: %w", err)
	}
	return r, nil
}

func (a *App) newEngine(o ReplicaOptions, family, group string) (replica.Log, error) {
	if o.Engine != nil {
		return o.Engine(family, group)
	}
	engine, err := jetstream.New(jetstream.Options{URLs: strings.Join(o.Log, ","), Credentials: o.Credentials, Family: family, Group: group, Copies: o.Copies, Name: o.Name, Log: a.Log})
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the option
	}
	a.OnStop("log", func(context.Context) error { return engine.Close() })
	return engine, nil
}

// replicaMetrics registers the metrics of the log of a group of servers.
func (a *App) replicaMetrics(registry *prometheus.Registry, group string) (replica.Hooks, error) {
	status := func() replica.Status {
		if a.replica == nil { // being set up
			return replica.Status{}
		}
		return a.replica.Status()
	}
	lag := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "wmstats_log_lag_seconds", Help: "Time from the moment of an entry of the log until it is applied here.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30},
	})
	refused := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "wmstats_log_refused_appends_total", Help: "Entries of this server that the log refused because another server had written.",
	})
	gauge := func(name, help string, value func(replica.Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(status()) })
	}
	for _, c := range []prometheus.Collector{
		lag, refused,
		gauge("wmstats_log_entry", "Number of the newest entry of the log that was applied here.", func(s replica.Status) float64 { return float64(s.Applied) }),
		gauge("wmstats_log_behind_entries", "Entries of the log that are not applied here yet.", func(s replica.Status) float64 { return float64(s.Behind) }),
		gauge("wmstats_log_snapshot_entry", "Entry of the newest snapshot that this server has stored; 0: none.", func(s replica.Status) float64 { return float64(s.Snapshot) }),
		gauge("wmstats_log_snapshot_pause_seconds", "How long entries had to wait while the newest snapshot of this server was captured.", func(s replica.Status) float64 { return s.Paused.Seconds() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "wmstats_log_leader", Help: "1 while this server reads the source for all servers of a log. Servers of another version have another log.",
			ConstLabels: prometheus.Labels{"log": group},
		}, func() float64 {
			if status().Leading {
				return 1
			}
			return 0
		}),
		gauge("wmstats_log_without_leader_seconds", "For how long this server has seen no server that reads the source for its log; 0 while it starts.", func(s replica.Status) float64 { return s.Alone.Seconds() }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "wmstats_log_takeovers_total", Help: "How often this server began to read the source for all.",
		}, func() float64 { return float64(status().Takeovers) }),
	} {
		if err := registry.Register(c); err != nil {
			return replica.Hooks{}, fmt.Errorf("register the metrics of the log: %w", err)
		}
	}
	return replica.Hooks{
		Applied: func(since time.Duration) { lag.Observe(since.Seconds()) },
		Refused: refused.Inc,
	}, nil
}

// machine is what the entries of the log are applied to: the store, the request
// documents of the old API, the rules of alerts, and the counts over time.
type machine struct {
	follower.Store

	a     *App
	rules atomic.Pointer[attention.Options] // in force; nil: this server's own
}

func (m *machine) KnownHash(kind join.Kind, id string) (uint64, bool) {
	return m.a.records.KnownHash(kind, id)
}

func (m *machine) ApplyRead(changes []join.Change) store.Result {
	result := m.a.records.ApplyRead(changes)
	if changes := requestsOf(changes); m.a.documents != nil && len(changes) > 0 {
		m.a.documents.Apply(changes)
	}
	return result
}

func (m *machine) Sweep(gone []join.Document, undelivered []string) store.Result {
	result := m.a.records.Sweep(gone)
	if m.a.documents == nil {
		return result
	}
	var changes []documents.Change
	for _, d := range gone {
		if d.Kind == join.Request {
			changes = append(changes, documents.Change{ID: d.ID, Deleted: true})
		}
	}
	for _, id := range undelivered {
		changes = append(changes, documents.Change{ID: id, Deleted: true})
	}
	if len(changes) > 0 {
		m.a.documents.Apply(changes)
	}
	return result
}

func (m *machine) Holds(c join.Change) bool {
	if known, ok := m.a.records.KnownHash(c.Kind, c.ID); !ok || known != c.Hash {
		return false
	}
	if m.a.documents == nil {
		return true
	}
	changes := requestsOf([]join.Change{c})
	return len(changes) == 1 && m.a.documents.Holds(changes[0])
}

func (m *machine) Undelivered() []string {
	if m.a.documents == nil {
		return nil
	}
	return m.a.documents.Undelivered()
}

// SetRules puts the rules of an entry in force.
func (m *machine) SetRules(encoded []byte) error {
	var rules attention.Options
	if err := json.Unmarshal(encoded, &rules); err != nil {
		return fmt.Errorf("decode rules: %w", err)
	}
	m.rules.Store(&rules)
	m.a.api.SetAttention(rules)
	m.a.records.SetLimits(rules.Limits)
	return nil
}

// Rules returns the rules of this server's file.
func (m *machine) Rules() []byte {
	encoded, err := json.Marshal(m.a.attention())
	if err != nil { // it has plain values only
		m.a.Log.Error("could not encode the rules of alerts", "err", err)
	}
	return encoded
}

func (m *machine) Observe(moment time.Time) {
	generation, ok := m.a.records.Newest()
	if !ok {
		return
	}
	m.a.timeline.ObserveAt(moment, generation)
}

func (m *machine) Loaded() bool {
	if _, ok := m.a.records.Newest(); !ok {
		return false
	}
	if m.a.documents == nil {
		return true
	}
	_, ok := m.a.documents.Snapshot()
	return ok
}

func (m *machine) Forget() {
	m.a.records.Forget()
	if m.a.documents != nil {
		m.a.documents.Forget()
	}
}

// sections returns the sections of a snapshot. Those of the request documents are
// not optional: a server that starts from it does not read the source.
func (m *machine) sections() []checkpoint.Section {
	sections := []checkpoint.Section{m.a.counts.section()}
	if m.a.documents != nil {
		s := m.a.documents.Section()
		s.Optional = false
		sections = append(sections, s)
	}
	return append(sections, m.a.records.Section())
}

// inForce returns the rules in force.
func (a *App) inForce() attention.Options {
	if a.machine != nil {
		if rules := a.machine.rules.Load(); rules != nil {
			return *rules
		}
	}
	return a.attention()
}

// await is the API's wait for a generation of the log; nil without one.
func (a *App) await() func(ctx context.Context, id string) bool {
	if a.replica == nil {
		return nil
	}
	return a.replica.Await
}

// runReplica applies the log until ctx ends. An error ends the server: started again,
// it can use the log.
func (a *App) runReplica(ctx context.Context) error {
	if err := a.replica.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("apply the log: %w", err)
	}
	return nil
}

// shownStore is what requests are answered from.
type shownStore interface {
	api.Store
	legacy.Store
	alertmanager.Store
}

func (a *App) shownStore() shownStore {
	if a.replica == nil {
		return a.records
	}
	return replica.Shown{Store: a.records, Replica: a.replica}
}

// sourceOfRecords returns the state of the source that belongs to the records.
func (a *App) sourceOfRecords() store.SourceState {
	if a.replica != nil {
		return a.replica.Source()
	}
	return a.records.Source()
}

// unusable lists the documents that could not be used.
func (a *App) unusable() []follower.Quarantined {
	if a.replica != nil {
		return a.replica.Quarantined()
	}
	return a.follower.Quarantined()
}

// owedRequests returns the request documents that have been unavailable for long.
func (a *App) owedRequests(least time.Duration) []string {
	if a.replica != nil {
		return a.replica.OwedRequests(least)
	}
	return a.follower.OwedRequests(least)
}
