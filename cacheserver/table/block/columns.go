package block

import "slices"

// columns are the packed values of a block. They are immutable. A block that
// differs from another one by a change shares them, with the changed records as
// replacements, until whole columns are read: most changes come before that.
type columns struct {
	dir     []vec // by slot
	data    []byte
	repeats bool // some list has a repeated or an empty text

	replacements []*replacement // records that differ from dir and data
	layout       *Layout        // only with replacements: needed to pack them
}

// replacement is one record besides the packed values, in the form of Add.
type replacement struct {
	record int
	values []int64  // by slot; floats as bits, lists as numbers of codes
	codes  []uint32 // of all lists, one after another
	ends   []uint32 // of each list in codes
}

// maxReplacements is the maximum number of replacements: each of them is checked
// when a value of the block is read.
const maxReplacements = 12

// list returns the codes of the n-th list column.
func (r *replacement) list(n int) []uint32 {
	if n == 0 {
		return r.codes[:r.ends[0]]
	}
	return r.codes[r.ends[n-1]:r.ends[n]]
}

// with returns the columns with one record changed.
func (c *columns) with(l *Layout, r *replacement, repeats bool, records int) *columns {
	next := &columns{dir: c.dir, data: c.data, repeats: c.repeats || repeats, layout: l}
	next.replacements = make([]*replacement, 0, len(c.replacements)+1)
	for _, o := range c.replacements {
		if o.record != r.record {
			next.replacements = append(next.replacements, o)
		}
	}
	if next.replacements = append(next.replacements, r); len(next.replacements) > maxReplacements {
		return next.packed(records)
	}
	return next
}

// at returns the replacement of a record, or nil.
func (c *columns) at(record int) *replacement {
	for _, r := range c.replacements {
		if r.record == record {
			return r
		}
	}
	return nil
}

// value returns the value of record i in a slot; for floats see float.
func (c *columns) value(slot, i int) int64 {
	if r := c.at(i); r != nil {
		return r.values[slot]
	}
	return c.dir[slot].value(c.data, i)
}

func (c *columns) float(slot, i int) float64 {
	v := &c.dir[slot]
	if r := c.at(i); r != nil {
		return floatOf(r.values[slot])
	}
	if v.cents {
		return float64(v.value(c.data, i)) / 100
	}
	return floatOf(v.value(c.data, i))
}

// list appends the codes of record i in a list column, unchanged.
func (c *columns) list(dst []uint32, col *Column, i int) []uint32 {
	if r := c.at(i); r != nil {
		return append(dst, r.list(col.list)...)
	}
	start, end := c.sums(col.slot, i, i+1)
	return appendTo(dst, &c.dir[col.slot+1], c.data, start, end)
}

// sums returns the packed list lengths added up to record i, and up to record j.
func (c *columns) sums(slot, i, j int) (start, end int) {
	v := &c.dir[slot]
	if v.width == 0 {
		return i * int(v.min), j * int(v.min)
	}
	for k := range i {
		start += int(v.value(c.data, k))
	}
	end = start
	for k := i; k < j; k++ {
		end += int(v.value(c.data, k))
	}
	return start, end
}

// packed returns the columns with all replacements packed.
func (c *columns) packed(records int) *columns {
	if len(c.replacements) == 0 {
		return c
	}
	out := &columns{dir: make([]vec, len(c.dir)), repeats: c.repeats}
	var values []int64
	data := make([]byte, 0, len(c.data)+len(c.data)/8)
	one := func(slot int, float bool) {
		v := &c.dir[slot]
		values = appendTo(values[:0], v, c.data, 0, records)
		if v.cents {
			bitsOfCents(values)
		}
		for _, r := range c.replacements {
			values[r.record] = r.values[slot]
		}
		cents := float && centsOf(values)
		data, out.dir[slot] = pack(data, values)
		out.dir[slot].cents = cents
	}
	for k := range c.layout.Columns {
		col := &c.layout.Columns[k]
		one(col.slot, col.Kind == Float)
		if col.Kind == Codes {
			values = c.allCodes(values[:0], col, records)
			data, out.dir[col.slot+1] = pack(data, values)
		}
	}
	out.data = slices.Clone(data)
	return out
}

// allCodes appends the codes of all records in a list column.
func (c *columns) allCodes(dst []int64, col *Column, records int) []int64 {
	start := 0
	for i := range records {
		end := start + int(c.dir[col.slot].value(c.data, i))
		if r := c.at(i); r != nil {
			for _, code := range r.list(col.list) {
				dst = append(dst, int64(code))
			}
		} else {
			dst = appendTo(dst, &c.dir[col.slot+1], c.data, start, end)
		}
		start = end
	}
	return dst
}
