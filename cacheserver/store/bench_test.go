package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/cache"
	"github.com/dmwm/wmstats/cacheserver/join"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// benchSize is the number of workflows: WMSTATS_BENCH_N, default 20 000.
func benchSize(b *testing.B) int {
	text := os.Getenv("WMSTATS_BENCH_N")
	if text == "" {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err)
	return n
}

// bench is one store for all benchmarks of a run: building it takes longer than
// each of them.
var bench struct {
	once  sync.Once
	store *Store
	maker *maker
	n     int
}

func benchStore(b *testing.B) (*Store, *maker, int) {
	b.Helper()
	bench.once.Do(func() {
		debug.SetGCPercent(20) // as the server sets it
		bench.n = benchSize(b)
		bench.maker = newMaker(1)
		kept, err := cache.New(64 << 20)
		require.NoError(b, err)
		s, err := New(Options{Cache: kept, Memory: 2 << 30})
		require.NoError(b, err)
		l := s.BeginLoad()
		for from := 0; from < bench.n; from += 1000 {
			l.Add(flatRecords(bench.maker, from, min(from+1000, bench.n)))
		}
		_, err = l.Commit()
		require.NoError(b, err)
		bench.store = s
	})
	return bench.store, bench.maker, bench.n
}

// cpu reports the processor time of the process: on a shared machine it is more
// meaningful than elapsed time.
func cpu(b *testing.B) func() {
	used := func() int64 {
		var u syscall.Rusage
		require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/1000/float64(b.N), "cpu-us/op") }
}

// flatRecords makes requests, and an agent's reports for a third of them.
func flatRecords(m *maker, from, to int) []join.Change {
	var out []join.Change
	for i := from; i < to; i++ {
		out = append(out, m.requestChange(nameOf(i)))
		if i%3 == 0 {
			out = append(out, m.partChange(nameOf(i), i%24, start))
		}
	}
	return out
}

func BenchmarkLoad(b *testing.B) {
	n := min(benchSize(b), 20_000)
	changes := flatRecords(newMaker(2), 0, n)
	defer cpu(b)()
	for b.Loop() {
		loaded(b, Options{}, changes)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(changes)), "ns/document")
}

func BenchmarkMemory(b *testing.B) {
	s, m, n := benchStore(b)
	defer cpu(b)()
	for b.Loop() {
		for range 50 {
			s.Apply([]join.Change{m.requestChange(nameOf(m.rng.IntN(n)))})
		}
	}
	debug.FreeOSMemory()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	encoded := float64(s.Info().Bytes)
	b.ReportMetric(encoded/float64(n), "encoded-B/record")
	b.ReportMetric(float64(mem.HeapAlloc)/encoded, "heap/encoded")
	b.ReportMetric(float64(resident(b))/encoded, "RSS/encoded")
}

// resident returns the resident memory of the process, in bytes.
func resident(b *testing.B) int64 {
	f, err := os.Open("/proc/self/status")
	require.NoError(b, err)
	defer func() { require.NoError(b, f.Close()) }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if kb, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(kb, "kB")), 10, 64)
			require.NoError(b, err)
			return n << 10
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// BenchmarkPublish is one changed request: its own encoding is reported
// separately.
func BenchmarkPublish(b *testing.B) {
	s, m, n := benchStore(b)
	changes := make([]join.Change, 1000)
	for i := range changes {
		changes[i] = m.requestChange(nameOf(m.rng.IntN(n)))
	}
	b.Run("change", func(b *testing.B) {
		b.ReportAllocs()
		defer cpu(b)()
		for i := 0; b.Loop(); i++ {
			c := changes[i%len(changes)]
			c.Hash = uint64(i)*2 + 1
			s.Apply([]join.Change{c})
		}
	})
	b.Run("encoding", func(b *testing.B) {
		var buf []byte
		defer cpu(b)()
		for i := 0; b.Loop(); i++ {
			w := *changes[i%len(changes)].Workflow
			schema.Join(&w, nil)
			buf = schema.AppendJSON(buf[:0], &w)
		}
	})
}

