package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var mine = Header{Fingerprint: "f1", Source: "http://couch/a"}

// texts is a section of some frames.
type texts struct {
	frames []string
	got    []string // restored and committed
}

func (s *texts) section(name string) Section {
	return Section{
		Name: name,
		Capture: func() (Write, error) {
			return func(put func([]byte) error) error {
				for _, f := range s.frames {
					if err := put([]byte(f)); err != nil {
						return err
					}
				}
				return nil
			}, nil
		},
		Restore: func(frames *Frames) (func(), error) {
			got := make([]string, frames.Len())
			err := frames.Each(0, func(i int, data []byte) error {
				got[i] = string(data)
				return nil
			})
			return func() { s.got = got }, err
		},
	}
}

func sample() (a, b *texts, sections []Section) {
	rng := rand.New(rand.NewPCG(1, 2))
	a, b = &texts{}, &texts{frames: []string{"positions"}}
	for i := range 5 {
		var text strings.Builder
		for range 20 * i {
			fmt.Fprintf(&text, "%x ", rng.IntN(100))
		}
		a.frames = append(a.frames, text.String())
	}
	return a, b, []Section{a.section("a"), b.section("b")}
}

func written(t testing.TB, sections []Section) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "checkpoint")
	at := time.Unix(1_700_000_000, 5)
	r, err := WriteFile(t.Context(), path, mine, sections, func() time.Time { return at })
	require.NoError(t, err)
	content, err = os.ReadFile(path)
	require.NoError(t, err)
	require.EqualValues(t, len(content), r.Bytes)
	return path, content
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	a, b, sections := sample()
	path, _ := written(t, sections)
	r, err := ReadFile(t.Context(), path, mine, sections)
	require.NoError(t, err)
	require.Equal(t, a.frames, a.got)
	require.Equal(t, b.frames, b.got)
	require.True(t, r.Written.Equal(time.Unix(1_700_000_000, 5)))
	raw := 0
	for _, f := range append(a.frames, b.frames...) {
		raw += len(f)
	}
	require.EqualValues(t, raw, r.Raw)
	require.Equal(t, []string{"checkpoint"}, names(t, filepath.Dir(path)), "no other file is left")
}

func names(t testing.TB, dir string) (out []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

// TestEveryByteCounts truncates a file at every offset and changes every byte
// of it: each such file is reported as broken (or as foreign, where the byte
// describes the content), and nothing of it is used.
func TestEveryByteCounts(t *testing.T) {
	a, _, sections := sample()
	path, content := written(t, sections)
	try := func(bad []byte, what string, at int) {
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		_, err := ReadFile(t.Context(), path, mine, sections)
		require.Error(t, err, "%s at %d", what, at)
		require.Contains(t, []string{"broken", "foreign"}, Kind(err), "%s at %d: %v", what, at, err)
		require.NotContains(t, Public(err), path)
		require.Nil(t, a.got, "%s at %d", what, at)
	}
	for at := range content {
		try(content[:at], "cut", at)
		for _, bit := range []byte{1, 0x80} {
			bad := bytes.Clone(content)
			bad[at] ^= bit
			try(bad, "bit", at)
		}
	}
	try(append(bytes.Clone(content), 0), "longer", len(content))
	try(append(bytes.Clone(content), content...), "twice", len(content))
	try(make([]byte, len(content)), "zeros", 0)
}

func TestFilesThatAreNotUsed(t *testing.T) {
	for _, c := range []struct {
		name string
		kind string
		text string
		make func(t *testing.T, path string)
	}{
		{"not there", "missing", "the file does not exist", func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }},
		{"a folder", "broken", "not a regular file", func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Mkdir(path, 0o700))
		}},
		{"empty", "broken", "0 bytes", func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) }},
		{"another format", "foreign", "format 77", func(t *testing.T, path string) { patch(t, path, len(magicStart), 77) }},
		{"another fingerprint", "foreign", "schema", func(t *testing.T, path string) { rewrite(t, path, Header{"f2", mine.Source}) }},
		{"another source", "foreign", "source", func(t *testing.T, path string) { rewrite(t, path, Header{mine.Fingerprint, "http://couch/b"}) }},
		{"no permission", "failed", "permission denied", func(t *testing.T, path string) {
			require.NoError(t, os.Chmod(path, 0))
			if f, err := os.Open(path); err == nil {
				require.NoError(t, f.Close())
				t.Skip("this user may read everything")
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _, sections := sample()
			path, _ := written(t, sections)
			c.make(t, path)
			_, err := ReadFile(t.Context(), path, mine, sections)
			require.Error(t, err)
			require.Equal(t, c.kind, Kind(err), "%v", err)
			require.Contains(t, Public(err), c.text)
			require.NotContains(t, Public(err), path)
			require.Nil(t, a.got)
		})
	}
}

