package block

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/dmwm/wmstats/cacheserver/table/stitch"
)

// Size is the number of records per block when many blocks are built at once: it
// divides the usual page lengths.
const Size = 50

// Most is the largest number of records of a block that Read accepts.
const Most = 128

// Block is a group of consecutive records. It is immutable except for its
// compressed forms, signatures and unpacked columns, which are computed on first
// use and kept until the block is retired.
type Block struct {
	records []record

	made   columns                 // built with the block
	packed atomic.Pointer[columns] // equal to made, or made with all replacements packed

	retired  atomic.Bool
	segments [2]atomic.Pointer[stitch.Segment] // by Form
	signed   atomic.Pointer[signatures]
	extremes atomic.Pointer[[]uint8] // records with the first and the last text of each text column
}

// Form is how records are separated in a compressed segment.
type Form uint8

const (
	Array Form = iota // a comma and a newline between records, none after the last
	Lines             // a newline after each record
)

// Len returns the number of records.
func (b *Block) Len() int { return len(b.records) }

// EncodedBytes returns the length of all encoded records.
func (b *Block) EncodedBytes() (n int64) {
	for _, r := range b.records {
		n += int64(len(r.encoded()))
	}
	return n
}

// Record returns the encoded record i. It must not be changed.
func (b *Block) Record(i int) []byte { return b.records[i].encoded() }

// Hash returns the hash of the encoded record i.
func (b *Block) Hash(i int) uint64 { return b.records[i].hash }

// Source returns the source of record i.
func (b *Block) Source(i int) Source { return b.records[i].source() }

// columns returns the columns with all replacements packed. Two concurrent
// callers may both compute them; one of the equal results is kept.
func (b *Block) columns() *columns {
	for {
		c := b.packed.Load()
		if len(c.replacements) == 0 {
			return c
		}
		if b.retired.Load() {
			return c.packed(b.Len())
		}
		b.packed.CompareAndSwap(c, c.packed(b.Len()))
	}
}

// Name returns the name of record i, the text of the first column.
func (b *Block) Name(l *Layout, i int) []byte { return b.Text(&l.Columns[0], i) }

// Search returns the index of name, or where it would be.
func (b *Block) Search(l *Layout, name string) (i int, found bool) {
	lo, hi := 0, b.Len()
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if string(b.Name(l, mid)) < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < b.Len() && string(b.Name(l, lo)) == name
}

// Text returns the text of record i in a Text column.
func (b *Block) Text(c *Column, i int) []byte {
	text, _ := unquote(b.raw(c, i))
	return text
}

// EachText calls f with the elements of record i in a Texts column until f
// returns false.
func (b *Block) EachText(c *Column, i int, f func(text []byte) bool) { eachText(b.raw(c, i), f) }

func (b *Block) raw(c *Column, i int) []byte {
	return b.records[i].encoded()[b.packed.Load().value(c.slot, i):]
}

// Int returns the integer of record i in an Int or Bool column, or its code in a
// Code column.
func (b *Block) Int(c *Column, i int) int64 { return b.packed.Load().value(c.slot, i) }

// Unpacked columns are read with the replacements applied. They are not packed
// for that, since superseded blocks share the packed columns.

// AppendInts appends the integers of an Int or Bool column.
func (b *Block) AppendInts(dst []int64, c *Column) []int64 {
	return appendAll(dst, b, c, func(v int64) int64 { return v })
}

// AppendFloats appends the values of a Float column.
func (b *Block) AppendFloats(dst []float64, c *Column) []float64 {
	all, from := b.packed.Load(), len(dst)
	v := &all.dir[c.slot]
	for i := range b.Len() {
		x := v.value(all.data, i)
		if v.cents {
			dst = append(dst, float64(x)/100)
		} else {
			dst = append(dst, floatOf(x))
		}
	}
	for _, r := range all.replacements {
		dst[from+r.record] = floatOf(r.values[c.slot])
	}
	return dst
}

// AppendCodes appends the codes of a Code column.
func (b *Block) AppendCodes(dst []uint32, c *Column) []uint32 {
	return appendAll(dst, b, c, func(v int64) uint32 { return uint32(v) })
}

func appendAll[T int64 | uint32](dst []T, b *Block, c *Column, as func(int64) T) []T {
	all, from := b.packed.Load(), len(dst)
	dst = appendTo(dst, &all.dir[c.slot], all.data, 0, b.Len())
	for _, r := range all.replacements {
		dst[from+r.record] = as(r.values[c.slot])
	}
	return dst
}

