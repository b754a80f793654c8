package block

import (
	"encoding/binary"

	"github.com/dmwm/wmstats/cacheserver/checkpoint"
)

// versionBytes is the length of Source.Version; IDs follow.
const versionBytes = 8

// AppendBinary appends all of the block that can't be recomputed quickly, in the
// form that Layout.Read reads. Codes are those of the layout's dictionaries.
func (b *Block) AppendBinary(dst []byte, l *Layout) []byte {
	all := b.columns()
	dst = binary.AppendUvarint(dst, uint64(b.Len()))
	dst = binary.AppendUvarint(dst, uint64(boolOf(all.repeats)))
	for _, r := range b.records {
		dst = binary.AppendUvarint(dst, uint64(r.length))
		dst = binary.AppendUvarint(dst, versionBytes+uint64(r.ids))
	}
	for _, r := range b.records {
		src := r.source()
		dst = append(dst, r.encoded()...)
		dst = binary.LittleEndian.AppendUint64(dst, src.Version)
		dst = append(dst, src.IDs...)
	}
	for slot := range l.slots {
		v := &all.dir[slot]
		dst = binary.AppendVarint(dst, v.min)
		dst = append(dst, v.width, byte(boolOf(v.cents)))
	}
	return checkpoint.AppendText(dst, all.data)
}

// Read reads a block that AppendBinary wrote. It is checked so that no method
// can fail later; that columns and records agree is not checked.
func (l *Layout) Read(c *checkpoint.Cursor) (*Block, error) {
	n := c.Count(1)
	if n == 0 || n > Most {
		return nil, checkpoint.Broken("a block of %d records", n)
	}
	b := &Block{records: make([]record, n)}
	made := &b.made
	made.repeats, made.dir = c.Uint() == 1, make([]vec, l.slots)
	b.packed.Store(made)
	lengths := make([]int, 2*n)
	total := 0
	for k := range lengths {
		lengths[k] = c.Count(0)
		if total += lengths[k]; total > c.Len() || k%2 == 1 && lengths[k] < versionBytes {
			return nil, checkpoint.Broken("records that are longer than their block")
		}
	}
	for i := range n {
		encoded, source := c.Bytes(lengths[2*i]), c.Bytes(lengths[2*i+1])
		if c.Err() != nil {
			return nil, c.Err()
		}
		b.records[i] = newRecord(encoded, Source{IDs: source[versionBytes:], Version: binary.LittleEndian.Uint64(source)})
	}
	for slot := range l.slots {
		v := &made.dir[slot]
		v.min = c.Int()
		if flags := c.Bytes(2); flags != nil {
			v.width, v.cents = flags[0], flags[1] == 1
		}
	}
	made.data = clone(c.Bytes(c.Count(1)))
	if err := c.Err(); err != nil {
		return nil, err
	}
	if !b.place(l) || !b.checkColumns(l) {
		return nil, checkpoint.Broken("the columns of a block do not fit")
	}
	return b, nil
}

func clone(data []byte) []byte {
	if len(data) == 0 {
		return nil
	}
	return append(make([]byte, 0, len(data)), data...)
}

// place computes where the values of each slot begin, as Build laid them out,
// and reports whether all of them exist.
func (b *Block) place(l *Layout) bool {
	at := uint64(0)
	one := func(slot int, values uint64) bool {
		v := &b.made.dir[slot]
		switch v.width {
		case 0, 1, 2, 4, 8:
		default:
			return false
		}
		size := values * uint64(v.width)
		if values > 0 {
			v.at = uint32(at)
		}
		at += size
		return values <= 1<<32 && at <= uint64(len(b.made.data))
	}
	for i := range l.Columns {
		c := &l.Columns[i]
		if !one(c.slot, uint64(b.Len())) {
			return false
		}
		if c.Kind != Codes {
			continue
		}
		total, ok := b.total(c.slot)
		if !ok || !one(c.slot+1, total) {
			return false
		}
	}
	return at == uint64(len(b.made.data))
}

// total adds up the lengths of lists.
func (b *Block) total(slot int) (sum uint64, ok bool) {
	for i := range b.Len() {
		n := b.made.dir[slot].value(b.made.data, i)
		if n < 0 || n > 1<<31 {
			return 0, false
		}
		sum += uint64(n)
	}
	return sum, true
}

// checkColumns checks codes against the dictionaries, and positions of texts
// against the records.
func (b *Block) checkColumns(l *Layout) bool {
	for i := range l.Columns {
		c := &l.Columns[i]
		switch c.Kind {
		case Code:
			for k := range b.Len() {
				if !c.Dict.has(b.Int(c, k)) {
					return false
				}
			}
		case Codes:
			_, all := b.made.sums(c.slot, 0, b.Len())
			for k := range all {
				if !c.Dict.has(b.made.dir[c.slot+1].value(b.made.data, k)) {
					return false
				}
			}
		case Text, Texts:
			for k := range b.Len() {
				if !b.textAt(c, k) {
					return false
				}
			}
		}
	}
	return true
}

func (b *Block) textAt(c *Column, i int) bool {
	record, at := b.Record(i), b.Int(c, i)
	if at < int64(len(c.mark)) || at >= int64(len(record)) || string(record[at-int64(len(c.mark)):at]) != string(c.mark) {
		return false
	}
	if c.Kind == Texts {
		return record[at] == '['
	}
	_, rest := unquote(record[at:])
	return rest != nil
}

// Texts returns the texts of all dictionaries, by column. They only grow, so
// captured texts stay valid for the blocks of that time.
func (l *Layout) Texts() [][]string {
	out := make([][]string, len(l.Columns))
	for i := range l.Columns {
		if d := l.Columns[i].Dict; d != nil {
			out[i] = d.Texts()
		}
	}
	return out
}

// SetTexts fills the dictionaries of an unused layout. The first text of each
// must be the empty one, and none may occur twice.
func (l *Layout) SetTexts(texts [][]string) error {
	if len(texts) != len(l.Columns) {
		return checkpoint.Broken("%d dictionaries, want %d", len(texts), len(l.Columns))
	}
	for i := range l.Columns {
		d := l.Columns[i].Dict
		if d == nil {
			if len(texts[i]) > 0 {
				return checkpoint.Broken("a dictionary for a column without one")
			}
			continue
		}
		if !d.set(texts[i]) {
			return checkpoint.Broken("an invalid dictionary")
		}
	}
	return nil
}

// Take takes over the dictionaries of another layout that is not used elsewhere;
// this one must be unused.
func (l *Layout) Take(o *Layout) {
	for i := range l.Columns {
		if d := l.Columns[i].Dict; d != nil {
			d.take(o.Columns[i].Dict)
		}
	}
}
