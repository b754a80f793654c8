package docscheck

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/mock/couchfake"
	"github.com/dmwm/wmstats/mock/design"
	"github.com/dmwm/wmstats/mock/gen"
	uiapp "github.com/dmwm/wmstats/uiserver/app"
)

// servers are the addresses of a system on mock data, as `make run` starts it.
type servers struct {
	couch, cache, ui string
	old              string   // of a server that answers the old calls
	more             []string // variables of programs
}

// startSystem starts a stand-in and both servers on free ports, and returns when
// the pages are available.
func startSystem(t *testing.T) (s servers) {
	t.Helper()
	world, err := gen.New(gen.Options{Seed: 1, Workflows: 600, JobSummaries: 3, Storable: true, Now: time.Now().Unix()})
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
	s.couch = endpoint.URL()

	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cache := cacheapp.Defaults()
	cache.Listen, cache.CouchURL, cache.Log = "127.0.0.1:0", s.couch, slog.New(slog.DiscardHandler)
	cacheServer, err := cacheapp.New(ctx, cache)
	require.NoError(t, err)
	require.NoError(t, cacheServer.Start(ctx))
	s.cache = "http://" + cacheServer.Addr()
	s.old = s.cache

	ui := uiapp.Defaults()
	ui.Listen, ui.CacheURL, ui.Log = "127.0.0.1:0", s.cache, slog.New(slog.DiscardHandler)
	uiServer, err := uiapp.New(ui)
	require.NoError(t, err)
	require.NoError(t, uiServer.Start(ctx))
	s.ui = "http://" + uiServer.Addr()
	t.Cleanup(func() {
		stop()
		_ = uiServer.Stop(context.WithoutCancel(t.Context()))
		_ = cacheServer.Stop(context.WithoutCancel(t.Context()))
	})
	require.Eventually(t, func() bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.ui+"/readyz", http.NoBody)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
	return s
}
