package legacy

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/cacheserver/store"
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/peers"
)

// storeFake says what a test wants of the source and of agents' reports.
type storeFake struct {
	mu     sync.Mutex
	source store.SourceState
	refs   map[string][]join.ReportRef
}

func (s *storeFake) Newest() (*store.Generation, bool) { return nil, false }

func (s *storeFake) Source() store.SourceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source
}

func (s *storeFake) Reports(names []string) [][]join.ReportRef {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([][]join.ReportRef, len(names))
	for i, name := range names {
		out[i] = s.refs[name]
	}
	return out
}

func (s *storeFake) set(change func(s *storeFake)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// sourceFake has documents by id; "!" in place of one is an error.
type sourceFake struct {
	mu    sync.Mutex
	docs  map[string]string
	jobs  [][2]string // id and key
	reads int
	block chan struct{} // reads wait for it; nil: they do not
	waits chan struct{} // has one for each read that does
}

var errAway = errors.New("the source is away")

func (s *sourceFake) Documents(ctx context.Context, ids []string) ([][]byte, error) {
	if s.block != nil {
		s.waits <- struct{}{}
		select {
		case <-s.block:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	docs := make([][]byte, len(ids))
	for i, id := range ids {
		switch doc, ok := s.docs[id]; {
		case doc == "!":
			return nil, errAway
		case ok && doc != "":
			docs[i] = []byte(doc)
		}
	}
	return docs, nil
}

// put sets a document; "" takes it away.
func (s *sourceFake) put(id, doc string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docs[id] = doc
}

// count is how often documents were read.
func (s *sourceFake) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

func (s *sourceFake) Requests(ctx context.Context, ids []string) ([][]byte, error) {
	return s.Documents(ctx, ids)
}

func (s *sourceFake) EachJob(_ context.Context, _ string, begin func(), fn func(id string, key []byte) error) error {
	begin()
	for _, j := range s.jobs {
		if err := fn(j[0], []byte(j[1])); err != nil {
			return err
		}
	}
	return nil
}

// rig is a handler on a port.
type rig struct {
	t      *testing.T
	docs   *documents.Documents
	store  *storeFake
	source *sourceFake
	owed   []string
	now    time.Time
	log    bytes.Buffer
	reg    *prometheus.Registry
	url    string
	h      *Handler
}

func newRig(t *testing.T, change func(*Options), docs ...string) *rig {
	t.Helper()
	d, err := documents.New(documents.Options{Statuses: Statuses(false)})
	require.NoError(t, err)
	r := &rig{t: t, docs: d, source: &sourceFake{docs: map[string]string{}}, now: time.Unix(1_795_000_000, 0), reg: prometheus.NewRegistry()}
	r.store = &storeFake{source: store.SourceState{RequestsAsOf: r.now, AgentsAsOf: r.now}, refs: map[string][]join.ReportRef{}}
	kept, err := cache.New(16 << 20)
	require.NoError(t, err)
	t.Cleanup(kept.Close)
	o := Options{
		Documents: d, Store: r.store, Source: r.source, Owed: func(least time.Duration) []string { require.Equal(t, time.Minute, least); return r.owed },
		Cache: kept, Version: "v1", Registry: r.reg, Now: func() time.Time { return r.now }, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
	}
	if change != nil {
		change(&o)
	}
	h, err := New(o)
	require.NoError(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	r.url, r.h = server.URL, h
	if docs != nil {
		read := d.BeginRead()
		r.put(docs...)
		require.NoError(t, read.Commit(nil, func() bool { return false }))
	}
	return r
}

// put brings request documents.
func (r *rig) put(docs ...string) {
	r.t.Helper()
	for _, doc := range docs {
		var has struct {
			ID string `json:"_id"`
		}
		require.NoError(r.t, json.Unmarshal([]byte(doc), &has))
		r.docs.Apply([]documents.Change{{ID: has.ID, Doc: []byte(doc)}})
	}
}

func request(id, status, more string) string {
	return fmt.Sprintf(`{"_id":%q,"_rev":"1-a","RequestName":%q,"RequestStatus":%q%s}`, id, id, status, more)
}

type reply struct {
	*http.Response

	body string
	err  error
}

func (r *rig) ask(method, path string, header ...string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, nil)
	require.NoError(r.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil { // the connection was cut
		return reply{&http.Response{}, "", err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.Header.Get("Content-Encoding") == "gzip" && len(body) > 0 {
		zr, zerr := gzip.NewReader(bytes.NewReader(body))
		require.NoError(r.t, zerr)
		body, err = io.ReadAll(zr)
	}
	return reply{res, string(body), err}
}

func (r *rig) get(call string) reply {
	r.t.Helper()
	got := r.ask(http.MethodGet, Prefix+"/"+call, "Accept", "application/json")
	require.NoError(r.t, got.err)
	return got
}

// want holds an answer to its rows, as they stand between the first and the last
// line.
func (r *rig) want(call string, rows ...string) {
	r.t.Helper()
	got := r.get(call)
	require.Equal(r.t, http.StatusOK, got.StatusCode, "%s: %s", call, got.body)
	text := "{\"result\": [\n"
	for i, row := range rows {
		text += map[bool]string{true: " ", false: ","}[i == 0] + row + "\n"
	}
	require.Equal(r.t, text+"]}\n", got.body, call)
}

func (r *rig) refused(call string, status int, code, info string) {
	r.t.Helper()
	got := r.get(call)
	require.Equal(r.t, status, got.StatusCode, "%s: %s", call, got.body)
	require.Equal(r.t, code, got.Header.Get("X-Rest-Status"), call)
	require.Equal(r.t, fmt.Sprint(status), got.Header.Get("X-Error-Http"), call)
	require.Len(r.t, got.Header.Get("X-Error-Id"), 32)
	require.Contains(r.t, got.Header.Get("X-Error-Info"), info, call)
	require.Equal(r.t, "application/problem+json", got.Header.Get("Content-Type"))
}

// six are the calls that must not be answered before all is known.
var six = []string{"requestcache", "filtered_requests", "filtered_requests?mask=RequestName", "globallocks", "protectedlfns", "protectedlfns_final", "teams"}

// TestInDoubtNothing: before the first full read, after a checkpoint until the
// source has answered, and when it was not heard of for too long, an answer could
// be short.
func TestInDoubtNothing(t *testing.T) {
	r := newRig(t, nil)
	for _, call := range append(six, "request/a", "isfinished/a") {
		r.refused(call, 503, "208", "")
	}
	r.want("info", `"version: v1"`)
	r = newRig(t, nil, request("a", "assigned", `,"InputDataset":"/a/b/c"`))
	r.want("globallocks", `"/a/b/c"`)
	r.store.set(func(s *storeFake) { s.source.RequestsAsOf = time.Time{} })
	for _, call := range six[:6] {
		r.refused(call, 503, "208", "since the start")
	}
	r.store.set(func(s *storeFake) { s.source.RequestsAsOf = r.now.Add(-time.Hour) })
	r.want("globallocks", `"/a/b/c"`)
	r.store.set(func(s *storeFake) { s.source.RequestsAsOf = r.now.Add(-time.Hour - time.Second) })
	for _, call := range six[:6] {
		r.refused(call, 503, "208", "1h0m1s ago")
	}
	r.want("info", `"version: v1"`)
	r.store.set(func(s *storeFake) { s.source.RequestsAsOf, s.source.AgentsAsOf = r.now, r.now.Add(-2*time.Hour) })
	r.want("globallocks", `"/a/b/c"`)
	r.want("filtered_requests?mask=RequestStatus", `{"RequestName":"a","RequestStatus":"assigned"}`)
	r.refused("requestcache", 503, "208", "agents")
	r.refused("filtered_requests?mask=AgentJobInfo", 503, "208", "agents")
}

// TestUnknownDocumentsPutLocksInDoubt: a request document that could not be had,
// or read, may have names that a list would lack.
func TestUnknownDocumentsPutLocksInDoubt(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Ignore = []string{"let go"} }, request("a", "assigned", `,"InputDataset":"/a/b/c"`))
	locks := []string{"globallocks", "protectedlfns", "protectedlfns_final"}
	r.owed = []string{"let go"}
	r.want("globallocks", `"/a/b/c"`)
	r.owed = []string{"let go", "owed\nit"}
	for _, call := range locks {
		r.refused(call, 503, "208", "owed it")
	}
	r.want("filtered_requests?mask=RequestStatus", `{"RequestName":"a","RequestStatus":"assigned"}`)
	r.owed = nil

	unusable := func(id, doc string) {
		r.docs.Apply([]documents.Change{{ID: id, Doc: []byte(doc), Stands: true, Unusable: true}})
	}
	unusable("let go", `{"OutputDatasets":["/x/y`)
	r.want("globallocks", `"/a/b/c"`)
	unusable("a", `{"RequestStatus":"assigned","OutputDatasets":["/a/new/d"],"TaskChain"`)
	r.want("globallocks", `"/a/b/c"`, `"/a/new/d"`)
	unusable("a", `{"RequestStatus":"announced","OutputDatasets":["/a/new/d"]}`)
	r.want("globallocks", `"/a/b/c"`)
	unusable("b", `{"OutputDatasets":["/b/new/d"`)
	for _, call := range locks {
		r.refused(call, 503, "208", "request document b ")
	}
	r.docs.Apply([]documents.Change{{ID: "b", Deleted: true}})
	r.want("globallocks", `"/a/b/c"`)
}

// TestOtherStatuses: a server that is set up to read fewer requests has no lists
// that need the others.
func TestOtherStatuses(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Statuses = []string{"new", "assigned"} }, request("a", "assigned", ""))
	r.refused("globallocks", 503, "208", "status assignment-approved")
	r.refused("requestcache", 503, "208", "status assignment-approved")
	r.refused("filtered_requests?mask=RequestName", 503, "208", "status")
	r.refused("filtered_requests?mask=RequestName&RequestStatus=acquired", 503, "208", "status acquired")
	r.want("filtered_requests?mask=RequestName&RequestStatus=assigned", `{"RequestName":"a"}`)
}

// TestBrokenSource: an answer that has begun is cut, one that has not is an error.
func TestBrokenSource(t *testing.T) {
	var docs []string
	for i := range 40 {
		docs = append(docs, request(fmt.Sprintf("n%02d", i), "new", fmt.Sprintf(`,"Text":%q`, strings.Repeat(fmt.Sprint(i), 2<<10))))
	}
	r := newRig(t, nil, append(docs, request("z", "completed", ""))...)
	r.h.whole = 50 << 10
	r.store.set(func(s *storeFake) { s.refs["z"] = []join.ReportRef{{ID: "z1"}} })
	r.source.put("z1", `{"_id":"z1","agent_url":"a"}`)
	whole := r.get("requestcache")
	require.NoError(t, whole.err)
	require.True(t, strings.HasSuffix(whole.body, "\"AgentJobInfo\":{\"a\":{\"_id\":\"z1\",\"agent_url\":\"a\"}}}}\n]}\n"))
	require.Equal(t, "100", whole.Header.Get("X-Rest-Status"))
	require.Equal(t, "100", whole.Trailer.Get("X-Rest-Status"))
	require.Empty(t, whole.Header.Get("Etag"))
	for _, coding := range []string{"identity", "gzip"} {
		r.source.put("z1", "!")
		cut := r.ask(http.MethodGet, Prefix+"/requestcache", "Accept", "application/json", "Accept-Encoding", coding)
		if coding == "gzip" { // the answer is short: it had not begun
			require.Equal(t, http.StatusServiceUnavailable, cut.StatusCode)
			continue
		}
		require.Error(t, cut.err, "a part must not look like the whole")
		require.NotContains(t, cut.body, "\n]}")
	}
	r.refused("filtered_requests?RequestName=z", 503, "401", "")
	r.refused("request/z", 503, "401", "")
	r.refused("isfinished/z", 503, "401", "")
	r.want("filtered_requests?RequestName=z&mask=RequestStatus", `{"RequestName":"z","RequestStatus":"completed"}`)
	head := r.ask(http.MethodHead, Prefix+"/requestcache")
	require.Equal(t, http.StatusOK, head.StatusCode, "nothing is read for the header of a long answer")
}

// TestNewerDocuments: what was read of a workflow is used again, until the feed
// has brought something newer of it.
func TestNewerDocuments(t *testing.T) {
	r := newRig(t, nil, request("w", "completed", ""))
	r.store.set(func(s *storeFake) { s.refs["w"] = []join.ReportRef{{ID: "w1", Hash: 1, Time: 5}} })
	r.source.put("w1", `{"_id":"w1","agent_url":"a","tasks":{"/t":{"status":{"success":1}}}}`)
	r.want("isfinished/w", "true")
	require.Equal(t, 1, r.source.count(), "one read of the source")
	require.Eventually(t, func() bool {
		before := r.source.count()
		r.want("isfinished/w", "true")
		return r.source.count() == before
	}, time.Minute, time.Millisecond)
	r.source.put("w1", `{"_id":"w1","agent_url":"a","tasks":{"/t":{"status":{"success":1,"canceled":1}}}}`)
	r.store.set(func(s *storeFake) { s.refs["w"] = []join.ReportRef{{ID: "w1", Hash: 1, Time: 6}} })
	r.want("isfinished/w", "false")
	r.put(request("w", "closed-out", ""))
	r.want("request/w", `{"w":{"_id":"w","RequestName":"w","RequestStatus":"closed-out","AgentJobInfo":{"a":{"_id":"w1","agent_url":"a","tasks":{"/t":{"status":{"success":1,"canceled":1}}}}}}}`)

	r.source.put("old", `{"_id":"old","_rev":"3-x","_attachments":{},"RequestStatus":"normal-archived","Text":"é"}`)
	r.want("request/old", `{"old":{"_id":"old","RequestStatus":"normal-archived","Text":"\u00e9"}}`)
	r.source.put("old", "")
	r.want("request/old", `{}`)
	r.want("request/_design%2FReqMgr", `{}`)
	require.Equal(t, http.StatusNotFound, r.get("isfinished/old").StatusCode)
}

func TestFinished(t *testing.T) {
	for reports, want := range map[string]bool{
		`{}`:                            false,
		`{"tasks":{}}`:                  false,
		`{"tasks":null}`:                false,
		`{"tasks":[1]}`:                 false,
		`{"tasks":{"t":{}}}`:            false,
		`{"tasks":{"t":5}}`:             false,
		`{"tasks":{"t":{"status":{}}}}`: false,
		`{"tasks":{"t":{"Status":{"success":1}}}}`:                                                 false,
		`{"tasks":{"t":{"status":{"success":3}}}}`:                                                 true,
		`{"tasks":{"t":{"status":{"success":0}}}}`:                                                 false,
		`{"tasks":{"t":{"status":{"success":-3}}}}`:                                                false,
		`{"tasks":{"t":{"status":{"failure":{"create":1,"exception":2}}}}}`:                        true,
		`{"tasks":{"t":{"status":{"failure":2}}}}`:                                                 true,
		`{"tasks":{"t":{"status":{"success":"3"}}}}`:                                               false,
		`{"tasks":{"t":{"status":{"success":1,"cooloff":2}}}}`:                                     false,
		`{"tasks":{"t":{"status":{"success":1,"cooloff":"2","paused":[]}}}}`:                       true,
		`{"tasks":{"t":{"status":{"success":1,"submitted":{"first":9}}}}}`:                         true,
		`{"tasks":{"t":{"status":{"success":1,"submitted":{"running":1}}}}}`:                       false,
		`{"tasks":{"t":{"status":{"success":1,"queued":{"retry":1}}}}}`:                            false,
		`{"tasks":{"t":{"status":{"success":1,"transition":1}}}}`:                                  false,
		`{"tasks":{"t":{"status":{"success":1}},"u":{"jobtype":"Merge"}}}`:                         false,
		`{"tasks":{"t":{"status":{"success":1}}}} {"tasks":{"t":{"status":{"paused":{"job":1}}}}}`: false,
		`{"tasks":{"t":{"status":{"success":1}}}} {"tasks":{"t":{}}}`:                              true,
		`{"tasks":{"t":{"status":{"success":1}}}} null`:                                            true,
	} {
		var docs [][]byte
		for doc := range strings.SplitSeq(reports, " ") {
			docs = append(docs, []byte(doc))
		}
		require.Equal(t, want, finished(append(docs, nil)), reports)
	}
}

func TestFilters(t *testing.T) {
	r := newRig(t, nil,
		request("b", "completed", `,"RequestType":"StepChain","StepChain":1,"Step1":{"RequestType":"inner","PrepID":"P"},"Flag":true,"N":2000.0`),
		request("a", "completed", `,"RequestType":"ReReco","Campaign":""`),
		`{"_id":"c","RequestStatus":"new","Text":"Zo\u00eb\n"}`, request("d", "normal-archived", ""))
	names := func(call string) (out []string) {
		got := r.get("filtered_requests?" + call)
		require.Equal(t, http.StatusOK, got.StatusCode, "%s: %s", call, got.body)
		var rows struct{ Result []map[string]any }
		require.NoError(t, json.Unmarshal([]byte(got.body), &rows))
		for _, row := range rows.Result {
			out = append(out, fmt.Sprint(row["RequestName"]))
		}
		return out
	}
	for call, want := range map[string][]string{
		"mask=RequestName": {"a", "b", "<nil>"}, "&&mask=RequestName&": {"a", "b", "<nil>"}, "mask=": {"a", "b", "<nil>"}, "mask": {"a", "b", "<nil>"},
		"RequestType=ReReco&mask=x": {"a"}, "RequestType=inner&mask=x": {"b"}, "RequestType=StepChain&mask=x": nil,
		"RequestName=a&RequestName=b&mask=x": {"a", "b"}, "RequestName=c&mask=x": nil, "_id=c&mask=x": {"<nil>"},
		"Campaign=&mask=x": {"a"}, "N=2000&mask=x": {"b"}, "Flag=TRUE&mask=x": {"b"}, "PrepID=P&mask=x": {"b"},
		"RequestStatus=normal-archived&mask=x": nil, "RequestStatus=nosuch&mask=x": nil, "Text=Zo%C3%AB%0a&mask=x": {"<nil>"},
		"RequestStatus=completed&RequestType=ReReco&mask=x": {"a"}, "%52equestName=a&mask=x": {"a"}, "RequestName=a%2": nil,
		"AgentJobInfo=x&mask=x": nil, "AgentJobInfo=CLEANED&AgentJobInfo=x&mask=x": nil, "AgentJobInfo=CLEANED&mask=x": {"a", "b", "<nil>"},
	} {
		for range 2 { // the second time from what is kept
			require.Equal(t, want, names(call), call)
		}
	}
	r.store.set(func(s *storeFake) {
		s.refs["a"] = []join.ReportRef{{ID: "1", Idle: true}, {ID: "2", Idle: false}}
		s.refs["b"] = []join.ReportRef{{ID: "1", Idle: true}}
	})
	require.Equal(t, []string{"b", "<nil>"}, names("AgentJobInfo=CLEANED&mask=x"))
	r.refused("filtered_requests?mask=%ff", 400, "302", "UTF-8")
	r.refused("filtered_requests/x", 400, "302", "path")
	r.put(request("a", "announced", `,"RequestType":"ReReco"`))
	r.want("filtered_requests?RequestType=ReReco&mask=RequestStatus&mask=RequestName", `{"RequestName":"a","RequestStatus":"announced"}`)
}

func TestJobDetail(t *testing.T) {
	r := newRig(t, nil, request("w", "completed", ""))
	r.want("jobdetail/w", `{}`)
	for id, key := range map[string]string{
		"1": `["w","/w/t","jobfailed",8021,"T1",null]`, "2": `["w","/w/t","jobfailed",8021.0,"T1",null]`, "3": `["w","/w/t","jobfailed","8021",null]`,
		"4": `["w","/w/t","",{},{}]`, "5": `["w","/w/t","jobfailed",8021,""]`, "6": `["w","/w/u",null]`, "7": `["wx","/w/u",null]`, "8": `["w","/w/t","jobfailed",8021,"T1",null]`,
	} {
		r.source.jobs = append(r.source.jobs, [2]string{id, key}, [2]string{id, key})
		r.source.put(id, fmt.Sprintf(`{"_id":%q,"é":1}`, id))
	}
	doc := func(id string) string { return fmt.Sprintf(`{"_id":%q,"\u00e9":1}`, id) }
	r.want("jobdetail/w?sample_size=2", `{"w":{"/w/t":{"jobfailed":{"8021":{"":{"errorCount":1,"samples":[`+doc("5")+`]},"T1":{"errorCount":3,"samples":[`+doc("1")+`,`+doc("2")+
		`]},"null":{"errorCount":1,"samples":[`+doc("3")+`]}}},"null":{"null":{"null":{"errorCount":1,"samples":[`+doc("4")+`]}}}},"/w/u":{"null":{"":{"":{"errorCount":1,"samples":[`+doc("6")+`]}}}}}}`)
	r.source.put("1", "") // gone since the index was read
	got := r.get("jobdetail/w?sample_size=100")
	require.Contains(t, got.body, `"T1":{"errorCount":2,"samples":[`+doc("2")+`,`+doc("8")+`]}`)
	require.Contains(t, r.get("jobdetail/w?sample_size=0").body, `"T1":{"errorCount":3,"samples":[]}`)
	for _, bad := range []string{"x", "-1", "1.5", "", "1&sample_size=2", "%2B1"} {
		r.refused("jobdetail/w?sample_size="+bad, 400, "302", "sample_size")
	}
	require.Equal(t, http.StatusOK, r.get("jobdetail/w?sample_size=999999999999999999999").StatusCode)
	r.refused("jobdetail/w?x=1", 400, "302", "no parameter x")
	r.source.put("2", "!")
	r.refused("jobdetail/w?sample_size=3", 503, "401", "")
}

// TestManySamples: more samples than one read brings are written as they come.
func TestManySamples(t *testing.T) {
	r := newRig(t, nil, request("w", "completed", ""))
	for i := range 700 {
		id := fmt.Sprintf("j%04d", i)
		r.source.jobs = append(r.source.jobs, [2]string{id, fmt.Sprintf(`["w","/t","s%d",%d,"T1"]`, i%2, i%35)})
		r.source.put(id, fmt.Sprintf(`{"_id":%q}`, id))
	}
	var rows struct {
		Result []map[string]map[string]map[string]map[string]map[string]struct {
			ErrorCount int
			Samples    []map[string]string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(r.get("jobdetail/w?sample_size=100").body), &rows))
	seen := map[string]bool{}
	for _, state := range rows.Result[0]["w"]["/t"] {
		for _, code := range state {
			require.Equal(t, len(code["T1"].Samples), code["T1"].ErrorCount)
			for _, doc := range code["T1"].Samples {
				seen[doc["_id"]] = true
			}
		}
	}
	require.Len(t, seen, 700)
}

func TestHeaders(t *testing.T) {
	r := newRig(t, nil, request("a", "assigned", `,"InputDataset":"/a/b/c"`))
	got := r.ask(http.MethodGet, Prefix+"/globallocks/")
	for name, want := range map[string]string{
		"Content-Type": "text/plain;charset=utf-8", "Vary": "Accept", "Pragma": "no-cache", "Expires": "Sun, 19 Nov 1978 05:00:00 GMT", "X-Rest-Status": "100",
		"Cache-Control": "no-store, no-cache, must-revalidate, post-check=0, pre-check=0", "Content-Length": fmt.Sprint(len(got.body)),
	} {
		require.Equal(t, want, got.Header.Get(name), name)
	}
	require.Regexp(t, `^\d+\.\d{3} us$`, got.Header.Get("X-Rest-Time"))
	require.Empty(t, got.Header.Get("Content-Encoding"))
	etag := got.Header.Get("Etag")
	require.NotEmpty(t, etag)
	require.Equal(t, http.StatusNotModified, r.ask(http.MethodGet, Prefix+"/globallocks", "If-None-Match", etag).StatusCode)
	require.Equal(t, http.StatusOK, r.ask(http.MethodGet, Prefix+"/globallocks", "If-Match", etag).StatusCode, "inverted in the old server, and ignored here")
	head := r.ask(http.MethodHead, Prefix+"/globallocks")
	require.Equal(t, etag, head.Header.Get("Etag"))
	require.Empty(t, head.body)
	coded := r.ask(http.MethodGet, Prefix+"/globallocks", "Accept-Encoding", "gzip,deflate,identity")
	require.Equal(t, "gzip", coded.Header.Get("Content-Encoding"))
	require.Equal(t, "Accept, Accept-Encoding", coded.Header.Get("Vary"))
	require.NotEqual(t, etag, coded.Header.Get("Etag"))
	require.Equal(t, got.body, coded.body)
	require.Empty(t, r.ask(http.MethodGet, Prefix+"/globallocks", "Accept-Encoding", "deflate, zstd, gzip;q=0").Header.Get("Content-Encoding"))
	for _, method := range []string{http.MethodPost, http.MethodOptions, http.MethodDelete, http.MethodPut} {
		post := r.ask(method, Prefix+"/info")
		require.Equal(t, http.StatusMethodNotAllowed, post.StatusCode)
		require.Equal(t, "GET HEAD", post.Header.Get("Allow"))
		require.Equal(t, "202", post.Header.Get("X-Rest-Status"))
	}
	for path, want := range map[string]string{"": "205", "/": "205", "/nosuch": "207", "/nosuch?x": "207", "/info/x": "302", "/request": "301", "/request/": "301", "/request/a/b": "302", "/isfinished": "301", "/jobdetail": "301", "/stats": "207", "/info?a": "302"} {
		require.Equal(t, want, r.ask(http.MethodGet, Prefix+path).Header.Get("X-Rest-Status"), path)
	}
	require.Equal(t, http.StatusOK, r.ask(http.MethodGet, Prefix+"/info?&").StatusCode)
	require.NotZero(t, testutil.ToFloat64(r.counter("globallocks", fromMemory)))
	require.NotZero(t, testutil.ToFloat64(r.counter(unknownAPI, fromNothing)))
}

func (r *rig) counter(api, from string) prometheus.Collector {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "wmstats_legacy_requests_total", Help: "Requests to the old server's API, by call and by where the answer comes from: memory, source, or none for those that were refused before."}, []string{"api", "from"})
	var already prometheus.AlreadyRegisteredError
	require.ErrorAs(r.t, r.reg.Register(c), &already)
	vec, ok := already.ExistingCollector.(*prometheus.CounterVec)
	require.True(r.t, ok)
	return vec.WithLabelValues(api, from)
}

