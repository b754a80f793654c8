package api_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/api"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func TestProblems(t *testing.T) {
	f := newFixture(t, 30)
	for path, want := range map[string]struct {
		status int
		slug   wire.Slug
		param  string
		near   string
	}{
		"/fetch?campagn=x":                {400, wire.SlugUnknownParameter, "campagn", "campaign"},
		"/fetch?limit=-1":                 {400, wire.SlugBadValue, "limit", ""},
		"/fetch?limit=10001":              {400, wire.SlugBadValue, "limit", ""},
		"/fetch?fields=Statsu":            {400, wire.SlugUnknownField, "fields", "Status"},
		"/sites?status=a":                 {400, wire.SlugUnknownParameter, "status", ""},
		"/sites?field=Site":               {400, wire.SlugUnknownParameter, "field", "fields"},
		"/sites?fields=Workflow":          {400, wire.SlugUnknownField, "fields", "Workflows"},
		"/pulse?x=1":                      {400, wire.SlugUnknownParameter, "x", ""},
		"/fetch/" + workflowName(3) + "x": {404, wire.SlugNotFound, "", workflowName(3)},
		"/fetsh":                          {404, wire.SlugNotFound, "", "/fetch"},
		"/problems/not-fund":              {404, wire.SlugNotFound, "", "not-found"},
		"/sites/T9_XX_Nowhere":            {404, wire.SlugNotFound, "", ""},
	} {
		a := f.get(path)
		assert.Equal(t, want.status, a.StatusCode, path)
		p := a.problem(t)
		assert.Equal(t, want.slug, p.Slug(), path)
		assert.Equal(t, want.param, p.Param, path)
		assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
		assert.NotEmpty(t, a.Header.Get("X-Request-Id"))
		if want.near != "" {
			assert.Contains(t, p.DidYouMean, want.near, path)
		}
		assert.Equal(t, 200, f.get(p.Type).StatusCode, "the type of a problem is a page")
	}
	assert.Contains(t, f.get("/fetch?limit=10001").problem(t).Detail, "10000")
}

func TestBeforeTheFirstGeneration(t *testing.T) {
	f := newEmptyFixture(t)
	for _, path := range []string{"/fetch", "/fetch?limit=all", "/fetch/x", "/sites", "/sites/x", "/campaign", "/agent", "/release", "/status", "/stats?by=status", "/facet/status", "/fetch?gen=t-1", "/attention"} {
		a := f.get(path)
		assert.Equal(t, http.StatusServiceUnavailable, a.StatusCode, path)
		assert.NotEmpty(t, a.Header.Get("Retry-After"), path)
		assert.Equal(t, wire.SlugNotReady, ptr(a.problem(t)).Slug(), path)
	}
	assert.Equal(t, 503, f.get("/readyz").StatusCode)
	assert.Contains(t, string(f.get("/readyz?verbose").body), "[-] first full read: not finished\n")
	assert.Equal(t, 200, f.get("/livez").StatusCode)
	assert.Equal(t, 200, f.get("/healthz").StatusCode)
	info := decode[wire.Pulse](t, f.get("/pulse").body)
	assert.Empty(t, info.Generation)
	assert.Equal(t, -1, info.Attention)
	assert.Contains(t, string(f.get("/metrics").body), "wmstats_generation_age_seconds -1")
}

func TestOperations(t *testing.T) {
	f := newFixture(t, 30)
	f.newAPI(func(o *api.Options) {
		o.Build = api.Build{Version: "1.2.3"}
		o.Quarantine = func() []api.Quarantined {
			return []api.Quarantined{{ID: "bad", Database: "wmstats", Reason: "not JSON", Count: 2}}
		}
	})
	assert.Equal(t, "ok\n", string(f.get("/readyz").body))
	assert.Contains(t, string(f.get("/version").body), `"Version":"1.2.3"`)
	assert.Equal(t, "bad", decode[[]api.Quarantined](t, f.get("/quarantine").body)[0].ID)
	assert.Contains(t, string(f.get("/quarantine?format=csv").body), "bad,wmstats,")
	f.get("/fetch")
	f.counts(`wmstats_http_requests_total{code="200",method="GET",route="/fetch"} 1`, "wmstats_workflows 30")
	for _, k := range wire.Kinds() {
		assert.Contains(t, string(f.get("/problems/"+string(k.Slug)).body), k.Title)
		assert.Contains(t, string(f.get("/problems").body), k.Slug)
	}
	assert.Contains(t, string(f.get("/").body), "/fetch/{name}")

	pulse := f.get("/pulse")
	tag := "If-None-Match: " + pulse.Header.Get("ETag")
	assert.Equal(t, 304, f.get("/pulse", tag).StatusCode)
	f.store.Apply(changes(0, 1, 5))
	assert.Equal(t, 200, f.get("/pulse", tag).StatusCode)

	f.api.Drain()
	assert.Equal(t, 503, f.get("/readyz").StatusCode)
	assert.Equal(t, 200, f.get("/livez").StatusCode)
	assert.Equal(t, 200, f.get("/fetch").StatusCode, "requests that arrive while draining are still served")
}

