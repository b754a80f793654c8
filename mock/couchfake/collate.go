package couchfake

import (
	"encoding/binary"
	"math"
	"sync"

	"github.com/tidwall/gjson"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// Order of the JSON types in a view: null, false, true, numbers, strings,
// arrays, objects. 0 ends an array or object, so a prefix sorts first.
const (
	sortEnd    = 0x00
	sortNull   = 0x10
	sortFalse  = 0x20
	sortTrue   = 0x21
	sortNumber = 0x30
	sortString = 0x40
	sortArray  = 0x50
	sortObject = 0x60
)

// collation turns JSON keys into bytes whose order is the order of keys in a
// CouchDB view. Strings are ordered by the Unicode root collation, as in
// CouchDB (lower case before upper case, punctuation before digits before
// letters); numbers are compared as float64.
type collation struct {
	pool sync.Pool // of *collator: a collator is not safe for concurrent use
}

type collator struct {
	c   *collate.Collator
	buf collate.Buffer
}

func newCollation() *collation {
	return &collation{pool: sync.Pool{New: func() any {
		return &collator{c: collate.New(language.Und)}
	}}}
}

// key returns the sort key of one JSON value.
func (c *collation) key(value gjson.Result) string {
	k := c.pool.Get().(*collator)
	defer c.pool.Put(k)
	return string(k.append(nil, value))
}

func (k *collator) append(dst []byte, value gjson.Result) []byte {
	switch {
	case value.Type == gjson.Null:
		return append(dst, sortNull)
	case value.Type == gjson.False:
		return append(dst, sortFalse)
	case value.Type == gjson.True:
		return append(dst, sortTrue)
	case value.Type == gjson.Number:
		return binary.BigEndian.AppendUint64(append(dst, sortNumber), sortableFloat(value.Num))
	case value.Type == gjson.String:
		return k.appendString(append(dst, sortString), value.Str)
	case value.IsArray():
		dst = append(dst, sortArray)
		value.ForEach(func(_, item gjson.Result) bool {
			dst = k.append(dst, item)
			return true
		})
	default:
		dst = append(dst, sortObject)
		value.ForEach(func(name, item gjson.Result) bool {
			dst = k.append(dst, name)
			dst = k.append(dst, item)
			return true
		})
	}
	return append(dst, sortEnd)
}

// appendString writes the collation key with its zero bytes escaped, so that
// the end mark sorts before every continuation.
func (k *collator) appendString(dst []byte, s string) []byte {
	k.buf.Reset()
	for _, b := range shorten(k.c.KeyFromString(&k.buf, s)) {
		if b == 0 {
			dst = append(dst, 0, 0xff)
			continue
		}
		dst = append(dst, b)
	}
	return append(dst, 0, 1)
}

// Weights of a character without accent and of a small letter: the lowest of
// their levels.
const (
	commonSecondary = 0x20
	commonTertiary  = 0x02
)

// shorten drops the common weights at the end of the second and third level of
// a collation key in place; they make up most of the key of an ordinary text.
// The order stays the same, because the end of a level sorts before each
// weight. A key is primary weights of two bytes, or three from 0x80 on, 0 0,
// secondary weights of two bytes, 0 0, and tertiary weights of one byte.
func shorten(key []byte) []byte {
	second := 0
	for second+1 < len(key) && (key[second] != 0 || key[second+1] != 0) {
		if key[second] >= 0x80 {
			second++
		}
		second += 2
	}
	second += 2
	third := second
	for third+1 < len(key) && (key[third] != 0 || key[third+1] != 0) {
		third += 2
	}
	if third+1 >= len(key) {
		return key // not of this form
	}
	rest := key[third:] // with the mark before it
	for len(rest) > 2 && rest[len(rest)-1] == commonTertiary {
		rest = rest[:len(rest)-1]
	}
	for third > second && key[third-2] == 0 && key[third-1] == commonSecondary {
		third -= 2
	}
	return append(key[:third], rest...)
}

// sortableFloat maps a float64 to an integer of the same order.
func sortableFloat(f float64) uint64 {
	if f == 0 {
		f = 0 // -0 and 0 are one key
	}
	bits := math.Float64bits(f)
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}
