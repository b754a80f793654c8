package block

import (
	"bytes"
	"math"
	"slices"
	"sync/atomic"

	"github.com/dmwm/wmstats/schema"
)

// Nearly all changes of a store replace one record of a block by another one of
// the same name. Replace makes the new block of the old one's packed columns,
// without unpacking them, and shares the bytes of the other records.

// patchStart is the first room for replaced records, in bytes.
const patchStart = 4096

// Replace gives old with record i replaced. The builder must be empty, and is
// empty again after.
func (b *Builder) Replace(old *Block, i int, w *schema.Workflow, encoded []byte, src Source) *Block {
	b.Add(w, encoded, src)
	out := &Block{
		hashes: slices.Clone(old.hashes),
		dir:    make([]vec, b.l.slots),
		untidy: old.untidy || b.untidy,
		src:    old.src,
	}
	copy(out.hashes[2*i:], b.hashes)
	if start, end := old.sources(i, i+1); !bytes.Equal(old.src[start:end], src.IDs) {
		out.src = slices.Concat(old.src[:start], src.IDs, old.src[end:])
	}
	b.replaceBytes(out, old, i, encoded)
	b.replaceValues(out, old, i)
	if sameTexts(b.l, old, out, i) {
		out.signed.Store(old.signed.Load())
	}
	b.reset()
	return out
}

// sameTexts says that a search finds the same in record i of two blocks.
func sameTexts(l *Layout, a, b *Block, i int) bool {
	for _, k := range l.Searched {
		c := &l.Columns[k]
		if c.Kind == Text {
			if !bytes.Equal(a.Text(c, i), b.Text(c, i)) {
				return false
			}
			continue
		}
		if !bytes.Equal(listText(a.raw(c, i)), listText(b.raw(c, i))) {
			return false
		}
	}
	return true
}

// replaceBytes gives out the records of old but for record i.
func (b *Builder) replaceBytes(out, old *Block, i int, encoded []byte) {
	base := len(old.enc)
	unused, patched := base, len(encoded) // of the bytes in enc; live ones in the patch
	for k, end := range old.ends {
		switch start := old.start(k); {
		case k == i:
		case int(start) >= base:
			patched += int(end - start)
		default:
			unused -= int(end - start)
		}
	}
	limit := base / maxPatch
	if unused > base/maxDead || patched > limit {
		out.enc = make([]byte, 0, base-unused+patched)
		out.ends = make([]uint32, 0, len(old.ends))
		for k := range old.ends {
			if k == i {
				out.enc = append(out.enc, encoded...)
			} else {
				out.enc = append(out.enc, old.Record(k)...)
			}
			out.ends = append(out.ends, uint32(len(out.enc)))
		}
		return
	}
	out.enc, out.ends = old.enc, slices.Clone(old.ends)
	out.starts = make([]uint32, len(old.ends))
	for k := range out.starts {
		out.starts[k] = old.start(k)
	}
	out.patch, out.room = old.patch, old.room
	end := len(old.patch) + len(encoded)
	switch {
	case old.room != nil && end <= cap(old.patch) && old.room.CompareAndSwap(int64(len(old.patch)), int64(end)):
		out.patch = old.patch[:end] // nobody else writes behind what old has
		copy(out.patch[len(old.patch):], encoded)
	default:
		// What is out of use in the old patch is left behind.
		out.patch = make([]byte, 0, max(min(2*patched, limit), patched, min(patchStart, limit)))
		for k := range out.starts {
			if n := out.starts[k]; int(n) >= base && k != i {
				text := old.patch[int(n)-base : int(out.ends[k])-base]
				out.starts[k] = uint32(base + len(out.patch))
				out.patch = append(out.patch, text...)
				out.ends[k] = uint32(base + len(out.patch))
			}
		}
		out.patch = append(out.patch, encoded...)
		out.room = new(atomic.Int64)
		out.room.Store(int64(len(out.patch)))
	}
	out.starts[i], out.ends[i] = uint32(base+len(out.patch)-len(encoded)), uint32(base+len(out.patch))
}

