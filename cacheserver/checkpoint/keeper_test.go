package checkpoint

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKeeperWritesWhatChanged(t *testing.T) {
	_, b, sections := sample()
	path := filepath.Join(t.TempDir(), "checkpoint")
	var version atomic.Int64
	results := make(chan Result, 100)
	k, err := New(Options{
		Path: path, Header: mine, Sections: sections, Every: time.Millisecond, Share: 1,
		Mark: func() string {
			if v := version.Load(); v > 0 {
				return strconv.FormatInt(v, 10)
			}
			return ""
		},
		Hooks: Hooks{Written: func(r Result) { results <- r }},
	})
	require.NoError(t, err)
	require.NoError(t, k.Save(t.Context()))
	require.NoFileExists(t, path, "there is no state to write yet")

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	for v := range int64(3) {
		version.Store(v + 1)
		r := <-results
		require.Positive(t, r.Bytes)
	}
	cancel()
	require.NoError(t, <-ended)
	require.NoError(t, k.Save(t.Context()))
	require.Empty(t, results, "nothing has changed since")
	require.Positive(t, k.State().Written.Bytes)

	require.True(t, k.Restore(t.Context()))
	require.Equal(t, b.frames, b.got)
	require.Equal(t, "none", k.State().Read)
}

func TestKeeperReportsFailures(t *testing.T) {
	_, _, sections := sample()
	dir := t.TempDir()
	path := filepath.Join(dir, "below", "checkpoint")
	var log bytes.Buffer
	var failed []string
	var read []string
	k, err := New(Options{
		Path: path, Header: mine, Sections: sections, Mark: func() string { return "1" },
		Log: slog.New(slog.NewTextHandler(&log, nil)),
		Hooks: Hooks{
			Failed: func(kind string) { failed = append(failed, kind) },
			Read:   func(_ Result, kind string) { read = append(read, kind) },
		},
	})
	require.NoError(t, err)
	require.False(t, k.Restore(t.Context()))
	require.Contains(t, log.String(), "no checkpoint yet")
	require.Error(t, k.Save(t.Context()))
	require.Contains(t, log.String(), "could not write the checkpoint")
	require.NotEmpty(t, k.State().WriteNote)
	require.NotContains(t, k.State().WriteNote, dir)
	require.Len(t, failed, 1)

	// It recovers without help.
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	require.NoError(t, k.Save(t.Context()))
	require.Empty(t, k.State().WriteNote)

	require.NoError(t, os.WriteFile(path, []byte("rubbish, and long enough to be looked at, which takes a few more bytes"), 0o600))
	require.False(t, k.Restore(t.Context()))
	require.Contains(t, log.String(), "checkpoint ignored")
	require.Contains(t, k.State().ReadNote, "is not a checkpoint")
	require.Equal(t, []string{"missing", "broken"}, read)
}

func TestKeeperOptions(t *testing.T) {
	_, _, sections := sample()
	mark := func() string { return "" }
	for _, o := range []Options{
		{},
		{Path: "x", Mark: mark},
		{Path: "x", Sections: sections},
		{Path: "x", Sections: sections, Mark: mark, Every: -1},
		{Path: "x", Sections: sections, Mark: mark, Share: 2},
	} {
		_, err := New(o)
		require.Error(t, err)
	}
}
