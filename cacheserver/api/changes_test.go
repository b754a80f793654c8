package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func (f *fixture) change(path string, headers ...string) wire.Change {
	f.t.Helper()
	a := f.get(path, headers...)
	require.Equal(f.t, 200, a.StatusCode, string(a.body))
	c := decode[wire.Change](f.t, a.body)
	assert.Equal(f.t, c.Generation, a.Header.Get("X-Generation"))
	assert.NotContains(f.t, string(a.body), "null")
	return c
}

func (f *fixture) generation() string {
	generation, ok := f.store.Newest()
	require.True(f.t, ok)
	return generation.ID()
}

// deletion removes the request of a workflow.
func deletion(i int) join.Change {
	return join.Change{Kind: join.Request, ID: workflowName(i), Rev: "9", Deleted: true}
}

func TestChanges(t *testing.T) {
	f := newFixture(t, 20)
	start := f.generation()
	reset := f.change("/changes")
	assert.Equal(t, []any{wire.EventReset, start, "", 20}, []any{reset.Event, reset.Generation, reset.Previous, reset.Total})
	none := f.change("/changes?since=" + start)
	assert.Equal(t, []any{wire.EventGeneration, start, start, 0, 20}, []any{none.Event, none.Generation, none.Previous, none.Added + none.Changed + none.Removed, none.Total})

	f.store.Apply(changes(3, 5, 2))
	middle := f.generation()
	f.store.Apply(changes(20, 23, 1))
	f.store.Apply([]join.Change{deletion(3), deletion(20)})
	all := f.change("/changes?since=" + start)
	assert.Equal(t, []int{2, 1, 1, 21}, []int{all.Added, all.Changed, all.Removed, all.Total}, "a workflow that was added and removed is not a change")
	assert.ElementsMatch(t, []string{workflowName(4), workflowName(21), workflowName(22)}, all.Workflows)
	assert.Equal(t, []string{workflowName(3)}, all.Gone)
	assert.Equal(t, start, all.Previous)
	assert.True(t, slices.IsSorted(all.Workflows))
	later := f.change("/changes?since="+start, "Last-Event-ID: "+middle)
	assert.Equal(t, []int{2, 0, 1}, []int{later.Added, later.Changed, later.Removed}, "Last-Event-ID overrides since")

	withRecords := f.change("/changes?include=records&since=" + start)
	require.Len(t, withRecords.Records, 3)
	for i, raw := range withRecords.Records {
		assert.Equal(t, withRecords.Workflows[i], decode[schema.Workflow](t, raw).Workflow)
	}
	assert.Equal(t, wire.EventReset, f.change("/changes?since=other-7").Event)

	f.store.Apply(changes(100, 700, 1))
	many := f.change("/changes?since=" + middle)
	assert.True(t, many.Truncated)
	assert.Len(t, many.Workflows, wire.MaxChanges)
	assert.Equal(t, 602, many.Added)

	for path, param := range map[string]string{
		"/changes?feed=sss": "feed", "/changes?feed=sse&timeout=1s": "timeout", "/changes?feed=longpoll&timeout=1h": "timeout", "/changes?include=all": "include",
		"/changes?gen=t-1": "gen", "/changes?minAge=2d": "StatusTime", "/changes?sort=Status": "sort", "/changes?since=a&since=b": "since", "/changes?sinc=1": "sinc",
	} {
		a := f.get(path)
		assert.Equal(t, 400, a.StatusCode, path)
		assert.Equal(t, param, a.problem(t).Param, path)
	}
	assert.Equal(t, 503, newEmptyFixture(t).get("/changes?feed=sse").StatusCode)
}

// mirror is a list that a client maintains with /changes.
type mirror struct {
	names map[string]bool
	at    string
}

