package alertmanager_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/alertfile"
	"github.com/dmwm/wmstats/cacheserver/alertmanager"
	"github.com/dmwm/wmstats/cacheserver/api/attention"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
)

// alert is one alert as a member received it.
type alert struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	GeneratorURL        string
}

// name identifies an alert in tests.
func (a *alert) name() string {
	return strings.Join(strings.Fields(a.Labels["rule"]+" "+a.Labels["workflow"]+" "+a.Labels["agent"]), " ")
}

// now is the time as a post writes it.
func now() time.Time { return time.Now().UTC() }

// post is one request of a poster.
type post struct {
	at     time.Time
	alerts []alert
}

// holding returns the names of the alerts that hold at the time of the post,
// with their start.
func (p *post) holding() map[string]time.Time {
	out := map[string]time.Time{}
	for i := range p.alerts {
		if a := &p.alerts[i]; a.EndsAt.After(p.at) {
			out[a.name()] = a.StartsAt
		}
	}
	return out
}

// over returns the names of the alerts that have ended, with their end.
func (p *post) over() map[string]time.Time {
	out := map[string]time.Time{}
	for i := range p.alerts {
		if a := &p.alerts[i]; !a.EndsAt.After(p.at) {
			out[a.name()] = a.EndsAt
		}
	}
	return out
}

// members are Alertmanagers by host. They record what they accept.
type members struct {
	mu     sync.Mutex
	posts  map[string][]post
	answer map[string]func(*http.Request) (*http.Response, error) // instead of accepting; by host
}

func (m *members) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	answer := m.answer[r.URL.Host]
	m.mu.Unlock()
	if answer != nil {
		return answer(r)
	}
	p := post{at: now()}
	if err := json.Unmarshal(body, &p.alerts); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Method != http.MethodPost || r.URL.Path != "/am/api/v2/alerts" || r.Header.Get("Content-Type") != "application/json" {
		return nil, fmt.Errorf("unexpected request %s %s", r.Method, r.URL)
	}
	m.posts[r.URL.Host] = append(m.posts[r.URL.Host], p)
	return respond(http.StatusOK, ""), nil
}

func respond(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: fmt.Sprintf("%d", status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// respondWith sets what a member answers; nil: it accepts again.
func (m *members) respondWith(host string, answer func(*http.Request) (*http.Response, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer[host] = answer
}

func (m *members) of(host string) []post {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]post(nil), m.posts[host]...)
}

// rig is a store and what posts its alerts, in a bubble with a clock of its own.
type rig struct {
	t       *testing.T
	store   *store.Store
	members *members
	rules   attention.Options
	log     *bytes.Buffer
	results map[bool]int
	alerts  atomic.Int64
	summed  atomic.Int64
	hashes  uint64
	reading func() // called at each look; nil: not
	stop    func()
	source  atomic.Value // func() store.SourceState
}

const every = time.Minute

// bubble runs a test on a store without documents. Its data are current.
func bubble(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{
			t: t, members: &members{posts: map[string][]post{}, answer: map[string]func(*http.Request) (*http.Response, error){}},
			rules: alertfile.Defaults(), log: &bytes.Buffer{}, results: map[bool]int{},
		}
		r.newStore()
		test(t, r)
	})
}

func (r *rig) newStore() {
	r.t.Helper()
	var err error
	r.store, err = store.New(store.Options{Process: "t", Limits: r.rules.Limits})
	require.NoError(r.t, err)
	r.current()
}

func (r *rig) setSource(state func() store.SourceState) { r.source.Store(state) }

// current makes the source one that answers.
func (r *rig) current() {
	r.setSource(func() store.SourceState {
		return store.SourceState{Source: "mock", Complete: true, CheckTime: time.Now()}
	})
}

// silent makes the source one that has not answered since now.
func (r *rig) silent() {
	since := now()
	r.setSource(func() store.SourceState {
		return store.SourceState{Source: "mock", Complete: true, CheckTime: since, Stale: true, Reason: "no answer"}
	})
}

