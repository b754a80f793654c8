package filewatch_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/program/filewatch"
)

// rig is a file with a fake clock and a log.
type rig struct {
	*filewatch.File[string]
	t    *testing.T
	path string
	now  time.Time
	log  bytes.Buffer
}

func word(text string) (string, error) {
	if strings.Contains(text, "!") {
		return "", errors.New("no exclamation")
	}
	return strings.TrimSpace(text), nil
}

func open(t *testing.T, text string) *rig {
	t.Helper()
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "f"), now: time.Unix(1e9, 0)}
	r.write(text)
	var err error
	r.File, err = filewatch.Open(r.path, word, filewatch.Options{
		What: "word", Settle: true, Now: func() time.Time { return r.now }, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
	})
	require.NoError(t, err)
	return r
}

func (r *rig) write(text string) {
	r.t.Helper()
	require.NoError(r.t, os.WriteFile(r.path, []byte(text), 0o600))
}

// after returns the content after d, with checks in between.
func (r *rig) after(d time.Duration) string {
	for end := r.now.Add(d); r.now.Before(end); r.now = r.now.Add(50 * time.Millisecond) {
		r.Value()
	}
	return r.Value()
}

func TestAChangedFileIsReadAgain(t *testing.T) {
	r := open(t, "one\n")
	_, first := r.Numbered()
	assert.Equal(t, "one", r.after(10*time.Second))
	r.write("two\n")
	assert.Equal(t, "one", r.Value(), "not at each call")
	assert.Equal(t, "two", r.after(3*time.Second))
	_, second := r.Numbered()
	assert.Equal(t, first+1, second)
	assert.Equal(t, 1, strings.Count(r.log.String(), "read the changed word file"))
	assert.NotContains(t, r.log.String(), "two", "no content is logged")
	// Replaced by renaming, as an orchestrator does.
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.WriteFile(other, []byte("three"), 0o600))
	require.NoError(t, os.Rename(other, r.path))
	assert.Equal(t, "three", r.after(3*time.Second))
}

// TestAnIdleServer: the first look after a pause takes content written long before it,
// so a key that was replaced meanwhile is not used again.
func TestAnIdleServer(t *testing.T) {
	r := open(t, "revoked")
	r.write("new")
	require.NoError(t, os.Chtimes(r.path, time.Time{}, r.now.Add(time.Second)))
	r.now = r.now.Add(time.Minute)
	assert.Equal(t, "new", r.Value())
}

func TestReloadTakesItAtOnce(t *testing.T) {
	r := open(t, "one")
	r.write("two")
	r.Reload()
	assert.Equal(t, "two", r.Value())
}

// Fault checks the file even if the content is never read.
func TestFaultsAreSeenWithoutTheContent(t *testing.T) {
	r := open(t, "one")
	require.NoError(t, os.Remove(r.path))
	r.now = r.now.Add(time.Minute)
	assert.Equal(t, "the word file can't be read", r.Fault())
	r.write("one")
	r.now = r.now.Add(time.Minute)
	assert.Empty(t, r.Fault())
}

// TestAFileThatIsBeingWritten checks that a half-written file is never used.
func TestAFileThatIsBeingWritten(t *testing.T) {
	r := open(t, "one")
	long := "a-long-password-that-comes-in-pieces"
	for i := range long {
		r.write(long[:i])
		require.Equal(t, "one", r.after(100*time.Millisecond), i)
	}
	r.write(long)
	assert.Equal(t, long, r.after(3*time.Second))
	assert.Empty(t, r.Fault())
}

func TestAFileThatCantBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(r *rig)
		fault string
	}{
		"empty":     {func(r *rig) { r.write("") }, "the word file is empty"},
		"blank":     {func(r *rig) { r.write(" \n\n") }, "the word file is empty"},
		"wrong":     {func(r *rig) { r.write("two!") }, "the word file is invalid"},
		"gone":      {func(r *rig) { require.NoError(r.t, os.Remove(r.path)) }, "the word file can't be read"},
		"a folder":  {func(r *rig) { _ = os.Remove(r.path); require.NoError(r.t, os.Mkdir(r.path, 0o700)) }, "the word file can't be read"},
		"told of":   {func(r *rig) { r.write("two!"); r.Reload() }, "the word file is invalid"},
		"told gone": {func(r *rig) { require.NoError(r.t, os.Remove(r.path)); r.Reload() }, "the word file can't be read"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, "one")
			c.spoil(r)
			assert.Equal(t, "one", r.after(time.Minute), "the last good one stays")
			assert.Equal(t, c.fault, r.Fault())
			assert.Equal(t, 1, strings.Count(r.log.String(), "level=ERROR"), "%s", &r.log)
			_ = os.Remove(r.path)
			r.write("one")
			assert.Equal(t, "one", r.after(3*time.Second))
			assert.Empty(t, r.Fault(), "it is as it was")
			c.spoil(r)
			r.after(time.Minute)
			assert.Equal(t, c.fault, r.Fault())
			_ = os.Remove(r.path)
			r.write("three")
			assert.Equal(t, "three", r.after(3*time.Second))
			assert.Empty(t, r.Fault())
		})
	}
}

func TestOpenNamesTheFault(t *testing.T) {
	_, err := filewatch.Open(filepath.Join(t.TempDir(), "none"), word, filewatch.Options{What: "word"})
	require.ErrorContains(t, err, "read the word")
	require.ErrorIs(t, err, os.ErrNotExist)
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, []byte("x!"), 0o600))
	_, err = filewatch.Open(path, word, filewatch.Options{What: "word"})
	require.ErrorContains(t, err, "no exclamation")
}
