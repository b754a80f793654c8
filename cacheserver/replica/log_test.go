package replica_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/replica"
	"github.com/dmwm/wmstats/cacheserver/replica/jetstream"
	"github.com/dmwm/wmstats/cacheserver/replica/memlog"
)

// engine starts a NATS server inside the test.
func engine(t *testing.T) *natsserver.Server {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{ServerName: "engine", JetStream: true, StoreDir: t.TempDir(), DontListen: true, NoLog: true, NoSigs: true})
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(time.Minute))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// engines are all implementations of a log; each call returns another client.
func engines(t *testing.T) map[string]func() replica.Log {
	t.Helper()
	s := engine(t)
	memory := memlog.New("abcdef")
	return map[string]func() replica.Log{
		"memory": func() replica.Log { return memory.Client() },
		"JetStream": func() replica.Log {
			l, err := jetstream.New(jetstream.Options{Group: "test", Dial: []nats.Option{nats.InProcessServer(s)}})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, l.Close()) })
			return l
		},
	}
}

// TestLogs holds all logs to what a Replica needs of them.
func TestLogs(t *testing.T) {
	for name, client := range engines(t) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			a, b := client(), client()
			state, err := a.Open(ctx)
			require.NoError(t, err)
			require.Equal(t, replica.State{Epoch: state.Epoch, First: 1, Last: 0}, state)
			require.Len(t, state.Epoch, 6)
			again, err := b.Open(ctx)
			require.NoError(t, err)
			require.Equal(t, state, again)

			// Entries have numbers from 1, and each is stored for one server only.
			last, err := a.Last(ctx)
			require.NoError(t, err)
			require.Zero(t, last)
			require.NoError(t, a.Append(ctx, 0, "id 1", []byte("one")))
			require.ErrorIs(t, b.Append(ctx, 0, "id 2", []byte("other")), replica.ErrRefused)
			require.NoError(t, b.Append(ctx, 1, "id 3", []byte("two")))
			require.ErrorIs(t, a.Append(ctx, 7, "id 4", []byte("far")), replica.ErrRefused)
			for number, want := range map[uint64]string{1: "one", 2: "two"} {
				data, err := a.Entry(ctx, number)
				require.NoError(t, err)
				require.Equal(t, want, string(data))
			}
			_, err = a.Entry(ctx, 3)
			require.ErrorIs(t, err, replica.ErrNoEntry)
			last, err = b.Last(ctx)
			require.NoError(t, err)
			require.Equal(t, uint64(2), last)
			select {
			case e := <-a.Stored():
				require.Equal(t, replica.Stored{Number: 1, Data: []byte("one")}, e)
			case <-ctx.Done():
				require.Fail(t, "no entry was delivered")
			}

			// Entries are removed by number and time, and none after the newest.
			_, err = a.Entry(ctx, 1)
			require.NoError(t, err)
			require.NoError(t, a.Trim(ctx, 2, time.Now().Add(-time.Hour)))
			require.NoError(t, a.Trim(ctx, 0, time.Now().Add(time.Hour)))
			_, err = a.Entry(ctx, 1)
			require.NoError(t, err)
			require.NoError(t, a.Trim(ctx, 1, time.Now().Add(time.Hour)))
			_, err = a.Entry(ctx, 1)
			require.ErrorIs(t, err, replica.ErrNoEntry)
			_, err = a.Entry(ctx, 2)
			require.NoError(t, err)
			require.NoError(t, a.Trim(ctx, 2, time.Now().Add(time.Hour)))
			state, err = b.Open(ctx)
			require.NoError(t, err)
			require.Equal(t, replica.State{Epoch: state.Epoch, First: 3, Last: 2}, state)
			last, err = b.Last(ctx)
			require.NoError(t, err)
			require.Equal(t, uint64(2), last)
			require.NoError(t, b.Append(ctx, 2, "id 5", []byte("three")))
			since := time.Now()
			require.NoError(t, a.Append(ctx, 3, "id 6", []byte("four")))
			require.NoError(t, a.Trim(ctx, 4, since))
			_, err = b.Entry(ctx, 3)
			require.ErrorIs(t, err, replica.ErrNoEntry)
			_, err = b.Entry(ctx, 4)
			require.NoError(t, err)

			// One server has the lease, and may take it again.
			require.NoError(t, a.Acquire(ctx, "a"))
			require.ErrorIs(t, b.Acquire(ctx, "b"), replica.ErrHeld)
			require.NoError(t, a.Acquire(ctx, "a"))
			require.NoError(t, opened(t, client()).Acquire(ctx, "a"), "a call whose answer was lost")
			require.NoError(t, a.Acquire(ctx, "a"))
			require.NoError(t, b.Release(ctx, "b"), "it does not have it")
			require.ErrorIs(t, b.Acquire(ctx, "b"), replica.ErrHeld)
			require.Empty(t, b.Released(), "nobody has released it")
			require.NoError(t, a.Release(ctx, "a"))
			select {
			case <-b.Released():
			case <-ctx.Done():
				require.Fail(t, "not told that the lease was released")
			}
			require.NoError(t, b.Acquire(ctx, "b"))
			require.ErrorIs(t, a.Acquire(ctx, "a"), replica.ErrHeld)
			require.Eventually(t, func() bool { return a.Acquire(ctx, "a") == nil }, time.Minute, 50*time.Millisecond, "it ends by itself")

			list, err := a.Snapshots(ctx)
			require.NoError(t, err)
			require.Empty(t, list)
			long := strings.Repeat("snapshot", 100_000)
			require.NoError(t, a.Put(ctx, 12, strings.NewReader(long)))
			require.NoError(t, a.Put(ctx, 120, strings.NewReader("short")))
			list, err = b.Snapshots(ctx)
			require.NoError(t, err)
			require.Equal(t, []uint64{12, 120}, []uint64{list[0].Entry, list[1].Entry})
			require.WithinDuration(t, time.Now(), list[0].At, time.Minute)
			var got bytes.Buffer
			require.NoError(t, b.Get(ctx, 12, &got))
			require.True(t, long == got.String())
			require.NoError(t, a.Remove(ctx, 12))
			list, err = b.Snapshots(ctx)
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.Error(t, b.Get(ctx, 12, &got))
			require.ErrorIs(t, a.Other(ctx, &got), replica.ErrNoEntry)
		})
	}
}