func TestStaleSource(t *testing.T) {
	f := newFixture(t, 30)
	f.store.SetSource(store.SourceState{Source: "http://couch", Stale: true, Reason: "connection\r\nrefused", Complete: true})
	for _, path := range []string{"/fetch", "/sites", "/stats?by=status", "/pulse"} {
		a := f.get(path)
		assert.Equal(t, 200, a.StatusCode)
		assert.Equal(t, "1", a.Header.Get("X-Stale"), path)
		assert.Equal(t, "connection  refused", a.Header.Get("X-Stale-Reason"))
	}
	assert.Equal(t, 200, f.get("/readyz").StatusCode, "the last good generation is served")
	assert.Contains(t, string(f.get("/readyz?verbose").body), "[~] source")
}

// detailsFake is a source of details.
type detailsFake struct {
	mu     sync.Mutex
	calls  int
	wait   chan struct{} // nil: answers at once
	err    error
	panic  string
	state  string // ErrorsState; "": none
	status string // of the request; "": that of all
}

func (d *detailsFake) becomes(state string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = state
}

// change changes the behaviour of the source; the API may be reading it.
func (d *detailsFake) change(to func(d *detailsFake)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	to(d)
}

func (d *detailsFake) Detail(_ context.Context, request string, agents []string) (schema.Detail, error) {
	d.mu.Lock()
	d.calls++
	state, status, wait, err, trouble := d.state, d.status, d.wait, d.err, d.panic
	d.mu.Unlock()
	if wait != nil {
		<-wait
	}
	if trouble != "" {
		panic(trouble)
	}
	if err != nil {
		return schema.Detail{}, err
	}
	detail := schema.Detail{ErrorsState: cmp.Or(state, "none")}
	detail.Workflow = schema.Workflow{Workflow: request, Status: cmp.Or(status, "from the source")}
	for _, a := range agents {
		detail.Agents = append(detail.Agents, schema.WorkflowAgent{Workflow: request, Agent: a})
	}
	detail.Sites = []schema.WorkflowSite{{Workflow: request, Agent: "a", Site: "T1_US_FNAL"}}
	detail.SiteTotals = []schema.WorkflowSite{{Workflow: request, Site: "T1_US_FNAL"}}
	detail.Transitions = []schema.StatusChange{{Workflow: request, Index: 1, Status: "new"}, {Workflow: request, Index: 2, Status: "<b>"}}
	return detail, nil
}

func (d *detailsFake) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

func TestDetail(t *testing.T) {
	f := newFixture(t, 30)
	source := &detailsFake{}
	f.newAPI(func(o *api.Options) { o.Details = source })
	recovery := changes(900, 901, 1)
	recovery[0].Workflow.OriginalRequest = workflowName(7)
	f.store.Apply(recovery[:1])
	name := workflowName(7)
	a := f.get("/fetch/" + name)
	require.Equal(t, 200, a.StatusCode, string(a.body))

	got := decode[schema.Detail](t, a.body)
	record := f.list("/fetch?name=" + name)[0]
	record.Agents, record.Sites = nil, nil
	inner := got.Workflow
	inner.Agents, inner.Sites = nil, nil
	assert.Equal(t, record, inner, "the list record is that of the generation")
	assert.Equal(t, []string{workflowName(900)}, got.Recoveries)
	assert.Len(t, got.AlertRecords, len(record.Alerts))
	for i, alert := range got.AlertRecords {
		assert.Equal(t, []string{name, record.Alerts[i]}, []string{alert.Workflow, alert.Rule})
		assert.NotEmpty(t, alert.Reason)
	}
	assert.Equal(t, "vocms1.cern.ch-"+name, got.Agents[0].Agent)
	assert.Equal(t, "none", got.ErrorsState)
	assert.Len(t, got.Transitions, 2)
	assert.NotNil(t, got.Errors)
	assert.Equal(t, string(schema.AppendDetail(nil, &got))+"\n", string(a.body), "keys in the order of the schema")

	for range 3 {
		assert.Equal(t, a.body, f.get("/fetch/"+name).body)
	}
	assert.Equal(t, 1, source.count(), "the second reader has it from the cache")
	assert.Equal(t, 304, f.get("/fetch/"+name, "If-None-Match: "+a.Header.Get("ETag")).StatusCode)
	f.store.Apply(changes(7, 8, 2))
	f.get("/fetch/" + name)
	assert.Equal(t, 2, source.count(), "new documents are another key")

	lines := strings.Split(strings.TrimSpace(string(f.get("/fetch/"+name+"?format=ndjson").body)), "\n")
	var kinds []string
	for _, line := range lines {
		assert.True(t, strings.HasPrefix(line, `{"Kind":"`), line)
		var record struct{ Kind string }
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		kinds = append(kinds, record.Kind)
	}
	assert.Equal(t, []string{"Workflow", "WorkflowAgent", "WorkflowSite", "SiteTotal", "StatusChange", "StatusChange", "Recovery", "Hold"}, kinds)
	assert.Equal(t, 406, f.get("/fetch/"+name, "Accept: text/csv").StatusCode)
}

