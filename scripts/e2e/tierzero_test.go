package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// TestTierZero: with --t0 the servers show Tier-0's databases: its statuses, and a
// filter by run; an archived request leaves the list.
func TestTierZero(t *testing.T) {
	const requests = 48
	world, err := gen.New(gen.Options{Seed: 5})
	require.NoError(t, err)
	couch := couchfake.New(couchfake.Options{})
	t.Cleanup(func() { require.NoError(t, couch.Close()) })
	for _, db := range design.TierZeroDatabases() {
		require.NoError(t, couch.Create(db))
	}
	designs, err := design.TierZeroDocuments()
	require.NoError(t, err)
	for _, d := range designs {
		require.NoError(t, couch.Put(d.DB, d.JSON))
	}
	want := map[string]schema.Workflow{} // active requests
	paused := map[string]int64{}         // jobs, by workflow
	for _, d := range world.TierZero(requests) {
		require.NoError(t, couch.Put(d.DB, d.JSON))
		var doc struct {
			RequestName, RequestStatus, RequestType string
			Run                                     int64
			Workflow                                string
			Status                                  json.RawMessage // a text in agent_info
		}
		require.NoError(t, json.Unmarshal(d.JSON, &doc))
		if doc.Workflow != "" {
			var counts struct{ Paused map[string]int64 }
			require.NoError(t, json.Unmarshal(doc.Status, &counts))
			for _, jobs := range counts.Paused {
				paused[doc.Workflow] += jobs
			}
		}
		if doc.RequestName != "" && doc.RequestStatus != "normal-archived" {
			want[doc.RequestName] = schema.Workflow{Status: doc.RequestStatus, Type: doc.RequestType, Run: doc.Run}
		}
	}
	require.Len(t, want, requests*7/8)
	endpoint, err := couchfake.Listen("127.0.0.1:0", couch)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, endpoint.Close(ctx))
	})
	log := &logBuffer{}
	cache := startTierZero(t, endpoint.URL(), log)

	byRun := map[int64]int{}
	for _, w := range all(t, cache) {
		expected, ok := want[w.Workflow]
		require.True(t, ok, w.Workflow)
		assert.Equal(t, expected.Run, w.Run, w.Workflow)
		assert.Equal(t, expected.Status, w.Status, w.Workflow)
		assert.True(t, w.StatusKnown, w.Status)
		assert.True(t, w.HasJobInfo, "Tier-0 has job counts in every status: %s", w.Status)
		byRun[w.Run]++
	}
	assert.Len(t, all(t, cache), len(want))
	for run, n := range byRun {
		found := getJSON[[]schema.Workflow](t, cache+"/fetch?limit=all&format=json&run="+strconv.FormatInt(run, 10))
		assert.Len(t, found, n, "run=%d", run)
	}
	facet := getJSON[wire.FacetPage](t, cache+"/facet/Run?limit=1000")
	stats := getJSON[wire.Stats](t, cache+"/stats?by=Run&sum=Paused")
	require.Len(t, facet.Values, len(byRun))
	require.Len(t, stats.Groups, len(byRun))
	for _, v := range facet.Values {
		run, err := strconv.ParseInt(v.Value, 10, 64)
		require.NoError(t, err)
		assert.Equal(t, byRun[run], v.Count, v.Value)
	}
	ofRun := map[string]int64{}
	for name, jobs := range paused {
		ofRun[strconv.FormatInt(want[name].Run, 10)] += jobs
	}
	for _, g := range stats.Groups {
		assert.Equal(t, ofRun[g.Keys[0]], g.Sums[0], "paused jobs of run %s", g.Keys[0])
	}
	attention := getJSON[wire.Attention](t, cache+"/attention?rule=paused_jobs")
	require.Len(t, attention.Rules, 1)
	require.NotEmpty(t, paused)
	assert.Equal(t, len(paused), attention.Rules[0].Count)
	for _, item := range attention.Rules[0].Items {
		assert.Contains(t, item.Reasons[0], strconv.FormatInt(paused[item.Name], 10)+" jobs paused", item.Name)
	}

	statuses := getJSON[[]schema.StatusSummary](t, cache+"/status")
	var names []string
	for _, s := range statuses {
		names = append(names, s.Status)
		found := getJSON[[]schema.Workflow](t, cache+"/fetch?limit=all&format=json&status="+url.QueryEscape(s.Status))
		assert.Len(t, found, int(s.Workflows), s.Status)
	}
	assert.Equal(t, []string{"new", "Closed", "AlcaSkim", "Merge", "Harvesting", "Processing Done", "completed"}, names, "in the order of Tier-0's life cycle")
	assert.Contains(t, log.String(), "view T0Request/bystatus")

	page := get(t, startUI(t, cache)+"/workflows?run=380001")
	require.Equal(t, 200, page.status)
	assert.True(t, bytes.Contains(page.body, []byte("_Run380001_")), "the page shows the run")
	assert.False(t, bytes.Contains(page.body, []byte("_Run380002_")), "the page shows no other run")
	assert.True(t, bytes.Contains(page.body, []byte(`<option value="Harvesting">`)) || bytes.Contains(page.body, []byte(`<option value="Closed">`)), "Tier-0's statuses are offered")

	for name := range want {
		require.NoError(t, couch.Put(design.TierZeroRequestDB, []byte(`{"_id":"`+name+`","RequestName":"`+name+`","RequestStatus":"normal-archived"}`)))
		eventually(t, func() bool { return get(t, cache+"/fetch?name="+name).header.Get("X-Total-Count") == "0" }, "%s is archived and leaves the list", name)
		break
	}
}

// logBuffer collects the log of many concurrent writers.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func startTierZero(t *testing.T, couchURL string, log io.Writer) (cache string) {
	t.Helper()
	o, err := cacheapp.ParseOptions([]string{"--t0", "--listen", "127.0.0.1:0", "--couch-url", couchURL}, func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	app, err := cacheapp.New(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, app.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		http.DefaultClient.CloseIdleConnections() // stop waits for open connections
		require.NoError(t, app.Stop(ctx))
	})
	cache = "http://" + app.Addr()
	waitStatus(t, cache+"/readyz", 200)
	return cache
}
