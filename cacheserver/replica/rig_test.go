package replica_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/follower"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/memlog"
	"github.com/dmwm/wmstats/cacheserver/store"
)

// machine is a state machine whose state is the list of its inputs, with their
// moments and the names of their generations.
type machine struct {
	clock *replica.Clock

	mu     sync.Mutex
	inputs []string
	takes  time.Duration // to apply a change
	rules  string
	source store.SourceState
	loaded bool
	counts string // what has a version of its own
	loss   error  // why a full read is rejected
}

func (m *machine) note(what string) store.Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	process, number := m.clock.Name()
	m.inputs = append(m.inputs, fmt.Sprintf("%s-%d %d %s", process, number, m.clock.Moment().UnixNano(), what))
	return store.Result{}
}

func (m *machine) state() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.inputs, "\n")
}

func idsOf(changes []join.Change) string {
	var ids []string
	for _, c := range changes {
		ids = append(ids, c.ID)
	}
	return strings.Join(ids, " ")
}

func (m *machine) Apply(changes []join.Change) store.Result {
	time.Sleep(m.takes)
	return m.note("apply " + idsOf(changes))
}

func (m *machine) ApplyRead(changes []join.Change) store.Result {
	result := m.note("read " + idsOf(changes))
	for _, c := range changes {
		if !c.Deleted && c.Report == nil {
			result.Refetch = append(result.Refetch, c.ID)
		}
	}
	return result
}

func (m *machine) Sweep(gone []join.Document, _ []string) store.Result {
	return m.note(fmt.Sprint("sweep ", gone))
}
func (m *machine) Tick() store.Result                         { return m.note("tick") }
func (m *machine) KnownHash(join.Kind, string) (uint64, bool) { return 0, false }
func (m *machine) Holds(join.Change) bool                     { return false }
func (m *machine) Undelivered() []string                      { return nil }
func (m *machine) Rules() []byte                              { return []byte("{}") }
func (m *machine) Observe(time.Time)                          {}
func (m *machine) Forget()                                    {}
func (m *machine) BeginLoad() follower.Load                   { return (*load)(m) }

func (m *machine) SetSource(s store.SourceState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.source = s
}

func (m *machine) stale() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.source.Reason
}

func (m *machine) SetRules(rules []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rules = string(rules)
	return nil
}

func (m *machine) Loaded() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.loaded
}

func (m *machine) section() checkpoint.Section {
	return checkpoint.Value("machine", func() []string {
		m.mu.Lock()
		defer m.mu.Unlock()
		return append([]string{}, m.inputs...)
	}, func(inputs []string) (func(), error) {
		return func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.inputs, m.loaded = inputs, true
		}, nil
	})
}

// counted has a version of its own, as the counts over time have.
func (m *machine) counted() checkpoint.Section {
	s := checkpoint.Value("counts", m.kept, func(counts string) (func(), error) {
		return func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.counts = counts
		}, nil
	})
	s.Always, s.Optional = true, true
	return s
}

func (m *machine) kept() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}

// load is a first full read.
type load machine

func (l *load) Add([]join.Change) {}
func (l *load) Missing() ([]join.Document, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return nil, l.loss
}
func (l *load) Abort() {}
func (l *load) Commit() (store.Result, error) {
	m := (*machine)(l)
	m.mu.Lock()
	m.loaded = true
	loss := m.loss
	m.mu.Unlock()
	if loss != nil {
		return store.Result{}, loss
	}
	return m.note("first read"), nil
}

// reader reads a source that has one change a second.
type reader struct {
	name string
	to   follower.Store

	mu        sync.Mutex
	next      int // number of the next change
	frozen    chan struct{}
	continued []string
}

func (r *reader) Continue(s follower.Shared, _ []follower.Quarantined, _ store.SourceState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Sscan(string(s.Positions["wmstats"].Seq), &r.next)
	r.continued = append(r.continued, fmt.Sprint(r.next))
}

func (r *reader) Shared() follower.Shared {
	r.mu.Lock()
	defer r.mu.Unlock()
	return follower.Shared{Positions: map[string]couch.Position{"wmstats": {Seq: couch.Seq(fmt.Sprint(r.next))}}}
}

func (r *reader) Notes() []follower.Note { return nil }

func (r *reader) Run(ctx context.Context) error {
	r.mu.Lock()
	first := len(r.continued) == 0
	r.mu.Unlock()
	if first {
		if _, err := r.to.BeginLoad().Commit(); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
		r.mu.Lock()
		n, frozen := r.next, r.frozen
		r.mu.Unlock()
		if frozen != nil {
			<-frozen
		}
		r.to.Apply([]join.Change{{Kind: join.Request, ID: fmt.Sprint("change", n)}})
		r.to.SetSource(store.SourceState{Source: r.name})
		r.mu.Lock()
		r.next = n + 1
		r.mu.Unlock()
	}
}

// server is one of several servers.
type server struct {
	*replica.Replica

	machine *machine
	reader  *reader
	client  *memlog.Client
	refused int
	mu      sync.Mutex
	ended   chan error // what Run returned
	stop    func()
}

func start(t *testing.T, e *memlog.Engine, name string) *server {
	t.Helper()
	return startWith(t, e, name, func(client *memlog.Client) replica.Log { return client })
}

// slow is a log that takes its time for each entry.
type slow struct {
	*memlog.Client

	takes time.Duration
}

func (l slow) Entry(ctx context.Context, number uint64) ([]byte, error) {
	time.Sleep(l.takes)
	return l.Client.Entry(ctx, number)
}

// startWith starts a server whose log is what through returns, with other options.
func startWith(t *testing.T, e *memlog.Engine, name string, through func(*memlog.Client) replica.Log, change ...func(*machine, *replica.Options)) *server {
	t.Helper()
	clock := new(replica.Clock)
	s := &server{machine: &machine{clock: clock}, client: e.Client(), ended: make(chan error, 1)}
	var err error
	o := replica.Options{
		Engine: through(s.client), Machine: s.machine, Clock: clock, Name: name, Dir: t.TempDir(),
		Header: checkpoint.Header{Fingerprint: "f", Source: "s"}, Sections: []checkpoint.Section{s.machine.counted(), s.machine.section()},
		Replay: 10 * time.Second, SnapshotEvery: 2 * time.Second, KeepFor: 2 * time.Minute,
		Hooks: replica.Hooks{Refused: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.refused++
		}},
	}
	for _, c := range change {
		c(s.machine, &o)
	}
	s.Replica, err = replica.New(o)
	require.NoError(t, err)
	s.reader = &reader{name: name, to: s.Replica}
	s.SetReader(s.reader)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ended <- s.Run(ctx)
	}()
	s.stop = func() { cancel(); <-done }
	return s
}

func leading(servers ...*server) (at int) {
	at = -1
	for i, s := range servers {
		if s.Status().Leading {
			at = i
		}
	}
	return at
}

// bubble runs a test with invented time.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

func itoa(n int) string { return strconv.Itoa(n) }

// entryOf returns an entry of nobody that leaves its input unfinished.
func entryOf(t *testing.T, number int) []byte {
	t.Helper()
	return replica.EntryOf(uint64(number))
}

func appendNumber(dst []byte, number int) []byte { return binary.AppendUvarint(dst, uint64(number)) }
