package store

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema/wire"
)

func TestSmoke(t *testing.T) {
	s, err := New(Options{})
	require.NoError(t, err)
	m := newMaker(1)
	l := s.BeginLoad()
	for i := range 1000 {
		l.Add([]Change{m.requestChange(nameOf(i)), m.partChange(nameOf(i), i%7, start)})
	}
	_, ok := s.Snapshot()
	require.False(t, ok)
	r, err := l.Commit()
	require.NoError(t, err)
	require.Equal(t, 1000, r.Added)
	g, ok := s.Snapshot()
	require.True(t, ok)
	sel, err := g.Select(wire.Query{})
	require.NoError(t, err)
	want := AppendPage(nil, sel.Page(3, 120), wire.JSON)
	parts, _, ok := sel.Stitched(3, 120, wire.JSON)
	require.True(t, ok)
	zr, err := gzip.NewReader(bytes.NewReader(bytes.Join(parts, nil)))
	require.NoError(t, err)
	got, err := io.ReadAll(zr)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))

}
