package block

// signatures tell which records of a block can't hold a text, without looking
// at the texts: each three characters that follow each other in a searched
// column choose a row, in which the record has a bit. A record that holds a
// text has a bit in all rows of that text's threes. The other way round it is
// a guess: a record with all bits must be looked at.
type signatures struct {
	words int      // of a row: 64 records each
	bits  []uint64 // rows one after the other

	// Texts too short for rows: which characters are in the searched texts of
	// the block, by class, and which follow which.
	chars uint64
	pairs [classes]uint64

	names names
}

// classes of characters; a letter or digit has one of its own, whatever its case.
const classes = 64

var class = func() (t [256]uint8) {
	for i := range t {
		t[i] = classes - 1
	}
	for i, c := range []byte("abcdefghijklmnopqrstuvwxyz0123456789_-/.+:# *,=@%") {
		t[c] = uint8(i)
		if 'a' <= c && c <= 'z' {
			t[c-'a'+'A'] = uint8(i)
		}
	}
	return t
}()

// 512 rows take 80 bytes a record, and few guesses are wrong.
const (
	rowBits = 9
	rows    = 1 << rowBits
)

// Rows are the rows that a text chooses.
type Rows []uint32

// RowsOf gives the rows of an ASCII text; none when it is too short for any.
func RowsOf(text string) (out Rows) {
	var seen [rows]bool
	for i := range len(text) - 2 {
		row := rowOf(uint32(fold[text[i]])<<16 | uint32(fold[text[i+1]])<<8 | uint32(fold[text[i+2]]))
		if !seen[row] {
			seen[row] = true
			out = append(out, row)
		}
	}
	return out
}

// rowOf spreads three characters over the rows, by Fibonacci hashing.
func rowOf(three uint32) uint32 { return three * 0x9e3779b1 >> (32 - rowBits) }

// fold gives the lower case of an ASCII letter, and any other byte as it is.
var fold = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] += 'a' - 'A'
		}
	}
	return t
}()

func (s *signatures) add(text []byte, record int) {
	for i, c := range text {
		s.chars |= 1 << class[c]
		if i > 0 {
			s.pairs[class[text[i-1]]] |= 1 << class[c]
		}
	}
	if len(text) < 3 {
		return
	}
	word, bit := record/64, uint64(1)<<(record%64)
	three := uint32(fold[text[0]])<<8 | uint32(fold[text[1]])
	for _, c := range text[2:] {
		three = three<<8&0xffffff | uint32(fold[c])
		s.bits[int(rowOf(three))*s.words+word] |= bit
	}
}

// MayHold clears the bits of records that hold no text with the given rows in
// any searched column. Bit i of words is record i.
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

// MayHoldShort says whether any record may hold a text of one or two ASCII
// characters.
func (b *Block) MayHoldShort(l *Layout, text []byte) bool {
	s := b.sign(l)
	switch len(text) {
	case 1:
		return s.chars>>class[text[0]]&1 != 0
	case 2:
		return s.pairs[class[text[0]]]>>class[text[1]]&1 != 0
	}
	return true
}

// Sign makes what MayHold and Extremes need, so that the first search or sort
// need not.
func (b *Block) Sign(l *Layout) {
	b.sign(l)
	b.findExtremes(l)
}

// Signed says that what Sign makes is there.
func (b *Block) Signed() bool { return b.signed.Load() != nil && b.extremes.Load() != nil }

// sign gives the signatures. Two callers at once may both make them.
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
