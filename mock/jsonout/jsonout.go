// Package jsonout appends JSON to a byte slice, key by key, without reflection
// and maps: the generator writes hundreds of megabytes with it. It knows
// nothing of documents, and it does not check that keys and values alternate:
// its callers write fixed forms, and their tests decode the bytes.
package jsonout

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Buf is JSON under construction. The zero value is an empty one.
type Buf struct {
	B     []byte
	comma bool // the next key or value is not the first of its container
}

// Reset empties the buffer and keeps its memory.
func (j *Buf) Reset() { j.B, j.comma = j.B[:0], false }

func (j *Buf) sep() {
	if j.comma {
		j.B = append(j.B, ',')
	}
	j.comma = true
}

// Open starts an object ('{') or a list ('[').
func (j *Buf) Open(bracket byte) {
	j.sep()
	j.B = append(j.B, bracket)
	j.comma = false
}

// Close ends an object ('}') or a list (']').
func (j *Buf) Close(bracket byte) {
	j.B = append(j.B, bracket)
	j.comma = true
}

// Key writes the name of the member whose value follows.
func (j *Buf) Key(k string) {
	j.sep()
	j.quote(k)
	j.B = append(j.B, ':')
	j.comma = false
}

// Object writes a key and starts its object.
func (j *Buf) Object(k string) { j.Key(k); j.Open('{') }

// List writes a key and starts its list.
func (j *Buf) List(k string) { j.Key(k); j.Open('[') }

// Value writes a string as a list item or after Key.
func (j *Buf) Value(s string) { j.sep(); j.quote(s) }

// Number writes an integer as a list item or after Key.
func (j *Buf) Number(n int64) {
	j.sep()
	j.B = strconv.AppendInt(j.B, n, 10)
}

// Str writes a string member.
func (j *Buf) Str(k, v string) { j.Key(k); j.Value(v) }

// Int writes an integer member.
func (j *Buf) Int(k string, v int64) { j.Key(k); j.Number(v) }

// NonZero writes an integer member unless it is zero, as the agents do.
func (j *Buf) NonZero(k string, v int64) {
	if v != 0 {
		j.Int(k, v)
	}
}

// Tenths writes v/10 as a decimal with one digit after the point. Integers keep
// the text equal on every machine.
func (j *Buf) Tenths(k string, v int64) {
	j.Key(k)
	j.sep()
	if v < 0 {
		j.B = append(j.B, '-')
		v = -v
	}
	j.B = strconv.AppendInt(j.B, v/10, 10)
	j.B = append(j.B, '.', byte('0'+v%10))
}

// Bool writes a boolean member.
func (j *Buf) Bool(k string, v bool) {
	j.Key(k)
	j.sep()
	j.B = strconv.AppendBool(j.B, v)
}

// Null writes a member whose value is null.
func (j *Buf) Null(k string) { j.Raw(k, "null") }

// Raw writes a member whose value is already JSON.
func (j *Buf) Raw(k, value string) {
	j.Key(k)
	j.sep()
	j.B = append(j.B, value...)
}

// Strings writes a list of strings.
func (j *Buf) Strings(k string, list []string) {
	j.List(k)
	for _, s := range list {
		j.Value(s)
	}
	j.Close(']')
}

// quote appends s as a JSON string. Text that needs an escape is rare, so it
// may take the slow path through encoding/json.
func (j *Buf) quote(s string) {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			j.B = append(j.B, slowQuote(s)...)
			return
		}
	}
	j.B = append(j.B, '"')
	j.B = append(j.B, s...)
	j.B = append(j.B, '"')
}

func slowQuote(s string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return []byte(`""`) // not reached: strings always encode
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}
