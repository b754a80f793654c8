package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/cacheserver/replica"
)

// blindLog is a log that, while it is blind, delivers no entries and stores no snapshots.
type blindLog struct {
	replica.Log

	blind *atomic.Bool
}

func (l blindLog) Entry(ctx context.Context, number uint64) ([]byte, error) {
	if l.blind.Load() {
		return nil, errors.New("no answer")
	}
	return l.Log.Entry(ctx, number) //nolint:wrapcheck // of a test
}

func (l blindLog) Put(ctx context.Context, entry uint64, from io.Reader) error {
	if l.blind.Load() {
		return errors.New("no answer")
	}
	return l.Log.Put(ctx, entry, from) //nolint:wrapcheck // of a test
}

func (l blindLog) Stored() <-chan replica.Stored {
	if l.blind.Load() {
		return nil
	}
	return l.Log.Stored()
}

// blinded makes the log of a server blind while blind is true.
func blinded(blind *atomic.Bool) func(o *app.Options) {
	return func(o *app.Options) {
		inner := o.Replicas.Engine
		o.Replicas.Engine = func(family, group string) (replica.Log, error) {
			log, err := inner(family, group)
			return blindLog{log, blind}, err
		}
	}
}

// A server that has not applied the entries that were there when it started answers no
// lists. Then it has no generations from before its snapshot: a scan continues with
// continue.
func TestAServerThatStarts(t *testing.T) {
	fake, url := couch(t)
	put(t, fake, "reqmgr_workload_cache", request("wf1", "running-open", 10), request("wf2", "running-open", 10))
	var log logBuffer
	g := &group{t: t, engine: engine(t), couch: url, log: &log}
	var blind, storesNone atomic.Bool
	a := g.start("a", blinded(&storesNone))
	ready(t, a.Addr())
	first, _ := settle(t, []*member{a}, 1)
	resp := a.ask(t, "/fetch?limit=1&gen="+first)
	require.NoError(t, resp.Body.Close())
	next, _, _ := strings.Cut(strings.TrimPrefix(resp.Header.Get("Link"), "<"), ">")
	require.Contains(t, next, "gen="+first)
	put(t, fake, "reqmgr_workload_cache", request("wf3", "running-open", 10))
	require.Eventually(t, func() bool { _, ok := workflow(t, a.Addr(), "wf3"); return ok }, waitFor, tick)
	_, number := a.newest(t)
	require.Eventually(t, func() bool { return a.metric(t, "wmstats_log_snapshot_entry") >= float64(number) }, waitFor, tick)
	storesNone.Store(true)
	for i := range 3 { // entries after the snapshot
		name := fmt.Sprintf("later%d", i)
		put(t, fake, "reqmgr_workload_cache", request(name, "running-open", 10))
		require.Eventually(t, func() bool { _, ok := workflow(t, a.Addr(), name); return ok }, waitFor, tick)
	}

	blind.Store(true)
	b := g.start("b", blinded(&blind), func(o *app.Options) { o.Replicas.Replay = time.Nanosecond })
	require.Eventually(t, func() bool {
		status, text := get(t, b.Addr(), "/readyz?verbose")
		return status == http.StatusServiceUnavailable && strings.Contains(text, "log: starting, at entry ") && !strings.Contains(text, "at entry 0 ")
	}, waitFor, tick)
	for _, path := range []string{"/fetch", "/sites", "/fetch/wf1", "/changes", "/stats?by=status"} {
		resp := b.ask(t, path)
		_, _ = io.Copy(io.Discard, resp.Body)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, path)
		require.NotEmpty(t, resp.Header.Get("Retry-After"), path)
	}
	blind.Store(false)
	ready(t, b.Addr())
	settle(t, []*member{a, b}, number)
	status, body := get(t, b.Addr(), next)
	require.Equal(t, http.StatusGone, status, body)
	require.Contains(t, body, `"continue"`)
	require.Contains(t, body, `"restart"`)
	status, _ = get(t, a.Addr(), next)
	require.Equal(t, http.StatusOK, status)
}
