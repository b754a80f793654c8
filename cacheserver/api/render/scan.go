// Package render turns records that are already encoded as JSON objects into
// the bodies of the API: JSON arrays, NDJSON, CSV, projections, gzip and zstd.
// It works on bytes by scanning keys, because decoding and encoding again
// would cost fifty times as much. It relies on the output of package schema:
// flat objects in the order of the schema, no white space, no duplicate keys.
// It does not depend on HTTP or on the store.
package render

import (
	"errors"
	"fmt"
	"iter"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// ErrForm reports bytes that are not an object or array as package schema
// writes it.
var ErrForm = errors.New("not in the format of the schema")

// Member is one key of an object with its value, both encoded; the key without
// its quotes.
type Member struct {
	Key, Value []byte
}

// Members yields the members of an encoded object in order. An invalid object
// ends with ErrForm.
func Members(object []byte) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		i := 0
		for more := len(object) > 1 && object[0] == '{' && object[1] != '}'; more; more = object[i] == ',' {
			colon := jsonscan.ValueEnd(object, i+1)
			if colon < 0 || colon == len(object) || object[i+1] != '"' || object[colon] != ':' {
				break
			}
			end := jsonscan.ValueEnd(object, colon+1)
			if end < 0 || end == len(object) {
				break
			}
			if !yield(Member{object[i+2 : colon-1], object[colon+1 : end]}, nil) {
				return
			}
			i = end
		}
		if i = max(i, 1); i != len(object)-1 || object[0] != '{' || object[i] != '}' {
			yield(Member{}, formError(object, i))
		}
	}
}

// Elements yields the elements of an encoded array in order.
func Elements(array []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		i := 0
		for more := len(array) > 1 && array[0] == '[' && array[1] != ']'; more; more = array[i] == ',' {
			end := jsonscan.ValueEnd(array, i+1)
			if end < 0 || end == len(array) {
				break
			}
			if !yield(array[i+1:end], nil) {
				return
			}
			i = end
		}
		if i = max(i, 1); i != len(array)-1 || array[0] != '[' || array[i] != ']' {
			yield(nil, formError(array, i))
		}
	}
}

func formError(b []byte, at int) error {
	return fmt.Errorf("byte %d of %d: %w", at, len(b), ErrForm)
}
