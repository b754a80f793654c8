package jsonscan

// Int reads the next value if it is a whole number of at most 18 digits
// without fraction and exponent. Otherwise it reads nothing, and ok is false.
func (s *Scanner) Int() (n int64, ok bool) {
	s.space()
	i := s.pos
	negative := i < len(s.data) && s.data[i] == '-'
	if negative {
		i++
	}
	start := i
	for i < len(s.data) && s.data[i]-'0' <= 9 {
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
// when there is no number.
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

func digits(data []byte, i int) int {
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	return i
}
