package stitch

import (
	"bytes"
	"compress/gzip"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func plain(t testing.TB, m *Member) string {
	t.Helper()
	parts, size := m.Parts()
	whole := bytes.Join(parts, nil)
	require.Len(t, whole, int(size))
	src := bytes.NewReader(whole)
	zr, err := gzip.NewReader(src)
	require.NoError(t, err)
	zr.Multistream(false)
	text, err := io.ReadAll(zr)
	require.NoError(t, err)
	require.Zero(t, src.Len(), "nothing follows the only member")
	return string(text)
}

func TestMemberIsOneGzipMember(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 12 {
		m, want := NewMember(n), "["
		m.Open()
		for i := range n {
			text := strings.Repeat(`{"Workflow":"w`, 1+rng.IntN(300)) + string(rune('a'+i))
			if i > 0 {
				m.Separate()
				want += ",\n"
			}
			s, err := Compress([]byte(text))
			require.NoError(t, err)
			m.Add(s)
			want += text
		}
		m.Close()
		require.Equal(t, want+"]\n", plain(t, m))
	}
	m := NewMember(0)
	m.CloseEmpty()
	require.Equal(t, "[]\n", plain(t, m))
	m = NewMember(0)
	m.End()
	require.Equal(t, "", plain(t, m))
}

func TestJoinEqualsChecksumOfTheWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		a, b := make([]byte, rng.IntN(5000)), make([]byte, rng.IntN(5000))
		for i := range a {
			a[i] = byte(rng.Uint32())
		}
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		got := join(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), shift(uint64(len(b))))
		require.Equal(t, crc32.ChecksumIEEE(append(a, b...)), got)
	}
}

func FuzzCompress(f *testing.F) {
	f.Add([]byte("one"), []byte(""))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		m := NewMember(2)
		for _, text := range [][]byte{a, b} {
			s, err := Compress(text)
			require.NoError(t, err)
			m.Add(s)
		}
		m.End()
		require.Equal(t, string(a)+string(b), plain(t, m))
	})
}

func BenchmarkJoin(b *testing.B) {
	by, crc := shift(114_614), uint32(0x12345678)
	for b.Loop() {
		crc = join(crc, 0xdeadbeef, by)
	}
}
