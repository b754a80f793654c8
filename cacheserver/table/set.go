package table

import "math/bits"

// Set is some of the records of a table: one bit each, words of its own for
// each chunk.
type Set struct {
	t     *Table
	Words []uint64
}

// NewSet makes an empty set.
func (t *Table) NewSet() *Set { return &Set{t: t, Words: make([]uint64, t.words[len(t.chunks)])} }

// Chunk gives the words of a chunk. Bits behind its last record stay 0.
func (s *Set) Chunk(k int) []uint64 { return s.Words[s.t.words[k]:s.t.words[k+1]] }

// Fill puts all records in.
func (s *Set) Fill() {
	for k, c := range s.t.chunks {
		words := s.Chunk(k)
		for i := range words {
			words[i] = ^uint64(0)
		}
		if rest := c.Len() % chunkWords; rest != 0 {
			words[len(words)-1] = 1<<rest - 1
		}
	}
}

// Add puts one record in.
func (s *Set) Add(at int) {
	k := s.t.ChunkOf(at)
	at -= s.t.starts[k]
	s.Chunk(k)[at/chunkWords] |= 1 << (at % chunkWords)
}

// And keeps the records that o has too, Or adds those of o.
func (s *Set) And(o *Set) {
	for i, w := range o.Words {
		s.Words[i] &= w
	}
}

// Or adds the records of o.
func (s *Set) Or(o *Set) {
	for i, w := range o.Words {
		s.Words[i] |= w
	}
}

// Copy makes a set with the same records.
func (s *Set) Copy() *Set { return &Set{t: s.t, Words: append([]uint64(nil), s.Words...)} }

// Len is the number of records in the set.
func (s *Set) Len() (n int) {
	for _, w := range s.Words {
		n += bits.OnesCount64(w)
	}
	return n
}

// Places appends the places of the records, ascending.
func (s *Set) Places(dst []uint32) []uint32 {
	for k := range s.t.chunks {
		base := uint32(s.t.starts[k])
		for i, w := range s.Chunk(k) {
			for ; w != 0; w &= w - 1 {
				dst = append(dst, base+uint32(i*chunkWords+bits.TrailingZeros64(w)))
			}
		}
	}
	return dst
}