func BenchmarkPage(b *testing.B) {
	s, _, n := benchStore(b)
	g, _ := s.Newest()
	sel, err := g.Select(b.Context(), wire.Query{})
	require.NoError(b, err)
	page := func(b *testing.B, idx func(i int) int, limit int) {
		var out int64
		defer cpu(b)()
		for i := 0; b.Loop(); i++ {
			_, size, ok := sel.Stitched(idx(i), limit, wire.JSON)
			require.True(b, ok)
			out += size
		}
		b.ReportMetric(float64(out)/float64(b.N), "B/page")
	}
	b.Run("hot", func(b *testing.B) { page(b, func(int) int { return 1000 }, 100) })
	b.Run("hot-1000", func(b *testing.B) { page(b, func(int) int { return 1000 }, 1000) })
	b.Run("odd", func(b *testing.B) { page(b, func(i int) int { return (i*7919 + 13) % (n - 100) }, 100) })
	b.Run("identity", func(b *testing.B) {
		var buf []byte
		defer cpu(b)()
		for b.Loop() {
			buf = appendPage(buf[:0], sel.Page(1000, 100), wire.JSON)
		}
	})
	b.Run("versions", func(b *testing.B) {
		defer cpu(b)()
		for b.Loop() {
			if _, err := sel.Versions(b.Context(), 1000, 100); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("naive", func(b *testing.B) {
		var list []schema.Workflow
		for _, r := range sel.Page(1000, 100) {
			var w schema.Workflow
			require.NoError(b, json.Unmarshal(r, &w))
			list = append(list, w)
		}
		var out bytes.Buffer
		defer cpu(b)()
		for b.Loop() {
			out.Reset()
			text, err := json.Marshal(list)
			require.NoError(b, err)
			zw := gzip.NewWriter(&out)
			_, err = zw.Write(text)
			require.NoError(b, err)
			require.NoError(b, zw.Close())
		}
		b.ReportMetric(float64(out.Len()), "B/page")
	})
}

// fresh returns the same generation with nothing kept, so that each iteration
// does all the work; columns stay unpacked.
func fresh(g *Generation) *Generation {
	return &Generation{id: g.id, time: g.time, with: newReaders(Options{Cache: (*cache.Cache)(nil), Log: g.with.opt.Log, Now: g.with.opt.Now}), table: g.table, sums: g.sums, state: g.state}
}

func in(field string, values ...string) wire.Term {
	return wire.Term{Field: field, Op: wire.In, Values: values}
}

func BenchmarkFilter(b *testing.B) {
	s, m, _ := benchStore(b)
	g, _ := s.Newest()
	campaigns := g.Campaigns()
	b.Run("3-facets-sort-page", func(b *testing.B) {
		defer cpu(b)()
		for b.Loop() {
			q := wire.Query{
				Terms: []wire.Term{in("Status", "running-open", "acquired"), in("Campaign", campaigns[m.rng.IntN(len(campaigns))].Campaign), in("Type", "TaskChain")},
				Sort:  []wire.SortKey{{Field: "Priority", Desc: true}},
			}
			l, err := fresh(g).Select(b.Context(), q)
			require.NoError(b, err)
			l.Page(0, 100)
		}
	})
	b.Run("3-broad-facets-sort-page", func(b *testing.B) {
		defer cpu(b)()
		for b.Loop() {
			q := wire.Query{
				Terms: []wire.Term{in("Status", "running-open", "acquired", "announced"), in("Sites", "T1_US_Site0*"), in("Type", "TaskChain", "StepChain")},
				Sort:  []wire.SortKey{{Field: "Priority", Desc: true}},
			}
			l, err := fresh(g).Select(b.Context(), q)
			require.NoError(b, err)
			l.Page(0, 100)
		}
	})
}

func BenchmarkFacets(b *testing.B) {
	s, _, _ := benchStore(b)
	g, _ := s.Newest()
	var facets []wire.Facet
	for _, field := range []string{"Status", "Type", "Campaign", "Release", "Team", "Sites", "Agents", "Alerts"} {
		facets = append(facets, wire.Facet{Field: field})
	}
	for name, terms := range map[string][]wire.Term{
		"8-unfiltered": nil,
		"8-filtered":   {in("Status", "running-open", "acquired"), in("Type", "TaskChain", "StepChain")},
	} {
		b.Run(name, func(b *testing.B) {
			defer cpu(b)()
			for b.Loop() {
				_, err := fresh(g).Facets(b.Context(), wire.Query{Terms: terms, Facets: facets})
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkSort(b *testing.B) {
	s, _, _ := benchStore(b)
	g, _ := s.Newest()
	sign(g)
	for _, field := range []string{"Priority", "StatusTime", "OutputBytes", "JobProgress", "Campaign", "Sites", "PrepID", "OutputDatasets"} {
		b.Run(field, func(b *testing.B) {
			defer cpu(b)()
			for b.Loop() {
				l, err := fresh(g).SelectFirst(b.Context(), wire.Query{Sort: []wire.SortKey{{Field: field, Desc: true}}}, 100)
				require.NoError(b, err)
				l.Page(0, 100)
			}
		})
	}
}

// BenchmarkSortAgain is a sort of all workflows after one of them changed.
func BenchmarkSortAgain(b *testing.B) {
	s, m, n := benchStore(b)
	for _, field := range []string{"Priority", "Sites", "PrepID"} {
		q := wire.Query{Sort: []wire.SortKey{{Field: field, Desc: true}}}
		b.Run(field, func(b *testing.B) {
			g, _ := s.Newest()
			_, err := g.Select(b.Context(), q)
			require.NoError(b, err)
			defer cpu(b)()
			for b.Loop() {
				b.StopTimer()
				s.Apply([]join.Change{m.requestChange(nameOf(m.rng.IntN(n)))})
				g, _ := s.Newest()
				b.StartTimer()
				_, err := g.Select(b.Context(), q)
				require.NoError(b, err)
			}
		})
	}
}
