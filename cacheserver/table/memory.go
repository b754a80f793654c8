package table

import (
	"slices"
	"unsafe"

	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// Left gives what t has and next, a later table, has not: chunks, and blocks.
func (t *Table) Left(next *Table) (chunks []*Chunk, blocks []*block.Block) {
	chunks, fresh := apart(t.chunks, next.chunks)
	if len(chunks) == 1 && len(fresh) == 1 { // the usual case: nothing is copied
		blocks, _ = apart(chunks[0].Blocks, fresh[0].Blocks)
		return chunks, blocks
	}
	blocks, _ = apart(blocksOf(chunks), blocksOf(fresh))
	return chunks, blocks
}

func blocksOf(chunks []*Chunk) (all []*block.Block) {
	for _, c := range chunks {
		all = append(all, c.Blocks...)
	}
	return all
}

// apart gives the elements of a that b has not, and those of b that a has not.
func apart[T comparable](a, b []T) (onlyA, onlyB []T) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) <= 1 && len(b) <= 1 {
		return slices.Clone(a), slices.Clone(b)
	}
	return missing(a, b), missing(b, a)
}

// missing gives the elements of a that b has not.
func missing[T comparable](a, b []T) (out []T) {
	has := make(map[T]struct{}, len(b))
	for _, v := range b {
		has[v] = struct{}{}
	}
	for _, v := range a {
		if _, there := has[v]; !there {
			out = append(out, v)
		}
	}
	return out
}

// Size is about the memory of a table without its chunks, in bytes; other tables
// may share its places.
func (t *Table) Size() int64 {
	return block.Allocated(int64(unsafe.Sizeof(*t))) + block.Allocated(8*int64(cap(t.chunks)))
}

// Places is the memory of the places of chunks, in bytes, and where it is: tables
// of equal chunks share it.
func (t *Table) Places() (pieces [2]block.Piece) {
	for i, list := range [][]int{t.starts, t.words} {
		pieces[i] = block.Piece{At: unsafe.Pointer(unsafe.SliceData(list)), Bytes: block.Allocated(8 * int64(cap(list)))}
	}
	return pieces
}

// Size is the memory of a chunk without its blocks and columns, in bytes.
func (c *Chunk) Size() int64 {
	return int64(unsafe.Sizeof(*c)) + 8*int64(cap(c.Blocks)) + int64(len(c.first))
}

// Places is the memory of the places of blocks, and where it is: chunks of equal
// blocks share it.
func (c *Chunk) Places() block.Piece {
	return block.Piece{At: unsafe.Pointer(unsafe.SliceData(c.Starts)), Bytes: block.Allocated(8 * int64(cap(c.Starts)))}
}

// Decoded is the memory of the columns that are unpacked, in bytes.
func (c *Chunk) Decoded() (bytes int64) {
	panes := c.panes.Load()
	if panes == nil {
		return 0
	}
	bytes = int64(cap(*panes)) * int64(unsafe.Sizeof(pane{}))
	for i := range *panes {
		if p := (*panes)[i].p.Load(); p != nil {
			bytes += int64(unsafe.Sizeof(*p)) + int64(8*cap(p.Ints)+8*cap(p.Floats)+4*cap(p.Codes)+4*cap(p.Ends))
		}
	}
	return bytes
}