func TestChooseMedia(t *testing.T) {
	for _, c := range []struct {
		accept, plain, only string // what is chosen where both are made, and where only JSON is; "": nothing
	}{
		{"", mediaPlain, mediaJSON}, {"*/*", mediaPlain, mediaJSON}, {"application/json", mediaJSON, mediaJSON}, {"text/plain", mediaPlain, ""},
		{"application/*", mediaJSON, mediaJSON}, {"text/*", mediaPlain, ""}, {"text/html", "", ""}, {"application/xml, */*;q=0.1", mediaPlain, mediaJSON},
		{"text/plain;q=0.5, application/json", mediaJSON, mediaJSON}, {"application/json;q=0.5, text/plain", mediaPlain, mediaJSON},
		{"*/*, application/json", mediaJSON, mediaJSON}, {"*/*, text/plain;q=0", mediaJSON, mediaJSON}, {"application/json;q=0", "", ""},
		{"APPLICATION/JSON; charset=utf-8", mediaJSON, mediaJSON}, {"application/json;q=x", "", ""}, {",;q=1,", mediaPlain, mediaJSON},
	} {
		var header []string
		if c.accept != "" {
			header = []string{c.accept}
		}
		got, _ := chooseMedia(header, true)
		require.Equal(t, c.plain, got, c.accept)
		got, _ = chooseMedia(header, false)
		require.Equal(t, c.only, got, c.accept)
	}
}

