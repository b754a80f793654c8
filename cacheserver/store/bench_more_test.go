package store

import (
	"bytes"
	"compress/gzip"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/schema/wire"
)

// BenchmarkSearch is q= without any kept result: rare matches few workflows,
// none matches none, short has no signature; frequent is in the common beginning
// of neighbours, frequent-inside after it.
func BenchmarkSearch(b *testing.B) {
	s, _, _ := benchStore(b)
	g, _ := s.Newest()
	sign(g)
	for _, c := range []struct{ name, text string }{
		{"rare", "00123__V1"}, {"none", "zerobias_2049"}, {"frequent", "run3"}, {"short", "zz"}, {"frequent-inside", "__v1_t_25"},
	} {
		b.Run(c.name, func(b *testing.B) {
			defer cpu(b)()
			total := 0
			for b.Loop() {
				l, err := fresh(g).Select(b.Context(), wire.Query{Text: c.text})
				require.NoError(b, err)
				total = l.Total()
			}
			b.ReportMetric(float64(total), "workflows")
		})
	}
}

// sign makes the data that the first search and the first sort by a text need.
func sign(g *Generation) {
	g.table.Range(0, g.table.Len(), func(b *block.Block, _, _ int) bool {
		b.MayHold(g.table.Layout, block.RowsOf("any"), make([]uint64, (b.Len()+63)/64))
		b.Extremes(g.table.Layout, g.table.Layout.Searched[0])
		return true
	})
}

// BenchmarkStitchedSize is the length of stitched pages relative to gzip -6 of
// the same page.
func BenchmarkStitchedSize(b *testing.B) {
	n := min(benchSize(b), 5_000)
	g := must(loaded(b, Options{}, flatRecords(newMaker(3), 0, n)))
	l, err := g.Select(b.Context(), wire.Query{})
	require.NoError(b, err)
	for name, limit := range map[string]int{"100": 100, "1000": 1000, "all": n} {
		b.Run(name, func(b *testing.B) {
			var whole bytes.Buffer
			zw := gzip.NewWriter(&whole)
			_, err := zw.Write(appendPage(nil, l.Page(0, limit), wire.JSON))
			require.NoError(b, err)
			require.NoError(b, zw.Close())
			var size int64
			for b.Loop() {
				_, size, _ = l.Stitched(0, limit, wire.JSON)
			}
			b.ReportMetric(float64(size)/float64(whole.Len()), "of-gzip-6")
		})
	}
}

// BenchmarkWarmMemory is BenchmarkMemory with all segments.
func BenchmarkWarmMemory(b *testing.B) {
	s, _, _ := benchStore(b)
	g, _ := s.Newest()
	for b.Loop() {
		sign(g)
		warm(b, g)
	}
	debug.FreeOSMemory()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	encoded := float64(s.Info().Bytes)
	b.ReportMetric(float64(mem.HeapAlloc)/encoded, "heap/encoded")
	b.ReportMetric(float64(resident(b))/encoded, "RSS/encoded")
}
