package timeline

import (
	"encoding/binary"
	"errors"
)

// reader reads what Encode wrote; after the first error it returns nothing.
type reader struct {
	src []byte
	err error
}

func (r *reader) fail(reason string) {
	if r.err == nil {
		r.err = errors.New("invalid counts over time: " + reason)
	}
	r.src = nil
}

func (r *reader) truncated() { r.fail("it is truncated") }

// end fails if bytes are left.
func (r *reader) end() {
	if r.err == nil && len(r.src) > 0 {
		r.fail("there are bytes after the end")
	}
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.src)) {
		r.truncated()
		return nil
	}
	out := r.src[:n]
	r.src = r.src[n:]
	return out
}

func (r *reader) text() []byte { return r.take(r.uvarint()) }

// labels reads the labels of a layout.
func (r *reader) labels() (labels []string) {
	const most = 1000
	n := r.length()
	if n > most {
		r.fail("it has too many labels")
	}
	for ; n > 0 && r.err == nil; n-- {
		labels = append(labels, string(r.text()))
	}
	return labels
}

// length reads a number of items that each take at least a byte.
func (r *reader) length() uint64 {
	n := r.uvarint()
	if n > uint64(len(r.src)) {
		r.truncated()
		return 0
	}
	return n
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.src)
	if n <= 0 {
		r.truncated()
		return 0
	}
	r.src = r.src[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.src)
	if n <= 0 {
		r.truncated()
		return 0
	}
	r.src = r.src[n:]
	return v
}
