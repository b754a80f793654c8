package table

import (
	"slices"

	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// patch replaces blocks from..to of a table.
type patch struct {
	from, to int
	blocks   []*block.Block
}

// with returns the table with patches applied; they are in order.
func (t *Table) with(patches []patch) *Table {
	n, moved := len(t.blocks), false
	for _, p := range patches {
		n += len(p.blocks) - (p.to - p.from)
	}
	next := &Table{Layout: t.Layout, blocks: make([]*block.Block, 0, n), bytes: t.bytes}
	done := 0
	for _, p := range patches {
		next.blocks = append(append(next.blocks, t.blocks[done:p.from]...), p.blocks...)
		done = p.to
		for _, b := range p.blocks {
			next.bytes += b.EncodedBytes()
		}
		for _, b := range t.blocks[p.from:p.to] {
			next.bytes -= b.EncodedBytes()
		}
		moved = moved || !slices.EqualFunc(p.blocks, t.blocks[p.from:p.to], func(a, b *block.Block) bool { return a.Len() == b.Len() })
	}
	next.blocks = append(next.blocks, t.blocks[done:]...)
	next.unpacked = t.unpackedWith(patches, len(next.blocks))
	if next.starts = t.starts; moved {
		next.starts = t.startsWith(patches, len(next.blocks))
	}
	return next
}

// startsWith returns the starts of the blocks after patches. It does not read
// the unchanged blocks: of a million records they are many, and none of them is
// in a core's cache.
func (t *Table) startsWith(patches []patch, blocks int) []int {
	starts := make([]int, 1, blocks+1)
	add := func(records int) { starts = append(starts, starts[len(starts)-1]+records) }
	done := 0
	for _, p := range append(patches, patch{from: len(t.blocks), to: len(t.blocks)}) {
		for k := done; k < p.from; k++ {
			add(t.starts[k+1] - t.starts[k])
		}
		for _, b := range p.blocks {
			add(b.Len())
		}
		done = p.to
	}
	return starts
}

// unpackedWith returns the unpacked columns of the table after patches, which
// has the given number of blocks: runs of unchanged blocks keep theirs.
func (t *Table) unpackedWith(patches []patch, blocks int) []*unpacked {
	next := make([]*unpacked, (blocks+runLength-1)/runLength)
	copy(next, t.unpacked)
	for _, p := range patches {
		to := (p.to + runLength - 1) / runLength
		if len(p.blocks) != p.to-p.from { // all later blocks move
			to = len(next)
		}
		for k := p.from / runLength; k < min(to, len(next)); k++ {
			next[k] = nil
		}
	}
	for k := range next {
		if next[k] == nil {
			next[k] = new(unpacked)
		}
	}
	return next
}
