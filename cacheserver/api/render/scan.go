// Package render turns records that are already encoded as JSON objects into
// the bodies of the API: JSON arrays, NDJSON, CSV, projections, gzip and zstd.
// It works on bytes by scanning keys, because decoding and encoding again would
// cost fifty times as much; it relies on what package schema writes: flat
// objects in the order of the schema, no white space, no duplicate keys. It
// knows no HTTP and no store.
package render

import (
	"errors"
	"fmt"
	"iter"
)

// ErrForm is the cause when bytes are not an object or array of the form that
// package schema writes.
var ErrForm = errors.New("not of the form that the schema writes")

// Member is one key of an object with its value, both as they are encoded; the
// key without its quotes.
type Member struct {
	Key, Value []byte
}

// Members yields the members of an encoded object in their order. An object of
// another form ends with ErrForm.
func Members(object []byte) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		if len(object) < 2 || object[0] != '{' {
			yield(Member{}, formError(object, 0))
			return
		}
		i := 1
		for i < len(object) && object[i] != '}' {
			keyEnd := skipString(object, i)
			if keyEnd < 0 || keyEnd >= len(object) || object[keyEnd] != ':' {
				yield(Member{}, formError(object, i))
				return
			}
			end := skipValue(object, keyEnd+1)
			if end < 0 || end >= len(object) {
				yield(Member{}, formError(object, keyEnd))
				return
			}
			if !yield(Member{object[i+1 : keyEnd-1], object[keyEnd+1 : end]}, nil) {
				return
			}
			if i = end; object[i] == ',' {
				i++
			}
		}
		if i != len(object)-1 {
			yield(Member{}, formError(object, i))
		}
	}
}

// Elements yields the elements of an encoded array in their order.
func Elements(array []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if len(array) < 2 || array[0] != '[' {
			yield(nil, formError(array, 0))
			return
		}
		i := 1
		for i < len(array) && array[i] != ']' {
			end := skipValue(array, i)
			if end <= i || end >= len(array) {
				yield(nil, formError(array, i))
				return
			}
			if !yield(array[i:end], nil) {
				return
			}
			if i = end; array[i] == ',' {
				i++
			}
		}
		if i != len(array)-1 {
			yield(nil, formError(array, i))
		}
	}
}

func formError(b []byte, at int) error {
	return fmt.Errorf("byte %d of %d: %w", at, len(b), ErrForm)
}

// skipString returns the index after the string that begins at i, or -1.
func skipString(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// skipValue returns the index after the value that begins at i, or -1.
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipString(b, i); i < 0 {
				return -1
			}
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return -1
}