// TestOneRequestcacheAtOnce: more wait for a while, and then are told to come
// again.
func TestOneRequestcacheAtOnce(t *testing.T) {
	r := newRig(t, func(o *Options) { o.WaitFor = 20 * time.Millisecond }, request("w", "completed", ""))
	r.store.set(func(s *storeFake) { s.refs["w"] = []join.ReportRef{{ID: "w1"}} })
	r.source.block, r.source.waits = make(chan struct{}), make(chan struct{}, 10)
	first := make(chan int)
	go func() { first <- r.get("requestcache").StatusCode }()
	<-r.source.waits
	got := r.get("requestcache")
	require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
	require.NotEmpty(t, got.Header.Get("Retry-After"))
	close(r.source.block)
	require.Equal(t, http.StatusOK, <-first)
	r = newRig(t, func(o *Options) { o.AtOnce = -1 }, request("w", "completed", ""))
	r.refused("requestcache", 404, "207", "")
}

// TestWhoMayAsk: who is not known gets 403, in the words of the old server.
func TestWhoMayAsk(t *testing.T) {
	checker, err := identity.New(identity.Options{Header: "cms-authn-login", Peers: peers.Loopback()})
	require.NoError(t, err)
	r := newRig(t, func(o *Options) {
		o.Gate = access.New(access.Options{Identity: checker, Trusted: peers.Loopback()})
	}, request("w", "completed", ""))
	for _, header := range [][]string{nil, {"cms-authn-login", "alice", "cms-auth-status", "NONE"}} {
		got := r.ask(http.MethodGet, Prefix+"/info", header...)
		require.Equal(t, http.StatusForbidden, got.StatusCode)
		require.Contains(t, got.body, "You are not allowed to access this resource.")
	}
	require.Equal(t, http.StatusOK, r.ask(http.MethodGet, Prefix+"/info", "cms-authn-login", "alice", "cms-auth-status", "OK").StatusCode)
	require.Equal(t, http.StatusOK, newRig(t, nil).ask(http.MethodGet, Prefix+"/info", "cms-auth-status", "NONE").StatusCode, "nobody is asked")
}

