package table

import (
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// runLength is the number of blocks whose columns are unpacked together.
const runLength = 64

// run is a group of consecutive blocks of a table. Scans go from run to run,
// over unpacked columns. Reading packed ones block by block costs 5 to 11 times
// as much at 200 000 records (BenchmarkFilter 4.8 and 4.9 ms instead of 0.44 and
// 0.97, BenchmarkFacets 17 and 33 ms instead of 1.5 and 6.3), 3 to 5 times at 20
// 000.
type run struct {
	blocks []*block.Block
	starts []int // places of the blocks in the table, and the end of the run
	kept   *unpacked
}

// start returns the place of the first record in the table.
func (r *run) start() int { return r.starts[0] }

// len returns the number of records.
func (r *run) len() int { return r.starts[len(r.blocks)] - r.starts[0] }

// at returns the place of block k's first record in the run.
func (r *run) at(k int) int { return r.starts[k] - r.starts[0] }

// unpacked are the requested columns of a run. Tables that have the same blocks
// share them, so a scan of a new table unpacks only the changed runs.
type unpacked struct {
	columns atomic.Pointer[[]atomic.Pointer[column]] // by column of the layout; nil before the first
	retired atomic.Bool                              // no later table has the run
}

// column is one column of a run.
type column struct {
	ints   []int64   // Int, Bool
	floats []float64 // Float
	codes  []uint32  // Code: one for each record; Codes: those of all records
	ends   []uint32  // Codes: where the codes of each record end
	empty  int       // Codes: records with an empty list
}

// list returns the codes of record i of a Codes column.
func (c *column) list(i int) []uint32 {
	if i == 0 {
		return c.codes[:c.ends[0]]
	}
	return c.codes[c.ends[i-1]:c.ends[i]]
}

// column returns a column, which must not be a text column. Two concurrent
// callers may both compute it; one of the equal results is kept. Retired runs
// keep none.
func (r *run) column(l *block.Layout, n int) *column {
	kept := r.kept.columns.Load()
	if kept == nil {
		if r.kept.retired.Load() {
			return r.unpack(&l.Columns[n])
		}
		none := make([]atomic.Pointer[column], len(l.Columns))
		r.kept.columns.CompareAndSwap(nil, &none)
		if kept = r.kept.columns.Load(); kept == nil { // retired meanwhile
			return r.unpack(&l.Columns[n])
		}
	}
	at := &(*kept)[n]
	if at.Load() == nil {
		at.CompareAndSwap(nil, r.unpack(&l.Columns[n]))
	}
	if r.kept.retired.Load() {
		r.kept.columns.Store(nil)
	}
	return at.Load()
}

func (r *run) unpack(col *block.Column) *column {
	c := &column{}
	switch n := r.len(); col.Kind {
	case block.Int, block.Bool:
		c.ints = make([]int64, 0, n)
	case block.Float:
		c.floats = make([]float64, 0, n)
	case block.Code:
		c.codes = make([]uint32, 0, n)
	case block.Codes:
		c.ends = make([]uint32, 0, n)
	}
	for _, b := range r.blocks {
		switch col.Kind {
		case block.Int, block.Bool:
			c.ints = b.AppendInts(c.ints, col)
		case block.Float:
			c.floats = b.AppendFloats(c.floats, col)
		case block.Code:
			c.codes = b.AppendCodes(c.codes, col)
		case block.Codes:
			c.codes, c.ends = b.AppendLists(c.codes, c.ends, col)
		}
	}
	for i := range c.ends {
		if len(c.list(i)) == 0 {
			c.empty++
		}
	}
	if col.Kind == block.Codes { // it was grown by append
		c.codes = slices.Clone(c.codes)
	}
	return c
}

// retire drops the columns; none are kept from now on.
func (u *unpacked) retire() {
	u.retired.Store(true)
	u.columns.Store(nil)
}

// bytes returns the memory of the columns.
func (u *unpacked) bytes() (n int64) {
	kept := u.columns.Load()
	if kept == nil {
		return 0
	}
	n = int64(cap(*kept)) * int64(unsafe.Sizeof((*kept)[0]))
	for i := range *kept {
		if c := (*kept)[i].Load(); c != nil {
			n += int64(unsafe.Sizeof(*c)) + int64(8*cap(c.ints)+8*cap(c.floats)+4*cap(c.codes)+4*cap(c.ends))
		}
	}
	return n
}
