package follower

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/couch"
	"github.com/dmwm/wmstats/mock/couchfake"
)

// wire is a network of in-memory pipes that can be cut.
type wire struct {
	calls  chan net.Conn
	closed chan struct{}

	mu   sync.Mutex
	down bool
	open []net.Conn
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.calls:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error   { close(w.closed); return nil }
func (w *wire) Addr() net.Addr { return &net.TCPAddr{} }

func (w *wire) dial(context.Context, string, string) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	w.open = append(w.open, server)
	select {
	case w.calls <- server:
		return client, nil
	case <-w.closed: // a request that has ended
		return nil, net.ErrClosed
	}
}

// cut closes all connections and, with down, refuses new ones.
func (w *wire) cut(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		_ = c.Close()
	}
	w.open, w.down = nil, down
}

// bubble is a rig in a synctest bubble: timeouts are those of production and
// pass at once.
type bubble struct {
	*rig
	net *wire
	log *strings.Builder // guarded by logMu

	logMu sync.Mutex
}

func (b *bubble) Write(p []byte) (int, error) {
	b.logMu.Lock()
	defer b.logMu.Unlock()
	return b.log.Write(p)
}

// logged returns the number of log lines with a text.
func (b *bubble) logged(text string) int {
	b.logMu.Lock()
	defer b.logMu.Unlock()
	n := 0
	for _, line := range strings.Split(b.log.String(), "\n") {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func inBubble(t *testing.T, test func(t *testing.T, b *bubble), change ...func(*Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{net: &wire{calls: make(chan net.Conn, 100), closed: make(chan struct{})}, log: &strings.Builder{}}
		b.rig = &rig{t: t, store: newStoreFake(), srv: couchfake.New(couchfake.Options{BuiltinViews: true})}
		srv := &http.Server{Handler: b.srv, ReadHeaderTimeout: time.Minute}
		served := make(chan struct{})
		go func() { defer close(served); _ = srv.Serve(b.net) }()
		for _, db := range []string{requestDB, wmstatsDB} {
			require.NoError(t, b.srv.Create(db))
		}
		var err error
		b.client, err = couch.New(couch.Options{URL: "http://couch.invalid:5984", Dial: b.net.dial})
		require.NoError(t, err)
		o := Options{
			Source: b.client, Store: b.store, Workers: 2,
			Log: slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelInfo})),
		}
		for _, c := range change {
			c(&o)
		}
		b.follower, err = New(o)
		require.NoError(t, err)
		defer func() {
			if b.stop != nil {
				b.stop()
			}
			require.NoError(t, b.client.Close())
			require.NoError(t, b.srv.Close())
			require.NoError(t, srv.Close())
			<-served
		}()
		test(t, b)
	})
}

// agrees reports whether the store has the same content as the source.
func (b *bubble) agrees(n int) bool {
	have, want := b.store.content(), b.source(names(n)...)
	if len(have) != len(want) {
		return false
	}
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}

// until waits for a condition and returns how long that took.
func (b *bubble) until(what string, most time.Duration, condition func() bool) time.Duration {
	b.t.Helper()
	began := time.Now()
	for !condition() {
		require.Less(b.t, time.Since(began), most, "%s; state %+v; log:\n%s", what, b.store.state(), b.log)
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(began)
}

// begin fills the source, starts the follower and waits until both agree.
func (b *bubble) begin(n int) {
	b.t.Helper()
	b.fill(n)
	b.start()
	b.until("the first read", time.Minute, func() bool { return b.agrees(n) && b.fresh() })
}

func (b *bubble) fresh() bool {
	s := b.store.state()
	return s.Complete && !s.Stale
}

// honest checks for a while that a record which has differed from the source's
// for more than a minute is reported as stale, and returns the reasons.
func (b *bubble) honest(n int, during time.Duration) (reasons map[string]bool) {
	b.t.Helper()
	reasons = map[string]bool{}
	var differs time.Time
	for began := time.Now(); time.Since(began) < during; time.Sleep(500 * time.Millisecond) {
		state := b.store.state()
		reasons[state.Reason] = true
		if b.agrees(n) {
			differs = time.Time{}
			continue
		}
		if differs.IsZero() {
			differs = time.Now()
		}
		require.True(b.t, state.Stale || time.Since(differs) <= time.Minute+b.follower.o.PollInterval,
			"differs for %s and is not stale; log:\n%s", time.Since(differs), b.log)
	}
	delete(reasons, "")
	return reasons
}

// without removes a member of a JSON value at any depth.
func without(t *testing.T, data []byte, name string) []byte {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal(data, &value))
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			delete(v, name)
			for _, member := range v {
				strip(member)
			}
		case []any:
			for _, member := range v {
				strip(member)
			}
		}
	}
	strip(value)
	out, err := json.Marshal(value)
	require.NoError(t, err)
	return out
}
