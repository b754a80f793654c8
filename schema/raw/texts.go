package raw

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

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
		if text == "" {
			return nil
		}
		from := d.listRoom()
		d.lists = append(d.lists, text)
		return d.listSince(from)
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

// listRoom makes room for a short list of texts and returns its start in
// d.lists.
func (d *decoder) listRoom() int {
	const room, few = 128, 8
	if cap(d.lists)-len(d.lists) < few {
		size := room // the old memory belongs to lists that were returned
		if d.room != nil {
			size = max(room, 2*cap(d.lists)) // it will be reused
		}
		d.lists = make([]string, 0, size)
	}
	return len(d.lists)
}

// listSince returns the list that was put into the room; nil if it has no text.
func (d *decoder) listSince(from int) []string {
	if len(d.lists) == from {
		return nil
	}
	return d.lists[from:len(d.lists):len(d.lists)]
}

// plainTexts reads a list of texts, or an object of them, in the usual form. ok
// is false, and the position is anywhere in the value, for lists of other
// things, for texts that are too long, and for objects with many pairs or a
// repeated key.
func (d *decoder) plainTexts() (list []string, ok bool) {
	if d.scan.Kind() == jsonscan.Object {
		return d.plainObject()
	}
	from := d.listRoom()
	d.scan.Open()
	for d.scan.NextElem() {
		text, ok := d.plainText()
		if !ok {
			return nil, false
		}
		d.lists = appendText(d.lists, text)
	}
	return d.listSince(from), d.scan.Err() == nil
}

func (d *decoder) plainText() (text string, ok bool) {
	if d.scan.Kind() != jsonscan.String {
		return "", false
	}
	b := d.scan.Text()
	if len(b) > maxText {
		return "", false
	}
	return d.clone(b), true
}

// plainObject is plainTexts for an object: its texts by key.
func (d *decoder) plainObject() (list []string, ok bool) {
	type pair struct {
		key  []byte // part of the document
		text string
	}
	var room [16]pair
	pairs := room[:0]
	d.scan.Open()
	for key, ok := d.scan.NextKey(); ok; key, ok = d.scan.NextKey() {
		if len(pairs) == len(room) || d.scan.TextStart() < 0 {
			return nil, false
		}
		text, ok := d.plainText()
		if !ok {
			return nil, false
		}
		at := len(pairs)
		for at > 0 && bytes.Compare(pairs[at-1].key, key) > 0 {
			at--
		}
		if at > 0 && bytes.Equal(pairs[at-1].key, key) {
			return nil, false
		}
		pairs = slices.Insert(pairs, at, pair{key, text})
	}
	from := d.listRoom()
	for _, p := range pairs {
		d.lists = appendText(d.lists, p.text)
	}
	return d.listSince(from), d.scan.Err() == nil
}

func appendText(list []string, text string) []string {
	if text == "" {
		return list
	}
	return append(list, text)
}

// flattenLevels is the depth up to which texts are collected.
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