// AppendLists appends the codes of a Codes column, each once per record and
// without the empty text, and for each record its end in codes.
func (b *Block) AppendLists(codes, ends []uint32, c *Column) (codes2, ends2 []uint32) {
	all := b.packed.Load()
	v, packed := &all.dir[c.slot], &all.dir[c.slot+1]
	base, start := len(codes), 0
	if len(all.replacements) == 0 {
		for i := range b.Len() {
			start += int(v.value(all.data, i))
			ends = append(ends, uint32(base+start))
		}
		codes = appendTo(codes, packed, all.data, 0, start)
		return eachOnce(codes, ends, base, b.Len(), all.repeats)
	}
	for i := range b.Len() {
		end := start + int(v.value(all.data, i))
		if r := all.at(i); r != nil {
			codes = append(codes, r.list(c.list)...)
		} else {
			codes = appendTo(codes, packed, all.data, start, end)
		}
		start = end
		ends = append(ends, uint32(len(codes)))
	}
	return eachOnce(codes, ends, base, b.Len(), all.repeats)
}

// eachOnce keeps each code once for each of the last n records, whose codes
// begin at base, and drops the empty text. Without repeats there is nothing to
// drop.
func eachOnce(codes, ends []uint32, base, n int, repeats bool) (codes2, ends2 []uint32) {
	if !repeats {
		return codes, ends
	}
	out, from := codes[:base], base
	for i := len(ends) - n; i < len(ends); i++ {
		first := len(out)
		for _, code := range codes[from:ends[i]] {
			if code != 0 && !slices.Contains(out[first:], code) {
				out = append(out, code)
			}
		}
		from, ends[i] = int(ends[i]), uint32(len(out))
	}
	return out, ends
}

// Segment returns the whole block compressed. Two concurrent callers may both
// compute it; one of the equal results is kept. A retired block keeps none.
func (b *Block) Segment(form Form) (*stitch.Segment, error) {
	if s := b.segments[form].Load(); s != nil {
		return s, nil
	}
	s, err := b.compress(form, 0, b.Len(), stitch.Compress)
	if err != nil {
		return nil, err
	}
	return keep(b, &b.segments[form], s), nil
}

// Has reports whether the block keeps the segment of a form.
func (b *Block) Has(form Form) bool { return b.segments[form].Load() != nil }

// Compress returns a segment of records i..j for one page: it is compressed
// faster and is longer than the segment of a block.
func (b *Block) Compress(form Form, i, j int) (*stitch.Segment, error) {
	return b.compress(form, i, j, stitch.CompressFast)
}

func (b *Block) compress(form Form, i, j int, how func([]byte) (*stitch.Segment, error)) (*stitch.Segment, error) {
	size := 0
	for k := i; k < j; k++ {
		size += len(b.records[k].encoded()) + len(",\n")
	}
	text := make([]byte, 0, size)
	for k := i; k < j; k++ {
		if form == Array && k > i {
			text = append(text, ",\n"...)
		}
		text = append(text, b.records[k].encoded()...)
		if form == Lines {
			text = append(text, '\n')
		}
	}
	s, err := how(text)
	if err != nil {
		return nil, fmt.Errorf("compress %d records: %w", j-i, err)
	}
	return s, nil
}

// Retire means that no later generation has the block. Derived data are dropped,
// and computed for each request from now on: there will be few.
func (b *Block) Retire() {
	b.retired.Store(true)
	b.empty()
}

// Retired reports whether the block keeps no derived data.
func (b *Block) Retired() bool { return b.retired.Load() }

// empty drops the derived data of a retired block; it does nothing to others.
func (b *Block) empty() {
	if !b.retired.Load() {
		return
	}
	for i := range b.segments {
		b.segments[i].Store(nil)
	}
	b.signed.Store(nil)
	b.extremes.Store(nil)
}

// keep stores a computed value unless another caller was faster or the block is
// retired, and returns the value to use.
func keep[T any](b *Block, at *atomic.Pointer[T], made *T) *T {
	if b.retired.Load() {
		return made
	}
	at.CompareAndSwap(nil, made)
	if kept := at.Load(); kept != nil {
		made = kept
	}
	b.empty() // it may have been retired meanwhile
	return made
}
