package app_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/mock/load"
	"github.com/dmwm/wmstats/schema"
)

// renamed forwards requests with a prefix before the name of each database:
// the test's databases must not collide with others on the server.
type renamed struct {
	prefix string
	next   *http.Transport
}

func (r renamed) RoundTrip(req *http.Request) (*http.Response, error) {
	for _, db := range design.Databases() {
		if rest, ok := strings.CutPrefix(req.URL.Path, "/"+db); ok && (rest == "" || rest[0] == '/') {
			req = req.Clone(req.Context())
			req.URL.Path, req.URL.RawPath = "/"+r.prefix+db+rest, ""
			break
		}
	}
	return r.next.RoundTrip(req)
}

// fill writes documents into databases with a prefix, with the design
// documents.
func fill(t *testing.T, at, prefix string, docs iter.Seq[gen.Doc]) {
	t.Helper()
	u, err := url.Parse(at)
	require.NoError(t, err)
	user := u.User
	u.User = nil
	password, _ := user.Password()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	sum, err := load.Run(t.Context(), load.Options{
		URL: u.String(), User: user.Username(), Password: password, Client: &http.Client{Transport: renamed{prefix, transport}},
		Docs: func(yield func(gen.Doc, error) bool) {
			for d := range docs {
				if !yield(d, nil) {
					return
				}
			}
		},
	})
	require.NoError(t, err)
	require.Zero(t, sum.Failed, "%v", sum.Failures)
	t.Logf("%s…: %s", prefix, sum)
}

// over returns the options of a server over databases with a prefix, which are
// deleted at the end.
func over(t *testing.T, at, prefix string) app.Options {
	t.Helper()
	for _, db := range design.Databases() {
		t.Cleanup(func() { drop(t, at+"/"+prefix+db) })
	}
	o := app.Defaults()
	o.Listen, o.CouchURL, o.Log = "127.0.0.1:0", at, newTestLog(io.Discard)
	o.RequestDB, o.WMStatsDB, o.LogDB = prefix+design.RequestDB, prefix+design.WMStatsDB, prefix+design.LogDB
	return o
}

func drop(t *testing.T, db string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, db, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusOK, resp.StatusCode)
}

// standIn serves an empty CouchDB stand-in and returns its URL.
func standIn(t *testing.T) (fake *couchfake.Server, at string) {
	t.Helper()
	fake = couchfake.New(couchfake.Options{User: "admin", Password: password})
	end, err := couchfake.Listen("127.0.0.1:0", fake)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, fake.Close())
		require.NoError(t, end.Refuse())
	})
	return fake, "http://admin:" + password + "@" + end.Addr()
}

// answersOf returns the lists of a server, without values that depend on the
// time of the request.
func answersOf(t *testing.T, addr string, paths ...string) map[string][]map[string]any {
	t.Helper()
	lists := map[string][]map[string]any{}
	for _, path := range paths {
		query := "?format=json"
		if path == "/fetch" {
			query += "&limit=all"
		}
		status, body := get(t, addr, path+query)
		require.Equal(t, http.StatusOK, status, "%s: %s", path, body)
		var list []map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &list))
		for _, record := range list {
			for _, key := range []string{"LastAgentUpdate", "OldestAgentUpdate", "SecondsLeft", "DataAge", "Age"} {
				delete(record, key)
			}
		}
		lists[path] = list
	}
	return lists
}

// TestIntegrationServer: a cache server over a real CouchDB has the same
// records as one over the stand-in with the same documents, then follows, and
// returns the same details.
func TestIntegrationServer(t *testing.T) {
	at := strings.TrimSuffix(os.Getenv("COUCH_URL"), "/")
	if at == "" {
		t.Skip("COUCH_URL is not set: no real CouchDB to test with")
	}
	world, err := gen.New(gen.Options{Seed: 11, Workflows: 300, Lean: true, Storable: true})
	require.NoError(t, err)
	fake, fakeAt := standIn(t)
	prefix := "wmstats-test-" + strings.ToLower(rand.Text()[:12]) + "-"
	fill(t, at, prefix, world.All())
	realServer := start(t, over(t, at, prefix))
	fill(t, fakeAt, "", world.All())
	fakeServer := start(t, over(t, fakeAt, ""))
	ready(t, realServer.Addr())
	ready(t, fakeServer.Addr())

	paths := []string{"/fetch", "/sites", "/campaign", "/release", "/agent"}
	want := answersOf(t, fakeServer.Addr(), paths...)
	require.Greater(t, len(want["/fetch"]), 200)
	got := answersOf(t, realServer.Addr(), paths...)
	for _, path := range paths {
		assert.Equal(t, want[path], got[path], path)
	}

	name, _ := want["/fetch"][0]["Workflow"].(string)
	details := make([]schema.Detail, 0, 2)
	for _, a := range []*app.App{realServer, fakeServer} {
		status, body := get(t, a.Addr(), "/fetch/"+url.PathEscape(name))
		require.Equal(t, http.StatusOK, status, body)
		var d schema.Detail
		require.NoError(t, json.Unmarshal([]byte(body), &d))
		d.SecondsLeft = 0
		details = append(details, d)
	}
	assert.Equal(t, details[1], details[0])

	// Both follow: a request in another status, a new one, an agent's counts.
	edits := func(yield func(gen.Doc) bool) {
		doc, ok := fake.Doc(design.RequestDB, name)
		var members map[string]any
		if !ok || json.Unmarshal(doc, &members) != nil {
			return
		}
		delete(members, "_rev")
		members["RequestPriority"] = 123456
		changed, err := json.Marshal(members)
		assert.NoError(t, err)
		_ = yield(gen.Doc{DB: design.RequestDB, ID: name, JSON: changed}) &&
			yield(gen.Doc{DB: design.RequestDB, ID: "brand-new", JSON: []byte(request("brand-new", "running-open", 5))}) &&
			yield(gen.Doc{DB: design.WMStatsDB, ID: "agent-brand-new", JSON: []byte(agentRequest("brand-new", 77))})
	}
	fill(t, at, prefix, edits)
	fill(t, fakeAt, "", edits)
	for _, a := range []*app.App{realServer, fakeServer} {
		require.Eventually(t, func() bool {
			changed, _ := workflow(t, a.Addr(), name)
			added, _ := workflow(t, a.Addr(), "brand-new")
			return changed.Priority == 123456 && added.Success == 77
		}, waitFor, tick)
	}
	require.Eventually(t, func() bool {
		return assert.ObjectsAreEqual(answersOf(t, fakeServer.Addr(), "/fetch"), answersOf(t, realServer.Addr(), "/fetch"))
	}, waitFor, 50*time.Millisecond)
}