func opened(t *testing.T, l replica.Log) replica.Log {
	t.Helper()
	_, err := l.Open(t.Context())
	require.NoError(t, err)
	return l
}

// TestOtherSnapshot: the newest snapshot of another version over the same source, or of
// the log before this one; never one over another source.
func TestOtherSnapshot(t *testing.T) {
	s := engine(t)
	of := func(family, group string) replica.Log {
		l, err := jetstream.New(jetstream.Options{Family: family, Group: group, Dial: []nats.Option{nats.InProcessServer(s)}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		return opened(t, l)
	}
	ours := of("one_", "one_new")
	var got bytes.Buffer
	require.ErrorIs(t, ours.Other(t.Context(), &got), replica.ErrNoEntry)
	older, elsewhere := of("one_", "one_old"), of("two_", "two_old")
	require.NoError(t, older.Put(t.Context(), 5, strings.NewReader("first")))
	require.NoError(t, older.Put(t.Context(), 3, strings.NewReader("newest")))
	require.NoError(t, elsewhere.Put(t.Context(), 9, strings.NewReader("of another source")))
	require.NoError(t, ours.Put(t.Context(), 1, strings.NewReader("ours")))
	require.NoError(t, ours.Other(t.Context(), &got))
	require.Equal(t, "newest", got.String())

	// The log is created again, and its snapshots stay: they are those of another log.
	conn, err := nats.Connect("", nats.InProcessServer(s))
	require.NoError(t, err)
	defer conn.Close()
	js, err := natsjs.New(conn)
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(t.Context(), "WMSTATS_one_new"))
	opened(t, ours)
	list, err := ours.Snapshots(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
	got.Reset()
	require.NoError(t, ours.Other(t.Context(), &got))
	require.Equal(t, "ours", got.String())
}
