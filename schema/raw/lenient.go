package raw

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// A lenient value reads itself from every form that the sources write
// (edgecases_test.go has a case for each). Any other form becomes a flaw and
// the default. Structs of lenient fields, with the keys of the document as
// their json tags, are filled by place.fill: encoding/json alone would accept a
// key in another case, and would stop at the first value of another type.
type lenient interface {
	read(raw json.RawMessage, at place)
}

// place is where a value stands in a document, and where its flaws are noted.
type place struct {
	path  string
	flaws *flawList
}

// under returns the place of the value of a key of an object, or of an element
// of a list.
func (p place) under(key string) place {
	if p.path == "" {
		return place{key, p.flaws}
	}
	return place{p.path + "." + key, p.flaws}
}

// scalar reads a value with one of the decoder's methods.
func scalar[T any](raw json.RawMessage, at place, read func(d *decoder, path string) T) T {
	d := newDecoder(raw)
	d.flaws = *at.flaws
	v := read(d, strings.TrimRight(at.path, "."))
	*at.flaws = d.flaws
	return v
}

// flaw records what was found instead of the expected form.
func (p place) flaw(found []byte, want string) {
	scalar(found, p, func(d *decoder, path string) any { d.flaw(path, found, want); return nil })
}

// member is one key of an object with its value.
type member struct {
	key   string
	value json.RawMessage
}

// members splits an object into its pairs, in their order and with repeated
// keys. ok is false for a value that is not an object: null counts as missing,
// any other value is a flaw.
func (p place) members(raw json.RawMessage) (list []member, ok bool) {
	if raw[0] != '{' {
		if raw[0] != 'n' {
			p.flaw(raw, "an object")
		}
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, err := dec.Token()
	for err == nil && dec.More() {
		var m member
		var key json.Token
		if key, err = dec.Token(); err == nil {
			m.key = fmt.Sprint(key)
			err = dec.Decode(&m.value)
			list = append(list, m)
		}
	}
	if err != nil { // not reached: the document was checked as a whole
		p.flaw(raw, "an object: "+err.Error())
		return nil, false
	}
	return list, true
}

// elements splits a list; a value that is not in a list counts as a list of
// one.
func elements(raw json.RawMessage) (list []json.RawMessage) {
	switch raw[0] {
	case 'n':
		return nil
	case '[':
		if json.Unmarshal(raw, &list) == nil { // the document was checked as a whole
			return list
		}
	}
	return []json.RawMessage{raw}
}

// fill reads an object into the struct that to points to, and reports whether
// it is an object. A field that the object does not have counts as missing. If
// a key occurs twice, the last value counts.
func (p place) fill(raw json.RawMessage, to any) bool {
	list, ok := p.members(raw)
	fillFrom(list, to, p)
	return ok
}

func fillFrom(list []member, to any, at place) {
	record := reflect.ValueOf(to).Elem()
	fields := map[string]any{}
	for i := range record.NumField() {
		if key := record.Type().Field(i).Tag.Get("json"); key != "" {
			fields[key] = record.Field(i).Addr().Interface()
			if field, ok := fields[key].(interface{ missing() }); ok {
				field.missing()
			}
		}
	}
	for _, m := range list {
		if field, ok := fields[m.key]; ok {
			readInto(field, m.value, at.under(m.key))
		}
	}
}

// readInto reads a value into a lenient value or into a struct of lenient
// values.
func readInto(to any, raw json.RawMessage, at place) {
	if v, ok := to.(lenient); ok {
		v.read(raw, at)
		return
	}
	reflect.ValueOf(to).Elem().SetZero() // if a key occurs twice, the last counts
	at.fill(raw, to)
}

// The lenient forms of single values.
type (
	text       string // a short text
	message    string // a message to people
	texts      []string
	truth      bool    // missing: false
	moment     int64   // s
	count      int64   // of things; missing: 0
	known      int64   // missing, or not known to the source: -1
	told       int64   // missing: 0; not known to the source: -1
	float      float64 // missing: 0
	knownFloat float64 // missing, or not known to the source: -1
)

func (v *text) read(raw json.RawMessage, at place) { *v = text(scalar(raw, at, (*decoder).text)) }
func (v *message) read(raw json.RawMessage, at place) {
	*v = message(scalar(raw, at, (*decoder).message))
}
func (v *texts) read(raw json.RawMessage, at place) { *v = scalar(raw, at, (*decoder).texts) }
func (v *moment) read(raw json.RawMessage, at place) {
	*v = moment(scalar(raw, at, (*decoder).time))
}
func (v *count) read(raw json.RawMessage, at place) { *v = count(scalar(raw, at, (*decoder).count)) }
func (v *known) read(raw json.RawMessage, at place) { *v = known(scalar(raw, at, (*decoder).known)) }
func (v *told) read(raw json.RawMessage, at place)  { *v = told(scalar(raw, at, (*decoder).known)) }
func (v *float) read(raw json.RawMessage, at place) { *v = float(scalar(raw, at, (*decoder).float)) }
func (v *knownFloat) read(raw json.RawMessage, at place) {
	*v = knownFloat(scalar(raw, at, (*decoder).knownFloat))
}

func (v *truth) read(raw json.RawMessage, at place) {
	*v = truth(scalar(raw, at, func(d *decoder, path string) bool { return d.truth(path, false) }))
}

func (v *known) missing()      { *v = -1 }
func (v *knownFloat) missing() { *v = -1 }

// keyed is an object whose keys are data, in its order; nil if the value is not
// an object.
type keyed[T any] []pair[T]

type pair[T any] struct {
	key   string
	value T
}

func (v *keyed[T]) read(raw json.RawMessage, at place) {
	list, ok := at.members(raw)
	*v = nil
	if ok {
		*v = make(keyed[T], len(list))
	}
	for i, m := range list {
		(*v)[i].key = m.key
		readInto(&(*v)[i].value, m.value, at.under(m.key))
	}
}

// oneOrMore is a list, or a single element that is not in a list.
type oneOrMore[T any] []T

func (v *oneOrMore[T]) read(raw json.RawMessage, at place) {
	*v = nil
	for _, element := range elements(raw) {
		var e T
		readInto(&e, element, at)
		*v = append(*v, e)
	}
}

// objects is a list of objects; elements of another form are left out as flaws.
type objects[T any] []T

func (v *objects[T]) read(raw json.RawMessage, at place) {
	*v = nil
	if raw[0] != '[' {
		if raw[0] != 'n' {
			at.flaw(raw, "a list")
		}
		return
	}
	for i, element := range elements(raw) {
		in := at.under(strconv.Itoa(i + 1))
		if element[0] != '{' {
			in.flaw(element, "an object")
			continue
		}
		var e T
		in.fill(element, &e)
		*v = append(*v, e)
	}
}
