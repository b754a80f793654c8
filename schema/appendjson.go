package schema

import (
	"math"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// AppendJSON appends rec as JSON, byte for byte as encoding/json writes it
// without HTML escaping, with two exceptions: a nil list is [], and a float
// that JSON cannot represent is -1, "not defined". T is one of the records of
// this package.
func AppendJSON[T any](dst []byte, rec *T) []byte {
	return planOf[T]().append(dst, unsafe.Pointer(rec))
}

// AppendDetail is AppendJSON for a Detail, including its lists of records.
func AppendDetail(dst []byte, d *Detail) []byte { return AppendJSON(dst, d) }

func (p *plan) append(dst []byte, rec unsafe.Pointer) []byte {
	for i := range p.fields {
		f := &p.fields[i]
		dst = append(dst, f.head...)
		switch f.typ {
		case String:
			dst = appendString(dst, *at[string](rec, f))
		case Bool:
			dst = strconv.AppendBool(dst, *at[bool](rec, f))
		case Int:
			dst = strconv.AppendInt(dst, *at[int64](rec, f), 10)
		case Float:
			dst = appendFloat(dst, *at[float64](rec, f))
		case List:
			dst = appendList(dst, *at[[]string](rec, f))
		case Records:
			dst = f.record.appendRecords(dst, at[[]struct{}](rec, f))
		}
	}
	return append(dst, '}')
}

func appendList(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, text := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, text)
	}
	return append(dst, ']')
}

// appendRecords appends a list of records of any type: all slice headers have
// one layout, and the plan knows the size of an element.
func (p *plan) appendRecords(dst []byte, list *[]struct{}) []byte {
	dst = append(dst, '[')
	rec := unsafe.Pointer(unsafe.SliceData(*list))
	for i := range *list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = p.append(dst, unsafe.Add(rec, uintptr(i)*p.size))
	}
	return append(dst, ']')
}

// appendFloat writes as encoding/json does: in the format of ES6, with an
// exponent only for very small and very large numbers.
func appendFloat(dst []byte, x float64) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return append(dst, "-1"...)
	}
	format := byte('f')
	if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, x, format, -1, 64)
	if n := len(dst); format == 'e' && n >= 4 && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1] // e-09 is written e-9
		dst = dst[:n-1]
	}
	return dst
}

const hex = "0123456789abcdef"

// appendString writes as encoding/json does without HTML escaping.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	if jsonscan.Plain(s) {
		return append(append(dst, s...), '"')
	}
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = appendEscape(append(dst, s[start:i]...), c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(append(dst, s[start:i]...), `\ufffd`...)
			start = i + n
		case r == '\u2028' || r == '\u2029': // line ends in JavaScript, not in JSON
			dst = append(append(dst, s[start:i]...), `\u202`...)
			dst = append(dst, hex[r&0xF])
			start = i + n
		}
		i += n
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
}
