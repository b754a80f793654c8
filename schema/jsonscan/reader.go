package jsonscan

import (
	"errors"
	"fmt"
	"io"
)

// ErrTooLong means that one value is longer than a Reader may hold.
var ErrTooLong = errors.New("a value is too long")

// Reader walks over a JSON text of any length as it arrives, once, from the
// front. It holds one value at a time and only checks that its brackets and
// quotes are closed (see Whole): the caller checks the content when it parses
// the value. Reader checks everything between values.
//
// A text that ends too early is reported as io.EOF, as by an io.Reader at its
// end.
type Reader struct {
	in         io.Reader
	most       int
	buf        []byte
	start, end int // the unread part of buf
	err        error
	key        []byte
}

// readRoom is the minimum room for one read; windowKept is the largest window
// that is kept after its value.
const (
	readRoom   = 64 << 10
	windowKept = 4 << 20
)

// NewReader returns a Reader that holds values of at most most bytes.
func NewReader(in io.Reader, most int) *Reader {
	return &Reader{in: in, most: most, buf: make([]byte, 4*readRoom)}
}

// fill reads once, after making room. Unread bytes keep their order, not their
// position. It returns the error of the text when nothing more arrived.
func (r *Reader) fill() error {
	unread := r.end - r.start
	switch {
	case unread > r.most:
		return fmt.Errorf("%w: more than %d bytes", ErrTooLong, r.most)
	case unread == 0 && len(r.buf) > windowKept:
		r.buf, r.start, r.end = make([]byte, 4*readRoom), 0, 0
	case len(r.buf)-unread < readRoom:
		r.buf = append(r.buf[r.start:r.end:r.end], make([]byte, len(r.buf))...)
		r.start, r.end = 0, unread
	case len(r.buf)-r.end < readRoom:
		copy(r.buf, r.buf[r.start:r.end])
		r.start, r.end = 0, unread
	}
	for range 100 { // bufio allows a reader as many empty reads
		if r.err != nil {
			return r.err
		}
		n, err := r.in.Read(r.buf[r.end:])
		r.end, r.err = r.end+n, err
		if n > 0 {
			return nil
		}
	}
	if r.err == nil {
		r.err = io.ErrNoProgress
	}
	return r.err
}

// peek returns the next byte that is not white space, without reading it.
func (r *Reader) peek() (byte, error) {
	for {
		if r.start = blank(r.buf[:r.end], r.start); r.start < r.end {
			return r.buf[r.start], nil
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
}

// Kind looks at the next value without reading it. At the end of the text the
// error is io.EOF.
func (r *Reader) Kind() (Kind, error) {
	c, err := r.peek()
	if err != nil {
		return Invalid, err
	}
	return kindOf[c], nil
}

// expect reads one byte after white space.
func (r *Reader) expect(want byte) error {
	got, err := r.peek()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("found %q, want %q", got, want)
	}
	r.start++
	return nil
}

// Value reads the next value and returns its bytes, valid until the next call.
func (r *Reader) Value() ([]byte, error) {
	c, err := r.peek()
	if err != nil {
		return nil, err
	}
	if marks[c]&(closes|divides) != 0 {
		return nil, fmt.Errorf("found %q, want a value", c)
	}
	var b bounds
	for n := 0; ; {
		at, done := b.end(r.buf[:r.end], r.start+n)
		if n = at - r.start; done {
			if n > r.most {
				return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLong, r.most)
			}
			value := r.buf[r.start:at]
			r.start = at
			return value, nil
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// List reads a list. It calls element for each element, which element must
// read.
func (r *Reader) List(element func() error) error { return r.each('[', ']', element) }

// Object reads an object. It calls member for each value, which member must
// read. The key is as written, with its quotes, and valid until the next key is
// read.
func (r *Reader) Object(member func(key []byte) error) error {
	return r.each('{', '}', func() error {
		c, err := r.peek()
		if err == nil && c != '"' {
			err = fmt.Errorf("found %q, want a key", c)
		}
		if err != nil {
			return err
		}
		key, err := r.Value()
		if err != nil {
			return err
		}
		r.key = append(r.key[:0], key...) // the next read may move it
		if err := r.expect(':'); err != nil {
			return err
		}
		return member(r.key)
	})
}

// each calls fn at each element of a list or object.
func (r *Reader) each(opening, closing byte, fn func() error) error {
	if err := r.expect(opening); err != nil {
		return err
	}
	for first := true; ; first = false {
		c, err := r.peek()
		if err != nil {
			return err
		}
		if c == closing {
			r.start++
			return nil
		}
		if !first {
			if err := r.expect(','); err != nil {
				return err
			}
			if c, err := r.peek(); err == nil && c == closing {
				return fmt.Errorf("found %q after a comma", c)
			}
		}
		if err := fn(); err != nil {
			return err
		}
	}
}

// End checks that only white space follows the text.
func (r *Reader) End() error {
	switch _, err := r.peek(); {
	case err == nil:
		return errors.New("more follows after its end")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}
