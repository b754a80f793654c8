package follower

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/schema/raw"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	requestDB = "reqmgr_workload_cache"
	wmstatsDB = "wmstats"
)

// storeFake keeps content hashes by kind and id, and rejects a full read that
// loses more than half.
type storeFake struct {
	mu      sync.Mutex
	docs    map[string]uint64 // content hash by kind and id
	seen    map[string]bool   // of the full read in progress; nil: none
	loads   int               // committed
	applied int               // changes given to Apply
	decoded int               // changes that came with content
	ticks   int
	states  []store.SourceState
}

var errShrunk = errors.New("far fewer than before")

func newStoreFake() *storeFake { return &storeFake{docs: map[string]uint64{}} }

func key(kind join.Kind, id string) string { return fmt.Sprint(kind, " ", id) }

func (s *storeFake) KnownHash(kind join.Kind, id string) (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash, ok := s.docs[key(kind, id)]
	return hash, ok
}

func (s *storeFake) put(changes []join.Change) (r store.Result) {
	for _, c := range changes {
		k := key(c.Kind, c.ID)
		content := c.Workflow != nil || c.Report != nil || c.Info != nil
		old, known := s.docs[k]
		switch {
		case c.Stands:
			if !known {
				continue
			}
		case c.Deleted:
			delete(s.docs, k)
			continue
		case content:
			s.decoded++
			s.docs[k] = c.Hash
		case !known || old != c.Hash:
			r.Refetch = append(r.Refetch, c.ID)
			continue
		default:
			r.Same++
		}
		if s.seen != nil {
			s.seen[k] = true
		}
	}
	return r
}

func (s *storeFake) Apply(changes []join.Change) store.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applied += len(changes)
	return s.put(changes)
}

func (s *storeFake) Tick() store.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ticks++
	return store.Result{}
}

func (s *storeFake) SetSource(state store.SourceState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = append(s.states, state)
}

func (s *storeFake) BeginLoad() Load {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = map[string]bool{}
	return loadFake{s}
}

type loadFake struct{ s *storeFake }

func (l loadFake) Add(changes []join.Change) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.s.put(changes)
}

func (l loadFake) Missing() (missing []join.Document, err error) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if 2*len(l.s.seen) < len(l.s.docs) {
		return nil, errShrunk
	}
	for k := range l.s.docs {
		if !l.s.seen[k] {
			var d join.Document
			if _, err := fmt.Sscan(k, &d.Kind, &d.ID); err != nil {
				return nil, err
			}
			missing = append(missing, d)
		}
	}
	return missing, nil
}

func (l loadFake) Abort() {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.s.seen = nil
}

func (l loadFake) Commit() (store.Result, error) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	seen := l.s.seen
	l.s.seen = nil
	if 2*len(seen) < len(l.s.docs) {
		return store.Result{}, errShrunk
	}
	for k := range l.s.docs {
		if !seen[k] {
			delete(l.s.docs, k)
		}
	}
	l.s.loads++
	return store.Result{}, nil
}

func (s *storeFake) content() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.docs)
}

func (s *storeFake) state() store.SourceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.states) == 0 {
		return store.SourceState{}
	}
	return s.states[len(s.states)-1]
}

// was reports whether the source was ever stale for a reason.
func (s *storeFake) was(reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range s.states {
		if state.Stale && strings.Contains(state.Reason, reason) {
			return true
		}
	}
	return false
}

func (s *storeFake) count(of func(*storeFake) int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return of(s)
}

func loads(s *storeFake) int   { return s.loads }
func decoded(s *storeFake) int { return s.decoded }

// rig is a CouchDB stand-in, a follower of it and its store.
type rig struct {
	t        testing.TB
	srv      *couchfake.Server
	end      *couchfake.Endpoint
	store    *storeFake
	client   *couch.Client
	follower *Follower
	stop     func()
	still    atomic.Int64 // a second at which the stand-in's clock is stopped; 0: each call is one second later
}

// newRig creates the parts and starts nothing.
func newRig(t testing.TB, change ...func(*Options)) *rig {
	t.Helper()
	return newRigOf(t, couchfake.Options{BuiltinViews: true}, change...)
}

// newRigOf is newRig with another stand-in.
func newRigOf(t testing.TB, standIn couchfake.Options, change ...func(*Options)) *rig {
	t.Helper()
	var seconds atomic.Int64 // databases are told apart by the second of their creation
	r := &rig{t: t, store: newStoreFake()}
	standIn.Now = func() time.Time {
		if at := r.still.Load(); at != 0 {
			return time.Unix(at, 0)
		}
		return time.Unix(1e9+seconds.Add(1), 0)
	}
	r.srv = couchfake.New(standIn)
	var err error
	r.end, err = couchfake.Listen("127.0.0.1:0", r.srv)
	require.NoError(t, err)
	for _, db := range []string{requestDB, wmstatsDB} {
		require.NoError(t, r.srv.Create(db))
	}
	// On a busy machine an answer may take long; tests in which one never
	// arrives use impatient.
	r.client, err = couch.New(couch.Options{URL: r.end.URL(), ReadIdle: time.Minute, CallTimeout: time.Minute, Heartbeat: 100 * time.Millisecond})
	require.NoError(t, err)
	o := Options{
		Source: r.client, Store: r.store, Workers: 2,
		BatchWindow: 2 * time.Millisecond, MinWait: 2 * time.Millisecond, MaxWait: 20 * time.Millisecond,
		HoldWait: 10 * time.Millisecond, TickInterval: 5 * time.Millisecond,
		LookEvery: 50 * time.Millisecond, FallAfter: 100 * time.Millisecond, FallEvery: time.Second,
		FallbackPoll: 5 * time.Millisecond, FeedRetry: 300 * time.Millisecond,
	}
	for _, c := range change {
		c(&o)
	}
	r.follower, err = New(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		if r.stop != nil {
			r.stop()
		}
		require.NoError(t, r.client.Close())
		require.NoError(t, r.srv.Close())
		require.NoError(t, r.end.Refuse())
	})
	return r
}

