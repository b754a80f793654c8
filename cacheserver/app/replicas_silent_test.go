package app_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/halfopen"
	"github.com/dmwm/wmstats/cacheserver/replica/jetstream"
)

// engineAtPort is a NATS server inside the test, with a port.
func engineAtPort(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{ServerName: "engine", Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(waitFor))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// through makes a server reach its engine by a link.
func through(m **jetstream.Log, link *halfopen.Link) func(o *app.Options) {
	return func(o *app.Options) {
		o.Replicas.Engine = func(family, group string) (replica.Log, error) {
			var err error
			*m, err = jetstream.New(jetstream.Options{URLs: "nats://" + link.Addr(), Family: family, Group: group, Name: o.Replicas.Name, Log: o.Log})
			return *m, err
		}
	}
}

// TestASilentEngine: at each stage of a start the connection to the engine stays open and
// nothing passes any more, as when a firewall forgets it. The server says why it is not
// ready, or that what it shows may be old; it stops in time; and where new connections pass
// it becomes ready.
func TestASilentEngine(t *testing.T) {
	fake, url := couch(t)
	for _, name := range strings.Fields("wf1 wf2 wf3 wf4 wf5 wf6 wf7 wf8") {
		put(t, fake, "reqmgr_workload_cache", request(name, "running-open", 10))
	}
	var log logBuffer
	g := &group{t: t, engine: engineAtPort(t), couch: url, log: &log}
	a := g.start("a")
	ready(t, a.Addr())
	require.Eventually(t, func() bool { return a.metric(t, "wmstats_log_snapshot_entry") > 0 }, waitFor, tick)

	started := func(t *testing.T, silence int) (*member, *halfopen.Link, func()) {
		t.Helper()
		link, err := halfopen.Listen(t.Context(), g.engine.Addr().String())
		require.NoError(t, err)
		t.Cleanup(link.Close)
		link.Silence(silence)
		var engine *jetstream.Log
		own := &group{t: t, engine: g.engine, couch: url, log: &log}
		b := own.start("b", through(&engine, link))
		return b, link, func() {
			t.Helper()
			ctx, cancel := context.WithTimeout(context.Background(), waitFor)
			defer cancel()
			http.DefaultClient.CloseIdleConnections()
			require.NoError(t, b.Stop(ctx))
			require.NoError(t, engine.Close())
		}
	}
	b, link, stop := started(t, -1)
	ready(t, b.Addr())
	all := link.Passed()
	stop()

	const stages = 8
	for stage := range stages {
		for _, heals := range []bool{false, true} {
			what := map[bool]string{false: "stays silent", true: "new connections pass"}[heals]
			t.Run(fmt.Sprintf("%d of %d, %s", stage, stages, what), func(t *testing.T) {
				t.Parallel()
				b, link, stop := started(t, all*stage/stages)
				require.Eventually(t, func() bool {
					_, text := get(t, b.Addr(), "/readyz?verbose")
					return strings.Contains(text, "the log does not answer")
				}, waitFor, tick)
				if heals {
					link.Pass()
					ready(t, b.Addr())
					require.Eventually(t, func() bool {
						_, text := get(t, b.Addr(), "/readyz?verbose")
						return !strings.Contains(text, "the log does not answer")
					}, waitFor, tick)
				}
				stop()
			})
		}
	}
}
