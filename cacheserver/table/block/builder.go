package block

import (
	"bytes"
	"slices"

	"github.com/dmwm/wmstats/schema"
)

// Builder collects records for a block, in the order of their names. It can be
// reused after Build. It is not safe for concurrent use.
type Builder struct {
	l       *Layout
	records []record
	values  [][]int64 // by slot
	data    []byte
	repeats bool // a list has a repeated or an empty text
}

// NewBuilder returns an empty builder.
func NewBuilder(l *Layout) *Builder { return &Builder{l: l, values: make([][]int64, l.slots)} }

// Len returns the number of records so far.
func (b *Builder) Len() int { return len(b.records) }

// Add appends a record that was encoded with schema.AppendJSON; it copies
// encoded and src.
func (b *Builder) Add(w *schema.Workflow, encoded []byte, src Source) {
	b.records = append(b.records, newRecord(encoded, src))
	from := 0
	for i := range b.l.Columns {
		c := &b.l.Columns[i]
		switch c.Kind {
		case Int:
			b.appendValue(c.slot, valueOf[int64](w, c))
		case Float:
			b.appendValue(c.slot, bitsOf(valueOf[float64](w, c)))
		case Bool:
			b.appendValue(c.slot, boolOf(valueOf[bool](w, c)))
		case Code:
			b.appendValue(c.slot, c.Dict.code(valueOf[string](w, c)))
		case Codes:
			b.addCodes(c, valueOf[[]string](w, c))
		case Text, Texts:
			// Keys are in order, and no text can look like a key: its quotes
			// are escaped.
			if k := bytes.Index(encoded[from:], c.mark); k >= 0 {
				from += k + len(c.mark)
			}
			b.appendValue(c.slot, int64(from))
		}
	}
}

func (b *Builder) appendValue(slot int, v int64) { b.values[slot] = append(b.values[slot], v) }

func boolOf(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// addCodes adds a list unchanged. One with an empty or a repeated text is
// marked: a record counts once for each distinct value, and not for the empty
// one.
func (b *Builder) addCodes(c *Column, texts []string) {
	codes := b.values[c.slot+1]
	start := len(codes)
	for _, text := range texts {
		code := c.Dict.code(text)
		b.repeats = b.repeats || code == 0 || slices.Contains(codes[start:], code)
		codes = append(codes, code)
	}
	b.values[c.slot+1] = codes
	b.appendValue(c.slot, int64(len(codes)-start))
}

// Copy appends records i..j of a block of the same layout, sharing their memory.
func (b *Builder) Copy(from *Block, i, j int) {
	if i >= j {
		return
	}
	all := from.columns()
	b.repeats = b.repeats || all.repeats
	b.records = append(b.records, from.records[i:j]...)
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

// Build returns the block and empties the builder.
func (b *Builder) Build() *Block {
	out := &Block{
		records: slices.Clone(b.records),
		made:    columns{dir: make([]vec, b.l.slots), repeats: b.repeats},
	}
	made := &out.made
	out.packed.Store(made)
	data := b.data[:0]
	for i := range b.l.Columns {
		c := &b.l.Columns[i]
		cents := c.Kind == Float && centsOf(b.values[c.slot])
		data, made.dir[c.slot] = pack(data, b.values[c.slot])
		made.dir[c.slot].cents = cents
		if c.Kind == Codes {
			data, made.dir[c.slot+1] = pack(data, b.values[c.slot+1])
		}
	}
	made.data = slices.Clone(data)
	b.data = data
	b.reset()
	return out
}

func (b *Builder) reset() {
	for i := range b.values {
		b.values[i] = b.values[i][:0]
	}
	clear(b.records) // otherwise they would stay in memory as long as the builder
	b.records, b.repeats = b.records[:0], false
}
