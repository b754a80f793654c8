package table

import (
	"slices"

	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// Pages are cheapest where they begin and end with blocks. That is so while
// all blocks have block.Size records; each record that comes or goes shifts
// what is behind it. Alignment is brought back a few blocks at a time, from
// the front, so that it can be done beside writers: what they changed in the
// meantime makes one step void, nothing else.

// Lengths of one step: at least so many blocks and records, if there are any.
// Each step leaves one block behind that the next one begins with.
const (
	alignBlocks  = 16
	alignRecords = 2 * block.Size
)

// Alignment is a run of blocks and what is to take its place: the same records
// in blocks of block.Size.
type Alignment struct {
	Old, New []*block.Block
}

// Dropped is the memory of the old blocks that are not among the new ones.
func (a *Alignment) Dropped() (bytes int64) {
	for _, b := range a.Old {
		if !slices.Contains(a.New, b) {
			bytes += b.Size()
		}
	}
	return bytes
}

// misaligned gives the first block that has not block.Size records and is not
// the last one; all before it are in place.
func (t *Table) misaligned() (chunk, at int, ok bool) {
	for k, c := range t.chunks {
		last := k == len(t.chunks)-1 && c.odd == len(c.Blocks)-1
		if c.odd < len(c.Blocks) && !last {
			return k, c.odd, true
		}
	}
	return 0, 0, false
}

// Aligned says that each block but the last one has block.Size records.
func (t *Table) Aligned() bool {
	_, _, found := t.misaligned()
	return !found
}

// Align makes the next step that brings t nearer to being aligned; ok is false
// when it is. The step is not in the table before Put.
func (e *Editor) Align(t *Table) (a Alignment, ok bool) {
	k, from, ok := t.misaligned()
	if !ok {
		return Alignment{}, false
	}
	a.Old = t.window(k, from)
	for _, b := range a.Old {
		if e.builder.Len() == 0 && b.Len() == block.Size {
			a.New = append(a.New, b)
			continue
		}
		for i := 0; i < b.Len(); {
			n := min(b.Len()-i, block.Size-e.builder.Len())
			e.builder.Copy(b, i, i+n)
			i += n
			a.New = e.flush(a.New, block.Size)
		}
	}
	a.New = e.flush(a.New, 1)
	return a, true
}

// window gives the blocks of one step, from block from of chunk k on.
func (t *Table) window(k, from int) (blocks []*block.Block) {
	records := 0
	for ; k < len(t.chunks); k, from = k+1, 0 {
		for _, b := range t.chunks[k].Blocks[from:] {
			if len(blocks) >= alignBlocks && records >= alignRecords {
				return blocks
			}
			blocks = append(blocks, b)
			records += b.Len()
		}
	}
	return blocks
}

// Put gives the table with the new blocks of a where the old ones are; ok is
// false when t has not all of the old ones, one after the other.
func (t *Table) Put(a Alignment) (next *Table, ok bool) {
	name := string(a.Old[0].Name(t.Layout, 0))
	if len(t.chunks) == 0 {
		return nil, false
	}
	k := t.chunkFor(name)
	end := k + 1
	from := t.chunks[k].blockFor(t.Layout, name)
	blocks := t.chunks[k].Blocks
	for len(blocks) < from+len(a.Old) && end < len(t.chunks) {
		blocks = slices.Concat(blocks, t.chunks[end].Blocks)
		end++
	}
	to := from + len(a.Old)
	if to > len(blocks) || !slices.Equal(blocks[from:to], a.Old) {
		return nil, false
	}
	blocks = slices.Concat(blocks[:from], a.New, blocks[to:])
	chunks := slices.Clone(t.chunks[:k])
	if len(blocks) <= maxChunk && end == k+1 {
		chunks = append(chunks, newChunk(t.Layout, blocks))
	} else {
		chunks = cut(t.Layout, chunks, blocks)
	}
	return fromChunks(t.Layout, append(chunks, t.chunks[end:]...)), true
}
