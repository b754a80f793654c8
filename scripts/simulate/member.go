package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/memlog"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/health"
	"github.com/dmwm/wmstats/schema"
)

// replayed is the age of the snapshot from which a member starts: a scan takes less.
const replayed = 20 * time.Minute

// member is one run of one of several servers that answer as one: the parts that app
// assembles, without the port.
type member struct {
	name    string
	log     *memlog.Client
	couch   *couch.Client
	replica *replica.Replica
	machine *machine
	handler http.Handler

	cancel context.CancelFunc
	ended  chan error // what it ended with
	parts  sync.WaitGroup
}

// memberOptions are the options of a member.
type memberOptions struct {
	plan     *Plan
	name     string
	engine   *memlog.Engine
	dial     *network
	password func() string
	dir      string
	believe  bool // accept each full read
	hasty    bool // it does not wait for generations of other servers: a mistake that must be found
	log      *slog.Logger
}

// newMember creates a member and starts nothing.
func newMember(o memberOptions) (*member, error) {
	m := &member{name: o.name, log: o.engine.Client(), ended: make(chan error, 1)}
	source := couch.Options{URL: "http://couch.invalid:5984", Dial: stopping{o.dial.Dial, m.log.Awake}.Dial, Log: o.log}
	if o.plan.Login {
		source.User, source.PasswordNow = user, o.password
	}
	var err error
	if m.couch, err = couch.New(source); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	clock := new(replica.Clock)
	keeping := store.Options{Process: o.name, Limits: limits(), Moment: clock.Moment, Name: clock.Name, KeepAll: true, Log: o.log}
	if o.believe {
		keeping.MaxLoss = 1
	}
	records, err := store.New(keeping)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	m.machine = &machine{Store: follower.OfStore(records), store: records}
	if m.replica, err = replica.New(replica.Options{
		Engine: m.log, Machine: m.machine, Clock: clock,
		Header:   checkpoint.Header{Fingerprint: schema.Fingerprint(), Source: "simulation"},
		Sections: []checkpoint.Section{records.Section()},
		Name:     o.name, Replay: replayed, EntryBytes: o.plan.Entry, Dir: o.dir, Log: o.log,
	}); err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
	reader, err := follower.New(follower.Options{
		Source: m.couch, Store: m.replica, Shares: true, Workers: 1,
		PollInterval: time.Duration(o.plan.Poll), RereadEvery: time.Duration(o.plan.Reread), Log: o.log,
	})
	if err != nil {
		return nil, fmt.Errorf("follower: %w", err)
	}
	m.replica.SetReader(reader)
	await := m.replica.Await
	if o.hasty {
		await = nil
	}
	made, err := api.New(api.Options{Store: replica.Shown{Store: records, Replica: m.replica}, Await: await, Checks: func() []health.Check { return []health.Check{m.replica.Check()} }})
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	m.handler = made.Handler()
	return m, nil
}

// start starts the member.
func (m *member) start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.parts.Go(func() { m.ended <- m.replica.Run(ctx) })
}

// end ends the member. One that is killed can't release its lease. One that is frozen
// must run for its goroutines to end: if it is killed, it does nothing then.
func (m *member) end(inOrder bool) error {
	if !inOrder {
		m.log.Begin(memlog.Cut)
	}
	for m.log.Is(memlog.Frozen) {
		m.log.End(memlog.Frozen)
	}
	m.cancel()
	m.parts.Wait()
	if err := m.couch.Close(); err != nil {
		return fmt.Errorf("end of %s: %w", m.name, err)
	}
	return nil
}

// ready reports whether a balancer sends requests to it.
func (m *member) ready() bool {
	ok, _ := health.Report([]health.Check{m.replica.Check()})
	return ok && !m.log.Is(memlog.Frozen)
}

// get sends a request as a client does.
func (m *member) get(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, http.NoBody)
	r.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	return w
}

// machine is what the entries of the log are applied to: the store and its rules.
type machine struct {
	follower.Store

	store *store.Store
	swept atomic.Int64 // number of full reads that the log has ended
}

func (m *machine) KnownHash(kind join.Kind, id string) (uint64, bool) {
	return m.store.KnownHash(kind, id)
}

func (m *machine) ApplyRead(changes []join.Change) store.Result {
	return m.store.ApplyRead(changes)
}

func (m *machine) Sweep(gone []join.Document, _ []string) store.Result {
	m.swept.Add(1)
	return m.store.Sweep(gone)
}

func (m *machine) Holds(c join.Change) bool {
	known, ok := m.store.KnownHash(c.Kind, c.ID)
	return ok && known == c.Hash
}

func (m *machine) Undelivered() []string { return nil }

func (m *machine) SetRules(encoded []byte) error {
	var l schema.Limits
	if err := json.Unmarshal(encoded, &l); err != nil {
		return fmt.Errorf("decode rules: %w", err)
	}
	m.store.SetLimits(l)
	return nil
}

func (m *machine) Rules() []byte {
	encoded, err := json.Marshal(limits())
	if err != nil {
		panic(errors.Join(errors.New("limits are plain values"), err))
	}
	return encoded
}

func (m *machine) Observe(time.Time) {}

func (m *machine) Loaded() bool {
	_, ok := m.store.Newest()
	return ok
}

func (m *machine) Forget() { m.store.Forget() }
