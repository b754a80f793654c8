package legacy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/cacheserver/legacy/documents"
	"github.com/dmwm/wmstats/program/access"
	"github.com/dmwm/wmstats/program/access/identity"
	"github.com/dmwm/wmstats/program/access/peers"
)

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
	for path, want := range map[string]string{"": "205", "/": "205", "/nosuch": "207", "/nosuch?x": "207", "/info/x": "302", "/request": "301", "/request/": "301", "/request/a/b": "302", "/isfinished": "301", "/jobdetail": "301", "/stats": "207", "/info?a": "302",
		"//": "205", "//info": "100", "/info//": "100", "///info/": "100", "//nosuch//": "207", "//request//": "301", "/request//a//b": "302", "/jobdetail//": "301"} {
		require.Equal(t, want, r.ask(http.MethodGet, Prefix+path).Header.Get("X-Rest-Status"), path)
	}
	require.Equal(t, r.get("request/a").body, r.get("/request//a/").body)
	for path, want := range map[string]bool{
		Prefix: true, Prefix + "/": true, Prefix + "//info": true, strings.ReplaceAll(Prefix, "/", "//"): true, "/wmstatsserver//openapi.json": true,
		Prefix + "x": false, "/wmstatsserver": false, "/": false,
	} {
		require.Equal(t, want, r.h.Serves(path), path)
	}
	require.Equal(t, "100", r.ask(http.MethodGet, "/wmstatsserver//data/info").Header.Get("X-Rest-Status"))
	require.Contains(t, r.ask(http.MethodGet, "/wmstatsserver//openapi.json").body, `"openapi"`)
	require.Equal(t, http.StatusOK, r.ask(http.MethodGet, Prefix+"/info?&").StatusCode)
	require.NotZero(t, testutil.ToFloat64(r.counter("globallocks", fromMemory)))
	require.NotZero(t, testutil.ToFloat64(r.counter(unknownAPI, fromNothing)))
}

func TestChooseMedia(t *testing.T) {
	for _, c := range []struct {
		accept, plain, only string // the result if both types are supported, and if only JSON is; "": none
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

// TestWhoMayAsk: an unidentified client gets 403 with the old server's text.
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
		require.Equal(t, "You are not allowed to access this resource.", got.Header.Get("X-Error-Detail"))
		require.Equal(t, "403", got.Header.Get("X-Error-Http"))
		require.Regexp(t, "^[0-9a-f]{32}$", got.Header.Get("X-Error-Id"))
		require.Empty(t, got.Header.Values("X-Rest-Status"))
	}
	require.Equal(t, http.StatusOK, r.ask(http.MethodGet, Prefix+"/info", "cms-authn-login", "alice", "cms-auth-status", "OK").StatusCode)
	require.Equal(t, http.StatusOK, newRig(t, nil).ask(http.MethodGet, Prefix+"/info", "cms-auth-status", "NONE").StatusCode, "nobody is asked")
}

// TestTheLogHasEachConsumerOnceAnHour: a consumer is a client, its user agent, a
// call and its masks.
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
