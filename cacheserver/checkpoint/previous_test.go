package checkpoint

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A section with its own version is restored from a file of another
// fingerprint, or if another section is of another version; nothing else is.
func TestSectionsWithTheirOwnVersion(t *testing.T) {
	a, b, sections := sample()
	sections[1].Always = true
	path, _ := written(t, sections)
	other := Header{"f2", mine.Source}
	_, err := ReadFile(t.Context(), path, other, sections)
	require.ErrorIs(t, err, ErrForeign)
	require.Equal(t, "foreign", Kind(err))
	require.Contains(t, Public(err), "schema")
	require.Nil(t, a.got)
	require.Equal(t, b.frames, b.got)

	b.got = nil
	refusing := a.section("a")
	refusing.Restore = func(*Frames) (func(), error) { return nil, Foreign("of other settings") }
	_, err = ReadFile(t.Context(), path, mine, []Section{refusing, sections[1]})
	require.ErrorIs(t, err, ErrForeign)
	require.Equal(t, b.frames, b.got)

	b.got = nil
	_, err = ReadFile(t.Context(), path, Header{mine.Fingerprint, "http://couch/b"}, sections)
	require.ErrorIs(t, err, ErrForeign)
	require.Nil(t, b.got, "of another source")
	_, err = ReadFile(t.Context(), path, other, append(sections, Section{Name: "c", Always: true, Restore: func(*Frames) (func(), error) { return nil, errors.New("never") }}))
	require.ErrorIs(t, err, ErrForeign)
	require.Equal(t, b.frames, b.got, "a file without one of them")
}

// A section is carried over from the previous file while it may be; if that
// file is missing, damaged or of another source, it is captured.
func TestSectionsAreCarriedOver(t *testing.T) {
	_, b, sections := sample()
	captured, carry := 0, false
	capture := sections[1].Capture
	sections[1].Capture = func() (Write, error) { captured++; return capture() }
	sections[1].Carry = func() bool { return carry }
	path, _ := written(t, sections)
	require.Equal(t, 1, captured)
	was := b.frames
	write := func(h Header) Result {
		r, err := WriteFile(t.Context(), path, h, sections, time.Now)
		require.NoError(t, err)
		return r
	}
	read := func() []string {
		b.got = nil
		_, err := ReadFile(t.Context(), path, mine, sections)
		require.NoError(t, err)
		return b.got
	}
	carry = true
	b.frames = []string{"newer"}
	for range 3 {
		require.NoError(t, write(mine).NotCarried)
		require.Equal(t, 1, captured)
		require.Equal(t, was, read())
	}
	carry = false
	write(mine)
	require.Equal(t, 2, captured)
	require.Equal(t, b.frames, read())

	carry = true
	write(Header{"f2", mine.Source})
	require.Equal(t, 2, captured, "of another fingerprint")
	write(Header{"f2", "http://couch/b"})
	require.Equal(t, 3, captured, "of another source")
	require.NoError(t, os.Remove(path))
	require.NoError(t, write(mine).NotCarried)
	require.Equal(t, 4, captured, "without a file")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := 0; i < len(content); i += 19 {
		bad := append([]byte(nil), content...)
		bad[i] ^= 1
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		write(mine)
		require.Equal(t, b.frames, read(), "damaged at %d", i)
	}
	carry = false
	sections = sections[:1]
	write(mine)
	sections = append(sections, Section{Name: "b", Carry: func() bool { return true }, Capture: func() (Write, error) { captured = 0; return func(func([]byte) error) error { return nil }, nil }, Restore: b.section("b").Restore})
	write(mine)
	require.Zero(t, captured, "the previous file did not have it")
}
