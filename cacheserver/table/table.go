// Package table holds all workflow records of one generation: an immutable list
// in the order of names, with filters, orders, facets, stats and text search. An
// edit returns a new table that shares all unchanged blocks. A record is
// identified by its place in the order of names, 0..Len-1, which is valid for
// one table only. The package has no lock and no clock, and does not know
// documents or generations.
package table

import (
	"sort"

	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// Table is an immutable list of records. See the package comment.
type Table struct {
	Layout *block.Layout

	blocks []*block.Block
	starts []int // place of each block's first record; the last one is Len. Shared by tables.
	bytes  int64 // of encoded records

	unpacked []*unpacked // by run
}

// New returns a table of blocks that are in order.
func New(l *block.Layout, blocks []*block.Block) *Table {
	t := &Table{Layout: l, blocks: blocks, starts: make([]int, len(blocks)+1)}
	for k, b := range blocks {
		t.starts[k+1] = t.starts[k] + b.Len()
		t.bytes += b.EncodedBytes()
	}
	t.unpacked = make([]*unpacked, (len(blocks)+runLength-1)/runLength)
	for k := range t.unpacked {
		t.unpacked[k] = new(unpacked)
	}
	return t
}

// Len returns the number of records.
func (t *Table) Len() int { return t.starts[len(t.blocks)] }

// EncodedBytes returns the length of all encoded records.
func (t *Table) EncodedBytes() int64 { return t.bytes }

// Blocks returns the blocks in order. They must not be changed.
func (t *Table) Blocks() []*block.Block { return t.blocks }

// At returns the block of a record, and its index there.
func (t *Table) At(at int) (b *block.Block, i int) {
	k := t.blockAt(at)
	return t.blocks[k], at - t.starts[k]
}

// blockAt returns the number of the block of a record.
func (t *Table) blockAt(at int) int {
	return sort.Search(len(t.blocks), func(k int) bool { return t.starts[k+1] > at })
}

// Search returns the place of the first record whose name is not before name,
// and whether the names are equal.
func (t *Table) Search(name string) (at int, found bool) {
	if len(t.blocks) == 0 {
		return 0, false
	}
	k := t.blockFor(name)
	i, found := t.blocks[k].Search(t.Layout, name)
	return t.starts[k] + i, found
}

// blockFor returns the last block that begins at or before name, otherwise the
// first.
func (t *Table) blockFor(name string) int {
	return max(0, sort.Search(len(t.blocks), func(k int) bool { return string(t.blocks[k].Name(t.Layout, 0)) > name })-1)
}

// Range calls f for the blocks with records from..to, with the part of each that
// is in the range, until f returns false.
func (t *Table) Range(from, to int, f func(b *block.Block, i, j int) bool) {
	if from >= to {
		return
	}
	for k := t.blockAt(from); from < to; k++ {
		i, j := from-t.starts[k], min(to, t.starts[k+1])-t.starts[k]
		if !f(t.blocks[k], i, j) {
			return
		}
		from = t.starts[k+1]
	}
}

// runs returns the number of runs.
func (t *Table) runs() int { return len(t.unpacked) }

// run returns run k.
func (t *Table) run(k int) run {
	from := k * runLength
	to := min(from+runLength, len(t.blocks))
	return run{blocks: t.blocks[from:to], starts: t.starts[from : to+1], kept: t.unpacked[k]}
}
