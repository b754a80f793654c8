package table

import "math/bits"

// Set is a subset of the records of a table: one bit each, in separate words for
// each run.
type Set struct {
	t     *Table
	words []uint64
	from  []int // first word of each run; the last one is the number of words
}

// NewSet returns an empty set.
func (t *Table) NewSet() *Set {
	s := &Set{t: t, from: make([]int, t.runs()+1)}
	for k := range t.runs() {
		r := t.run(k)
		s.from[k+1] = s.from[k] + (r.len()+63)/64
	}
	s.words = make([]uint64, s.from[t.runs()])
	return s
}

// run returns the words of a run. Bits after its last record stay 0.
func (s *Set) run(k int) []uint64 { return s.words[s.from[k]:s.from[k+1]] }

// Fill adds all records.
func (s *Set) Fill() {
	for i := range s.words {
		s.words[i] = ^uint64(0)
	}
	for k := range s.t.runs() {
		r := s.t.run(k)
		if rest := r.len() % 64; rest != 0 {
			s.words[s.from[k+1]-1] = 1<<rest - 1
		}
	}
}

// Add adds one record.
func (s *Set) Add(at int) {
	k := s.t.blockAt(at) / runLength
	r := s.t.run(k)
	at -= r.start()
	s.run(k)[at/64] |= 1 << (at % 64)
}

// Has reports whether a record is in the set.
func (s *Set) Has(at int) bool {
	k := s.t.blockAt(at) / runLength
	r := s.t.run(k)
	at -= r.start()
	return s.run(k)[at/64]>>(at%64)&1 == 1
}

// And keeps the records that are also in o.
func (s *Set) And(o *Set) {
	for i, w := range o.words {
		s.words[i] &= w
	}
}

// Len returns the number of records in the set.
func (s *Set) Len() (n int) {
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// Places appends the places of the records, ascending.
func (s *Set) Places(dst []uint32) []uint32 {
	for k := range s.t.runs() {
		r := s.t.run(k)
		for i, w := range s.run(k) {
			for ; w != 0; w &= w - 1 {
				dst = append(dst, uint32(r.start()+i*64+bits.TrailingZeros64(w)))
			}
		}
	}
	return dst
}

func empty(words []uint64) bool {
	for _, w := range words {
		if w != 0 {
			return false
		}
	}
	return true
}

// sparse reports whether testing bit by bit is cheaper than testing all.
func sparse(words []uint64) bool {
	n := 0
	for _, w := range words {
		n += bits.OnesCount64(w)
	}
	return n < 8*len(words)
}

// narrow keeps the bits of words for which keep is true, of n records.
func narrow(words []uint64, n int, keep func(i int) bool) {
	for k, w := range words {
		for rest := w; rest != 0; rest &= rest - 1 {
			bit := bits.TrailingZeros64(rest)
			if i := k*64 + bit; i >= n || !keep(i) {
				w &^= 1 << bit
			}
		}
		words[k] = w
	}
}

// cutBits appends n bits of words, starting at bit start.
func cutBits(dst, words []uint64, start, n int) []uint64 {
	k, shift := start/64, start%64
	for ; n > 0; n, k = n-64, k+1 {
		w := words[k] >> shift
		if shift > 0 && k+1 < len(words) {
			w |= words[k+1] << (64 - shift)
		}
		if n < 64 {
			w &= 1<<n - 1
		}
		dst = append(dst, w)
	}
	return dst
}

// keepBits clears those of the n bits of words from bit start on that some does
// not have.
func keepBits(words, some []uint64, start, n int) {
	k, shift := start/64, start%64
	for _, w := range some {
		gone := ^w
		if n < 64 {
			gone &= 1<<n - 1
		}
		words[k] &^= gone << shift
		if shift > 0 && k+1 < len(words) {
			words[k+1] &^= gone >> (64 - shift)
		}
		n, k = n-64, k+1
	}
}
