package schema

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"unsafe"
)

// AppendPacked appends a record in a compact form without keys, in which many
// records wait in memory. Only an Unpacker of the same build can read it.
func AppendPacked(dst []byte, w *Workflow) []byte {
	p, rec := planOf[Workflow](), unsafe.Pointer(w)
	for i := range p.fields {
		f := &p.fields[i]
		switch f.typ {
		case String:
			dst = packText(dst, *at[string](rec, f))
		case Bool:
			b := byte(0)
			if *at[bool](rec, f) {
				b = 1
			}
			dst = append(dst, b)
		case Int:
			dst = binary.AppendVarint(dst, *at[int64](rec, f))
		case Float: // short ones have zeros at the end
			dst = binary.AppendUvarint(dst, bits.ReverseBytes64(math.Float64bits(*at[float64](rec, f))))
		case List:
			list := *at[[]string](rec, f)
			dst = binary.AppendUvarint(dst, uint64(len(list)))
			for _, text := range list {
				dst = packText(dst, text)
			}
		}
	}
	return dst
}

func packText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// errPacked means that bytes were not written by AppendPacked of this build.
var errPacked = errors.New("packed workflow record is damaged")

// Unpacker reads what AppendPacked wrote. The zero value is ready to use. It is
// not safe for concurrent use.
type Unpacker struct {
	data  string
	bad   bool
	lists []string // memory of the lists, one after another
}

// Unpack reads a record into w. Its texts are slices of packed; its lists are
// valid until Recycle. No list is nil.
func (u *Unpacker) Unpack(packed string, w *Workflow) error {
	u.data, u.bad = packed, false
	p, rec := planOf[Workflow](), unsafe.Pointer(w)
	for i := range p.fields {
		f := &p.fields[i]
		switch f.typ {
		case String:
			*at[string](rec, f) = u.text()
		case Bool:
			*at[bool](rec, f) = u.take(1) == "\x01"
		case Int:
			*at[int64](rec, f) = u.int()
		case Float:
			*at[float64](rec, f) = math.Float64frombits(bits.ReverseBytes64(u.uint()))
		case List:
			*at[[]string](rec, f) = u.list()
		}
	}
	if u.bad || u.data != "" {
		return errPacked
	}
	return nil
}

// Recycle reuses the memory of all lists: nobody may use them any more.
func (u *Unpacker) Recycle() {
	clear(u.lists) // they refer to packed bytes
	u.lists = u.lists[:0]
}

func (u *Unpacker) uint() (n uint64) {
	for i := range min(len(u.data), binary.MaxVarintLen64) {
		c := u.data[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			u.data = u.data[i+1:]
			u.bad = u.bad || i == binary.MaxVarintLen64-1 && c > 1 // more than 64 bits
			return n
		}
	}
	u.bad = true
	return 0
}

func (u *Unpacker) take(n uint64) (text string) {
	if n > uint64(len(u.data)) {
		u.bad = true
		return ""
	}
	text, u.data = u.data[:n], u.data[n:]
	return text
}

func (u *Unpacker) text() string { return u.take(u.uint()) }

func (u *Unpacker) list() []string {
	n := u.uint()
	if n > uint64(len(u.data)) {
		u.bad = true
		return []string{}
	}
	from := len(u.lists)
	for range n {
		u.lists = append(u.lists, u.text())
	}
	return u.lists[from:len(u.lists):len(u.lists)]
}
