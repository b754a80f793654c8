package jsonscan

// Raw reads the next value of any kind and returns its bytes.
func (s *Scanner) Raw() []byte {
	s.space()
	start := s.pos
	s.Skip()
	if s.err != nil {
		return nil
	}
	return s.data[start:s.pos]
}

// Skip reads and checks the next value, at any depth, without recursion: the
// kinds of the open containers take one bit each. Most bytes of most documents
// are skipped, so the position is kept out of the Scanner meanwhile.
func (s *Scanner) Skip() {
	if end := plainValue(s.data, s.pos); end >= 0 {
		s.pos = end
		return
	}
	s.skip()
}

func (s *Scanner) skip() {
	var (
		data  = s.data
		i     = s.pos
		open  uint64 // kinds of the innermost 64 containers, 1: object
		depth int
	)
	s.spill = s.spill[:0]
	for {
		i = blank(data, i)
		if i == len(data) {
			s.fail(i, "a value")
			return
		}
		switch c := data[i]; c {
		case '"':
			i = s.textEnd(i + 1)
		case '{', '[':
			if depth&63 == 0 && depth > 0 {
				s.spill = append(s.spill, open)
			}
			depth++
			open <<= 1
			i = blank(data, i+1)
			if c == '{' {
				open |= 1
				if i == len(data) || data[i] != '}' {
					i = s.keyEnd(i)
					continue
				}
			} else if i == len(data) || data[i] != ']' {
				continue
			}
		case 't':
			i = s.wordEnd(i, "true")
		case 'f':
			i = s.wordEnd(i, "false")
		case 'n':
			i = s.wordEnd(i, "null")
		default:
			end := NumberEnd(data, i)
			if end < 0 {
				s.fail(i, "a value")
				return
			}
			i = end
		}
		for {
			if s.err != nil {
				return
			}
			if depth == 0 {
				s.pos = i
				return
			}
			if i = blank(data, i); i == len(data) {
				s.fail(i, "the end of an object or list")
				return
			}
			c := data[i]
			if c == ',' {
				if i++; open&1 == 1 {
					i = s.keyEnd(blank(data, i))
				}
				break
			}
			if c != '}' && c != ']' || (c == '}') != (open&1 == 1) {
				s.fail(i, "a comma or the end of an object or list")
				return
			}
			i++
			depth--
			open >>= 1
			if depth&63 == 0 && depth > 0 {
				open = s.spill[len(s.spill)-1]
				s.spill = s.spill[:len(s.spill)-1]
			}
		}
	}
}

// blank returns the index of the first byte from i on that is not white space.
func blank(data []byte, i int) int {
	for i < len(data) {
		c := data[i]
		if c > ' ' || (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
			break
		}
		i++
	}
	return i
}

// keyEnd returns the index after the key at i and its colon. Like textEnd and
// wordEnd it returns the end of the document after an error.
func (s *Scanner) keyEnd(i int) int {
	if i == len(s.data) || s.data[i] != '"' {
		s.fail(i, "a key")
		return len(s.data)
	}
	i = s.textEnd(i + 1)
	if i < len(s.data) && s.data[i] != ':' {
		i = blank(s.data, i)
	}
	if i == len(s.data) || s.data[i] != ':' {
		s.fail(i, "a colon")
		return len(s.data)
	}
	return i + 1
}

// textEnd returns the index after the closing quote of the text whose first
// byte is at i.
func (s *Scanner) textEnd(i int) int {
	for {
		i, _ = run(s.data, i)
		if i == len(s.data) {
			s.fail(i, "the end of a text")
			return i
		}
		switch s.data[i] {
		case '"':
			return i + 1
		case '\\':
			n := escape(s.data[i:])
			if n == 0 {
				s.fail(i, "an escape such as \\n or \\u0041")
				return len(s.data)
			}
			i += n
		default:
			s.fail(i, "an escaped control character")
			return len(s.data)
		}
	}
}

func (s *Scanner) wordEnd(i int, word string) int {
	if len(s.data)-i < len(word) || string(s.data[i:i+len(word)]) != word {
		s.fail(i, word)
		return len(s.data)
	}
	return i + len(word)
}
