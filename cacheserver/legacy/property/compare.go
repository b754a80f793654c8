package property

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// elements takes a list apart.
func elements(list []byte) (out [][]byte) {
	var s jsonscan.Scanner
	s.Reset(list)
	s.Kind()
	s.Open()
	for s.NextElem() {
		element := s.Whole()
		if len(element) == 0 { // the document breaks off
			break
		}
		out = append(out, element)
	}
	return out
}

// canonical is a text that equal values have in common, and different ones have not:
// numbers are compared by what they mean, objects without the order of their keys.
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

// canonicalNumber is the digits of a whole number, whatever way it is written in;
// what is no number stays as it is.
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

// EachText calls fn with the texts of the value: itself, or those of a list, also
// in lists and objects within it. The answers that are made of them decide what
// is deleted: one name too many is harmless.
func (v Value) EachText(fn func(text string)) {
	if !v.many {
		eachText(v.one, deepest, fn)
		return
	}
	for _, element := range v.list {
		eachText(element, deepest, fn)
	}
}

func eachText(value []byte, depth int, fn func(text string)) {
	if depth == 0 {
		return
	}
	switch value[0] {
	case '"':
		text, _ := textOf(value)
		fn(text)
	case '[':
		for _, element := range elements(value) {
			eachText(element, depth-1, fn)
		}
	case '{':
		for _, m := range appendMembers(nil, value) {
			eachText(m.value, depth-1, fn)
		}
	}
}

// Elements takes a list apart; nothing of what is no list.
func Elements(list []byte) [][]byte {
	if len(list) == 0 || list[0] != '[' {
		return nil
	}
	return elements(list)
}

// TextOf decodes a value that is a text.
func TextOf(value []byte) (text string, ok bool) { return textOf(value) }

// Number is a value as text: a whole number without a fraction or exponent,
// anything else as it stands.
func Number(value []byte) string { return canonicalNumber(string(value)) }
