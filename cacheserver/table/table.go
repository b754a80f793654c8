// Package table holds all workflow records of one generation: an immutable list
// in the order of names, and the questions about it (filters, order, facets,
// stats, text search). An edit makes a new table that shares all blocks it did
// not touch. A record is known by its place in the order of names, 0..Len-1,
// which is right for one table only. The package has no lock, no clock, and
// knows nothing of documents and generations.
package table

import (
	"slices"
	"sort"
	"sync/atomic"

	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// Lengths of blocks, in records, and of chunks, in blocks.
const (
	maxBlock   = 100 // a longer block is split
	minBlock   = 25  // a shorter block is joined with a neighbour
	joinBlock  = 75  // unless both have more than that
	chunkSize  = 64
	maxChunk   = 128
	minChunk   = 16
	joinChunk  = 96
	chunkWords = 64 // bits of a word in a Set
)

// Table is immutable.
type Table struct {
	Layout *block.Layout

	chunks []*Chunk
	starts []int // place of each chunk's first record; the last one is Len
	words  []int // first word of each chunk in a Set; the last one is their number
	bytes  int64 // of encoded records
	blocks int
}

// Chunk is a run of consecutive blocks.
type Chunk struct {
	Blocks []*block.Block
	Starts []int // place of each block's first record in the chunk; the last one is Len

	first   string // name of the first record
	odd     int    // first block whose length is not block.Size; their number if none
	bytes   int64
	warm    atomic.Uint32          // bits that Settle has set
	panes   atomic.Pointer[[]pane] // by column; nil before the first of them
	retired atomic.Bool            // no later table has it
}

// Len is the number of records of the chunk.
func (c *Chunk) Len() int { return c.Starts[len(c.Blocks)] }

// Block gives the block of record i of the chunk, and the place in it.
func (c *Chunk) Block(i int) (b *block.Block, at int) {
	k, at := c.find(i)
	return c.Blocks[k], at
}

// find gives the number of the block of record i of the chunk, and the place in it.
func (c *Chunk) find(i int) (k, at int) {
	k = sort.Search(len(c.Blocks), func(k int) bool { return c.Starts[k+1] > i })
	return k, i - c.Starts[k]
}

// Settled says that all of what has been set before with Settle; bits are the
// caller's, for what it has made of each block of the chunk.
func (c *Chunk) Settled(bits uint32) bool { return c.warm.Load()&bits == bits }

// Settle notes that something is made of each block.
func (c *Chunk) Settle(bits uint32) { c.warm.Or(bits) }

// New makes a table of blocks that are in order.
func New(l *block.Layout, blocks []*block.Block) *Table {
	return fromChunks(l, cut(l, nil, blocks))
}

func newChunk(l *block.Layout, blocks []*block.Block) *Chunk {
	c := &Chunk{
		Blocks: blocks,
		Starts: make([]int, len(blocks)+1),
		first:  string(blocks[0].Name(l, 0)),
		odd:    len(blocks),
	}
	for i, b := range blocks {
		if b.Len() != block.Size && i < c.odd {
			c.odd = i
		}
		c.Starts[i+1] = c.Starts[i] + b.Len()
		c.bytes += b.EncodedBytes()
	}
	return c
}

// withBlock gives the chunk with another block n of as many records, of the same
// names.
func (c *Chunk) withBlock(n int, b *block.Block) *Chunk {
	next := &Chunk{
		Blocks: slices.Clone(c.Blocks), Starts: c.Starts, first: c.first, odd: c.odd,
		bytes: c.bytes + b.EncodedBytes() - c.Blocks[n].EncodedBytes(),
	}
	next.Blocks[n] = b
	return next
}

// cut makes chunks of equal length from blocks and appends them.
func cut(l *block.Layout, dst []*Chunk, blocks []*block.Block) []*Chunk {
	for n := (len(blocks) + chunkSize - 1) / chunkSize; n > 0; n-- {
		k := (len(blocks) + n - 1) / n
		dst = append(dst, newChunk(l, blocks[:k:k]))
		blocks = blocks[k:]
	}
	return dst
}

// withChunk gives the table with another chunk k. The other chunks are not looked
// at: at a million records they are many, and none of them is in a core's cache.
func (t *Table) withChunk(k int, c *Chunk) *Table {
	old := t.chunks[k]
	next := &Table{
		Layout: t.Layout, chunks: slices.Clone(t.chunks), starts: t.starts, words: t.words,
		bytes: t.bytes + c.bytes - old.bytes, blocks: t.blocks + len(c.Blocks) - len(old.Blocks),
	}
	next.chunks[k] = c
	if n := c.Len() - old.Len(); n != 0 {
		next.starts = slices.Clone(t.starts)
		shift(next.starts[k+1:], n)
	}
	if n := wordsOf(c) - wordsOf(old); n != 0 {
		next.words = slices.Clone(t.words)
		shift(next.words[k+1:], n)
	}
	return next
}

func shift(places []int, by int) {
	for i := range places {
		places[i] += by
	}
}

// wordsOf is the number of words of a chunk in a Set.
func wordsOf(c *Chunk) int { return (c.Len() + chunkWords - 1) / chunkWords }

func fromChunks(l *block.Layout, chunks []*Chunk) *Table {
	n := len(chunks) + 1
	t := &Table{Layout: l, chunks: chunks, starts: make([]int, n), words: make([]int, n)}
	for i, c := range chunks {
		t.starts[i+1] = t.starts[i] + c.Len()
		t.words[i+1] = t.words[i] + wordsOf(c)
		t.bytes += c.bytes
		t.blocks += len(c.Blocks)
	}
	return t
}

// Len is the number of records.
func (t *Table) Len() int { return t.starts[len(t.chunks)] }

// EncodedBytes is the length of all encoded records.
func (t *Table) EncodedBytes() int64 { return t.bytes }

// Blocks is the number of blocks.
func (t *Table) Blocks() int { return t.blocks }

// Chunks gives the chunks in order. They must not be changed.
func (t *Table) Chunks() []*Chunk { return t.chunks }

// Start is the place of the first record of a chunk.
func (t *Table) Start(chunk int) int { return t.starts[chunk] }

// ChunkOf gives the chunk of a record.
func (t *Table) ChunkOf(at int) int {
	return sort.Search(len(t.chunks), func(k int) bool { return t.starts[k+1] > at })
}

// at is At for a place that may be none.
func (t *Table) at(at int) (b *block.Block, i int, there bool) {
	if at < 0 || at >= t.Len() {
		return nil, 0, false
	}
	b, i = t.At(at)
	return b, i, true
}

// At gives the block of a record, and the place in it.
func (t *Table) At(at int) (*block.Block, int) {
	k := t.ChunkOf(at)
	return t.chunks[k].Block(at - t.starts[k])
}

// Search gives the place of the first record that is not before name, and
// whether it is name's.
func (t *Table) Search(name string) (at int, found bool) {
	if len(t.chunks) == 0 {
		return 0, false
	}
	k := t.chunkFor(name)
	c := t.chunks[k]
	b := c.blockFor(t.Layout, name)
	i, found := c.Blocks[b].Search(t.Layout, name)
	return t.starts[k] + c.Starts[b] + i, found
}

// chunkFor gives the last chunk that begins at or before name, else the first.
func (t *Table) chunkFor(name string) int {
	return max(0, sort.Search(len(t.chunks), func(k int) bool { return t.chunks[k].first > name })-1)
}

// blockFor gives the last block that begins at or before name, else the first.
func (c *Chunk) blockFor(l *block.Layout, name string) int {
	return max(0, sort.Search(len(c.Blocks), func(k int) bool { return string(c.Blocks[k].Name(l, 0)) > name })-1)
}

// Range calls f for the blocks that hold records from..to, with the part of
// each that lies in the range, until f returns false.
func (t *Table) Range(from, to int, f func(b *block.Block, i, j int) bool) {
	if from >= to {
		return
	}
	k := t.ChunkOf(from)
	c := t.chunks[k]
	at := from - t.starts[k]
	n := sort.Search(len(c.Blocks), func(n int) bool { return c.Starts[n+1] > at })
	for i := at - c.Starts[n]; from < to; {
		b := c.Blocks[n]
		j := min(b.Len(), i+to-from)
		if !f(b, i, j) {
			return
		}
		from, i, n = from+j-i, 0, n+1
		if n == len(c.Blocks) && from < to {
			k, n = k+1, 0
			c = t.chunks[k]
		}
	}
}
