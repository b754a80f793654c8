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
	"github.com/dmwm/wmstats/schema/wire"
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
	shown   api.Store
	early   bool
	handler http.Handler

	cancel context.CancelFunc
	ended  chan error    // what it ended with
	from   atomic.Uint64 // generation of the snapshot that it started from; 0: none
	after  uint64        // newest generation that clients had seen when it was started
	first  atomic.Value  // string: the generation of its first answer
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
	believe  bool   // accept each full read
	after    uint64 // newest generation that clients have seen
	mistake  mistake
	log      *slog.Logger
}

// mistake is something that a member does wrong, and that must be found.
type mistake int

const (
	none     mistake = iota
	hasty            // it does not wait for generations of other servers
	early            // it is shown before it has caught up with the log
	counting         // it counts its generations
	late             // its clock is not that of the entries
)

// newMember creates a member and starts nothing.
func newMember(o memberOptions) (*member, error) {
	m := &member{name: o.name, log: o.engine.Client(), ended: make(chan error, 1), after: o.after, early: o.mistake == early}
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
	switch {
	case o.believe:
		keeping.MaxLoss = 1
	case o.mistake == counting:
		made := int64(0)
		keeping.Name = func() (string, int64) {
			process, _ := clock.Name()
			made++
			return process, made
		}
	case o.mistake == late:
		keeping.Moment = time.Now
	}
	records, err := store.New(keeping)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	m.machine = &machine{Store: follower.OfStore(records), store: records}
	if m.replica, err = replica.New(replica.Options{
		Engine: m.log, Machine: m.machine, Clock: clock,
		Header:   checkpoint.Header{Fingerprint: schema.Fingerprint(), Source: "simulation"},
		Sections: []checkpoint.Section{m.noting(records)},
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
	if o.mistake == hasty {
		await = nil
	}
	m.shown = replica.Shown{Store: records, Replica: m.replica}
	if m.early {
		m.shown = records
	}
	made, err := api.New(api.Options{Store: m.shown, Await: await, Checks: func() []health.Check { return []health.Check{m.replica.Check()} }})
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	m.handler = made.Handler()
	return m, nil
}

// noting is the section of the records. It notes the generation that is restored.
func (m *member) noting(records *store.Store) checkpoint.Section {
	s := records.Section()
	restore := s.Restore
	s.Restore = func(frames *checkpoint.Frames) (func(), error) {
		commit, err := restore(frames)
		return func() {
			commit()
			if g, ok := records.Newest(); ok {
				m.from.Store(numberOf(g.ID()))
			}
		}, err
	}
	return s
}

// start starts the member.
func (m *member) start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.parts.Go(func() { m.ended <- m.replica.Run(ctx) })
	m.parts.Go(func() { // a client that has waited for it
		select {
		case <-m.shown.Wait(""):
			m.first.Store(m.ask(ctx, "/fetch?fields=Status&limit=1").Header().Get(wire.HeaderGeneration))
		case <-ctx.Done():
		}
	})
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
	return (ok || m.early) && !m.log.Is(memlog.Frozen)
}

// get sends a request as a client does.
func (m *member) get(path string) *httptest.ResponseRecorder {
	return m.ask(context.Background(), path)
}

func (m *member) ask(ctx context.Context, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody)
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