func (m *mirror) apply(f *fixture, filter string, c wire.Change) {
	if c.Event == wire.EventReset || c.Truncated {
		m.names = map[string]bool{}
		for _, name := range names(f.list("/fetch?limit=all&gen=" + c.Generation + "&" + filter)) {
			m.names[name] = true
		}
	}
	for _, name := range c.Workflows {
		m.names[name] = true
	}
	for _, name := range c.Gone {
		delete(m.names, name)
	}
	m.at = c.Generation
}

// A client that applies the changes has the current list, under any filter,
// also when the generation before is no longer kept.
func TestChangesKeepALists(t *testing.T) {
	for _, filter := range []string{"", "status=completed,failed", "site=T2_CH_CERN_1&minPriority=5000", "q=wf_0001", "name=" + workflowName(3) + "," + workflowName(40), "status=!completed"} {
		for _, keep := range []bool{true, false} {
			f := newFixture(t, 60)
			random := rand.New(rand.NewPCG(1, 2))
			m := &mirror{}
			for range 20 {
				m.apply(f, filter, f.change("/changes?"+filter+"&since="+m.at))
				want := names(f.list("/fetch?limit=all&" + filter))
				require.Equal(t, want, slices.Sorted(maps.Keys(m.names)), "%q kept %t", filter, keep)
				for range 1 + random.IntN(4) {
					i := random.IntN(80)
					switch random.IntN(4) {
					case 0:
						f.store.Apply([]join.Change{deletion(i)})
					default:
						list := changes(i, i+1, 10+random.IntN(1000))
						list[0].Workflow.Status = statuses[random.IntN(len(statuses))]
						f.store.Apply(list)
					}
				}
				if !keep {
					f.clock.advance(2 * time.Minute) // beyond KeepFor, within the ring of differences
					f.store.Tick()
				}
			}
		}
	}
}

func TestLongPoll(t *testing.T) {
	f := newFixture(t, 20)
	f.newAPI(func(o *api.Options) { o.Feeds.Interval = time.Millisecond })
	at := f.generation()
	quiet := f.change("/changes?feed=longpoll&timeout=10ms&since=" + at)
	assert.Equal(t, []any{at, 0}, []any{quiet.Generation, quiet.Added + quiet.Changed + quiet.Removed})
	got := make(chan wire.Change, 1)
	go func() {
		got <- f.change("/changes?feed=longpoll&timeout=1m&status=failed&since=" + at)
	}()
	f.eventually(func() bool { return f.metric("wmstats_feeds") == "1" })
	f.store.Apply(changes(3, 6, 2)) // no request failed
	list := changes(9, 10, 2)
	list[0].Workflow.Status = "failed"
	f.store.Apply(list)
	change := <-got
	assert.Equal(t, []string{workflowName(9)}, change.Workflows)
	assert.Equal(t, []int{1, 0, 0, 1}, []int{change.Added, change.Changed, change.Removed, change.Total})
	assert.Equal(t, at, change.Previous)
	f.eventually(func() bool { return f.metric("wmstats_feeds") == "0" })
}

// A long poll that waits for longer than the time limit of a request has all of it for
// its answer.
func TestALongPollMayWaitLongerThanTheTimeLimit(t *testing.T) {
	f := newFixture(t, 200)
	f.newAPI(func(o *api.Options) { o.Queries.Timeout, o.Now = time.Minute, f.clock.Now })
	at := f.generation()
	got := make(chan answerOf, 1)
	go func() {
		got <- f.get("/changes?feed=longpoll&timeout=5m&include=records&since="+at, "Accept-Encoding: gzip")
	}()
	f.eventually(func() bool { return f.metric("wmstats_feeds") == "1" })
	f.clock.advance(2 * time.Minute)
	f.store.Apply(changes(0, 200, 2))
	answer := <-got
	assert.Equal(t, http.StatusOK, answer.StatusCode, "%.300s", answer.body)
}

func (f *fixture) eventually(is func() bool) {
	f.t.Helper()
	require.Eventually(f.t, is, waitFor, tick)
}

