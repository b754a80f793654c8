package block

import (
	"bytes"
	"slices"
)

// AppendDistinct appends the distinct texts of record i in a Text or Texts
// column, without the empty text.
func (b *Block) AppendDistinct(dst [][]byte, c *Column, i int) [][]byte {
	if c.Kind == Text {
		if text := b.Text(c, i); len(text) > 0 {
			dst = append(dst, text)
		}
		return dst
	}
	start := len(dst)
	b.EachText(c, i, func(text []byte) bool {
		same := func(o []byte) bool { return string(o) == string(text) }
		if len(text) > 0 && !slices.ContainsFunc(dst[start:], same) {
			dst = append(dst, text)
		}
		return true
	})
	return dst
}

// Joined returns the values of a record in a Text or Texts column, joined with
// the smallest character: joined texts sort like the lists.
func (b *Block) Joined(c *Column, i int) []byte {
	if c.Kind == Text {
		return b.Text(c, i)
	}
	var some [8][]byte
	texts := b.AppendDistinct(some[:0], c, i)
	if len(texts) == 1 {
		return texts[0]
	}
	return bytes.Join(texts, []byte{0})
}

// First returns the first value of Joined, none for an empty list.
func (b *Block) First(c *Column, i int) (first []byte) {
	if c.Kind == Text {
		return b.Text(c, i)
	}
	b.EachText(c, i, func(text []byte) bool {
		first = text
		return len(text) == 0
	})
	return first
}

// Extremes returns the records with the first and the last text of a text column
// in its sort order; records without a text are chosen only if all are.
func (b *Block) Extremes(l *Layout, column int) (least, most int) {
	all := b.findExtremes(l)
	n := l.Columns[column].text
	return int(all[2*n]), int(all[2*n+1])
}

// findExtremes finds them for all text columns, two for each; an index in a
// block fits into a byte. Two concurrent callers may both do it. The first 128
// records by a text are found in 2.8 and 6.3 ms at 200 000 records, without this
// in 40 and 43 (BenchmarkTop PrepID, OutputDatasets); in 1.2 and 2.6, 4.1 and
// 4.9 ms at 20 000.
func (b *Block) findExtremes(l *Layout) []uint8 {
	if e := b.extremes.Load(); e != nil {
		return *e
	}
	e := make([]uint8, 2*l.texts)
	for k := range l.Columns {
		c := &l.Columns[k]
		if c.Kind != Text && c.Kind != Texts {
			continue
		}
		least, most := 0, 0
		first, last := b.Joined(c, 0), b.Joined(c, 0)
		for i := 1; i < b.Len(); i++ {
			text := b.Joined(c, i)
			if len(text) > 0 && (len(first) == 0 || bytes.Compare(text, first) < 0) {
				least, first = i, text
			}
			if bytes.Compare(text, last) > 0 {
				most, last = i, text
			}
		}
		e[2*c.text], e[2*c.text+1] = uint8(least), uint8(most)
	}
	return *keep(b, &b.extremes, &e)
}