func TestDetailsAreReadOnceForManyReaders(t *testing.T) {
	f := newFixture(t, 3)
	source := &detailsFake{wait: make(chan struct{})}
	f.newAPI(func(o *api.Options) { o.Details = source })
	var readers sync.WaitGroup
	const many = 20
	statuses := make(chan int, many)
	for range many {
		readers.Go(func() { statuses <- f.get("/fetch/" + workflowName(1)).StatusCode })
	}
	// A reader that leaves does not disturb the others.
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+"/fetch/"+workflowName(1), http.NoBody)
	require.NoError(t, err)
	left := make(chan struct{})
	go func() {
		defer close(left)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	require.Eventually(t, func() bool { return source.count() > 0 }, waitFor, tick)
	leave()
	<-left
	close(source.wait)
	readers.Wait()
	close(statuses)
	for status := range statuses {
		assert.Equal(t, 200, status)
	}
	assert.Equal(t, 1, source.count(), "readers at the same time share one read")
}

func TestFailuresTellNothing(t *testing.T) {
	f := newFixture(t, 3)
	const secret = "http://admin:s3cret@couch:5984/wmstats"
	for want, source := range map[int]*detailsFake{502: {err: errors.New("get " + secret)}, 500: {panic: "panic with " + secret}} {
		f.newAPI(func(o *api.Options) { o.Details = source })
		a := f.get("/fetch/" + workflowName(1))
		assert.Equal(t, want, a.StatusCode)
		assert.NotContains(t, string(a.body), "s3cret")
		assert.NotContains(t, string(a.body), "couch:5984")
		a.problem(t)
		assert.Contains(t, f.log.String(), a.Header.Get("X-Request-Id"), "the log has the cause under the id")
	}
	assert.Len(t, f.list("/fetch?name="+workflowName(1)), 1, "the list record is still served")
	f.newAPI(nil)
	assert.Equal(t, 502, f.get("/fetch/"+workflowName(1)).StatusCode)
}

func TestNoLineOfTheLogIsTheClients(t *testing.T) {
	f := newFixture(t, 3)
	f.get("/sites/x%0Alevel=ERROR%20msg=forged", "X-Request-Id: a b")
	f.get("/fetch?status%0Amsg=forged=1")
	for line := range strings.SplitSeq(strings.TrimSpace(f.log.String()), "\n") {
		assert.True(t, strings.HasPrefix(line, "time="), line)
	}
}

// storeFake panics on demand.
type storeFake struct{ *store.Store }

func (storeFake) Newest() (*store.Generation, bool) { panic("broken store at /secret/path") }

func TestPanicBecomesALogged500(t *testing.T) {
	f := newFixture(t, 3)
	f.newAPI(func(o *api.Options) { o.Store = storeFake{f.store} })
	a := f.get("/fetch")
	assert.Equal(t, 500, a.StatusCode)
	assert.Equal(t, wire.SlugInternal, ptr(a.problem(t)).Slug())
	assert.NotContains(t, string(a.body), "secret")
	assert.Contains(t, f.log.String(), "broken store")
	assert.Contains(t, f.log.String(), "stack=")
	assert.Equal(t, 200, f.get("/livez").StatusCode, "the server lives on")
}
