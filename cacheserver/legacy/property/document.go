// Package property interprets request documents as the old server's REST API does:
// the value of a property at the top level and in the steps of a chain, whether a
// filter accepts it, and which names of datasets and files it contains. It takes
// documents as bytes, in the form that Canonical writes, and returns values as
// bytes. Nothing is decoded and encoded again, so a number keeps its text. The
// package does no I/O and keeps no state.
package property

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// Document is a parsed request document. The zero value has no members. It is not
// safe for concurrent use.
type Document struct {
	members []member // of the top level, in their order
	chain   string   // Task or Step; "": not a chain
	length  int      // number of steps according to the document; unsaid: as many as exist
	steps   []step   // existing steps, sorted by number
	split   bool     // steps is filled
	room    []member // members of steps; the next document reuses it
}

// unsaid is the length of a chain if the document has no number there.
const unsaid = -1

type member struct {
	key, value []byte
}

type step struct {
	number  int
	value   []byte
	parsed  bool     // members is filled
	members []member // none if the step is not an object
}

// Reset parses another document, which must be JSON and must not change while d is
// used. If it is not an object, it has no members.
func (d *Document) Reset(doc []byte) {
	d.members = appendMembers(d.members[:0], doc)
	d.chain, d.length, d.split, d.steps, d.room = "", 0, false, d.steps[:0], d.room[:0]
	for _, kind := range []string{"Task", "Step"} {
		if value, ok := d.Top(kind + "Chain"); ok {
			d.chain, d.length = kind, lengthOf(value)
			return
		}
	}
}

// appendMembers appends the members of an object.
func appendMembers(to []member, object []byte) []member {
	if all, ok := appendPlain(to, object); ok {
		return all
	}
	var s jsonscan.Scanner
	s.Reset(object)
	if s.Kind() != jsonscan.Object {
		return to
	}
	s.Open()
	for key, ok := s.NextKey(); ok; key, ok = s.NextKey() {
		if s.TextStart() < 0 { // it had escapes, and is in a buffer of the scanner
			key = bytes.Clone(key)
		}
		value := s.Whole()
		if len(value) == 0 { // the document is truncated
			break
		}
		to = append(to, member{key, value})
	}
	return to
}

// appendPlain is a faster appendMembers for objects that Canonical wrote and whose
// keys have no escapes; nearly all are such. If not ok, it appends nothing.
func appendPlain(to []member, object []byte) (all []member, ok bool) {
	if len(object) < 2 || object[0] != '{' {
		return to, false
	}
	if len(object) == 2 {
		return to, object[1] == '}'
	}
	all = to
	for i := 1; i < len(object) && object[i] == '"'; {
		start := i + 1
		n := bytes.IndexByte(object[start:], '"')
		if n < 0 || start+n+1 >= len(object) || object[start+n+1] != ':' || bytes.IndexByte(object[start:start+n], '\\') >= 0 {
			return to, false
		}
		from := start + n + 2
		end := jsonscan.ValueEnd(object, from)
		if end < 0 || end >= len(object) || object[from] <= ' ' {
			return to, false
		}
		all = append(all, member{object[start : start+n], object[from:end]})
		switch object[end] {
		case ',':
			i = end + 1
		case '}':
			return all, true
		default:
			return to, false
		}
	}
	return to, false
}

// find returns the value of a key. The last of duplicate keys counts.
func find(members []member, key string) (value []byte, ok bool) {
	for i := len(members) - 1; i >= 0; i-- {
		if string(members[i].key) == key {
			return members[i].value, true
		}
	}
	return nil, false
}

// Top returns the value of a key at the top level.
func (d *Document) Top(key string) (value []byte, ok bool) { return find(d.members, key) }

// Text returns the text of a key at the top level; not ok if the value is not a
// text.
func (d *Document) Text(key string) (text string, ok bool) {
	value, _ := d.Top(key)
	return textOf(value)
}

// lengthOf returns the length of a chain: a number, possibly written as a text.
func lengthOf(value []byte) int {
	text := string(value)
	if t, ok := textOf(value); ok {
		text = t
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) {
		return unsaid
	}
	return int(min(max(n, 0), math.MaxInt32))
}

// numberOf returns the number in a key such as Task12; 0 for other keys.
func numberOf(key []byte, kind string) int {
	digits, ok := bytes.CutPrefix(key, []byte(kind))
	if !ok || len(digits) == 0 || digits[0] < '1' || digits[0] > '9' {
		return 0
	}
	n, err := strconv.Atoi(string(digits))
	if err != nil {
		return 0
	}
	return n
}

// counts reports whether a step with this number belongs to the chain.
func (d *Document) counts(number int) bool {
	return number > 0 && (d.length == unsaid || number <= d.length)
}

// splitSteps finds the steps.
func (d *Document) splitSteps() {
	if d.split {
		return
	}
	d.split = true
	for _, m := range d.members {
		n := numberOf(m.key, d.chain)
		if !d.counts(n) {
			continue
		}
		at, found := slices.BinarySearchFunc(d.steps, n, func(s step, n int) int { return cmp.Compare(s.number, n) })
		if !found {
			d.steps = slices.Insert(d.steps, at, step{})
		}
		d.steps[at] = step{number: n, value: m.value}
	}
}

// ofStep returns the value of a key of a step. Most steps have few of the
// requested keys: one is parsed only if it can have the key.
func (d *Document) ofStep(s *step, key string) (value []byte, ok bool) {
	if !s.parsed {
		if !bytes.Contains(s.value, []byte(key)) && bytes.IndexByte(s.value, '\\') < 0 {
			return nil, false
		}
		from := len(d.room)
		d.room = appendMembers(d.room, s.value)
		s.members, s.parsed = d.room[from:], true // stays valid when room is reallocated
	}
	return find(s.members, key)
}

// textOf decodes a text; not ok if the value is not a text.
func textOf(value []byte) (string, bool) {
	var s jsonscan.Scanner
	s.Reset(value)
	if len(value) == 0 || s.Kind() != jsonscan.String {
		return "", false
	}
	return string(s.Text()), true
}
