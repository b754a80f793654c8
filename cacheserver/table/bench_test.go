package table

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/cacheserver/table/block"
	"github.com/dmwm/wmstats/mock/flat"
	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// bench is one table for all benchmarks of a run: building it takes longer than
// each of them. WMSTATS_BENCH_N is its number of records, default 20 000.
var bench struct {
	once   sync.Once
	table  *Table
	editor *Editor
	edits  []Edit // each replaces a record by one with other numbers
	heap   float64
}

func benchTable(b *testing.B) *Table {
	b.Helper()
	bench.once.Do(func() {
		debug.SetGCPercent(20) // as the server sets it
		n := 20_000
		if text := os.Getenv("WMSTATS_BENCH_N"); text != "" {
			var err error
			n, err = strconv.Atoi(text)
			require.NoError(b, err)
		}
		source := flat.New(1)
		l, err := block.NewLayout()
		require.NoError(b, err)
		bench.editor = NewEditor(l)
		record := func(i int) schema.Workflow {
			w := source.Record(i)
			w.Workflow = fmt.Sprintf("pdmvserv_task_%s-Run3Summer22wmLHEGS-%06d__v1_T_25%04d_%06d_%04d",
				[]string{"EXO", "HIG", "SMP", "SUS", "TOP"}[5*i/n], i, i%1231, i%86399, i%9973)
			return w
		}
		builder := block.NewBuilder(l)
		var blocks []*block.Block
		var encoded []byte
		for i := range n {
			w := record(i)
			encoded = schema.AppendJSON(encoded[:0], &w)
			builder.Add(&w, encoded, block.Source{IDs: []byte{1, 2, 3}, Version: uint64(i)})
			if builder.Len() == block.Size || i == n-1 {
				blocks = append(blocks, builder.Build())
			}
		}
		bench.table = New(l, blocks)
		for k := range 1000 {
			w := record(k * 7919 % n)
			w.Success += 7
			w.Priority += int64(k % 3)
			w.StatusTime += 60
			bench.edits = append(bench.edits, Edit{Name: w.Workflow, Record: &w, Encoded: schema.AppendJSON(nil, &w)})
		}
		runtime.GC()
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		bench.heap = float64(mem.HeapAlloc) / float64(bench.table.EncodedBytes())
	})
	b.ReportMetric(bench.heap, "heap/encoded")
	return bench.table
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

// BenchmarkReplace replaces one record, as nearly all edits do; ten are ten at
// once.
func BenchmarkReplace(b *testing.B) {
	t := benchTable(b)
	for _, n := range []int{1, 10} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			next := t
			edits := make([]Edit, n)
			defer cpu(b)()
			for i := 0; b.Loop(); i++ {
				for k := range edits {
					edits[k] = bench.edits[(i*n+k)%len(bench.edits)]
				}
				slices.SortFunc(edits, func(x, y Edit) int { return cmp.Compare(x.Name, y.Name) })
				next = bench.editor.Replace(next, edits)
			}
			require.Equal(b, t.Len(), next.Len())
		})
	}
}

func in(field string, values ...string) wire.Term {
	return wire.Term{Field: field, Op: wire.In, Values: values}
}

var (
	narrowTerms = []wire.Term{in("Status", "running-open", "acquired"), in("Campaign", "Run3Summer22*"), in("Type", "TaskChain")}
	broadTerms  = []wire.Term{in("Status", "running-open", "acquired", "announced"), in("Sites", "T1_US*", "T2_CH*"), in("Type", "TaskChain", "StepChain")}
	numberTerms = []wire.Term{{Field: "Priority", Op: wire.Min, Number: 80000}, {Field: "JobProgress", Op: wire.Max, Number: 50}}
)

// BenchmarkFilter is the cost of conditions; columns stay unpacked.
func BenchmarkFilter(b *testing.B) {
	t := benchTable(b)
	for _, c := range []struct {
		name  string
		terms []wire.Term
	}{{"narrow", narrowTerms}, {"broad", broadTerms}, {"numbers", numberTerms}} {
		b.Run(c.name, func(b *testing.B) {
			n := 0
			defer cpu(b)()
			for b.Loop() {
				s, err := t.Scan(unbounded(), 0, wire.Query{Terms: c.terms})
				require.NoError(b, err)
				set, err := s.Matches("")
				require.NoError(b, err)
				n = set.Len()
			}
			b.ReportMetric(float64(n), "matches")
		})
	}
}

func BenchmarkFacets(b *testing.B) {
	t := benchTable(b)
	for name, terms := range map[string][]wire.Term{"all": nil, "filtered": broadTerms} {
		b.Run(name, func(b *testing.B) {
			defer cpu(b)()
			for b.Loop() {
				s, err := t.Scan(unbounded(), 0, wire.Query{Terms: terms})
				require.NoError(b, err)
				for _, field := range []string{"Status", "Type", "Campaign", "Release", "Team", "Sites", "Agents", "Alerts"} {
					_, err := s.Facet(wire.Facet{Field: field}, "")
					require.NoError(b, err)
				}
			}
		})
	}
	b.Run("stats", func(b *testing.B) {
		defer cpu(b)()
		for b.Loop() {
			s, err := t.Scan(unbounded(), 0, wire.Query{})
			require.NoError(b, err)
			_, _, err = s.Stats([]string{"Campaign", "Status"}, []string{"Success", "Running"})
			require.NoError(b, err)
		}
	})
}

var sortFields = []string{"Priority", "StatusTime", "JobProgress", "Campaign", "Sites", "PrepID", "OutputDatasets"}

func BenchmarkOrder(b *testing.B) {
	t := benchTable(b)
	for _, field := range sortFields {
		b.Run(field, func(b *testing.B) {
			defer cpu(b)()
			for b.Loop() {
				_, err := t.Order(unbounded(), nil, []wire.SortKey{{Field: field, Desc: true}})
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkTop(b *testing.B) {
	t := benchTable(b)
	for _, field := range sortFields {
		b.Run(field, func(b *testing.B) {
			defer cpu(b)()
			for b.Loop() {
				_, err := t.Top(unbounded(), []wire.SortKey{{Field: field, Desc: true}}, 128)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkSearch(b *testing.B) {
	t := benchTable(b)
	for _, c := range []struct{ name, text string }{
		{"rare", "00123__V1"}, {"none", "zerobias_2049"}, {"frequent", "run3"}, {"short", "zz"}, {"letter", "~"}, {"inside", "__v1_t_25"},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := 0
			defer cpu(b)()
			for b.Loop() {
				s, err := t.Scan(unbounded(), 0, wire.Query{Text: c.text})
				require.NoError(b, err)
				set, err := s.Matches("")
				require.NoError(b, err)
				n = set.Len()
			}
			b.ReportMetric(float64(n), "matches")
		})
	}
}
