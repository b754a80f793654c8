package schema

import (
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// DecodeWorkflow reads a record that AppendJSON wrote into w. All keys have
// their own types. Keys may come in another order; unknown keys are skipped and
// missing ones keep the value in w, so records of other versions can be read.
func DecodeWorkflow(data []byte, w *Workflow) error {
	if err := planOf[Workflow]().decode(data, unsafe.Pointer(w)); err != nil {
		return fmt.Errorf("decode workflow record: %w", err)
	}
	return nil
}

func (p *plan) decode(data []byte, rec unsafe.Pointer) error {
	var s jsonscan.Scanner
	s.Reset(data)
	if s.Kind() != jsonscan.Object {
		return fmt.Errorf("found %s, want a record", brief(data))
	}
	s.Open()
	next := 0 // keys are expected in their order
	for key, ok := s.NextKey(); ok; key, ok = s.NextKey() {
		if next == len(p.fields) || p.fields[next].key != string(key) {
			i, known := p.byKey[string(key)]
			if !known {
				s.Skip()
				continue
			}
			next = i
		}
		f := &p.fields[next]
		if !f.read(&s, rec) && s.Err() == nil {
			return fmt.Errorf("%s: found %s, want %s", f.key, brief(s.Raw()), f.typ)
		}
		next++
	}
	return s.End()
}

// read reads the next value into its field. It returns false, and reads
// nothing, when the value has another type.
func (f *planField) read(s *jsonscan.Scanner, rec unsafe.Pointer) bool {
	kind := s.Kind()
	switch {
	case f.typ == String && kind == jsonscan.String:
		*at[string](rec, f) = string(s.Text())
	case f.typ == Bool && (kind == jsonscan.True || kind == jsonscan.False):
		*at[bool](rec, f) = kind == jsonscan.True
		s.Literal()
	case f.typ == Int && kind == jsonscan.Number:
		return readInt(s, at[int64](rec, f))
	case f.typ == Float && kind == jsonscan.Number:
		x, err := strconv.ParseFloat(string(s.Number()), 64)
		*at[float64](rec, f) = x
		return err == nil
	case f.typ == List && kind == jsonscan.Array:
		return readList(s, at[[]string](rec, f))
	default:
		return false
	}
	return true
}

func readInt(s *jsonscan.Scanner, to *int64) bool {
	if n, ok := s.Int(); ok {
		*to = n
		return true
	}
	n, err := strconv.ParseInt(string(s.Number()), 10, 64)
	*to = n
	return err == nil
}

func readList(s *jsonscan.Scanner, to *[]string) bool {
	list := []string{}
	s.Open()
	for s.NextElem() {
		if s.Kind() != jsonscan.String {
			return false
		}
		list = append(list, string(s.Text()))
	}
	*to = list
	return true
}

// brief returns what was found, for a message. It never keeps the record in
// memory.
func brief(found []byte) string {
	const most = 60
	if len(found) <= most {
		return strings.ToValidUTF8(string(found), "\uFFFD")
	}
	return strings.ToValidUTF8(string(found[:most]), "\uFFFD") + "..."
}
