package raw

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// decoder reads one raw document. Its methods read the next value as one type
// and accept every form that the sources are known to write (edgecases_test.go
// has a case for each). Any other form is recorded as a flaw, and the field
// gets its default. The methods take the name of the field for that. Enclosing
// objects prepend their own name afterwards (within), so a document without
// flaws pays nothing for paths.
type decoder struct {
	scan  jsonscan.Scanner
	doc   []byte
	src   string // copy of doc that texts share; "": each text is its own
	names *interner
	room  *textRoom // used instead of names for texts that are not kept; or nil
	lists []string  // where short lists of texts are put, one after another
	flaws flawList

	hash   xxhash.Digest // of the content, where nextHashed walks
	run    int           // start of the pairs to be hashed; -1: none
	hashed bool          // a run has been hashed
}

func newDecoder(raw []byte) *decoder {
	d := &decoder{}
	d.reset(raw)
	return d
}

// reset prepares the decoder for another document.
func (d *decoder) reset(raw []byte) {
	d.doc, d.src, d.flaws = raw, "", flawList{}
	d.scan.Reset(raw)
	d.hash.Reset()
	d.run, d.hashed = -1, false
}

// share makes texts slices of one copy of the document: one allocation, but
// each of them keeps the whole copy in memory.
func (d *decoder) share() { d.src = string(d.doc) }

func (d *decoder) flaw(path string, raw []byte, want string) {
	d.flaws.FlawCount++
	if len(d.flaws.Flaws) < maxFlaws {
		d.flaws.Flaws = append(d.flaws.Flaws, Flaw{Path: path, Found: shorten(raw), Want: want})
	}
}

// wrong skips the next value and records it as a flaw.
func (d *decoder) wrong(path, want string) { d.flaw(path, d.scan.Raw(), want) }

// mark and within prefix name to the paths of the flaws found since mark.
func (d *decoder) mark() int { return len(d.flaws.Flaws) }

func (d *decoder) within(mark int, name string) {
	for i := mark; i < len(d.flaws.Flaws); i++ {
		f := &d.flaws.Flaws[i]
		f.Path = strings.TrimSuffix(name+"."+f.Path, ".")
	}
}

// open enters the next value if it is an object; null counts as missing.
func (d *decoder) open(path string) bool {
	return d.enter(path, jsonscan.Object, "an object")
}

// openList enters the next value if it is a list; null counts as missing.
func (d *decoder) openList(path string) bool {
	return d.enter(path, jsonscan.Array, "a list")
}

func (d *decoder) enter(path string, want jsonscan.Kind, name string) bool {
	switch d.scan.Kind() {
	case want:
		d.scan.Open()
		return true
	case jsonscan.Null:
		d.scan.Literal()
	default:
		d.wrong(path, name)
	}
	return false
}

// each calls read for each pair of the next value if it is an object. read
// gets a key of its own and must read or skip the value.
func (d *decoder) each(path string, read func(key string)) {
	if !d.open(path) {
		return
	}
	mark := d.mark()
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		read(d.clone(key))
	}
	d.within(mark, path)
}

// clone turns a text of the scanner into a string that stays valid.
func (d *decoder) clone(b []byte) string {
	if from := d.scan.TextStart(); d.src != "" && from >= 0 {
		return d.src[from : from+len(b)]
	}
	if d.room != nil {
		return d.room.text(b)
	}
	return d.names.text(b)
}

// Limits of one text of a document, in bytes. Names have tens of bytes and
// occur many times in a page; an error message of an agent may be long.
const (
	maxText    = 1 << 12
	maxMessage = 1 << 16
)

// text reads the next value as a text. A number yields its digits, a list or an
// object its first text (objects by key), null and {} yield "".
func (d *decoder) text(path string) string { return d.textUpTo(path, maxText) }

// message is text for messages to people.
func (d *decoder) message(path string) string { return d.textUpTo(path, maxMessage) }

