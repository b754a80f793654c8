package schema

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

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
	flaws flawList
}

func newDecoder(raw []byte) *decoder {
	d := &decoder{doc: raw}
	d.scan.Reset(raw)
	return d
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
	return string(b)
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
		raw := d.scan.Raw()
		list, bad := textsOf(raw)
		if bad {
			d.flaw(path, raw, "a list of texts; those in it are kept")
		}
		return list
	default:
		d.wrong(path, "a list of texts")
	}
	return nil
}

func appendText(list []string, text string) []string {
	if text == "" {
		return list
	}
	return append(list, text)
}

// textsOf returns the texts of a JSON list or object, and those of the lists
// in it; objects by key, the last of equal keys. bad: not all of it was text.
func textsOf(raw []byte) (list []string, bad bool) {
	d := newDecoder(raw)
	list, bad = d.flatten(3)
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

// integer reads the next value as a whole number: digits in quotes count, a
// fraction is cut off, a list gives its only element.
func (d *decoder) integer(path string, missing int64) int64 {
	if n, ok := d.scan.Int(); ok {
		return n
	}
	const want = "a whole number of 64 bits"
	raw, found := d.number(path, want)
	if !found {
		return missing
	}
	n, ok := parseInt(raw)
	if !ok {
		d.flaw(path, raw, want)
		return missing
	}
	return n
}

// parseInt reads a number and cuts off its fraction.
func parseInt(raw []byte) (n int64, ok bool) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, true
	}
	f, ok := parseFloat(raw)
	if !ok || math.Abs(f) >= math.MaxInt64 {
		return 0, false
	}
	return int64(f), true
}

// float reads the next value as a number, in the same forms; "91%" is 91.
func (d *decoder) float(path string, missing float64) float64 {
	const want = "a number"
	raw, found := d.number(path, want)
	if !found {
		return missing
	}
	f, ok := parseFloat(raw)
	if !ok {
		d.flaw(path, raw, want)
		return missing
	}
	return f
}

// parseFloat reads a number as JSON writes it: no "NaN", "inf" or "0x10".
func parseFloat(raw []byte) (f float64, ok bool) {
	if jsonscan.NumberEnd(raw, 0) != len(raw) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil
}

// number reads the next value and returns the text of the number in it.
func (d *decoder) number(path, want string) (raw []byte, found bool) {
	switch d.scan.Kind() {
	case jsonscan.Number:
		return d.scan.Number(), true
	case jsonscan.String:
		raw = bytes.TrimSpace(d.scan.Text())
		raw = bytes.TrimSpace(bytes.TrimSuffix(raw, []byte("%")))
		raw = bytes.TrimPrefix(raw, []byte("+"))
		return raw, len(raw) > 0
	case jsonscan.Null:
		d.scan.Literal()
	case jsonscan.Array:
		whole := d.scan.Raw()
		list, bad := textsOf(whole)
		if bad || len(list) > 1 {
			d.flaw(path, whole, want)
			return nil, false
		}
		if len(list) == 1 {
			return []byte(list[0]), true
		}
	default:
		d.wrong(path, want)
	}
	return nil, false
}

// count reads a number of things: a negative one is kept and noted, one that
// could make a sum overflow is a flaw.
func (d *decoder) count(path string) int64 {
	n := d.integer(path, 0)
	if n >= 0 && n <= maxCount {
		return n
	}
	if n >= -maxCount && n < 0 {
		d.flaw(path, strconv.AppendInt(nil, n, 10), "no negative number; it is kept")
		return n
	}
	d.flaw(path, strconv.AppendInt(nil, n, 10), "a number of jobs up to 1e15")
	return 0
}

// maxCount keeps sums of job counts over thousands of documents in 64 bits.
const maxCount = 1_000_000_000_000_000

// known reads a number that the source may not know yet: -1 then.
func (d *decoder) known(path string) int64 {
	n := d.integer(path, -1)
	if n < -1 {
		d.flaw(path, strconv.AppendInt(nil, n, 10), "no negative number")
	}
	return max(n, -1)
}

// first is known for a field that may be a list: its first element.
func (d *decoder) first(path string) int64 {
	if d.scan.Kind() != jsonscan.Array {
		return d.known(path)
	}
	raw := d.scan.Raw()
	list, bad := textsOf(raw)
	if bad {
		d.flaw(path, raw, "numbers; the first is kept")
	}
	if len(list) == 0 {
		return -1
	}
	n, ok := parseInt([]byte(list[0]))
	if !ok || n < -1 {
		d.flaw(path, raw, "a number first")
		return -1
	}
	return n
}

// largest reads a number that may be given by task: the largest of them.
func (d *decoder) largest(path string) float64 {
	if d.scan.Kind() != jsonscan.Object {
		return d.float(path, 0)
	}
	most := 0.0
	d.each(path, func(key string) { most = max(most, d.float(key, 0)) })
	return most
}

// time reads a time in Unix seconds; 0 is unknown.
func (d *decoder) time(path string) int64 {
	n := d.integer(path, 0)
	if n < 0 {
		d.flaw(path, strconv.AppendInt(nil, n, 10), "a time after 1970")
	}
	return max(n, 0)
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

func (d *decoder) largestInt(path string) int64 {
	return int64(min(max(d.largest(path), -maxCount), maxCount))
}

// pairs reads the rest of an open object; read says whether it took a value.
func (d *decoder) pairs(read func(key []byte) bool) {
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		if !read(key) {
			d.scan.Skip()
		}
	}
}

// amount reads a number of events, lumis or bytes of any size that 64 bits
// hold. A negative one is kept and noted.
func (d *decoder) amount(path string) int64 {
	n := d.integer(path, 0)
	if n < 0 {
		d.flaw(path, strconv.AppendInt(nil, n, 10), "no negative number; it is kept")
	}
	return n
}