// impatient makes the source count as frozen after a second.
func impatient(t testing.TB) func(*Options) {
	return func(o *Options) {
		patient, ok := o.Source.(*couch.Client)
		require.True(t, ok)
		client, err := couch.New(couch.Options{URL: patient.PublicURL(), ReadIdle: time.Second, CallTimeout: time.Minute, Heartbeat: 100 * time.Millisecond})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		o.Source = client
	}
}

// start runs the follower; stop ends it and waits for its end.
func (r *rig) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.follower.Run(ctx) }()
	r.stop = func() {
		cancel()
		assert.NoError(r.t, <-done)
		r.stop = nil
	}
}

func (r *rig) eventually(what string, condition func() bool) {
	r.t.Helper()
	require.Eventually(r.t, condition, time.Minute, 2*time.Millisecond, what)
}

// Documents of the tests. Two versions differ in n.

func requestDoc(id, status string, n int) string {
	return fmt.Sprintf(`{"_id":%q,"RequestName":%q,"RequestStatus":%q,"RequestPriority":%d,"RequestTransition":[{"Status":%q,"UpdateTime":1700000000}]}`, id, id, status, n, status)
}

func workDoc(agent, workflow string, n int) string {
	return fmt.Sprintf(`{"_id":"%s-%s","type":"agent_request","workflow":%q,"agent_url":%q,"agent":"WMAgent","timestamp":%d,"status":{"success":%d},"sites":{},"tasks":{}}`, agent, workflow, workflow, agent, 1700000000+n, n)
}

func infoDoc(agent string, n int) string {
	return fmt.Sprintf(`{"_id":%q,"type":"agent_info","agent_url":%q,"timestamp":%d,"status":"ok","n":%d}`, agent, agent, 1700000000+n, n)
}

func jobDoc(id string) string {
	return fmt.Sprintf(`{"_id":%q,"type":"jobsummary","workflow":"wf0","state":"jobfailed"}`, id)
}

func (r *rig) put(db string, docs ...string) {
	r.t.Helper()
	for _, doc := range docs {
		require.NoError(r.t, r.srv.Put(db, []byte(doc)))
	}
}

// fill puts n workflows with an agent document each into the source.
func (r *rig) fill(n int) {
	for i := range n {
		wf := fmt.Sprintf("wf%d", i)
		r.put(requestDB, requestDoc(wf, "running-open", i))
		r.put(wmstatsDB, workDoc("a1", wf, i))
	}
	r.put(requestDB, requestDoc("old", "normal-archived", 1))
	r.put(wmstatsDB, infoDoc("a1", 1), jobDoc("job-1"))
}

// source returns the expected content of the store, computed independently: from
// the documents, with separate code for which are of interest.
func (r *rig) source(names ...string) map[string]uint64 {
	want := map[string]uint64{}
	for _, name := range names {
		for db, kinds := range map[string][]join.Kind{requestDB: {join.Request}, wmstatsDB: {join.AgentReport, join.AgentInfo}} {
			doc, ok := r.srv.Doc(db, name)
			if !ok || strings.Contains(string(doc), "-archived") || strings.Contains(string(doc), "jobsummary") {
				continue
			}
			kind := kinds[0]
			if strings.Contains(string(doc), `"agent_info"`) {
				kind = kinds[1]
			}
			want[key(kind, name)] = raw.ContentHash(doc)
		}
	}
	return want
}

// names returns the names of all documents that fill and the tests create.
func names(n int) []string {
	all := []string{"old", "a1", "a2", "job-1"}
	for i := range n {
		wf := fmt.Sprintf("wf%d", i)
		all = append(all, wf, "a1-"+wf, "a2-"+wf)
	}
	return all
}

// converges waits until the store has the source's content.
func (r *rig) converges(n int) {
	r.t.Helper()
	ok := assert.Eventually(r.t, func() bool { return maps.Equal(r.store.content(), r.source(names(n)...)) }, time.Minute, 2*time.Millisecond)
	if !ok {
		require.Equal(r.t, r.source(names(n)...), r.store.content())
	}
	r.eventually("the source to be fresh", func() bool { s := r.store.state(); return !s.Stale && s.Complete })
}
