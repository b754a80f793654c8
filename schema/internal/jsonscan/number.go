package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// Int reads the next value if it is a whole number of at most 18 digits
// without fraction and exponent. Otherwise it reads nothing, and ok is false.
func (s *Scanner) Int() (n int64, ok bool) {
	s.space()
	i := s.pos
	negative := i < len(s.data) && s.data[i] == '-'
	if negative {
		i++
	}
	start, more := i, true
	if i+8 <= len(s.data) {
		w := binary.LittleEndian.Uint64(s.data[i:])
		k := bits.TrailingZeros64(notDigits(w)) / 8
		n, more = int64(valueOf(w, k)), k == 8 //nolint:gosec // 8 digits fit
		i += k
	}
	for more && i < len(s.data) && s.data[i]-'0' <= 9 {
		n = n*10 + int64(s.data[i]-'0')
		i++
		if i-start > 18 {
			return 0, false
		}
	}
	if i == start || (s.data[start] == '0' && i-start > 1) {
		return 0, false
	}
	if i < len(s.data) {
		switch s.data[i] {
		case '.', 'e', 'E':
			return 0, false
		}
	}
	s.pos = i
	if negative {
		n = -n
	}
	return n, true
}

// Number reads the number that Kind has found and returns its text.
func (s *Scanner) Number() []byte {
	s.space()
	start, end := s.pos, NumberEnd(s.data, s.pos)
	if end < 0 {
		s.fail(s.pos, "a value")
		return nil
	}
	s.pos = end
	return s.data[start:end]
}

// NumberEnd returns the end of the JSON number that starts at data[i], or -1
// when there is none.
func NumberEnd(data []byte, i int) int {
	if i < len(data) && data[i] == '-' {
		i++
	}
	start := i
	if i = digits(data, i); i == start || (data[start] == '0' && i-start > 1) {
		return -1
	}
	if i < len(data) && data[i] == '.' {
		start = i + 1
		if i = digits(data, start); i == start {
			return -1
		}
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		start = i
		if i = digits(data, start); i == start {
			return -1
		}
	}
	return i
}

// digits returns the index of the first byte from i on that is no digit. It
// looks at eight bytes at once: lengths of numbers differ, and a processor that
// guesses wrong where one ends loses more time than that takes.
func digits(data []byte, i int) int {
	for ; i+8 <= len(data); i += 8 {
		if m := notDigits(binary.LittleEndian.Uint64(data[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	return i
}

// notDigits marks the bytes of w that are no digits. Only the lowest mark is
// exact, which is the one that is used.
func notDigits(w uint64) uint64 {
	w ^= '0' * ones
	return (w + (0x80-10)*ones | w) & highs
}

// valueOf is the number that the first n bytes of w are, up to 8 digits.
func valueOf(w uint64, n int) uint64 {
	w = (w ^ '0'*ones) << (64 - 8*n) // zeros before the others: the first digit is the lowest byte
	w = (w*10 + w>>8) & 0x00ff00ff00ff00ff
	w = (w*100 + w>>16) & 0x0000ffff0000ffff
	return (w*10000 + w>>32) & 0xffffffff
}
