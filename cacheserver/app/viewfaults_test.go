package app_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
)

// call sends a request to a CouchDB and returns its answer.
func call(t *testing.T, method, at string, body []byte) (answer map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, at, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Less(t, resp.StatusCode, 300, "%s %s: %s", method, req.URL.Path, text)
	require.NoError(t, json.Unmarshal(text, &answer))
	return answer
}

// changeViews changes the views of a design document; nil deletes it.
func changeViews(t *testing.T, db, name string, views map[string]any) {
	t.Helper()
	at := db + "/_design/" + name
	rev, _ := call(t, http.MethodGet, at, nil)["_rev"].(string)
	if views == nil {
		call(t, http.MethodDelete, at+"?rev="+rev, nil)
		return
	}
	body, err := json.Marshal(map[string]any{"_rev": rev, "language": "javascript", "views": views})
	require.NoError(t, err)
	call(t, http.MethodPut, at, body)
}

// viewFaults are created with CouchDB's API alone.
func viewFaults() map[string]map[string]any {
	return map[string]map[string]any{
		"deleted design documents": nil,
		"other views in them":      {"other": map[string]any{"map": "function(doc) { emit(doc._id, null); }"}},
	}
}

// throughViewFaults runs one server over databases whose views are broken
// before its first full read, and another that re-reads all the time while its
// views are broken.
func throughViewFaults(t *testing.T, at string, faults map[string]map[string]any) {
	t.Helper()
	world, err := gen.New(gen.Options{Seed: 12, Workflows: 100, Lean: true, Storable: true})
	require.NoError(t, err)
	for name, views := range faults {
		t.Run(name, func(t *testing.T) {
			prefix := "wmstats-test-" + strings.ToLower(rand.Text()[:12]) + "-"
			o := over(t, at, prefix)
			o.RereadEvery = 50 * time.Millisecond
			fill(t, at, prefix, world.All())
			running := start(t, o)
			ready(t, running.Addr())
			paths := []string{"/fetch", "/sites", "/agent"}
			want := answersOf(t, running.Addr(), paths...)
			require.NotEmpty(t, want["/fetch"])
			changeViews(t, at+"/"+prefix+design.RequestDB, "ReqMgr", views)
			changeViews(t, at+"/"+prefix+design.WMStatsDB, "WMStatsErl7", views)
			rereads := func() int {
				_, body := get(t, running.Addr(), "/metrics")
				return wholeMetric(t, body, `wmstats_follower_rereads_total{result="done"}`)
			}
			from := rereads()
			require.Eventually(t, func() bool { return rereads() >= from+2 }, waitFor, 50*time.Millisecond, "re-reads by another way")
			assert.Equal(t, want, answersOf(t, running.Addr(), paths...))
			fresh := start(t, o)
			ready(t, fresh.Addr())
			assert.Equal(t, want, answersOf(t, fresh.Addr(), paths...))
		})
	}
}

// wholeMetric returns the value of a line of /metrics as an integer; 0 without
// the line.
func wholeMetric(t *testing.T, body, name string) int {
	t.Helper()
	for line := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			var value float64
			require.NoError(t, json.Unmarshal([]byte(strings.TrimSpace(rest)), &value))
			return int(value)
		}
	}
	return 0
}

// TestViewFaults: over the stand-in.
func TestViewFaults(t *testing.T) {
	_, at := standIn(t)
	throughViewFaults(t, at, viewFaults())
}

// TestIntegrationViewFaults: over a real CouchDB, which also builds indexes of
// empty views and of views that fail.
func TestIntegrationViewFaults(t *testing.T) {
	at := strings.TrimSuffix(os.Getenv("COUCH_URL"), "/")
	if at == "" {
		t.Skip("COUCH_URL is not set: no real CouchDB to test with")
	}
	faults := viewFaults()
	spoilt := func(text string) map[string]any {
		views := map[string]any{}
		for _, name := range []string{"bystatus", "latestRequest", "agentInfo"} {
			views[name] = map[string]any{"map": text}
		}
		return views
	}
	faults["views without rows"] = spoilt("function(doc) { }")
	faults["views that throw at each document"] = spoilt("function(doc) { throw({not_for: 'us'}); }")
	throughViewFaults(t, at, faults)
}
