package jsonscan

// Raw reads the next value, whatever it is, and returns its bytes.
func (s *Scanner) Raw() []byte {
	s.space()
	start := s.pos
	s.Skip()
	if s.err != nil {
		return nil
	}
	return s.data[start:s.pos]
}

// Skip reads the next value and checks it, at any depth, without recursion:
// the kinds of the open containers are one bit each.
func (s *Scanner) Skip() {
	var (
		open  uint64 // kinds of the innermost 64 containers, 1: object
		depth int
	)
	s.spill = s.spill[:0]
	for {
		switch c := s.space(); c {
		case '"':
			s.skipText()
		case '{', '[':
			if depth&63 == 0 && depth > 0 {
				s.spill = append(s.spill, open)
			}
			depth++
			open <<= 1
			s.pos++
			if c == '{' {
				open |= 1
				if s.space() != '}' {
					s.skipKey()
					continue
				}
			} else if s.space() != ']' {
				if s.pos == len(s.data) {
					s.fail(s.pos, "a value or ]")
					return
				}
				continue
			}
		case 't', 'f', 'n':
			s.Literal()
		default:
			s.skipNumber()
		}
		for {
			if depth == 0 || s.err != nil {
				return
			}
			c := s.space()
			if c == ',' {
				s.pos++
				if open&1 == 1 {
					s.skipKey()
				}
				break
			}
			if (open&1 == 1) != (c == '}') || (open&1 == 0) != (c == ']') {
				s.fail(s.pos, "a comma or the end of an object or list")
				return
			}
			s.pos++
			depth--
			open >>= 1
			if depth&63 == 0 && depth > 0 {
				open = s.spill[len(s.spill)-1]
				s.spill = s.spill[:len(s.spill)-1]
			}
		}
	}
}

func (s *Scanner) skipKey() {
	if s.space() != '"' {
		s.fail(s.pos, "a key")
		return
	}
	s.skipText()
	if s.space() != ':' {
		s.fail(s.pos, "a colon")
		return
	}
	s.pos++
}

func (s *Scanner) skipText() {
	i := s.pos + 1
	for {
		i, _ = run(s.data, i)
		if i == len(s.data) {
			s.fail(i, "the end of a text")
			return
		}
		switch s.data[i] {
		case '"':
			s.pos = i + 1
			return
		case '\\':
			n := escape(s.data[i:])
			if n == 0 {
				s.fail(i, "an escape such as \\n or \\u0041")
				return
			}
			i += n
		default:
			s.fail(i, "an escaped control character")
			return
		}
	}
}
