package jsonscan

// Find moves through the pairs of the open object to the one with the key want
// and reads that key, as repeated calls of NextKey and Skip would. It returns
// false at the end of the object. want is plain ASCII.
func (s *Scanner) Find(want string) bool {
	if found, ok := s.plainFind(want); ok {
		return found
	}
	for key, ok := s.NextKey(); ok; key, ok = s.NextKey() {
		if string(key) == want {
			return true
		}
		s.Skip()
	}
	return false
}

// plainFind is Find for JSON in the usual form (see plain). It moves over whole
// pairs only. When ok is false, it has stopped before a pair that it does not
// understand.
func (s *Scanner) plainFind(want string) (found, ok bool) {
	data, i, first := s.data, s.pos, s.first
	for i < len(data) {
		c, key := data[i], i
		if c == '}' {
			s.pos, s.first = i+1, false
			return false, true
		}
		if !first {
			if c != ',' {
				break
			}
			key++
		}
		value := plainKey(data, key)
		if value < 0 {
			break
		}
		if value-key == len(want)+len(`"":`) && string(data[key+1:value-2]) == want {
			s.first, s.key, s.from, s.pos = false, key, key+1, value
			return true, true
		}
		end := plainValue(data, value)
		if end < 0 {
			break
		}
		i, first = end, false
	}
	s.pos, s.first = i, first
	return false, false
}

// plainValue is plain with a shortcut for numbers, which most values are.
func plainValue(data []byte, i int) int {
	if i < len(data) && data[i]-'1' < 9 {
		if end := digits(data, i+1); end < len(data) && (data[end] == ',' || data[end] == '}') {
			return end
		}
	}
	return plain(data, i)
}