// stateStore is the store with the source of the rig.
type stateStore struct {
	*store.Store
	r *rig
}

func (s stateStore) Source() store.SourceState { return s.r.source.Load().(func() store.SourceState)() }

// load applies a full read.
func (r *rig) load(docs ...[]join.Change) {
	r.t.Helper()
	load := r.store.BeginLoad()
	for _, d := range docs {
		load.Add(d)
	}
	_, err := load.Commit()
	require.NoError(r.t, err)
}

func (r *rig) apply(docs ...[]join.Change) {
	for _, d := range docs {
		r.store.Apply(d)
	}
}

// workflow is a request document whose status began an hour ago.
func (r *rig) workflow(name, status, campaign string) []join.Change {
	r.hashes++
	w := &schema.Workflow{
		Workflow: name, Status: status, StatusKnown: true, StatusTime: began().Unix(), Type: "TaskChain",
		Campaign: campaign, Campaigns: []string{campaign}, Team: "production", Teams: []string{"production"}, Priority: 110_000,
	}
	return []join.Change{{Kind: join.Request, ID: name, Rev: "1", Hash: r.hashes<<2 | 1, Workflow: w}}
}

// began is when the status of workflows began: an hour before the bubble.
func began() time.Time { return time.Date(1999, 12, 31, 23, 0, 0, 0, time.UTC) }

// report is an agent's document on a workflow, of now.
func (r *rig) report(agent, workflow string) []join.Change {
	r.hashes++
	part := &schema.AgentReport{
		Workflow: workflow, Agent: agent, Team: "production", Time: time.Now().Unix(), Counts: schema.JobCounts{Success: 5, Running: 1},
	}
	return []join.Change{{Kind: join.AgentReport, ID: agent + "-" + workflow, Rev: "1", Hash: r.hashes<<2 | 2, Time: part.Time, Report: part}}
}

// agent is an agent's document on itself, of now.
func (r *rig) agent(name string, down bool) []join.Change {
	r.hashes++
	now := time.Now().Unix()
	return []join.Change{{Kind: join.AgentInfo, ID: name, Rev: "1", Hash: r.hashes<<2 | 3, Time: now, Info: &schema.AgentDetail{
		Agent:      schema.Agent{Agent: name, Kind: "agent", Team: "production", UpdateTime: now, DownComponents: downs(down)},
		Components: []schema.AgentComponent{{Agent: name, Component: "JobSubmitter", Down: down, LastUpdate: now - 600}},
	}}}
}

// run starts a poster to the members, and returns when nothing moves.
func (r *rig) run(hosts ...string) {
	r.t.Helper()
	if len(hosts) == 0 {
		hosts = []string{"a"}
	}
	o := alertmanager.Options{
		Store: stateStore{r.store, r}, Rules: r.currentRules, Every: every, Public: "https://cmsweb.cern.ch/wmstats/", Tier: "production",
		Client: &http.Client{Transport: r.members}, Log: slog.New(slog.NewTextHandler(r.log, nil)),
		Posted: func(ok bool) { r.members.mu.Lock(); r.results[ok]++; r.members.mu.Unlock() }, Counted: func(alerts, summed int) { r.alerts.Store(int64(alerts)); r.summed.Store(int64(summed)) },
	}
	for _, h := range hosts {
		o.URLs = append(o.URLs, "http://"+h+"/am/")
	}
	p, err := alertmanager.New(o)
	require.NoError(r.t, err)
	ctx, cancel := context.WithCancel(r.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(r.t, <-ended)
	})
	r.t.Cleanup(r.stop)
	synctest.Wait()
}

func (r *rig) currentRules() attention.Options {
	if r.reading != nil {
		r.reading()
	}
	return r.rules
}

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

// last returns the newest post to a member.
func (r *rig) last(host string) *post {
	r.t.Helper()
	all := r.members.of(host)
	require.NotEmpty(r.t, all)
	return &all[len(all)-1]
}

func downs(down bool) []string {
	if down {
		return []string{"JobSubmitter"}
	}
	return []string{}
}
