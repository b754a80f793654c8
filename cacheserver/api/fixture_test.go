package api_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/onewrite"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/cacheserver/timeline"
	"github.com/dmwm/wmstats/program/serving"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// fixture is a real store behind the real API on a port of its own.
type fixture struct {
	t       *testing.T
	store   *store.Store
	api     *api.API
	url     string
	log     *lockedBuffer
	clock   *clock
	history *timeline.Timeline

	patience time.Duration // of the server with its clients; 0: a minute
}

func (f *fixture) newAPI(change func(*api.Options)) {
	f.t.Helper()
	// The limit on a request fits a test: with the race detector on a busy
	// machine five seconds are too short for fifty readers.
	o := api.Options{Store: f.store, Queries: api.QueryOptions{Timeout: time.Minute}, History: f.history, Jobs: &jobsFake{}, Cache: newMapCache(), Log: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&o)
	}
	a, err := api.New(o)
	require.NoError(f.t, err)
	server := httptest.NewUnstartedServer(a.Handler())
	server.Listener = onewrite.Listener(serving.Listener(server.Listener, cmp.Or(f.patience, time.Minute))) // as in the program
	server.Config.ConnContext = onewrite.Context
	server.Start()
	f.t.Cleanup(server.Close)
	f.api, f.url = a, server.URL
}

// newFixture serves n workflows.
func newFixture(t *testing.T, n int) *fixture {
	t.Helper()
	f := newEmptyFixture(t)
	load := f.store.BeginLoad()
	load.Add(changes(0, n, 1))
	load.Add(agentInfos())
	_, err := load.Commit()
	require.NoError(t, err)
	f.observe()
	return f
}

// observe takes a point of counts over time.
func (f *fixture) observe() {
	f.t.Helper()
	generation, ok := f.store.Newest()
	require.True(f.t, ok)
	require.True(f.t, f.history.Observe(generation, f.store.Agents(generation)))
}

func newEmptyFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, log: &lockedBuffer{}, clock: &clock{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}}
	var err error
	f.store, err = store.New(store.Options{Process: "t", Limits: schema.DefaultLimits(), Now: f.clock.Now, KeepFor: time.Minute})
	require.NoError(t, err)
	f.history, err = timeline.New(timeline.Options{Now: f.clock.Now})
	require.NoError(t, err)
	f.newAPI(nil)
	return f
}

var statuses = []string{"running-open", "force-complete", "completed", "running-closed", "closed-out"} // all with job counts

// workflowName is not in the order of i, so that order by name needs sorting.
func workflowName(i int) string { return fmt.Sprintf("pdmvserv_%03d_wf_%05d", i*7919%1000, i) }

// changes returns the documents of workflows i..j in the given version.
func changes(i, j, version int) []join.Change {
	var out []join.Change
	for ; i < j; i++ {
		name := workflowName(i)
		w := &schema.Workflow{
			Workflow: name, Status: statuses[i%len(statuses)], StatusKnown: true, StatusTime: 1795000000 + int64(i),
			Type: "TaskChain", Campaign: fmt.Sprintf("Run3Summer%02d", i%4), Release: fmt.Sprintf("CMSSW_14_0_%d", i%3),
			Priority: int64(1000*(i%17) + version), PrepID: `=cmd|' /C calc'!A0`, Requestor: `o"neil, <b>`,
			EstimatedJobs: -1, InputEvents: -1, InputLumis: -1, InputFiles: -1, RequestedEvents: int64(i) * 1000,
			OutputDatasets: []string{"/A/B-v1/GEN", "/A/C-v1/SIM"}, TimePerEvent: 1.5,
		}
		if i%4 == 3 {
			w.Campaign = ""
		}
		w.Campaigns, w.Releases, w.PrepIDs = []string{w.Campaign}, []string{w.Release}, []string{w.PrepID}
		part := &schema.AgentReport{
			Workflow: name, Agent: fmt.Sprintf("vocms%d.cern.ch", i%3), Team: "production", Time: 1795000000,
			Counts: schema.JobCounts{Success: int64(10 * i), FailureException: int64(i % 5), Running: int64(version)},
			Sites: []schema.SiteReport{
				{Site: "T1_US_FNAL", Counts: schema.JobCounts{Success: int64(6 * i)}},
				{Site: fmt.Sprintf("T2_CH_CERN_%d", i%2), Counts: schema.JobCounts{Success: int64(4 * i), FailureException: int64(i % 5), Running: int64(version)}},
			},
		}
		hash := uint64(i)<<20 | uint64(version)<<2
		out = append(out,
			join.Change{Kind: join.Request, ID: name, Rev: fmt.Sprint(version), Hash: hash | 1, Workflow: w},
			join.Change{Kind: join.AgentReport, ID: part.Agent + "-" + name, Rev: fmt.Sprint(version), Hash: hash | 2, Time: part.Time, Report: part})
	}
	return out
}

