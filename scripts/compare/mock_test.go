package compare_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/scripts/compare"
)

// startServer starts a cache server on mock data, irregular documents included.
func startServer(t *testing.T, workflows int) (url string) {
	t.Helper()
	world, err := gen.New(gen.Options{Seed: 1, Workflows: workflows, JobSummaries: -1, Lean: true, Storable: true, Now: time.Now().Unix()})
	require.NoError(t, err)
	couch := couchfake.New(couchfake.Options{})
	for _, db := range design.Databases() {
		require.NoError(t, couch.Create(db))
	}
	designs, err := design.Documents()
	require.NoError(t, err)
	for _, d := range designs {
		require.NoError(t, couch.Put(d.DB, d.JSON))
	}
	for doc := range world.AllParallel() {
		require.NoError(t, couch.Put(doc.DB, doc.JSON))
	}
	endpoint, err := couchfake.Listen("127.0.0.1:0", couch)
	require.NoError(t, err)
	t.Cleanup(func() { _ = endpoint.Close(context.WithoutCancel(t.Context())) })
	o := cacheapp.Defaults()
	o.Listen, o.CouchURL, o.Log = "127.0.0.1:0", endpoint.URL(), slog.New(slog.DiscardHandler)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	server, err := cacheapp.New(ctx, o)
	require.NoError(t, err)
	require.NoError(t, server.Start(ctx))
	t.Cleanup(func() {
		stop()
		_ = server.Stop(context.WithoutCancel(t.Context()))
	})
	url = "http://" + server.Addr()
	require.Eventually(t, func() bool {
		resp, err := http.Get(url + "/wmstatsserver/data/globallocks")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond, "everything is read, for the lists too")
	return url
}

// TestMockData: our own API for old clients, recounted from its documents, differs
// from the records by documented reasons only. Each change of it is found.
func TestMockData(t *testing.T) {
	now := startServer(t, 1000) // all irregular documents are among these
	report := run(t, options(now, now))
	assert.Zero(t, report.Unexplained, "%+v", report.Differences[:min(5, report.Unexplained)])
	assert.Greater(t, report.Old.Workflows, 900)
	for _, reason := range []string{compare.StepValue, compare.OddValue} {
		assert.Positive(t, report.Reasons[reason], reason)
	}
	for _, f := range report.Figures {
		if f.Figure == "Success" || f.Figure == "OutputEvents" {
			assert.Greater(t, f.Old, int64(1000), "%s is compared", f.Figure)
		}
	}

	var names []string // of workflows that are changed, one for each change
	changes := map[string]func(docs object, name string){
		"workflow":    func(docs object, name string) { delete(docs, name) },
		"Status":      func(docs object, name string) { docs[name].(object)["RequestStatus"] = "failed" },
		"Priority":    func(docs object, name string) { docs[name].(object)["RequestPriority"] = 1 },
		"Success":     func(docs object, name string) { status(docs, name)["success"] = 1 << 40 },
		"PausedJob":   func(docs object, name string) { status(docs, name)["paused"] = object{"job": 1 << 40} },
		"JobsInQueue": func(docs object, name string) { status(docs, name)["inQueue"] = 1 << 40 },
		"Sites":       func(docs object, name string) { reportOf(docs, name)["sites"].(object)["T2_XX_New"] = object{} },
		"TaskCount":   func(docs object, name string) { reportOf(docs, name)["tasks"].(object)["/new"] = object{} },
	}
	want := map[string]string{}
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := http.Get(now + r.URL.RequestURI())
		if !assert.NoError(t, err) {
			return
		}
		defer resp.Body.Close()
		if !strings.HasSuffix(r.URL.Path, "/requestcache") {
			_, _ = io.Copy(w, resp.Body)
			return
		}
		var answer struct{ Result []object }
		d := json.NewDecoder(resp.Body)
		d.UseNumber() // some are too big for a float
		assert.NoError(t, d.Decode(&answer))
		docs := answer.Result[0]
		if names == nil {
			for name := range docs {
				if regular(docs, name) {
					names = append(names, name)
				}
			}
			slices.Sort(names)
		}
		i := 0
		for figure, change := range changes {
			if want[figure] == "" {
				want[figure] = names[i]
			}
			change(docs, want[figure])
			i++
		}
		send(t, w, object{"result": []any{docs}})
	}))
	t.Cleanup(old.Close)
	report = run(t, options(old.URL, now))
	got := map[string]string{}
	for _, d := range report.Differences[:report.Unexplained] {
		got[d.Figure] = d.Name
	}
	assert.Equal(t, want, got)
	assert.Equal(t, len(changes), report.Unexplained)
}

func reportOf(docs object, name string) object {
	info, _ := docs[name].(object)["AgentJobInfo"].(object)
	for _, report := range info {
		return report.(object)
	}
	return nil
}

func status(docs object, name string) object { return reportOf(docs, name)["status"].(object) }

// regular reports whether a workflow has one report of the usual form.
func regular(docs object, name string) bool {
	info, _ := docs[name].(object)["AgentJobInfo"].(object)
	report := reportOf(docs, name)
	sites, hasSites := report["sites"].(object)
	_, hasTasks := report["tasks"].(object)
	_, hasStatus := report["status"].(object)
	return len(info) == 1 && hasSites && len(sites) > 2 && hasTasks && hasStatus && report["timestamp"] != nil && docs[name].(object)["RequestName"] == name
}