// cutAt returns where to cut a longer text without splitting a character.
func cutAt[T string | []byte](text T, most int) int {
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return cut
}

func (d *decoder) textUpTo(path string, most int) string {
	switch d.scan.Kind() {
	case jsonscan.String:
		b := d.scan.Text()
		if len(b) <= most {
			return d.clone(b)
		}
		d.flaw(path, b, fmt.Sprintf("at most %d bytes; cut there", most))
		return string(b[:cutAt(b, most)])
	case jsonscan.Number:
		return string(d.scan.Number())
	case jsonscan.Null:
		d.scan.Literal()
	case jsonscan.Array, jsonscan.Object:
		raw := d.scan.Raw()
		list, bad := textsOf(raw)
		if bad || len(list) > 1 {
			d.flaw(path, raw, "one text; the first is kept")
		}
		if len(list) > 0 {
			return list[0]
		}
	default:
		d.wrong(path, "a text")
	}
	return ""
}

// lastOfEqual sorts list and keeps the last of equal elements, as encoding/json
// does for keys that occur twice.
func lastOfEqual[T any](list []T, compare func(a, b T) int) []T {
	ordered := true
	for i := 1; i < len(list) && ordered; i++ {
		ordered = compare(list[i-1], list[i]) < 0
	}
	if ordered {
		return list
	}
	slices.SortStableFunc(list, compare)
	out := list[:0]
	for i := range list {
		if i+1 == len(list) || compare(list[i], list[i+1]) != 0 {
			out = append(out, list[i])
		}
	}
	return out
}

// truth reads a bool: true, "True", 1; false, "false", 0, null, "".
func (d *decoder) truth(path string, missing bool) bool {
	switch d.scan.Kind() {
	case jsonscan.True:
		d.scan.Literal()
		return true
	case jsonscan.False:
		d.scan.Literal()
		return false
	case jsonscan.Null:
		d.scan.Literal()
		return missing
	}
	raw := bytes.Clone(d.scan.Raw())
	switch strings.ToLower(strings.Trim(string(raw), `" `)) {
	case "true", "1":
		return true
	case "false", "0":
		return false
	case "":
		return missing
	}
	d.flaw(path, raw, "true or false")
	return missing
}

// eachElem calls read for each object in the next list, with its position in
// the list, from 1. Elements of another form are flaws, and are counted.
func (d *decoder) eachElem(path string, read func(index int64)) {
	if !d.openList(path) {
		return
	}
	for index := int64(1); d.scan.NextElem(); index++ {
		mark := d.mark()
		if d.scan.Kind() == jsonscan.Object {
			read(index)
		} else {
			d.wrong("", "an object")
		}
		if d.mark() > mark {
			d.within(mark, path+"."+strconv.FormatInt(index, 10))
		}
	}
}

// fields reads the next object; read reports whether it consumed the value.
func (d *decoder) fields(read func(key []byte) bool) {
	d.scan.Open()
	d.pairs(read)
}

// pairs reads the rest of an open object; read reports whether it consumed the
// value.
func (d *decoder) pairs(read func(key []byte) bool) {
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		if !read(key) {
			d.scan.Skip()
		}
	}
}

// list calls read for each element of the next list. A value that is not in a
// list is read as its only element.
func (d *decoder) list(path string, read func()) {
	switch d.scan.Kind() {
	case jsonscan.Null:
		d.scan.Literal()
	case jsonscan.Array:
		mark := d.mark()
		d.scan.Open()
		for d.scan.NextElem() {
			read()
		}
		d.within(mark, path)
	default:
		mark := d.mark()
		read()
		d.within(mark, path)
	}
}

// object reads the pairs of the object at path; read reports whether it
// consumed a value. object reads nothing of a value that is not an object.
func (d *decoder) object(path string, read func(key []byte) bool) {
	if !d.open(path) {
		return
	}
	mark := d.mark()
	d.pairs(read)
	d.within(mark, path)
}
