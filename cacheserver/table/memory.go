package table

import (
	"slices"
	"sort"
	"unsafe"

	"github.com/dmwm/wmstats/cacheserver/table/block"
)

// Retire means that no later table than next has the records that next does not
// have: their derived data are dropped, and computed for each request from now
// on.
func (t *Table) Retire(next *Table) {
	for _, b := range t.left(next) {
		b.Retire()
	}
	for k, u := range t.unpacked {
		if k >= len(next.unpacked) || next.unpacked[k] != u {
			u.retire()
		}
	}
}

// left returns the blocks of t that another table does not have.
func (t *Table) left(o *Table) []*block.Block {
	a, b := t.blocks, o.blocks
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if unsafe.SliceData(t.starts) == unsafe.SliceData(o.starts) { // each replaces one
		var left []*block.Block
		for k := range a {
			if a[k] != b[k] {
				left = append(left, a[k])
			}
		}
		return left
	}
	has := make(map[*block.Block]bool, len(b))
	for _, blk := range b {
		has[blk] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(blk *block.Block) bool { return has[blk] })
}

// Size returns the memory of a table, in bytes: its records and columns, without
// data derived on request.
func (t *Table) Size() int64 {
	bytes := t.listBytes() + allocated(t.starts)
	for _, b := range t.blocks {
		bytes += b.Size()
	}
	return bytes
}

// Own returns the memory of a table that a later one does not share, in bytes.
// Among many tables, each shares most with the next one.
func (t *Table) Own(next *Table) int64 {
	bytes := t.listBytes()
	if unsafe.SliceData(t.starts) != unsafe.SliceData(next.starts) {
		bytes += allocated(t.starts)
	}
	const some = 64 // number of blocks compared at once
	left, fresh := t.left(next), next.left(t)
	for len(left) > 0 {
		n := min(some, len(left))
		last := left[n-1]
		end := last.Name(t.Layout, last.Len()-1)
		k := sort.Search(len(fresh), func(i int) bool { return string(fresh[i].Name(t.Layout, 0)) > string(end) })
		bytes += block.Own(left[:n], fresh[:k])
		left, fresh = left[n:], fresh[max(0, k-1):] // the last one may be in both
	}
	return bytes
}

// listBytes returns the memory of the table's own list.
func (t *Table) listBytes() int64 {
	return block.Allocated(int64(unsafe.Sizeof(*t))) + allocated(t.blocks) + allocated(t.unpacked)
}

func allocated[T any](list []T) int64 {
	var one T
	return block.Allocated(int64(unsafe.Sizeof(one)) * int64(cap(list)))
}

// Unpacked returns the memory of the unpacked columns, in bytes.
func (t *Table) Unpacked() (bytes int64) {
	for _, u := range t.unpacked {
		bytes += u.bytes()
	}
	return bytes
}
