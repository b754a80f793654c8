package block

import (
	"unsafe"
)

// Sizes of structs, in bytes.
const (
	blockBytes       = int64(unsafe.Sizeof(Block{}))
	columnsBytes     = int64(unsafe.Sizeof(columns{}))
	vecBytes         = int64(unsafe.Sizeof(vec{}))
	replacementBytes = int64(unsafe.Sizeof(replacement{}))
	recordBytes      = int64(unsafe.Sizeof(record(nil)))
)

// Allocated returns how many bytes the runtime allocates for a request of n
// bytes: size classes are about an eighth apart, and large requests get whole
// pages.
func Allocated(n int64) int64 {
	const small, long, page = 256, 32 << 10, 8 << 10
	up := func(to int64) int64 { return (n + to - 1) / to * to }
	switch {
	case n <= small:
		return up(16)
	case n > long:
		return up(page)
	}
	step := int64(32) // an eighth of the power of two below
	for n > 16*step {
		step *= 2
	}
	return up(step)
}

// Size returns the memory of the records and their columns, in bytes.
func (b *Block) Size() int64 { return b.sizeBeside(nil) }

// Own returns the memory of blocks that is not shared with others, which are
// earlier or later versions.
func Own(blocks, others []*Block) (bytes int64) {
	shared := map[unsafe.Pointer]bool{}
	for _, b := range others {
		for _, r := range b.records {
			shared[unsafe.Pointer(r)] = true
		}
		c := b.packed.Load()
		shared[unsafe.Pointer(unsafe.SliceData(c.dir))] = true
		for _, r := range c.replacements {
			shared[unsafe.Pointer(r)] = true
		}
	}
	for _, b := range blocks {
		bytes += b.sizeBeside(shared)
	}
	return bytes
}

// sizeBeside returns the memory of a block without the shared parts.
func (b *Block) sizeBeside(shared map[unsafe.Pointer]bool) int64 {
	n := Allocated(blockBytes) + Allocated(recordBytes*int64(cap(b.records)))
	for _, r := range b.records {
		if !shared[unsafe.Pointer(r)] {
			n += r.size()
		}
	}
	c := b.packed.Load()
	if c != &b.made {
		n += Allocated(columnsBytes) + Allocated(8*int64(cap(c.replacements)))
	}
	if !shared[unsafe.Pointer(unsafe.SliceData(c.dir))] {
		n += Allocated(vecBytes*int64(cap(c.dir))) + Allocated(int64(cap(c.data)))
	}
	for _, r := range c.replacements {
		if !shared[unsafe.Pointer(r)] {
			n += Allocated(replacementBytes) + Allocated(8*int64(cap(r.values))) + Allocated(4*int64(len(r.codes)+len(r.ends)))
		}
	}
	return n
}

// size returns the memory of the record, in bytes.
func (r *recordHeader) size() int64 { return Allocated(headerBytes + int64(r.length) + int64(r.ids)) }

// Segments returns the memory of the kept compressed forms, in bytes.
func (b *Block) Segments() (bytes int64) {
	for i := range b.segments {
		if s := b.segments[i].Load(); s != nil {
			bytes += s.Size()
		}
	}
	return bytes
}

// Index returns the memory of the kept data for searches and sorts, in bytes.
func (b *Block) Index() (bytes int64) {
	if s := b.signed.Load(); s != nil {
		bytes += int64(unsafe.Sizeof(*s)) + int64(8*cap(s.bits)+cap(s.names.same)+cap(s.names.rest)+2*cap(s.names.ends))
	}
	if e := b.extremes.Load(); e != nil {
		bytes += int64(unsafe.Sizeof(*e)) + int64(cap(*e))
	}
	return bytes
}

// Bytes returns the approximate memory of the dictionaries.
func (l *Layout) Bytes() (bytes int64) {
	const each = 16 + 2*(16+4+1)*3/2 + 4 // a text in the list, in two maps, and its rank
	for i := range l.Columns {
		if l.Columns[i].Dict == nil {
			continue
		}
		for _, text := range l.Columns[i].Dict.Texts() {
			bytes += each + Allocated(int64(len(text)))
		}
	}
	return bytes
}
