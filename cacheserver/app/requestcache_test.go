package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
)

func newTestLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// merged converts documents to the format of the old server's requestcache.
func merged(t *testing.T, docs []gen.Doc) []byte {
	t.Helper()
	all := map[string]map[string]any{}
	for _, d := range docs {
		if d.DB == design.RequestDB {
			var members map[string]any
			require.NoError(t, json.Unmarshal(d.JSON, &members))
			all[d.ID] = members
		}
	}
	for _, d := range docs {
		if d.DB != design.WMStatsDB {
			continue
		}
		var members map[string]any
		require.NoError(t, json.Unmarshal(d.JSON, &members))
		if request := all[fmt.Sprint(members["workflow"])]; request != nil {
			infos, _ := request["AgentJobInfo"].(map[string]any)
			if infos == nil {
				infos = map[string]any{}
				request["AgentJobInfo"] = infos
			}
			infos[fmt.Sprint(members["agent_url"])] = members
		}
	}
	text, err := json.Marshal(map[string]any{"result": []any{all}})
	require.NoError(t, err)
	return text
}

// TestRequestCacheGivesTheSameRecords: a dump of the old server's answer leads
// to the same records as CouchDB with the same documents, a broken one leaves
// them unchanged but stale, and a valid one is used.
func TestRequestCacheGivesTheSameRecords(t *testing.T) {
	world, err := gen.New(gen.Options{Seed: 12, Workflows: 200, Lean: true, NoEdges: true, JobSummaries: -1})
	require.NoError(t, err)
	var docs []gen.Doc
	fake, at := standIn(t)
	for _, db := range design.Databases() {
		require.NoError(t, fake.Create(db))
	}
	for d := range world.All() {
		if d.DB == design.RequestDB || d.DB == design.WMStatsDB && strings.Contains(string(d.JSON), `"agent_request"`) {
			docs = append(docs, d)
			require.NoError(t, fake.Put(d.DB, d.JSON))
		}
	}
	path := filepath.Join(t.TempDir(), "dump.json")
	save := func(text []byte) {
		require.NoError(t, os.WriteFile(path+".new", text, 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
	save(merged(t, docs))

	o := app.Defaults()
	o.Listen, o.Log, o.CouchURL = "127.0.0.1:0", newTestLog(io.Discard), at
	couchServer := start(t, o)
	o.CouchURL, o.RequestCache, o.PollInterval = "", path, 10*time.Millisecond
	o.Patience = app.Patience{MinWait: 5 * time.Millisecond, MaxWait: 50 * time.Millisecond}
	dumpServer := start(t, o)
	ready(t, couchServer.Addr())
	ready(t, dumpServer.Addr())
	want := answersOf(t, couchServer.Addr(), "/fetch", "/sites", "/campaign", "/release")
	require.Greater(t, len(want["/fetch"]), 100)
	assert.Equal(t, want, answersOf(t, dumpServer.Addr(), "/fetch", "/sites", "/campaign", "/release"))

	name := docs[0].ID
	status, body := get(t, dumpServer.Addr(), "/fetch/"+name)
	require.Equal(t, http.StatusOK, status, body)
	assert.Contains(t, body, `"ErrorsState":"not_loaded"`)
	for _, path := range []string{"/fetch/" + name + "/errors", "/fetch/" + name + "/jobs", "/fetch/" + name + "/logs", "/errors"} {
		status, body := get(t, dumpServer.Addr(), path)
		assert.Equal(t, http.StatusNotFound, status, path)
		assert.Contains(t, body, "/problems/not-in-source")
	}

	save([]byte(`{"result":[{"cut`))
	stale := func(want string) func() bool {
		return func() bool { _, body := get(t, dumpServer.Addr(), "/pulse"); return strings.Contains(body, want) }
	}
	require.Eventually(t, stale(`the requestcache is truncated`), waitFor, tick)
	assert.Equal(t, want["/fetch"], answersOf(t, dumpServer.Addr(), "/fetch")["/fetch"])

	docs = append(docs, gen.Doc{DB: design.RequestDB, ID: "brand-new", JSON: []byte(request("brand-new", "running-open", 5))},
		gen.Doc{DB: design.WMStatsDB, ID: "agent-brand-new", JSON: []byte(agentRequest("brand-new", 77))})
	save(merged(t, docs[1:]))
	require.Eventually(t, func() bool {
		w, _ := workflow(t, dumpServer.Addr(), "brand-new")
		_, old := workflow(t, dumpServer.Addr(), name)
		return w.Success == 77 && !old
	}, waitFor, tick)
	require.Eventually(t, stale(`"Stale":false`), waitFor, tick)
}
