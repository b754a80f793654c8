// Package jsonscan scans JSON where encoding/json is not enough. It builds no
// tree and makes no copies: a text is a slice of the document unless it holds
// an escape or an invalid byte. There are three ways to use it.
//
// Scanner walks over one document in memory, once, from the front. The caller
// opens objects and lists, asks for the next key or element, and reads or skips
// each value. Scanner accepts what encoding/json accepts (RFC 8259; invalid
// UTF-8 and lone surrogates become U+FFFD) and checks what it skips, with two
// differences: nesting may have any depth, because nothing here recurses, and a
// truncated document is reported where it breaks off, after the values before
// that point were read.
//
// Reader walks over a text of any length as it arrives, with one value in
// memory.
//
// Whole, Rest, ValueEnd and TextAt find where a value ends without parsing it.
// They are for rows around documents that another walk checks, and for records
// that this program wrote.
//
// The package does not interpret documents or records; package raw decides what
// a value means.
package jsonscan

import "fmt"

// Kind is the kind of the next value.
type Kind uint8

const (
	Invalid Kind = iota
	Null
	False
	True
	Number
	String
	Array
	Object
)

var kinds = [...]string{"invalid", "null", "bool", "bool", "number", "text", "list", "object"}

func (k Kind) String() string { return kinds[k] }

// SyntaxError says where a document stops being JSON.
type SyntaxError struct {
	Offset int    // in bytes from the start of the document
	Want   string // what should be there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not JSON at byte %d: want %s", e.Offset, e.Want)
}

// Scanner is the position in one document. After the first error it stays at
// the end: Kind is Invalid, NextKey and NextElem end their loops, and Err
// returns the error, so a caller checks once, at the end.
type Scanner struct {
	data  []byte
	pos   int
	first bool // an object or list was opened and nothing read in it yet
	key   int  // start of the last key in data, at its quote
	from  int  // start of the last Text in data; -1: it is in buf
	buf   []byte
	spill []uint64
	err   *SyntaxError
}

// Reset starts a walk over data, which must not change during it.
func (s *Scanner) Reset(data []byte) {
	s.data, s.pos, s.first, s.err = data, 0, false, nil
}

// Err is the first error of the walk: nil, or a *SyntaxError.
func (s *Scanner) Err() error {
	if s.err == nil {
		return nil // not a nil *SyntaxError in an error
	}
	return s.err
}

// Offset is the position of the next byte to be read.
func (s *Scanner) Offset() int { return s.pos }

// Rewind returns to a value that starts at an earlier Offset, to read it in
// another way. After an error it does nothing.
func (s *Scanner) Rewind(offset int) {
	if s.err == nil {
		s.pos, s.first = offset, false
	}
}

func (s *Scanner) fail(at int, want string) {
	if s.err == nil {
		s.err = &SyntaxError{Offset: at, Want: want}
	}
	s.pos = len(s.data)
}

// space moves to the next byte that is not white space and returns it, 0 at
// the end.
func (s *Scanner) space() byte {
	if s.pos < len(s.data) && s.data[s.pos] > ' ' {
		return s.data[s.pos]
	}
	s.pos = blank(s.data, s.pos)
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// Kind looks at the next value without reading it. It checks only the first
// byte of a number or a literal: reading or skipping the value checks the rest.
func (s *Scanner) Kind() Kind {
	kind := kindOf[s.space()]
	if kind == Invalid {
		s.fail(s.pos, "a value")
	}
	return kind
}

// kindOf returns the kind of the value that starts with a byte.
var kindOf = [256]Kind{
	'{': Object, '[': Array, '"': String, 't': True, 'f': False, 'n': Null, '-': Number,
	'0': Number, '1': Number, '2': Number, '3': Number, '4': Number,
	'5': Number, '6': Number, '7': Number, '8': Number, '9': Number,
}

// Open enters the object or list that Kind has found. NextKey or NextElem must
// then be called until they return false.
func (s *Scanner) Open() {
	s.pos++
	s.first = true
}

// NextKey moves to the next pair of the open object and reads its key. The
// caller reads or skips the value before it asks again. The key is valid until
// the next text is read. At the end of the object, or of the walk, ok is false.
func (s *Scanner) NextKey() (key []byte, ok bool) {
	if key, ok = s.plainKey(); ok {
		return key, true
	}
	c := s.space()
	if c == '}' {
		s.pos++
		s.first = false
		return nil, false
	}
	if !s.first {
		if c != ',' {
			s.fail(s.pos, "a comma or }")
			return nil, false
		}
		s.pos++
		c = s.space()
	}
	s.first = false
	if c != '"' {
		s.fail(s.pos, "a key")
		return nil, false
	}
	s.key = s.pos
	key = s.Text()
	if s.space() != ':' {
		s.fail(s.pos, "a colon")
		return nil, false
	}
	s.pos++
	return key, true
}

// plainKey reads a key in the usual form: no white space around it, ASCII
// characters, no escapes. It moves only when ok is true.
func (s *Scanner) plainKey() (key []byte, ok bool) {
	data, start := s.data, s.pos
	if !s.first {
		if start >= len(data) || data[start] != ',' {
			return nil, false
		}
		start++
	}
	if start >= len(data) || data[start] != '"' {
		return nil, false
	}
	end, wide := run(data, start+1)
	if wide || end+1 >= len(data) || data[end] != '"' || data[end+1] != ':' {
		return nil, false
	}
	s.first, s.key, s.from, s.pos = false, start, start+1, end+2
	return data[start+1 : end], true
}

// KeyStart returns where the last key starts in the document, at its quote.
func (s *Scanner) KeyStart() int { return s.key }

// NextElem moves to the next element of the open list; false at its end.
func (s *Scanner) NextElem() bool {
	c := s.space()
	if c == ']' {
		s.pos++
		s.first = false
		return false
	}
	switch {
	case s.pos == len(s.data):
		s.fail(s.pos, "a value or ]")
		return false
	case s.first:
		s.first = false
		return true
	case c != ',':
		s.fail(s.pos, "a comma or ]")
		return false
	}
	s.pos++
	return true
}

// Literal reads the null, true or false that Kind has found.
func (s *Scanner) Literal() {
	word := "null"
	switch s.space() {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	}
	s.pos = s.wordEnd(s.pos, word)
}

// End checks that nothing but white space follows.
func (s *Scanner) End() error {
	s.space()
	if s.err == nil && s.pos < len(s.data) {
		s.fail(s.pos, "the end of the document")
	}
	return s.Err()
}
