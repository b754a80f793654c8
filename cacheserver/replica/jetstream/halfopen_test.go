package jetstream_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/halfopen"
	"github.com/dmwm/wmstats/cacheserver/replica/jetstream"
)

const patience = time.Minute

// engine starts a NATS server inside the test, and returns its URL.
func engine(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{ServerName: "engine", Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(patience))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s.ClientURL()
}

// linkTo returns a link to an engine.
func linkTo(t *testing.T, url string) *halfopen.Link {
	t.Helper()
	l, err := halfopen.Listen(t.Context(), strings.TrimPrefix(url, "nats://"))
	require.NoError(t, err)
	t.Cleanup(l.Close)
	return l
}

func open(t *testing.T, url string) *jetstream.Log {
	t.Helper()
	l, err := jetstream.New(jetstream.Options{URLs: url, Group: "test"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	_, err = l.Open(t.Context())
	require.NoError(t, err)
	return l
}

// within waits for the end of a call, which must come long before the deadline of its
// context.
func within(t *testing.T, what string, call func() error) (err error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- call() }()
	select {
	case err = <-ended:
	case <-time.After(patience):
		require.Fail(t, what+" did not end")
	}
	return err
}

// TestNoAnswer: while the engine is silent each call ends with an error, also those that
// may take minutes where it is not; and at once when its context ends.
func TestNoAnswer(t *testing.T) {
	url := engine(t)
	calls := map[string]func(context.Context, *jetstream.Log) error{
		"open":      func(ctx context.Context, l *jetstream.Log) error { _, err := l.Open(ctx); return err },
		"last":      func(ctx context.Context, l *jetstream.Log) error { _, err := l.Last(ctx); return err },
		"entry":     func(ctx context.Context, l *jetstream.Log) error { _, err := l.Entry(ctx, 1); return err },
		"trim":      func(ctx context.Context, l *jetstream.Log) error { return l.Trim(ctx, 1, time.Now()) },
		"acquire":   func(ctx context.Context, l *jetstream.Log) error { return l.Acquire(ctx, "a") },
		"release":   func(ctx context.Context, l *jetstream.Log) error { return l.Release(ctx, "a") },
		"snapshots": func(ctx context.Context, l *jetstream.Log) error { _, err := l.Snapshots(ctx); return err },
		"get":       func(ctx context.Context, l *jetstream.Log) error { return l.Get(ctx, 7, io.Discard) },
		"other":     func(ctx context.Context, l *jetstream.Log) error { return l.Other(ctx, io.Discard) },
		"remove":    func(ctx context.Context, l *jetstream.Log) error { return l.Remove(ctx, 7) },
	}
	require.NoError(t, open(t, url).Put(t.Context(), 7, strings.NewReader("snapshot")))
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			through := linkTo(t, url)
			l := open(t, "nats://"+through.Addr())
			through.Silence(0)
			ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
			defer cancel()
			require.Error(t, within(t, "the call", func() error { return call(ctx, l) }))
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			require.Error(t, within(t, "the call", func() error { return call(ended, l) }))
		})
	}
}

// writer calls a function at the first write.
type writer struct {
	written bytes.Buffer
	once    sync.Once
	first   func()
}

func (w *writer) Write(data []byte) (int, error) {
	w.once.Do(w.first)
	return w.written.Write(data)
}

// TestASnapshotThatStops: the engine becomes silent, or the reader is told to stop, in the
// middle of a snapshot.
func TestASnapshotThatStops(t *testing.T) {
	url := engine(t)
	require.NoError(t, open(t, url).Put(t.Context(), 7, strings.NewReader(strings.Repeat("snapshot", 1<<20))))
	for _, told := range []bool{false, true} {
		through := linkTo(t, url)
		l := open(t, "nats://"+through.Addr())
		ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
		defer cancel()
		to := &writer{first: func() {
			through.Silence(0)
			if told {
				cancel()
			}
		}}
		require.Error(t, within(t, "the call", func() error { return l.Get(ctx, 7, to) }))
		require.NotEmpty(t, to.written.Bytes())
	}
}

// TestASnapshotThatIsRemoved: another server removes the snapshot that this one reads, or
// is about to read.
func TestASnapshotThatIsRemoved(t *testing.T) {
	url := engine(t)
	a, b := open(t, url), open(t, url)
	conn, err := nats.Connect(url)
	require.NoError(t, err)
	defer conn.Close()
	js, err := natsjs.New(conn)
	require.NoError(t, err)
	content := strings.Repeat("snapshot", 1<<20)
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()

	require.NoError(t, a.Put(ctx, 7, strings.NewReader(content)))
	whole := &writer{first: func() {}}
	require.NoError(t, b.Get(ctx, 7, whole))
	require.True(t, content == whole.written.String())
	reading := &writer{first: func() { assert.NoError(t, a.Remove(ctx, 7)) }}
	require.Error(t, within(t, "the call", func() error { return b.Get(ctx, 7, reading) }), "while it is read")

	require.NoError(t, a.Put(ctx, 8, strings.NewReader(content)))
	bucket, err := js.Stream(ctx, "OBJ_wmstats_test_snapshots")
	require.NoError(t, err)
	require.NoError(t, bucket.Purge(ctx, natsjs.WithPurgeSubject("$O.*.C.>")))
	list, err := b.Snapshots(ctx)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.ErrorIs(t, within(t, "the call", func() error { return b.Get(ctx, 8, io.Discard) }), replica.ErrNoEntry, "before it is read")
	require.NoError(t, a.Remove(ctx, 8))
	info, err := bucket.Info(ctx, natsjs.WithSubjectFilter(">"))
	require.NoError(t, err)
	require.Empty(t, info.State.Subjects, "nothing is left of both")
}

// endless is a snapshot without end. Its first part was read when began is closed.
type endless struct {
	once  sync.Once
	began chan struct{}
}

func (r *endless) Read(data []byte) (int, error) {
	r.once.Do(func() { close(r.began) })
	return len(data), nil
}

// TestStoringASnapshotStops: the engine becomes silent while a snapshot is stored: nothing
// leaves this server any more. It can be told to stop.
func TestStoringASnapshotStops(t *testing.T) {
	through := linkTo(t, engine(t))
	l := open(t, "nats://"+through.Addr())
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	snapshot := &endless{began: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- l.Put(ctx, 7, snapshot) }()
	<-snapshot.began
	through.Silence(0)
	// Other calls wait until the data of this one are sent: they end too.
	require.Error(t, within(t, "another call", func() error { _, err := l.Last(ctx); return err }))
	cancel()
	require.Error(t, within(t, "storing", func() error { return <-ended }))
	require.NoError(t, within(t, "closing", l.Close))
}

var _ replica.Log = (*jetstream.Log)(nil)