// counts waits until the metrics have the given lines: a request is counted
// after its answer has been sent. It returns the metrics.
func (f *fixture) counts(lines ...string) (metrics string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		metrics = string(f.get("/metrics").body)
		return !slices.ContainsFunc(lines, func(line string) bool { return !strings.Contains(metrics, line+"\n") })
	}, waitFor, tick, "%s", lines)
	return metrics
}

func (f *fixture) metric(name string) string {
	for line := range strings.Lines(string(f.get("/metrics").body)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// reader reads a stream of events.
type reader struct {
	t    *testing.T
	resp *http.Response
	scan *bufio.Reader
	stop context.CancelFunc
}

func (f *fixture) open(path string, headers ...string) *reader {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	f.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+path, http.NoBody)
	require.NoError(f.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { resp.Body.Close() })
	return &reader{f.t, resp, bufio.NewReader(resp.Body), cancel}
}

// block reads up to the next empty line.
func (r *reader) block() (lines map[string]string, err error) {
	lines = map[string]string{}
	for {
		line, err := r.scan.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			return lines, nil
		}
		name, value, _ := strings.Cut(line, ": ")
		lines[name] = value
	}
}

// event reads the next event and skips heartbeats.
func (r *reader) event() wire.Change {
	r.t.Helper()
	for {
		lines, err := r.block()
		require.NoError(r.t, err)
		if lines["data"] == "" {
			continue
		}
		c := decode[wire.Change](r.t, []byte(lines["data"]))
		assert.Equal(r.t, lines["event"], c.Event)
		assert.Equal(r.t, lines["id"], c.Generation)
		return c
	}
}

