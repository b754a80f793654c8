package soak_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
	"github.com/dmwm/wmstats/mock/live"
	"github.com/dmwm/wmstats/scripts/bench/soak"
	uiapp "github.com/dmwm/wmstats/uiserver/app"
)

// length of the test's soak: WMSTATS_SOAK, such as 20m.
func length(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("WMSTATS_SOAK")
	if text == "" {
		return 27 * time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, "WMSTATS_SOAK")
	return d
}

const (
	changes = 25 // a second
	warm    = 3 * time.Second
)

// A short working day over a small world: no answer is a fault, scans have each
// workflow once, promised pages are readable, and the account of memory stays in
// its bounds. `make bench SECTIONS=soak` has the target of resident memory.
func TestSoak(t *testing.T) {
	took := length(t)
	cache, ui := servers(t)
	report, err := soak.Run(t.Context(), soak.Options{
		Cache: cache, UI: ui, Clients: 12, Seed: 1,
		Page: 500 * time.Millisecond, Follow: 3 * time.Second, View: 200 * time.Millisecond, Promised: took / 3,
		Warm: warm, Length: took, Sample: time.Second,
	})
	require.NoError(t, err)
	assert.Zero(t, report.Failures, "%s", strings.Join(report.FirstFault, "\n"))
	assert.Zero(t, report.Gone)
	assert.Zero(t, report.Broken, "of %d promises", report.Promised)
	for what, n := range map[string]int{
		"first pages": report.Pages, "scans": report.Scans, "pages of scans": report.Scanned, "views": report.Views, "promises": report.Promised,
		"samples": len(report.Samples),
	} {
		assert.Positive(t, n, what)
	}
	generations := map[string]bool{}
	for _, s := range report.Samples {
		generations[s.Generation] = true
		var bounded int64
		assert.Positive(t, s.Memory.Counted())
		for _, p := range s.Memory.Parts {
			if p.Limit > 0 {
				assert.LessOrEqual(t, p.Bytes, p.Limit, p.Part)
				bounded += p.Bytes
			}
		}
		assert.LessOrEqual(t, bounded, s.Memory.Budget)
	}
	assert.Greater(t, len(generations), len(report.Samples)/2, "the world kept changing")
	t.Logf("%d first pages, %d scans of %d pages, %d views, %d generations seen", report.Pages, report.Scans, report.Scanned, report.Views, len(generations))
}

// servers starts a stand-in that keeps changing, and both servers on it.
func servers(t *testing.T) (cache, ui string) {
	t.Helper()
	now := time.Now()
	world, err := gen.New(gen.Options{Seed: 5, Workflows: 400, Lean: true, NoEdges: true, Now: now.Unix()})
	require.NoError(t, err)
	couch := couchfake.New(couchfake.Options{BuiltinViews: true})
	for _, db := range design.Databases() {
		require.NoError(t, couch.Create(db))
	}
	for doc := range world.AllParallel() {
		require.NoError(t, couch.Put(doc.DB, doc.JSON))
	}
	endpoint, err := couchfake.Listen("127.0.0.1:0", couch)
	require.NoError(t, err)
	sim, err := live.New(live.Options{World: world, Rate: changes, Start: now})
	require.NoError(t, err)
	ended, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case at := <-ticker.C:
				for _, doc := range sim.Step(at) {
					if err := couch.Put(doc.DB, doc.JSON); err != nil {
						t.Errorf("store a document: %v", err)
					}
				}
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-ended
		assert.NoError(t, couch.Close())
		assert.NoError(t, endpoint.Close(context.Background()))
	})

	log := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	o := cacheapp.Defaults()
	o.Listen, o.CouchURL, o.Log = "127.0.0.1:0", endpoint.URL(), log
	a, err := cacheapp.New(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, a.Stop(context.Background())) })
	cache = "http://" + a.Addr()
	u, err := uiapp.ParseOptions([]string{"--listen", "127.0.0.1:0", "--cache-url", cache, "--log-level", "error", "--rate-limit", "0"},
		func(string) string { return "" }, io.Discard)
	require.NoError(t, err)
	u.LogTo = testLog{t}
	pages, err := uiapp.New(u)
	require.NoError(t, err)
	require.NoError(t, pages.Start(t.Context()))
	t.Cleanup(func() { assert.NoError(t, pages.Stop(context.Background())) })
	require.NoError(t, soak.Ready(t.Context(), cache+"/readyz"))
	return cache, "http://" + pages.Addr()
}

// testLog writes a server's log to the test's output.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
