package block

import (
	"slices"
	"unsafe"

	"github.com/dmwm/wmstats/schema"
)

// Workflow returns record i as a struct, which encodes to the same bytes.
// Frequent texts are those of the dictionaries, so this costs less than decoding
// the bytes. The caller owns the struct and its lists.
func (b *Block) Workflow(l *Layout, i int) *schema.Workflow {
	w := new(schema.Workflow)
	b.Scalars(l, i, w)
	for k := range l.Columns {
		c := &l.Columns[k]
		switch c.Kind {
		case Int, Float, Bool, Code:
		case Text:
			set(w, c, string(b.Text(c, i)))
		case Codes:
			set(w, c, b.List(c, i))
		case Texts:
			list := []string{}
			b.EachText(c, i, func(text []byte) bool {
				list = append(list, string(text))
				return true
			})
			set(w, c, list)
		}
	}
	return w
}

// List returns the texts of record i in a Codes column, unchanged.
func (b *Block) List(c *Column, i int) []string {
	return b.AppendList([]string{}, c, i)
}

// AppendList appends the texts that List returns.
func (b *Block) AppendList(dst []string, c *Column, i int) []string {
	var room [16]uint32
	codes := b.packed.Load().list(room[:0], c, i)
	texts := c.Dict.Texts()
	dst = slices.Grow(dst, len(codes))
	for _, code := range codes {
		dst = append(dst, texts[code])
	}
	return dst
}

// Scalars writes the numbers and frequent texts of record i into w: everything
// but lists and texts that are nearly unique to each workflow. It does not
// allocate.
func (b *Block) Scalars(l *Layout, i int, w *schema.Workflow) {
	for k := range l.Columns {
		c := &l.Columns[k]
		switch c.Kind {
		case Int:
			set(w, c, b.Int(c, i))
		case Float:
			set(w, c, b.Float(c, i))
		case Bool:
			set(w, c, b.Int(c, i) != 0)
		case Code:
			set(w, c, c.Dict.Texts()[b.Int(c, i)])
		case Text, Codes, Texts:
		}
	}
}

func set[T any](w *schema.Workflow, c *Column, v T) {
	*(*T)(unsafe.Add(unsafe.Pointer(w), c.at)) = v
}

// Float returns the value of record i in a Float column.
func (b *Block) Float(c *Column, i int) float64 {
	return b.packed.Load().float(c.slot, i)
}

// Codes returns the codes of record i in a Codes column, each once and without
// the empty text.
func (b *Block) Codes(c *Column, i int) []uint32 {
	packed := b.packed.Load()
	all := packed.list(nil, c, i)
	if !packed.repeats {
		return all
	}
	out := all[:0]
	for _, code := range all {
		if code != 0 && !slices.Contains(out, code) {
			out = append(out, code)
		}
	}
	return out
}
