package store

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

func gunzip(t testing.TB, parts [][]byte, size int64) []byte {
	t.Helper()
	whole := bytes.Join(parts, nil)
	require.Len(t, whole, int(size))
	zr, err := gzip.NewReader(bytes.NewReader(whole))
	require.NoError(t, err)
	zr.Multistream(false)
	text, err := io.ReadAll(zr)
	require.NoError(t, err)
	return text
}

func TestStitchedPagesEqualPlainOnes(t *testing.T) {
	eachCache(t, func(t *testing.T, o Options) {
		m := newMaker(24)
		s := loaded(t, o, someChanges(m, 510))
		for round := range 2 {
			g, _ := s.Newest()
			sel, err := g.Select(t.Context(), wire.Query{})
			require.NoError(t, err)
			pages := [][2]int{{0, 0}, {0, 50}, {50, 100}, {0, 1 << 30}, {509, 5}, {1000, 5}, {17, 3}, {49, 2}, {-3, 4}, {3, -1}}
			for range 20 {
				pages = append(pages, [2]int{m.rng.IntN(600), m.rng.IntN(300)})
			}
			for _, p := range append(pages, pages...) {
				for _, format := range []wire.Format{wire.JSON, wire.NDJSON} {
					parts, size, ok := sel.Stitched(p[0], p[1], format)
					require.True(t, ok)
					var flow bytes.Buffer
					require.NoError(t, sel.StitchTo(&flow, p[0], p[1], format))
					require.Equal(t, string(bytes.Join(parts, nil)), flow.String(), "the same when streamed")
					records := sel.Page(p[0], p[1])
					require.Equal(t, string(appendPage(nil, records, format)), string(gunzip(t, parts, size)), "%v %s", p, format)
					if len(records) > 0 {
						var last schema.Workflow
						require.NoError(t, json.Unmarshal(records[len(records)-1], &last))
						require.Equal(t, last.Workflow, sel.Last(p[0], p[1]))
					} else {
						require.Empty(t, sel.Last(p[0], p[1]))
					}
				}
			}
			require.Error(t, sel.StitchTo(io.Discard, 0, 10, wire.CSV))
			_, _, ok := sel.Stitched(0, 10, wire.CSV)
			require.False(t, ok)
			sorted, err := g.Select(t.Context(), wire.Query{Sort: []wire.SortKey{{Field: "Priority"}}})
			require.NoError(t, err)
			_, _, ok = sorted.Stitched(0, 10, wire.JSON)
			require.False(t, ok)
			if round == 0 {
				for range 100 {
					s.Apply([]join.Change{m.requestChange(nameOf(m.rng.IntN(600))), {Kind: join.Request, ID: nameOf(m.rng.IntN(500)), Deleted: true}})
				}
			}
		}
	})
}

func TestPlainForm(t *testing.T) {
	a, b := []byte(`{"a":1}`), []byte(`{"b":2}`)
	for want, page := range map[string][]byte{
		"[]\n":                      appendPage(nil, nil, wire.JSON),
		"":                          appendPage(nil, nil, wire.NDJSON),
		"x[{\"a\":1}]\n":            appendPage([]byte("x"), [][]byte{a}, wire.JSON),
		"[{\"a\":1},\n{\"b\":2}]\n": appendPage(nil, [][]byte{a, b}, wire.JSON),
		"{\"a\":1}\n{\"b\":2}\n":    appendPage(nil, [][]byte{a, b}, wire.NDJSON),
	} {
		require.Equal(t, want, string(page))
	}
}

func TestVersionsDependOnTheContent(t *testing.T) {
	m := newMaker(25)
	changes := someChanges(m, 300)
	g1, _ := loaded(t, Options{}, changes).Newest()
	s2 := loaded(t, Options{Process: "b"}, changes)
	g2, _ := s2.Newest()
	a, err := g1.Select(t.Context(), wire.Query{})
	require.NoError(t, err)
	b, err := g2.Select(t.Context(), wire.Query{})
	require.NoError(t, err)
	seen := map[uint64]string{}
	for _, p := range [][2]int{{0, 100}, {100, 100}, {0, 200}, {5, 1}, {0, 0}, {0, 63}, {0, 64}, {0, 65}} {
		require.Equal(t, versionsOf(t, a, p[0], p[1]), versionsOf(t, b, p[0], p[1]))
		require.Empty(t, seen[versionsOf(t, a, p[0], p[1])])
		seen[versionsOf(t, a, p[0], p[1])] = fmt.Sprint(p)
	}
	s2.Apply([]join.Change{m.requestChange(nameOf(150))})
	g3, _ := s2.Newest()
	c, err := g3.Select(t.Context(), wire.Query{})
	require.NoError(t, err)
	changed := slices.Index(slices.Sorted(maps.Keys(newNames(changes))), nameOf(150))
	require.NotEqual(t, versionsOf(t, a, changed, 1), versionsOf(t, c, changed, 1))
	require.Equal(t, versionsOf(t, a, changed+1, 99), versionsOf(t, c, changed+1, 99))
}

func newNames(changes []join.Change) map[string]bool {
	out := map[string]bool{}
	for _, c := range changes {
		if c.Kind == join.Request {
			out[c.ID] = true
		}
	}
	return out
}

func versionsOf(t *testing.T, l *List, idx, limit int) uint64 {
	t.Helper()
	v, err := l.Versions(t.Context(), idx, limit)
	require.NoError(t, err)
	return v
}

// appendPage appends the plain form of a page: for JSON an array with one record
// per line, for NDJSON one record per line.
func appendPage(dst []byte, records [][]byte, format wire.Format) []byte {
	size := 4
	for _, r := range records {
		size += len(r) + 2
	}
	if cap(dst)-len(dst) < size {
		dst = append(make([]byte, 0, len(dst)+size), dst...)
	}
	if format == wire.NDJSON {
		for _, r := range records {
			dst = append(append(dst, r...), '\n')
		}
		return dst
	}
	dst = append(dst, '[')
	for i, r := range records {
		if i > 0 {
			dst = append(dst, ",\n"...)
		}
		dst = append(dst, r...)
	}
	return append(dst, "]\n"...)
}