// replaceValues gives out the columns of old with what Add made of one record
// in record i. A column whose packing has room for the value is copied as it
// is, with its neighbours; any other one is packed anew.
func (b *Builder) replaceValues(out, old *Block, i int) {
	r := replacing{old: old, out: out, data: b.data[:0], i: i, n: old.Len(), scratch: b.scratch}
	for k := range b.l.Columns {
		c := &b.l.Columns[k]
		r.column(c.slot, b.values[c.slot][0], c.Kind == Float)
		if c.Kind == Codes {
			start, end := old.listRange(c, i, i+1)
			_, total := old.listRange(c, i, r.n)
			r.list(c.slot+1, start, end, total, b.values[c.slot+1])
		}
	}
	last := b.l.slots - 1
	r.column(last, b.values[last][0], false)
	r.flush(r.from)
	out.data = slices.Clone(r.data)
	b.data, b.scratch = r.data, r.scratch
	// All is in its place now.
	for k := range b.l.Columns {
		c := &b.l.Columns[k]
		out.dir[c.slot].poke(out.data, i, b.values[c.slot][0])
	}
	out.dir[last].poke(out.data, i, b.values[last][0])
}

// replacing walks over the columns in the order of their data.
type replacing struct {
	old, out *Block
	data     []byte // of out
	i, n     int    // the record; the number of records
	from     int    // end of the columns that were looked at, in old's data
	done     int    // old's data up to here are in data
	scratch  []int64
}

func (r *replacing) flush(to int) {
	r.data = append(r.data, r.old.data[r.done:to]...)
	r.done = to
}

// column takes a column with one value for each record; bits of floats.
func (r *replacing) column(slot int, value int64, float bool) {
	v := r.old.dir[slot]
	end := r.from + int(v.width)*r.n
	fits := !v.cents
	packed := value
	if v.cents {
		packed, fits = centOf(value)
	}
	if fits && v.holds(packed) {
		v.at = uint32(r.from + len(r.data) - r.done)
		r.out.dir[slot], r.from = v, end
		return
	}
	values := appendTo(r.scratch[:0], &v, r.old.data, 0, r.n)
	if v.cents {
		for k, x := range values {
			values[k] = bitsOf(float64(x) / 100)
		}
	}
	values[r.i] = value
	cents := float && centsOf(values)
	r.flush(r.from)
	r.data, r.out.dir[slot] = pack(r.data, values)
	r.out.dir[slot].cents = cents
	r.from, r.done, r.scratch = end, end, values
}

// list takes the codes of all lists, of which start..end are replaced.
func (r *replacing) list(slot, start, end, total int, codes []int64) {
	v := r.old.dir[slot]
	width := int(v.width)
	to := r.from + width*total
	fits := true
	for _, code := range codes {
		fits = fits && v.holds(code)
	}
	if !fits {
		values := appendTo(r.scratch[:0], &v, r.old.data, 0, start)
		values = append(values, codes...)
		values = appendTo(values, &v, r.old.data, end, total)
		r.flush(r.from)
		r.data, r.out.dir[slot] = pack(r.data, values)
		r.from, r.done, r.scratch = to, to, values
		return
	}
	v.at = uint32(r.from + len(r.data) - r.done)
	r.flush(r.from + width*start)
	r.done = r.from + width*end
	at := len(r.data)
	r.data = append(r.data, make([]byte, width*len(codes))...)
	own := v
	own.at = uint32(at)
	for k, code := range codes {
		own.write(r.data, k, code)
	}
	r.out.dir[slot], r.from = v, to
}

// holds says that the packing has room for a value.
func (v *vec) holds(x int64) bool {
	if x < v.min {
		return false
	}
	span := uint64(x) - uint64(v.min)
	return v.width == 8 || span < 1<<(8*v.width)
}

// poke writes a value as column takes it: floats by their bits.
func (v *vec) poke(data []byte, i int, value int64) {
	if v.cents {
		value, _ = centOf(value)
	}
	v.write(data, i, value)
}

// centOf gives the hundredths of a float, by its bits; false where a column of
// hundredths can't hold it.
func centOf(bits int64) (cents int64, ok bool) {
	one := [1]int64{bits}
	ok = centsOf(one[:])
	return one[0], ok
}

// write writes a value that the packing has room for.
func (v *vec) write(data []byte, i int, x int64) {
	data = data[v.at:]
	span := uint64(x) - uint64(v.min)
	for k := range int(v.width) {
		data[i*int(v.width)+k] = byte(span >> (8 * k) & math.MaxUint8)
	}
}
