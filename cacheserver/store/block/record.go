package block

import (
	"unsafe"

	"github.com/dmwm/wmstats/schema"
)

// Workflow gives record i as a struct: encoded again, it is the same bytes.
// Frequent texts are those of the dictionaries, so this costs less than
// decoding the bytes. The caller owns the struct and its lists.
func (b *Block) Workflow(l *Layout, i int) *schema.Workflow {
	w := new(schema.Workflow)
	for k := range l.Columns {
		c := &l.Columns[k]
		switch c.Kind {
		case Int:
			set(w, c, b.Int(c, i))
		case Float:
			set(w, c, b.float(c, i))
		case Bool:
			set(w, c, b.Int(c, i) != 0)
		case Code:
			set(w, c, c.Dict.Texts()[b.Int(c, i)])
		case Text:
			set(w, c, string(b.Text(c, i)))
		case Codes:
			start, end := b.listRange(c, i, i+1)
			list, texts := make([]string, 0, end-start), c.Dict.Texts()
			for n := start; n < end; n++ {
				list = append(list, texts[b.dir[c.slot+1].value(b.data, n)])
			}
			set(w, c, list)
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

func set[T any](w *schema.Workflow, c *Column, v T) {
	*(*T)(unsafe.Add(unsafe.Pointer(w), c.at)) = v
}

func (b *Block) float(c *Column, i int) float64 {
	v := &b.dir[c.slot]
	if v.cents {
		return float64(v.value(b.data, i)) / 100
	}
	return floatOf(v.value(b.data, i))
}
