package block

import "math"

// MayHold clears the bits of records that can't contain a text with the given
// rows in any searched column. Bit i of words is record i.
func (b *Block) MayHold(l *Layout, wanted Rows, words []uint64) {
	s := b.sign(l)
	for _, row := range wanted {
		left := uint64(0)
		for k, w := range s.bits[int(row)*s.words : (int(row)+1)*s.words] {
			words[k] &= w
			left |= words[k]
		}
		if left == 0 {
			return
		}
	}
}

// sign returns the signatures. Two concurrent callers may both compute them.
func (b *Block) sign(l *Layout) *signatures {
	if s := b.signed.Load(); s != nil {
		return s
	}
	s := &signatures{words: (b.Len() + 63) / 64}
	s.bits = make([]uint64, rows*s.words)
	for _, k := range l.Searched {
		c := &l.Columns[k]
		for i := range b.Len() {
			if c.Kind == Text {
				s.add(b.Text(c, i), i)
				continue
			}
			b.EachText(c, i, func(text []byte) bool {
				s.add(text, i)
				return true
			})
		}
	}
	s.names = namesOf(b, l)
	return keep(b, &b.signed, s)
}

// NamesHold sets the bits of the records whose name contains text, which is
// ASCII in lower case; bit i of words is record i. It may miss matches: for very
// long names it sets no bits.
func (b *Block) NamesHold(l *Layout, text []byte, words []uint64) {
	b.sign(l).names.hold(text, words)
}

func namesOf(b *Block, l *Layout) names {
	first, last := b.Name(l, 0), b.Name(l, b.Len()-1)
	same := 0
	for same < min(len(first), len(last)) && first[same] == last[same] {
		same++
	}
	total := same
	for i := range b.Len() {
		total += len(b.Name(l, i)) - same
	}
	if total-same > math.MaxUint16 {
		return names{}
	}
	text := appendFolded(make([]byte, 0, total), first[:same])
	ends := make([]uint16, b.Len())
	for i := range ends {
		text = appendFolded(text, b.Name(l, i)[same:])
		ends[i] = uint16(len(text) - same)
	}
	return names{same: text[:same:same], rest: text[same:], ends: ends}
}