func patch(t *testing.T, path string, at int, to byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	content[at] = to
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

func rewrite(t *testing.T, path string, h Header) {
	t.Helper()
	_, _, sections := sample()
	_, err := WriteFile(t.Context(), path, h, sections, time.Now)
	require.NoError(t, err)
}

func TestSections(t *testing.T) {
	a, b, sections := sample()
	path, _ := written(t, sections)

	more := &texts{}
	history := more.section("history")
	_, err := ReadFile(t.Context(), path, mine, append(sections, history))
	require.ErrorIs(t, err, ErrForeign, "a required section is missing")
	require.Nil(t, a.got)

	history.Optional = true
	_, err = ReadFile(t.Context(), path, mine, append(sections, history))
	require.NoError(t, err)
	require.Nil(t, more.got)

	a.got, b.got = nil, nil
	_, err = ReadFile(t.Context(), path, mine, sections[1:])
	require.NoError(t, err, "unrequested sections are ignored")
	require.Equal(t, b.frames, b.got)

	b.got = nil
	refusing := b.section("b")
	refusing.Restore = func(*Frames) (func(), error) { return nil, Foreign("of other settings") }
	_, err = ReadFile(t.Context(), path, mine, []Section{sections[0], refusing})
	require.ErrorIs(t, err, ErrForeign)
	require.Nil(t, a.got, "all sections or none")
}

func TestValue(t *testing.T) {
	type state struct {
		Name string
		Seqs map[string]string
	}
	want, got := state{"x", map[string]string{"db": "1-a"}}, state{}
	section := Value("state", func() state { return want }, func(s state) (func(), error) { return func() { got = s }, nil })
	path, _ := written(t, []Section{section})
	_, err := ReadFile(t.Context(), path, mine, []Section{section})
	require.NoError(t, err)
	require.Equal(t, want, got)

	other := Value("state", func() int { return 1 }, func(int) (func(), error) { return func() {}, nil })
	_, err = ReadFile(t.Context(), path, mine, []Section{other})
	require.ErrorIs(t, err, ErrForeign)
}

// TestAFailedWriteLeavesTheOldFile fails at each step of a write.
func TestAFailedWriteLeavesTheOldFile(t *testing.T) {
	_, _, sections := sample()
	path, content := written(t, sections)
	ctx, cancel := context.WithCancel(t.Context())
	failing := func(capture func() (Write, error)) []Section {
		return []Section{sections[0], {Name: "bad", Capture: capture}}
	}
	for name, bad := range map[string][]Section{
		"capture": failing(func() (Write, error) { return nil, errors.New("no") }),
		"write":   failing(func() (Write, error) { return func(func([]byte) error) error { return errors.New("no") }, nil }),
		"too long": failing(func() (Write, error) {
			return func(put func([]byte) error) error { return put(make([]byte, MaxFrame+1)) }, nil
		}),
		"end of the context": failing(func() (Write, error) {
			return func(put func([]byte) error) error { cancel(); return put(nil) }, nil
		}),
	} {
		_, err := WriteFile(ctx, path, mine, bad, time.Now)
		require.Error(t, err, name)
		now, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, now, name)
		require.Equal(t, []string{"checkpoint"}, names(t, filepath.Dir(path)), name)
	}
	_, err := WriteFile(t.Context(), filepath.Join(path, "below", "a file"), mine, sections, time.Now)
	require.Error(t, err)
	require.NotContains(t, Public(err), path)
}

// TestDiskFull writes to a device without space, through the code path of a
// file.
func TestDiskFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no /dev/full here")
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, full.Close()) }()
	_, _, sections := sample()
	old := &previous{}
	writes, err := capture(sections, old)
	require.NoError(t, err)
	_, _, err = writeAll(t.Context(), full, mine, sections, writes, old, time.Now())
	require.ErrorContains(t, err, "no space left")
}

func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a[1]*.cp")
	for _, name := range []string{path + ".tmp-123", path + ".tmp-4", path, filepath.Join(dir, "a1x.cp.tmp-5")} {
		require.NoError(t, os.WriteFile(name, nil, 0o600))
	}
	require.NoError(t, RemoveLeftovers(path))
	require.Equal(t, []string{"a1x.cp.tmp-5", "a[1]*.cp"}, names(t, dir))
}

// FuzzRead: for any bytes, the reader returns an error or all sections, and
// never panics.
func FuzzRead(f *testing.F) {
	_, _, sections := sample()
	_, content := written(f, sections)
	f.Add(content)
	f.Add(content[:len(content)/2])
	f.Add([]byte(magicStart))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, b, sections := sample()
		_, err := read(t.Context(), bytes.NewReader(data), int64(len(data)), mine, sections)
		if err != nil {
			require.Nil(t, a.got)
			require.Nil(t, b.got)
			return
		}
		require.NotNil(t, a.got)
		require.NotNil(t, b.got)
	})
}

// FuzzTable writes any content into the table, with correct hashes.
func FuzzTable(f *testing.F) {
	f.Add([]byte(`{"Sections":[{"Name":"a","Frames":[[13,0,1]]},{"Name":"b","Frames":[]}]}`))
	f.Add([]byte(`{"Sections":[{"Name":"a","Frames":[[18446744073709551615,1,1]]}]}`))
	f.Add([]byte(`{"Sections":[{"Name":"a","Frames":[[5,67108864,1],[3,3,3]]}]}`))
	head, err := appendHeader(nil, mine, time.Unix(1, 0))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, encoded []byte) {
		content := append(bytes.Clone(head), "8 bytes."...)
		end := endOf(encoded, int64(len(content)))
		content = append(content, end...)
		_, _, sections := sample()
		_, err := read(t.Context(), bytes.NewReader(content), int64(len(content)), mine, sections)
		require.Error(t, err, "the frames are not frames")
	})
}
