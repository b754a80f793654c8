package property

import (
	"bytes"
	"slices"
)

// Value is the value of a property: one JSON value, or a list collected from several
// steps. It points into the document.
type Value struct {
	one   []byte
	list  [][]byte
	many  bool
	named bool // list has the values of an object at the top level
}

var null = []byte("null")

// Value returns a property of the document. If some step of a chain has the
// property, it is the list of the distinct values of all steps; otherwise it is the
// value of the top level.
func (d *Document) Value(name string) Value {
	top, ok := d.Top(name)
	if !ok {
		top = null
	}
	if d.chain == "" {
		return Value{one: top}
	}
	d.splitSteps()
	for i := range d.steps {
		if _, has := d.ofStep(&d.steps[i], name); has {
			return Value{list: d.ofSteps(name, top), many: true}
		}
	}
	if top[0] != '{' || name == "LumiList" || name == "AgentJobInfo" {
		return Value{one: top}
	}
	all := Value{many: true, named: true}
	for _, m := range lastOfEach(appendMembers(nil, top)) {
		all.list = append(all.list, m.value)
	}
	return all
}

// lastOfEach returns the members without those whose key occurs again later.
func lastOfEach(members []member) []member {
	seen := make(map[string]bool, len(members))
	out := make([]member, 0, len(members))
	for _, m := range slices.Backward(members) {
		if !seen[string(m.key)] {
			seen[string(m.key)] = true
			out = append(out, m)
		}
	}
	slices.Reverse(out)
	return out
}

// ofSteps returns the values of the steps in their order. A step without the key
// has the value of the top level, or, if that is an object, its member with the name
// of the step. A missing step counts as one without keys; there may be very many
// of them, so they are not visited one by one.
func (d *Document) ofSteps(name string, top []byte) [][]byte {
	var list distinct
	if top[0] != '{' {
		expected := 1
		for i := range d.steps {
			s := &d.steps[i]
			if s.number > expected && d.length != unsaid {
				list.add(top) // a step before this one is missing
			}
			expected = s.number + 1
			if own, ok := d.ofStep(s, name); ok {
				list.add(own)
			} else {
				list.add(top)
			}
		}
		if d.length != unsaid && expected <= d.length {
			list.add(top)
		}
		return list.values
	}
	named := map[int][]byte{}
	numbers := make([]int, 0, len(d.steps))
	for _, m := range appendMembers(nil, top) {
		if n := numberOf(m.key, d.chain); d.counts(n) {
			named[n] = m.value
			numbers = append(numbers, n)
		}
	}
	own := map[int][]byte{}
	for i := range d.steps {
		s := &d.steps[i]
		if value, ok := d.ofStep(s, name); ok {
			own[s.number] = value
			numbers = append(numbers, s.number)
		}
	}
	slices.Sort(numbers)
	for _, n := range slices.Compact(numbers) {
		if value, ok := own[n]; ok {
			list.add(value)
		} else if d.length != unsaid || d.has(n) {
			list.add(named[n])
		}
	}
	return list.values
}

// has reports whether the document has a step with this number.
func (d *Document) has(number int) bool {
	return slices.ContainsFunc(d.steps, func(s step) bool { return s.number == number })
}

// distinct collects values without duplicates, null and "". A list contributes its
// elements.
type distinct struct {
	values [][]byte
	seen   map[string]bool
}

func (l *distinct) add(value []byte) {
	if value[0] != '[' {
		l.one(value)
		return
	}
	for _, element := range elements(value) {
		l.one(element)
	}
}

func (l *distinct) one(value []byte) {
	if bytes.Equal(value, null) || bytes.Equal(value, []byte(`""`)) {
		return
	}
	const few = 4
	if len(l.values) < few && l.seen == nil {
		for _, known := range l.values {
			if bytes.Equal(known, value) {
				return
			}
		}
		if plain(value) && !slices.ContainsFunc(l.values, func(v []byte) bool { return !plain(v) }) {
			l.values = append(l.values, value)
			return
		}
	}
	if l.seen == nil {
		l.seen = make(map[string]bool, 2*len(l.values))
		for _, known := range l.values {
			l.seen[canonical(known)] = true
		}
	}
	if key := canonical(value); !l.seen[key] {
		l.seen[key] = true
		l.values = append(l.values, value)
	}
}

// plain reports whether a value is a text without escapes.
func plain(value []byte) bool { return value[0] == '"' && bytes.IndexByte(value, '\\') < 0 }

// IsNull reports whether the property is null or absent.
func (v Value) IsNull() bool { return !v.many && bytes.Equal(v.one, null) }

// AppendTo appends the value as JSON.
func (v Value) AppendTo(dst []byte) []byte {
	if !v.many {
		return append(dst, v.one...)
	}
	dst = append(dst, '[')
	for i, element := range v.list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, element...)
	}
	return append(dst, ']')
}

// IsPlain reports whether a property is the value of the top level, not one of a
// step or of an object.
func (d *Document) IsPlain(name string) bool {
	top, ok := d.Top(name)
	v := d.Value(name)
	return !v.many && (!ok || &v.one[0] == &top[0])
}
