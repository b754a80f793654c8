package block

// signatures show which records of a block can't contain a text, without reading
// the texts: each three consecutive characters in a searched column choose a
// row, in which the record has a bit. A record that contains a text has a bit in
// all rows of that text. The reverse is only likely: a record with all bits must
// be checked. Reading all texts takes 190 to 210 ms at 200 000 records, with
// signatures 1.1 ms (BenchmarkSearch rare, none); 20 ms and 0.02 ms at 20 000.
type signatures struct {
	words int      // of a row: 64 records each
	bits  []uint64 // row after row

	names names
}

// 512 rows take 80 bytes a record, with few wrong candidates.
const (
	rowBits = 9
	rows    = 1 << rowBits
)

// Rows are the rows that a text chooses.
type Rows []uint32

// RowsOf returns the rows of an ASCII text; none when it is too short for any.
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

// rowOf distributes three characters over the rows by Fibonacci hashing.
func rowOf(three uint32) uint32 { return three * 0x9e3779b1 >> (32 - rowBits) }

func (s *signatures) add(text []byte, record int) {
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
