package legacy

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestArena: texts stay unchanged until the arena is emptied, and then their
// memory is used again.
func TestArena(t *testing.T) {
	var a arena
	for round := range 3 {
		var want, got [][]byte
		for i := range 200 {
			length := i * 40
			if i == 100 {
				length = 3 * chunkBytes
			}
			text := bytes.Repeat([]byte{byte(i + round)}, length)
			want = append(want, bytes.Clone(text))
			got = append(got, a.keep(text))
			clear(text)
		}
		require.Equal(t, want, got)
		chunks := len(a.chunks)
		_ = append(got[1], "more"...)
		require.Equal(t, want, got)
		a.empty()
		require.Len(t, a.chunks, chunks-1, "without the long one")
	}
	require.Zero(t, testing.AllocsPerRun(10, func() {
		a.keep(make([]byte, 100))
		a.empty()
	}))
}
