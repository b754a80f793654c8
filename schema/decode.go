package schema

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/dmwm/wmstats/schema/internal/jsonscan"
)

// decoder reads one raw document. Its methods read the next value as one type
// and accept every form that the sources are known to write (domain, 9.7);
// what they can't take becomes a flaw and the default. They are given the name
// of the field for that; enclosing objects put their own name before it
// afterwards (within), so a document without flaws pays nothing for paths.
type decoder struct {
	scan  jsonscan.Scanner
	doc   []byte
	src   string // copy of doc that texts share; "": each text is its own
	names *interner
	room  *textRoom // in place of names: texts that are not kept; or nil
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

// reset makes the decoder ready for another document.
func (d *decoder) reset(raw []byte) {
	d.doc, d.src, d.flaws = raw, "", flawList{}
	d.scan.Reset(raw)
	d.hash.Reset()
	d.run, d.hashed = -1, false
}

// share makes texts slices of one copy of the document: one allocation, but
// any of them keeps the whole copy in memory.
func (d *decoder) share() { d.src = string(d.doc) }

func (d *decoder) flaw(path string, raw []byte, want string) {
	d.flaws.FlawCount++
	if len(d.flaws.Flaws) < maxFlaws {
		d.flaws.Flaws = append(d.flaws.Flaws, Flaw{Path: path, Found: shorten(raw), Want: want})
	}
}

// wrong skips the next value and notes it as a flaw.
func (d *decoder) wrong(path, want string) { d.flaw(path, d.scan.Raw(), want) }

// mark and within put name before the paths of the flaws found since mark.
func (d *decoder) mark() int { return len(d.flaws.Flaws) }

func (d *decoder) within(mark int, name string) {
	for i := mark; i < len(d.flaws.Flaws); i++ {
		f := &d.flaws.Flaws[i]
		f.Path = strings.TrimSuffix(name+"."+f.Path, ".")
	}
}

// open enters the next value if it is an object; null is as missing.
func (d *decoder) open(path string) bool {
	return d.enter(path, jsonscan.Object, "an object")
}

// openList enters the next value if it is a list; null is as missing.
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
		read(d.own(key))
	}
	d.within(mark, path)
}

// own turns a text of the scanner into a string.
func (d *decoder) own(b []byte) string {
	if from := d.scan.TextStart(); d.src != "" && from >= 0 {
		return d.src[from : from+len(b)]
	}
	if d.room != nil {
		return d.room.text(b)
	}
	return d.names.text(b)
}

// maxText bounds one text of a document, in bytes; names have tens of them.
const maxText = 1 << 16

// text reads the next value as a text. A number gives its digits, a list or an
// object its first text (objects by key), null and {} give "".
func (d *decoder) text(path string) string {
	switch d.scan.Kind() {
	case jsonscan.String:
		b := d.scan.Text()
		if len(b) <= maxText {
			return d.own(b)
		}
		d.flaw(path, b, "at most 65536 bytes; cut there")
		cut := maxText
		for cut > 0 && !utf8.RuneStart(b[cut]) {
			cut--
		}
		return string(b[:cut])
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

// texts reads the next value as a list of texts: a list, one text, an object
// (its values by key), or the JSON text of a list, which an update handler's
// query string leaves behind. Empty texts are left out.
func (d *decoder) texts(path string) []string {
	switch d.scan.Kind() {
	case jsonscan.String, jsonscan.Number:
		text := d.text(path)
		if text != "" && (text[0] == '[' || text[0] == '{') {
			if list, bad := textsOf([]byte(text)); !bad {
				return list
			}
		}
		return appendText(nil, text)
	case jsonscan.Null:
		d.scan.Literal()
	case jsonscan.Array, jsonscan.Object:
		start := d.scan.Offset()
		if list, ok := d.plainTexts(); ok {
			return list
		}
		d.scan.Rewind(start)
		flaws := d.flaws
		list, bad := d.flatten(flattenLevels)
		if d.flaws = flaws; bad { // what is wrong in it is one flaw
			d.scan.Rewind(start)
			d.wrong(path, "a list of texts; those in it are kept")
		}
		return list
	default:
		d.wrong(path, "a list of texts")
	}
	return nil
}

// plainTexts reads a list of texts, as nearly all are; not ok, and anywhere in
// the value, for lists of other things and for texts that are too long.
func (d *decoder) plainTexts() (list []string, ok bool) {
	if d.scan.Kind() != jsonscan.Array {
		return nil, false
	}
	const room, few = 128, 8
	if cap(d.lists)-len(d.lists) < few {
		size := room // the old one belongs to those who have its lists
		if d.room != nil {
			size = max(room, 2*cap(d.lists)) // it will come back
		}
		d.lists = make([]string, 0, size)
	}
	from := len(d.lists)
	d.scan.Open()
	for d.scan.NextElem() {
		if d.scan.Kind() != jsonscan.String {
			return nil, false
		}
		text := d.scan.Text()
		if len(text) > maxText {
			return nil, false
		}
		d.lists = appendText(d.lists, d.own(text))
	}
	if len(d.lists) > from {
		list = d.lists[from:len(d.lists):len(d.lists)]
	}
	return list, d.scan.Err() == nil
}

func appendText(list []string, text string) []string {
	if text == "" {
		return list
	}
	return append(list, text)
}

// flattenLevels is how deep texts are looked for.
const flattenLevels = 3

// textsOf returns the texts of a JSON list or object, and those of the lists
// in it; objects by key, the last of equal keys. bad: not all of it was text.
func textsOf(raw []byte) (list []string, bad bool) {
	d := newDecoder(raw)
	list, bad = d.flatten(flattenLevels)
	return list, bad || d.scan.End() != nil
}

func (d *decoder) flatten(levels int) (list []string, bad bool) {
	kind := d.scan.Kind()
	switch {
	case kind == jsonscan.String, kind == jsonscan.Number:
		return appendText(nil, d.text("")), false
	case kind == jsonscan.Null:
		d.scan.Literal()
		return nil, false
	case kind == jsonscan.Array && levels > 0:
		d.scan.Open()
		for d.scan.NextElem() {
			more, b := d.flatten(levels - 1)
			list, bad = append(list, more...), bad || b
		}
		return list, bad
	case kind == jsonscan.Object && levels > 0:
		return d.flattenObject(levels)
	}
	d.scan.Skip()
	return nil, true
}

func (d *decoder) flattenObject(levels int) (list []string, bad bool) {
	type pair struct {
		key  string
		list []string
	}
	var pairs []pair
	d.scan.Open()
	for k, ok := d.scan.NextKey(); ok; k, ok = d.scan.NextKey() {
		key := string(k)
		values, b := d.flatten(levels - 1)
		pairs, bad = append(pairs, pair{key, values}), bad || b
	}
	pairs = lastOfEqual(pairs, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
	for _, p := range pairs {
		list = append(list, p.list...)
	}
	return list, bad
}

// lastOfEqual sorts list and keeps the last of equal elements, which is how
// encoding/json treats keys that come twice.
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

// eachElem calls read for each object in the list that comes next, with its
// place in the list, from 1. Elements of another form are flaws and count.
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

// fields reads the object that comes next; read says whether it took a value.
func (d *decoder) fields(read func(key []byte) bool) {
	d.scan.Open()
	d.pairs(read)
}

// pairs reads the rest of an open object; read says whether it took a value.
func (d *decoder) pairs(read func(key []byte) bool) {
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		if !read(key) {
			d.scan.Skip()
		}
	}
}
