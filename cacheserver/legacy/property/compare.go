package property

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// elements returns the elements of a list.
func elements(list []byte) (out [][]byte) {
	var s jsonscan.Scanner
	s.Reset(list)
	s.Kind()
	s.Open()
	for s.NextElem() {
		element := s.Whole()
		if len(element) == 0 { // the document is truncated
			break
		}
		out = append(out, element)
	}
	return out
}

// canonical returns a text that is the same for equal values only. Numbers are
// compared by value, objects regardless of the order of their keys.
func canonical(value []byte) string {
	switch value[0] {
	case '"':
		text, _ := textOf(value)
		return `"` + text
	case '[', '{':
		var v any
		dec := json.NewDecoder(bytes.NewReader(value))
		dec.UseNumber()
		if dec.Decode(&v) != nil { // nested deeper than encoding/json reads
			return string(value)
		}
		return string(appendCanonical(nil, v))
	}
	return canonicalNumber(string(value))
}

func appendCanonical(dst []byte, v any) []byte {
	switch v := v.(type) {
	case json.Number:
		return append(dst, canonicalNumber(string(v))...)
	case string:
		return strconv.AppendQuote(dst, v)
	case []any:
		dst = append(dst, '[')
		for _, element := range v {
			dst = append(appendCanonical(dst, element), ',')
		}
		return append(dst, ']')
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		dst = append(dst, '{')
		for _, key := range keys {
			dst = append(strconv.AppendQuote(dst, key), ':')
			dst = append(appendCanonical(dst, v[key]), ',')
		}
		return append(dst, '}')
	case bool:
		return strconv.AppendBool(dst, v)
	}
	return append(dst, "null"...)
}

// canonicalNumber returns the digits of a whole number, however it is written.
// Other texts are returned unchanged.
func canonicalNumber(text string) string {
	const exact = 1 << 53
	if n, err := strconv.ParseFloat(text, 64); err == nil && n == math.Trunc(n) && math.Abs(n) < exact {
		return strconv.FormatInt(int64(n), 10)
	}
	return text
}

// Matches reports whether a filter accepts the value: a text that is one of the
// accepted ones, a number whose text is, or true or false. A list matches if an
// element does; null and objects never match. The cost does not depend on how many
// values are accepted.
func (v Value) Matches(accepted map[string]bool) bool {
	if !v.many {
		return matches(v.one, accepted, deepest)
	}
	return slices.ContainsFunc(v.list, func(element []byte) bool { return matches(element, accepted, deepest) })
}

// deepest limits how far nested lists and objects are searched: each level is
// scanned again.
const deepest = 32

func matches(value []byte, accepted map[string]bool, depth int) bool {
	switch value[0] {
	case '"':
		if plain(value) {
			return accepted[string(value[1:len(value)-1])]
		}
		text, _ := textOf(value)
		return accepted[text]
	case '[':
		return depth > 0 && slices.ContainsFunc(elements(value), func(element []byte) bool { return matches(element, accepted, depth-1) })
	case 't':
		return accepted["true"] || accepted["True"] || accepted["TRUE"]
	case 'f':
		return accepted["false"] || accepted["False"] || accepted["FALSE"]
	case 'n', '{':
		return false
	}
	return accepted[string(value)] || accepted[canonicalNumber(string(value))]
}

// EachText calls fn with every text among the values. A list has its elements as
// values, an object the values of its members, and a list among these its elements.
// fn gets the texts that are nested deeper only if deep.
func (v Value) EachText(deep bool, fn func(text string)) {
	values, flat := v.list, v.many && !v.named
	switch {
	case v.many:
	case v.one[0] == '{':
		for _, m := range appendMembers(nil, v.one) {
			values = append(values, m.value)
		}
	default:
		values = [][]byte{v.one}
	}
	depth := 1
	switch {
	case deep:
		depth = deepest
	case flat: // the elements of lists are values already
		depth = 0
	}
	for _, value := range values {
		eachText(value, deep, depth, fn)
	}
}

// eachText calls fn with a text, or with the texts in a list, or if objects in an
// object, that are nested no deeper than depth.
func eachText(value []byte, objects bool, depth int, fn func(text string)) {
	switch {
	case value[0] == '"':
		text, _ := textOf(value)
		fn(text)
	case value[0] == '[' && depth > 0:
		for _, element := range elements(value) {
			eachText(element, objects, depth-1, fn)
		}
	case value[0] == '{' && depth > 0 && objects:
		for _, m := range appendMembers(nil, value) {
			eachText(m.value, objects, depth-1, fn)
		}
	}
}

// Elements returns the elements of a list, none if the value is not a list.
func Elements(list []byte) [][]byte {
	if len(list) == 0 || list[0] != '[' {
		return nil
	}
	return elements(list)
}

// TextOf decodes a text; not ok if the value is not a text.
func TextOf(value []byte) (text string, ok bool) { return textOf(value) }

// Number returns a whole number without fraction or exponent, and any other value
// unchanged.
func Number(value []byte) string { return canonicalNumber(string(value)) }