func agentInfos() []join.Change {
	var out []join.Change
	for i := range 3 {
		name := fmt.Sprintf("vocms%d.cern.ch", i)
		out = append(out, join.Change{Kind: join.AgentInfo, ID: name, Rev: "1", Hash: uint64(i + 1), Time: 1795000000,
			Info: &schema.AgentDetail{
				Agent:      schema.Agent{Agent: name, Kind: "agent", Team: "production", UpdateTime: 1795000000},
				Components: []schema.AgentComponent{{Agent: name, Component: "JobSubmitter", Down: i == 1}},
			}})
	}
	return out
}

// answerOf is a response with its body as received.
type answerOf struct {
	*http.Response
	body []byte
}

// get sends a GET with headers in the form "Name: value".
func (f *fixture) get(path string, headers ...string) answerOf {
	f.t.Helper()
	return f.do(http.MethodGet, path, headers...)
}

func (f *fixture) do(method, path string, headers ...string) answerOf {
	f.t.Helper()
	return f.send(method, path, "", headers...)
}

// send is do with a body.
func (f *fixture) send(method, path, body string, headers ...string) answerOf {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	require.NoError(f.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	require.NoError(f.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(f.t, err)
	return answerOf{resp, raw}
}

// plain returns the decoded body.
func (a answerOf) plain(t *testing.T) []byte {
	t.Helper()
	switch a.Header.Get("Content-Encoding") {
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(a.body))
		require.NoError(t, err)
		r.Multistream(false) // HTTP clients read only one member
		body, err := io.ReadAll(r)
		require.NoError(t, err)
		return body
	case "zstd":
		r, err := zstd.NewReader(bytes.NewReader(a.body))
		require.NoError(t, err)
		defer r.Close()
		body, err := io.ReadAll(r)
		require.NoError(t, err)
		return body
	}
	return a.body
}

func (a answerOf) problem(t *testing.T) wire.Problem {
	t.Helper()
	require.Equal(t, wire.MediaProblem, a.Header.Get("Content-Type"), string(a.body))
	var p wire.Problem
	require.NoError(t, json.Unmarshal(a.body, &p))
	require.Equal(t, a.StatusCode, p.Status)
	return p
}

func decode[T any](t *testing.T, raw []byte) T {
	t.Helper()
	var v T
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&v), "%.300s", raw)
	return v
}

func (f *fixture) list(path string, headers ...string) []schema.Workflow {
	f.t.Helper()
	a := f.get(path, headers...)
	require.Equal(f.t, http.StatusOK, a.StatusCode, string(a.body))
	return decode[[]schema.Workflow](f.t, a.plain(f.t))
}

func names(list []schema.Workflow) []string {
	out := []string{}
	for _, w := range list {
		out = append(out, w.Workflow)
	}
	return out
}

func rows(t *testing.T, body []byte) [][]string {
	t.Helper()
	out, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	require.NoError(t, err)
	return out
}

var linkForm = regexp.MustCompile(`<([^>]*)>; rel="([a-z]+)"`)

func (a answerOf) links() map[string]string {
	out := map[string]string{}
	for _, m := range linkForm.FindAllStringSubmatch(a.Header.Get("Link"), -1) {
		out[m[2]] = m[1]
	}
	return out
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// mapCache keeps everything, and fails the test if a key ever gets a second
// value.
type mapCache struct {
	mu     sync.Mutex
	values map[string]any
}

func newMapCache() *mapCache { return &mapCache{values: map[string]any{}} }

func (m *mapCache) Get(key string) (any, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[key]
	return v, ok
}

func (m *mapCache) Set(key string, value any, _ int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.values[key].([]byte); ok && !bytes.Equal(old, value.([]byte)) {
		panic("the key " + key + " got a second value")
	}
	m.values[key] = value
}

const (
	waitFor = time.Minute
	tick    = time.Millisecond
)
