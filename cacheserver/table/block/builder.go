package block

import (
	"bytes"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/schema"
)

// Size is the number of records of a block when many are made at once: it
// divides the usual page lengths.
const Size = 50

// Most is the greatest number of records of a block that is read.
const Most = 128

// Source names what a record was made of.
type Source struct {
	IDs     []byte // packed by the store, not read here
	Version uint64 // hash over the content of all documents
}

// Builder collects records, in the order of their names, for a block. It is
// used again after Build; it is not for several goroutines.
type Builder struct {
	l      *Layout
	base   *Block // its records are not copied, or nil
	enc    []byte // records that are not in base
	starts []uint32
	ends   []uint32
	dead   int      // bytes of base that no record uses
	hashes []uint64 // of content, of sources, by turns
	src    []byte
	values [][]int64 // by slot
	data   []byte
	untidy bool // a list has a text twice, or an empty one

}

// NewBuilder makes an empty builder.
func NewBuilder(l *Layout) *Builder { return &Builder{l: l, values: make([][]int64, l.slots)} }

// Len is the number of records so far.
func (b *Builder) Len() int { return len(b.ends) }

// Add appends a record that was encoded with schema.AppendJSON.
func (b *Builder) Add(w *schema.Workflow, encoded []byte, src Source) {
	b.write(encoded)
	b.hashes = append(b.hashes, xxhash.Sum64(encoded), src.Version)
	b.src = append(b.src, src.IDs...)
	b.put(b.l.slots-1, int64(len(src.IDs)))
	from := 0
	for i := range b.l.Columns {
		c := &b.l.Columns[i]
		switch c.Kind {
		case Int:
			b.put(c.slot, valueOf[int64](w, c))
		case Float:
			b.put(c.slot, bitsOf(valueOf[float64](w, c)))
		case Bool:
			b.put(c.slot, boolOf(valueOf[bool](w, c)))
		case Code:
			b.put(c.slot, c.Dict.code(valueOf[string](w, c)))
		case Codes:
			b.addCodes(c, valueOf[[]string](w, c))
		case Text, Texts:
			// Keys keep their order, and no text can look like a key: a quote
			// in it is escaped.
			if k := bytes.Index(encoded[from:], c.mark); k >= 0 {
				from += k + len(c.mark)
			}
			b.put(c.slot, int64(from))
		}
	}
}

// Bounds of a block that uses the bytes of an older one: shares of those bytes
// that may be out of use, and that may be beside them.
const (
	maxDead  = 4
	maxPatch = 3
)

// Change begins a block that will differ from base in few records: the bytes of
// those that Copy takes from base are shared, so that a change costs its own
// length and not that of the block.
func (b *Builder) Change(base *Block) {
	b.base, b.dead = base, len(base.enc)
}

// write appends the bytes of a record.
func (b *Builder) write(record []byte) {
	start := len(b.enc)
	if b.base != nil {
		start += len(b.base.enc)
	}
	b.enc = append(b.enc, record...)
	b.starts = append(b.starts, uint32(start))
	b.ends = append(b.ends, uint32(start+len(record)))
}

// copyRecords takes the bytes of records i..j.
func (b *Builder) copyRecords(from *Block, i, j int) {
	for ; i < j; i++ {
		start, end := from.start(i), from.ends[i]
		if from != b.base || int(start) >= len(from.enc) {
			b.write(from.Record(i))
			continue
		}
		b.starts, b.ends = append(b.starts, start), append(b.ends, end)
		b.dead -= int(end - start)
	}
}

// bytes gives the block the bytes of its records: those of base with a patch,
// or all in a row.
func (b *Builder) bytes(out *Block) {
	if b.base == nil {
		out.enc, out.ends = slices.Clone(b.enc), slices.Clone(b.ends)
		return
	}
	base := b.base.enc
	if b.dead <= len(base)/maxDead && len(b.enc) <= len(base)/maxPatch {
		out.enc, out.patch = base, slices.Clone(b.enc)
		out.starts, out.ends = slices.Clone(b.starts), slices.Clone(b.ends)
		return
	}
	out.enc = make([]byte, 0, len(base)-b.dead+len(b.enc))
	out.ends = make([]uint32, 0, len(b.ends))
	for i, start := range b.starts {
		from, end := base, b.ends[i]
		if n := uint32(len(base)); start >= n {
			from, start, end = b.enc, start-n, end-n
		}
		out.enc = append(out.enc, from[start:end]...)
		out.ends = append(out.ends, uint32(len(out.enc)))
	}
}

func (b *Builder) put(slot int, v int64) { b.values[slot] = append(b.values[slot], v) }

func boolOf(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// addCodes adds a list as it is. One with an empty text, or with a text twice,
// is marked: a record counts once for each value, and empty is none.
func (b *Builder) addCodes(c *Column, texts []string) {
	codes := b.values[c.slot+1]
	start := len(codes)
	for _, text := range texts {
		code := c.Dict.code(text)
		b.untidy = b.untidy || code == 0 || slices.Contains(codes[start:], code)
		codes = append(codes, code)
	}
	b.values[c.slot+1] = codes
	b.put(c.slot, int64(len(codes)-start))
}

// Copy appends records i..j of a block of the same layout.
func (b *Builder) Copy(from *Block, i, j int) {
	if i >= j {
		return
	}
	all := from.columns()
	b.untidy = b.untidy || all.untidy
	b.copyRecords(from, i, j)
	b.hashes = append(b.hashes, from.hashes[2*i:2*j]...)
	last := b.l.slots - 1
	s0, s1 := all.sums(last, i, j)
	b.src = append(b.src, all.src[s0:s1]...)
	b.values[last] = appendTo(b.values[last], &all.dir[last], all.data, i, j)
	for k := range b.l.Columns {
		c := &b.l.Columns[k]
		v := &all.dir[c.slot]
		start := len(b.values[c.slot])
		b.values[c.slot] = appendTo(b.values[c.slot], v, all.data, i, j)
		switch {
		case c.Kind == Float && v.cents:
			bitsOfCents(b.values[c.slot][start:])
		case c.Kind == Codes:
			c0, c1 := all.sums(c.slot, i, j)
			b.values[c.slot+1] = appendTo(b.values[c.slot+1], &all.dir[c.slot+1], all.data, c0, c1)
		}
	}
}

// Build makes the block and empties the builder.
func (b *Builder) Build() *Block {
	out := &Block{
		hashes: slices.Clone(b.hashes),
		own:    columns{dir: make([]vec, b.l.slots), untidy: b.untidy},
	}
	own := &out.own
	out.packed.Store(own)
	b.bytes(out)
	if len(b.src) > 0 {
		own.src = slices.Clone(b.src)
	}
	data := b.data[:0]
	for i := range b.l.Columns {
		c := &b.l.Columns[i]
		cents := c.Kind == Float && centsOf(b.values[c.slot])
		data, own.dir[c.slot] = pack(data, b.values[c.slot])
		own.dir[c.slot].cents = cents
		if c.Kind == Codes {
			data, own.dir[c.slot+1] = pack(data, b.values[c.slot+1])
		}
	}
	last := b.l.slots - 1
	data, own.dir[last] = pack(data, b.values[last])
	own.data = slices.Clone(data)
	b.data = data
	b.reset()
	return out
}

func (b *Builder) reset() {
	for i := range b.values {
		b.values[i] = b.values[i][:0]
	}
	b.base, b.dead, b.untidy = nil, 0, false
	b.enc, b.starts, b.ends, b.hashes, b.src = b.enc[:0], b.starts[:0], b.ends[:0], b.hashes[:0], b.src[:0]
}
