package app_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/jetstream"
)

// engine is a NATS server inside the test, without a port.
func engine(t *testing.T) *server.Server {
	t.Helper()
	return engineWith(t, 0)
}

// engineWith is one whose files have a maximum length; 0: none.
func engineWith(t *testing.T, most int64) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{ServerName: "engine", JetStream: true, JetStreamMaxStore: most, StoreDir: t.TempDir(), DontListen: true, NoLog: true, NoSigs: true})
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(waitFor))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// member is one of several servers that answer as one.
type member struct {
	*app.App

	name   string
	engine *jetstream.Log
	oldest int // number of the oldest generation that it was found to keep; 0: none
	cancel func()
}

// group starts members over one CouchDB and one engine.
type group struct {
	t      *testing.T
	engine *server.Server
	couch  string
	log    *logBuffer
}

func (g *group) start(name string, change ...func(o *app.Options)) *member {
	g.t.Helper()
	o := options(g.t, g.couch, g.log)
	o.Log = slog.New(slog.NewTextHandler(g.log, nil)).With("server", name)
	m := &member{name: name}
	o.Patience.LookEvery = 100 * time.Millisecond
	o.Replicas.Name, o.Replicas.Replay, o.Replicas.SnapshotEvery = name, time.Second, 200*time.Millisecond
	o.Replicas.Engine = func(family, group string) (replica.Log, error) {
		var err error
		m.engine, err = jetstream.New(jetstream.Options{Family: family, Group: group, Name: name, Log: o.Log, Dial: []nats.Option{nats.InProcessServer(g.engine)}})
		return m.engine, err
	}
	for _, c := range change {
		c(&o)
	}
	var err error
	m.App, err = app.New(g.t.Context(), o)
	require.NoError(g.t, err)
	require.NoError(g.t, m.Start(g.t.Context()))
	stopped := false
	m.cancel = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), waitFor)
		defer cancel()
		http.DefaultClient.CloseIdleConnections()
		require.NoError(g.t, m.Stop(ctx))
		if m.engine != nil {
			require.NoError(g.t, m.engine.Close())
		}
	}
	g.t.Cleanup(m.cancel)
	return m
}

// newest returns the generation of a member's list.
func (m *member) newest(t *testing.T) (id string, number int) {
	t.Helper()
	resp := m.ask(t, "/fetch?limit=1")
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", -1
	}
	id = resp.Header.Get("X-Generation")
	_, digits, _ := strings.Cut(id, "-")
	number, err := strconv.Atoi(digits)
	require.NoError(t, err)
	return id, number
}

func (m *member) ask(t *testing.T, path string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.Addr()+path, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	return resp
}

// settle waits until all members have the same newest generation, at least min.
func settle(t *testing.T, members []*member, least int) (id string, number int) {
	t.Helper()
	require.Eventually(t, func() bool {
		id, number = members[0].newest(t)
		if number < least {
			return false
		}
		for _, m := range members[1:] {
			if other, _ := m.newest(t); other != id {
				return false
			}
		}
		return true
	}, waitFor, 20*time.Millisecond)
	return id, number
}

func leader(t *testing.T, members []*member) int {
	t.Helper()
	at := -1
	require.Eventually(t, func() bool {
		at = slices.IndexFunc(members, func(m *member) bool { return m.metric(t, "wmstats_log_leader") == 1 })
		return at >= 0
	}, waitFor, 20*time.Millisecond)
	return at
}

func (m *member) metric(t *testing.T, name string) float64 {
	t.Helper()
	families, err := m.Metrics().Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			if c := f.GetMetric()[0].GetCounter(); c != nil {
				return c.GetValue()
			}
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	require.Fail(t, "no metric", name)
	return 0
}

// logName returns the label of the metric by which the logs are told apart.
func (m *member) logName(t *testing.T) string {
	t.Helper()
	families, err := m.Metrics().Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "wmstats_log_leader" {
			require.Len(t, f.GetMetric(), 1)
			require.Equal(t, "log", f.GetMetric()[0].GetLabel()[0].GetName())
			return f.GetMetric()[0].GetLabel()[0].GetValue()
		}
	}
	require.Fail(t, "no metric wmstats_log_leader")
	return ""
}