// TestTheLogHasEachConsumerOnceAnHour and tells them apart by who asks for what.
func TestTheLogHasEachConsumerOnceAnHour(t *testing.T) {
	r := newRig(t, nil, request("w", "completed", ""))
	lines := func() int { return strings.Count(r.log.String(), "the old API is used") }
	ask := func(agent, path string) { r.ask(http.MethodGet, Prefix+path, "User-Agent", agent) }
	for range 3 {
		ask("one", "/filtered_requests?mask=A")
	}
	require.Equal(t, 1, lines())
	ask("one", "/filtered_requests?mask=B")
	ask("two", "/filtered_requests?mask=A")
	ask("one", "/info")
	require.Equal(t, 4, lines())
	r.now = r.now.Add(time.Hour)
	ask("one", "/info")
	require.Equal(t, 5, lines())

	m, err := newMetrics(prometheus.NewRegistry(), 2, nil)
	require.NoError(t, err)
	require.True(t, m.news(consumer{api: "a"}, r.now))
	require.True(t, m.news(consumer{api: "b"}, r.now))
	require.False(t, m.news(consumer{api: "c"}, r.now), "names may be made up")
	require.True(t, m.news(consumer{api: "c"}, r.now.Add(time.Hour)))
}

func TestTierZero(t *testing.T) {
	d, err := documents.New(documents.Options{Statuses: Statuses(true)})
	require.NoError(t, err)
	r := newRig(t, func(o *Options) { o.TierZero, o.Documents = true, d })
	read := d.BeginRead()
	read.Add([]documents.Change{{ID: "w", Doc: []byte(request("w", "Harvesting", ""))}})
	require.NoError(t, read.Commit(nil, func() bool { return false }))
	r.store.set(func(s *storeFake) { s.refs["w"] = []join.ReportRef{{ID: "w1"}} })
	r.source.put("w1", `{"_id":"w1","agent_url":"a"}`)
	got := r.ask(http.MethodGet, PrefixTierZero+"/requestcache")
	require.Contains(t, got.body, `"AgentJobInfo":{"a":{"_id":"w1","agent_url":"a"}}`)
	require.Equal(t, http.StatusOK, r.ask(http.MethodGet, PrefixTierZero+"/info").StatusCode)
	require.Equal(t, http.StatusOK, r.ask(http.MethodGet, PrefixTierZero+"/jobdetail/w").StatusCode)
	require.Equal(t, "207", r.ask(http.MethodGet, PrefixTierZero+"/globallocks").Header.Get("X-Rest-Status"))
}

