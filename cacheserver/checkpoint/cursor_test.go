package checkpoint

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCursor(t *testing.T) {
	data := binary.AppendUvarint(nil, math.MaxUint64)
	data = binary.AppendVarint(data, math.MinInt64)
	data = binary.LittleEndian.AppendUint64(data, 7)
	data = AppendText(data, "text")
	data = AppendText(data, []byte{})
	read := func(c *Cursor) (out []any) {
		return append(out, c.Uint(), c.Int(), c.Uint64(), c.Text(), c.Text())
	}
	c := NewCursor(data)
	require.Equal(t, []any{uint64(math.MaxUint64), int64(math.MinInt64), uint64(7), "text", ""}, read(c))
	require.NoError(t, c.Err())
	require.Zero(t, c.Len())
	for n := range data {
		c := NewCursor(data[:n])
		read(c)
		require.ErrorIs(t, c.Err(), ErrBroken, "truncated at %d", n)
		require.Zero(t, c.Len())
	}
	c = NewCursor(binary.AppendUvarint(nil, 1<<60))
	require.Zero(t, c.Count(8))
	require.Error(t, c.Err())
}