func TestStreamOfChanges(t *testing.T) {
	f := newFixture(t, 20)
	f.newAPI(func(o *api.Options) { o.Feeds.Interval = time.Millisecond })
	r := f.open("/changes?feed=sse&include=records")
	require.Equal(t, 200, r.resp.StatusCode)
	assert.Equal(t, "text/event-stream", r.resp.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", r.resp.Header.Get("Cache-Control"))
	m := &mirror{}
	m.apply(f, "", r.event())
	assert.Len(t, m.names, 20)
	for i := range 10 {
		f.store.Apply(changes(i, i+1, 2+i))
		f.store.Apply(changes(20+i, 21+i, 1))
		for m.at != f.generation() {
			m.apply(f, "", r.event())
		}
		assert.Len(t, m.names, 21+i)
	}
	r.stop()
	f.eventually(func() bool { return f.metric("wmstats_feeds") == "0" })

	f.store.Apply(changes(0, 3, 50))
	again := f.open("/changes?feed=sse&since=ignored-1", "Last-Event-ID: "+m.at)
	first := again.event()
	assert.Equal(t, []any{wire.EventGeneration, m.at, 3}, []any{first.Event, first.Previous, first.Changed}, "nothing was missed")
	assert.Equal(t, wire.EventReset, f.open("/changes?feed=sse", "Last-Event-ID: old-1").event().Event)

	head := f.do(http.MethodHead, "/changes?feed=sse")
	assert.Equal(t, "text/event-stream", head.Header.Get("Content-Type"))

	f.api.Drain()
	var last map[string]string
	for {
		lines, err := again.block()
		if err != nil {
			break // the server ends the stream
		}
		last = lines
	}
	assert.Equal(t, "end", last["event"], "a last event states that the server ends it")
}

// A reader whose filter matches nothing still gets ids to resume from, and the
// timeouts of the server do not end the stream.
func TestHeartbeats(t *testing.T) {
	f := newFixture(t, 20)
	a, err := api.New(api.Options{Store: f.store, Feeds: api.FeedOptions{Interval: time.Millisecond, Heartbeat: 20 * time.Millisecond}})
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(a.Handler())
	const timeout = 2 * time.Second // in which a request has to arrive, also on a busy machine
	server.Config.ReadTimeout, server.Config.WriteTimeout = timeout, timeout
	server.Start()
	defer server.Close()
	f.url = server.URL
	start := f.generation()
	r := f.open("/changes?feed=sse&status=nothing&since=" + start)
	defer r.stop()
	seen := 0
	for began := time.Now(); time.Since(began) < timeout+200*time.Millisecond || seen == 0; {
		lines, err := r.block()
		require.NoError(t, err)
		if _, ok := lines[": heartbeat"]; ok || lines["id"] != "" {
			seen++
		}
		assert.Empty(t, lines["data"])
	}
	f.store.Apply(changes(1, 2, 7))
	for {
		lines, err := r.block()
		require.NoError(t, err)
		assert.Empty(t, lines["data"])
		if lines["id"] == f.generation() {
			break
		}
	}
}

func TestStreamsHaveAPace(t *testing.T) {
	f := newFixture(t, 20)
	f.newAPI(func(o *api.Options) { o.Feeds.Interval = 200 * time.Millisecond })
	r := f.open("/changes?feed=sse&since=" + f.generation())
	var ids []string
	began := time.Now()
	for i := 0; len(ids) < 3; i++ {
		for k := range 5 {
			f.store.Apply(changes(k, k+1, 10+10*i+k))
		}
		last := f.generation()
		for c := r.event(); ; c = r.event() {
			ids = append(ids, c.Generation)
			if c.Generation == last {
				break
			}
		}
	}
	least := time.Duration(len(ids)-1) * 200 * time.Millisecond
	assert.GreaterOrEqual(t, time.Since(began), least, "%d events", len(ids))
	assert.Less(t, len(ids), 10, "generations are gathered")
}

// A reader that stops reading holds no memory, and loses its slot.
func TestSlowReadersAreDropped(t *testing.T) {
	f := newFixture(t, 600)
	f.patience = 50 * time.Millisecond
	registry := prometheus.NewRegistry() // sent without a connection that could be aborted
	f.newAPI(func(o *api.Options) { o.Registry, o.Feeds.Interval = registry, time.Millisecond })
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4<<10))
	fmt.Fprintf(conn, "GET /changes?feed=sse&include=records&since=%s HTTP/1.1\r\nHost: x\r\n\r\n", f.generation())
	f.eventually(func() bool { return value(t, registry, "wmstats_feeds") == 1 })
	version := 2
	f.eventually(func() bool {
		f.store.Apply(changes(0, 600, version))
		version++
		return value(t, registry, "wmstats_feeds") == 0
	})
	f.eventually(func() bool { return strings.Contains(f.log.String(), "feed ended") })
	assert.NotContains(t, f.log.String(), "level=ERROR")
}

func TestFeedsAreLimited(t *testing.T) {
	f := newFixture(t, 20)
	f.newAPI(func(o *api.Options) { o.Feeds.PerClient, o.Feeds.Total = 2, 3 })
	one := f.open("/changes?feed=sse")
	f.open("/changes?feed=sse")
	refused := f.get("/changes?feed=sse")
	assert.Equal(t, 429, refused.StatusCode)
	assert.NotEmpty(t, refused.Header.Get("Retry-After"))
	assert.Equal(t, 200, f.open("/changes?feed=sse", "X-Forwarded-For: 192.0.2.1").resp.StatusCode, "another client of a proxy on this machine")
	p := f.get("/changes?feed=longpoll&since="+f.generation(), "X-Forwarded-For: 192.0.2.2").problem(t)
	assert.Equal(t, wire.SlugRateLimited, p.Slug(), "the limit of all")
	assert.Equal(t, 200, f.get("/changes").StatusCode, "an immediate answer takes no slot")
	one.stop()
	f.eventually(func() bool { return f.metric("wmstats_feeds") == "2" })
	assert.Equal(t, 200, f.open("/changes?feed=sse").resp.StatusCode)
}

func TestChangeIsJSON(t *testing.T) {
	f := newFixture(t, 5)
	assert.True(t, json.Valid(f.get("/changes").body))
}