func TestDescription(t *testing.T) {
	r := newRig(t, nil)
	got := r.ask(http.MethodGet, PathOpenAPI)
	require.Equal(t, http.StatusOK, got.StatusCode)
	var doc struct {
		Paths map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &doc))
	require.Len(t, doc.Paths, 11)
	require.Contains(t, doc.Paths, Prefix+"/request/{name}")
	require.Equal(t, http.StatusMethodNotAllowed, r.ask(http.MethodPost, PathOpenAPI).StatusCode)
}

// stuck is the writer of a client that reads nothing.
type stuck struct {
	header http.Header
	writes chan struct{} // has one when somebody waits in Write
	free   chan struct{} // closed: Write goes through
}

func (s *stuck) Header() http.Header { return s.header }
func (s *stuck) WriteHeader(int)     {}
func (s *stuck) Write(p []byte) (int, error) {
	select {
	case s.writes <- struct{}{}:
	default:
	}
	<-s.free
	return len(p), nil
}

// TestSlowReadersKeepNobodyWaiting: more clients than walks at the same time read
// nothing of their answers, and others still get theirs.
func TestSlowReadersKeepNobodyWaiting(t *testing.T) {
	var docs []string
	for i := range 300 {
		docs = append(docs, request(fmt.Sprintf("n%03d", i), "assigned", fmt.Sprintf(`,"Text":%q`, strings.Repeat("x", 2<<10))))
	}
	r := newRig(t, nil, docs...)
	r.h.whole = 1
	var done sync.WaitGroup
	free := make(chan struct{})
	for range scansAtOnce + 1 {
		w := &stuck{header: http.Header{}, writes: make(chan struct{}, 1), free: free}
		req := httptest.NewRequest(http.MethodGet, Prefix+"/filtered_requests?mask=RequestName&mask=Text", http.NoBody)
		done.Go(func() { r.h.ServeHTTP(w, req) })
		<-w.writes
	}
	r.want("filtered_requests?mask=RequestName&RequestName=n007", `{"RequestName":"n007"}`)
	require.Equal(t, http.StatusOK, r.get("globallocks").StatusCode)
	close(free)
	done.Wait()
}
