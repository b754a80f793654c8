package jsonscan

import "bytes"

// Whole reads the next value and returns its bytes without parsing them: it
// only checks that brackets and quotes are closed. It is several times as fast
// as Raw. Use it for values that this program wrote, or that another walk
// checks.
func (s *Scanner) Whole() []byte {
	s.space()
	end := ValueEnd(s.data, s.pos)
	if end < 0 {
		s.fail(s.pos, "a value that ends")
		return nil
	}
	value := s.data[s.pos:end]
	s.pos = end
	return value
}

// ValueEnd returns the index after the value at data[i], which is not parsed
// (see Whole), or -1 when the value does not end.
func ValueEnd(data []byte, i int) int {
	if i >= len(data) {
		return -1
	}
	switch c := data[i]; {
	case c == '"':
		if end, done := textEnd(data, i+1); done {
			return end
		}
		return -1
	case c-'0' <= 9: // most values are small numbers
		if end := digits(data, i+1); end < len(data) && marks[data[end]] != 0 {
			return end
		}
	case i+1 < len(data) && data[i+1] == c+2 && marks[c] == opens: // both brackets close with the byte after the next
		return i + 2
	}
	var b bounds
	end, done := b.end(data, i)
	if !done || end == i {
		return -1
	}
	return end
}

// Rest reads the next value as everything that is left of the open object,
// which must be the whole document. The end of that value is found from the end
// of the document, and its content is not parsed. ok is false, and nothing is
// read, when this is not possible.
func (s *Scanner) Rest() (value []byte, ok bool) {
	const blanks = " \t\r\n"
	all := bytes.TrimRight(s.data, blanks)
	if s.space() != '{' || all[len(all)-1] != '}' {
		return nil, false
	}
	all = bytes.TrimRight(all[:len(all)-1], blanks)
	if len(all) <= s.pos+1 || all[len(all)-1] != '}' {
		return nil, false
	}
	value = all[s.pos:]
	s.pos = len(all)
	return value, true
}

// bounds finds where a value ends, by its brackets and quotes alone; a list may
// end with a brace. It continues where it stopped when more of the text is
// available.
type bounds struct {
	depth  int
	inText bool
	is     bounded
}

type bounded uint8

const (
	notBegun bounded = iota
	word             // a number or a literal: more text follows it
	enclosed         // by brackets or quotes
)

// end scans data from i on and returns the index after the value. When the
// value does not end in data, done is false and i is where to continue.
func (b *bounds) end(data []byte, i int) (at int, done bool) {
	if b.is == notBegun && i < len(data) {
		b.is = word
		if marks[data[i]]&(opens|quotes) != 0 {
			b.is = enclosed
		}
	}
	if b.is == word {
		for ; i < len(data); i++ {
			if marks[data[i]] != 0 {
				return i, true
			}
		}
		return i, false
	}
	for i < len(data) {
		if b.inText {
			if i, done = textEnd(data, i); !done {
				return i, false
			}
			b.inText = false
			if b.depth == 0 {
				return i, true
			}
		}
		for i < len(data) {
			c := data[i]
			i++
			mark := marks[c] & (opens | closes | quotes)
			if mark == 0 {
				continue
			}
			if mark == quotes {
				b.inText = true
				break
			}
			if mark == opens {
				b.depth++
			} else if b.depth--; b.depth <= 0 {
				return i, true
			}
		}
	}
	return i, false
}

// textEnd returns the index after the closing quote of the text that continues
// at i. When the text does not end in data, done is false and at is where to
// continue.
func textEnd(data []byte, i int) (at int, done bool) {
	for {
		if i, _ = run(data, i); i < len(data) && data[i] == '"' {
			return i + 1, true
		}
		switch {
		case i == len(data):
			return i, false
		case data[i] != '\\':
			i++
		case i+1 == len(data):
			return i, false
		default:
			i += 2
		}
	}
}

const (
	opens = 1 << iota
	closes
	quotes
	divides
)

// marks holds what a byte outside of texts means for the end of a value.
var marks = [256]uint8{
	'{': opens, '[': opens, '}': closes, ']': closes, '"': quotes,
	',': divides, ':': divides, ' ': divides, '\n': divides, '\t': divides, '\r': divides,
}
