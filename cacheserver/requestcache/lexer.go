package requestcache

import (
	"bytes"
	"fmt"
	"io"
)

// lexer takes a JSON text of any length apart, value by value, at the speed of
// finding where each one ends. It checks what stands between values; of a value
// only that its brackets and quotes end. The caller checks the rest, with the
// scanner that reads documents anyhow.
type lexer struct {
	in         io.Reader
	buf        []byte
	start, end int // the unread part of buf
	err        error
}

// lexerRead is the least room for one read; lexerKept the largest buffer that
// outlives its value.
const (
	lexerRead = 64 << 10
	lexerKept = 4 << 20
)

func newLexer(in io.Reader) *lexer { return &lexer{in: in, buf: make([]byte, 4*lexerRead)} }

// fill reads once, after making room. What is unread keeps its order, not its
// place. It returns the error of the text when nothing more came.
func (l *lexer) fill() error {
	unread := l.end - l.start
	switch {
	case unread == 0 && len(l.buf) > lexerKept:
		l.buf, l.start, l.end = make([]byte, 4*lexerRead), 0, 0
	case len(l.buf)-unread < lexerRead:
		l.buf = append(l.buf[l.start:l.end:l.end], make([]byte, len(l.buf))...)
		l.start, l.end = 0, unread
	case len(l.buf)-l.end < lexerRead:
		copy(l.buf, l.buf[l.start:l.end])
		l.start, l.end = 0, unread
	}
	for range 100 { // as often as bufio tries a reader that brings nothing
		if l.err != nil {
			return l.err
		}
		n, err := l.in.Read(l.buf[l.end:])
		l.end, l.err = l.end+n, err
		if n > 0 {
			return nil
		}
	}
	if l.err == nil {
		l.err = io.ErrNoProgress
	}
	return l.err
}

// peek gives the next byte that is not white space, without reading it; io.EOF
// at the end of the text.
func (l *lexer) peek() (byte, error) {
	for {
		for ; l.start < l.end; l.start++ {
			switch c := l.buf[l.start]; c {
			case ' ', '\n', '\t', '\r':
			default:
				return c, nil
			}
		}
		if err := l.fill(); err != nil {
			return 0, err
		}
	}
}

// expect reads one byte after white space.
func (l *lexer) expect(want byte) error {
	got, err := l.peek()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("found %q, want %q", got, want)
	}
	l.start++
	return nil
}

// next moves to the next element of a list or object that ends with closing;
// more is false at its end.
func (l *lexer) next(first bool, closing byte) (more bool, err error) {
	c, err := l.peek()
	switch {
	case err != nil:
		return false, err
	case c == closing && first:
		l.start++
		return false, nil
	case first:
		return true, nil
	case c == closing:
		l.start++
		return false, nil
	}
	if err := l.expect(','); err != nil {
		return false, err
	}
	if c, err = l.peek(); err == nil && c == closing {
		err = fmt.Errorf("found %q after a comma", c)
	}
	return err == nil, err
}

// value reads the next value and returns its bytes, valid until the next call.
func (l *lexer) value() ([]byte, error) {
	c, err := l.peek()
	if err != nil {
		return nil, err
	}
	var n int // bytes of the value
	switch c {
	case '"':
		n, err = l.text(1)
	case '{', '[':
		n, err = l.nested()
	case ',', ':', ']', '}':
		return nil, fmt.Errorf("found %q, want a value", c)
	default:
		n, err = l.word()
	}
	if err != nil {
		return nil, err
	}
	v := l.buf[l.start : l.start+n]
	l.start += n
	return v, nil
}

// text gives the end of a text whose first byte is the n-th unread one.
func (l *lexer) text(n int) (int, error) {
	for {
		i := bytes.IndexByte(l.buf[l.start+n:l.end], '"')
		if i < 0 {
			// A backslash at the end may belong to what follows: looked at again.
			seen := l.end - l.start
			for seen > n && l.buf[l.start+seen-1] == '\\' {
				seen--
			}
			n = seen
			if err := l.fill(); err != nil {
				return 0, err
			}
			continue
		}
		at := l.start + n + i
		slashes := 0
		for at-slashes > l.start+n && l.buf[at-slashes-1] == '\\' {
			slashes++
		}
		n += i + 1
		if slashes%2 == 0 {
			return n, nil
		}
	}
}

// nested gives the end of a list or object.
func (l *lexer) nested() (n int, err error) {
	for depth := 0; ; {
		data := l.buf[l.start:l.end]
		for n < len(data) {
			c := data[n]
			n++
			switch structure[c] {
			case opens:
				depth++
			case closes:
				if depth--; depth == 0 {
					return n, nil
				}
			case quotes:
				if n, err = l.text(n); err != nil {
					return 0, err
				}
				data = l.buf[l.start:l.end] // it may have moved
			}
		}
		if err := l.fill(); err != nil {
			return 0, err
		}
	}
}

const (
	opens = iota + 1
	closes
	quotes
)

// structure is what a byte outside of texts means for where a value ends.
var structure = [256]uint8{'{': opens, '[': opens, '}': closes, ']': closes, '"': quotes}

// word gives the end of a number or literal: the text goes on after it.
func (l *lexer) word() (n int, err error) {
	for {
		if i := bytes.IndexAny(l.buf[l.start+n:l.end], ",]}: \n\t\r\"[{"); i >= 0 {
			return n + i, nil
		}
		n = l.end - l.start
		if err := l.fill(); err != nil {
			return 0, err
		}
	}
}
